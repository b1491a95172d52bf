#include "cli/source_url.h"

#include <optional>

#include "base/error.h"
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
  // In a text that is not a valid URL, all up to the last '@' may be a password.
  const std::size_t at = rest.substr(0, url ? rest.find('/') : std::string::npos).rfind('@');
  const bool has_user = !url || !url->user.empty() || !url->password.empty();
  if (at != std::string::npos && has_user && !(url && names_container(*url))) {
    rest.replace(0, at, kStars);
  }
  return std::string(text.substr(0, start)) + rest;
}

}  // namespace qvdhouse::cli
