#include "cli/source_url.h"

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "http/percent.h"
#include "source/url.h"

namespace qvdhouse::cli {
namespace {

constexpr std::string_view kStars = "********";
constexpr std::string_view kSchemeEnd = "://";

std::optional<source::Url> try_parse(std::string_view text) {
  try {
    return source::parse_url(text);
  } catch (const base::ConfigError&) {
    return std::nullopt;
  }
}

// az://CONTAINER@ACCOUNT: what stands before the '@' is not a person, and is shown.
bool names_container(const source::Url& url) {
  const std::string shown = source::public_text(url);
  const std::size_t start = shown.find(kSchemeEnd) + kSchemeEnd.size();
  return url.password.empty() &&
         shown.substr(0, shown.find('/', start)).find('@') != std::string::npos;
}

// What stands before the first wildcard, up to its last slash; all of it when there is none.
std::string without_wildcards(std::string path) {
  const std::size_t wildcard = path.find_first_of("*?[{");
  if (wildcard == std::string::npos) return path;
  const std::size_t slash = path.rfind('/', wildcard);
  path.resize(slash == std::string::npos ? 0 : slash + 1);
  return path;
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

// What lies below a source begins with this and a slash.
std::string folder_of(const std::string& source) {
  std::string folder;
  if (std::optional<source::Url> url = try_parse(source); url && url->scheme != "file") {
    url->path = without_wildcards(url->path);
    folder = source::public_text(*url);
  } else {
    folder = without_wildcards(absolute_path(url ? url->path : source));
  }
  while (folder.ends_with('/')) folder.pop_back();
  return folder;
}

}  // namespace

std::string masked_source(std::string_view text) {
  const std::size_t scheme_end = text.find(kSchemeEnd);
  if (scheme_end == std::string_view::npos) return std::string(text);
  const std::size_t start = scheme_end + kSchemeEnd.size();
  std::string rest(text.substr(start));
  const std::optional<source::Url> url = try_parse(text);

  // Behind '?' there may be a signature. In other URLs than http a '?' is a wildcard.
  if (const std::size_t query = rest.find('?');
      query != std::string::npos && (!url || !url->query.empty())) {
    rest.replace(query + 1, std::string::npos, kStars);
  }
  // Of a text that is no good URL, all up to the last '@' may be a password.
  const std::size_t at = rest.substr(0, url ? rest.find('/') : std::string::npos).rfind('@');
  const bool has_user = !url || !url->user.empty() || !url->password.empty();
  if (at != std::string::npos && has_user && !(url && names_container(*url))) {
    rest.replace(0, at, kStars);
  }
  return std::string(text.substr(0, start)) + rest;
}

std::string identity_of(const std::string& text) {
  if (text.find(kSchemeEnd) == std::string::npos) return absolute_path(text);
  const std::optional<source::Url> url = try_parse(text);
  if (!url) return text;
  return url->scheme == "file" ? absolute_path(url->path) : source::public_text(*url);
}

bool is_below(std::string_view identity, const std::string& source) {
  if (identity == identity_of(source)) return true;
  const std::string folder = folder_of(source);
  return identity.size() > folder.size() && identity.starts_with(folder) &&
         identity[folder.size()] == '/';
}

std::string path_below(const std::string& identity, const std::string& source) {
  std::string folder = folder_of(source);
  if (!is_below(identity, source)) return identity;
  if (identity.size() <= folder.size() || identity == identity_of(source)) {
    folder = identity.substr(0, identity.rfind('/'));
  }
  const std::string path = identity.substr(folder.size() + 1);
  const std::optional<source::Url> url = try_parse(source);
  return url && source::has_encoded_path(url->scheme) && url->scheme != "file"
             ? http::decode_percent(path)
             : path;
}

}  // namespace qvdhouse::cli
