#include "source/scope.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "base/error.h"
#include "source/url.h"

namespace qvdhouse::source {
namespace {

namespace fs = std::filesystem;

std::string without_last_slashes(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path.empty() ? "." : path, error);
  return error ? path : absolute.lexically_normal().string();
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// Servers of Windows take a backslash for a slash, so that a name with one may lead elsewhere.
bool may_part_at_backslashes(std::string_view scheme) {
  return scheme == "smb" || has_encoded_path(scheme);
}

}  // namespace

std::string identity_of(const std::string& text) {
  try {
    const std::optional<Url> url = parse_url(text);
    if (!url) return absolute_path(text);
    return url->scheme == "file" ? absolute_path(url->path) : public_text(*url);
  } catch (const base::ConfigError&) {
    return text;
  }
}

Scope::Scope(const std::string& source) : identity_(identity_of(source)) {
  std::optional<Url> url;
  try {
    url = parse_url(source);
  } catch (const base::ConfigError&) {
    is_understood_ = false;
    return;
  }
  if (!url || url->scheme == "file") {
    const std::string path = url ? url->path : source;
    GlobSplit split{.folder = path, .pattern = {}};
    if (has_wildcards(path) && !exists(path)) split = split_glob(path);
    pattern_ = std::move(split.pattern);
    folder_ = without_last_slashes(absolute_path(split.folder));
    identity_ = !pattern_.empty() ? "" : folder_.empty() ? "/" : folder_;
    return;
  }
  scheme_ = url->scheme;
  if (url->query.empty() && has_wildcards(url->path)) {
    GlobSplit split = split_glob(url->path);
    url->path = std::move(split.folder);
    pattern_ = std::move(split.pattern);
    identity_.clear();
  }
  folder_ = without_last_slashes(public_text(*url));
}

bool Scope::covers(std::string_view identity) const {
  if (is_source(identity)) return true;
  if (!is_understood_ || identity.size() <= folder_.size() || !identity.starts_with(folder_) ||
      identity[folder_.size()] != '/') {
    return false;
  }
  const std::string text(identity);
  return identity_of(text) == text;
}

std::string Scope::relative(const std::string& identity) const {
  if (!covers(identity)) return identity;
  const bool is_below = identity.size() > folder_.size() + 1 && identity.starts_with(folder_) &&
                        identity[folder_.size()] == '/';
  const std::string path = identity.substr(is_below ? folder_.size() + 1 : identity.rfind('/') + 1);
  return has_encoded_path(scheme_) ? base::decode_percent(path) : path;
}

Reach::Reach(const std::string& source, const Selection& selection)
    : scope_(source),
      pattern_(scope_.pattern().empty() ? selection.pattern : scope_.pattern()),
      glob_(pattern_),
      rules_(selection) {}

bool Reach::takes(std::string_view identity) const {
  if (!scope_.covers(identity)) return false;
  const std::string relative = scope_.relative(std::string(identity));
  if (!scope_.is_source(identity)) return takes_below(relative);
  // Named in full, so that only the lists have a say; but a folder is not a file.
  std::error_code error;
  if (scope_.scheme_.empty() && fs::is_directory(identity, error)) return false;
  FileEntry entry{.path = {}, .name = relative, .etag = {}, .skip_reason = {}, .skip_code = {}};
  rules_.apply(relative, entry);
  return !relative.empty() && entry.skip_code.empty();
}

// As a listing walks there.
bool Reach::takes_below(const std::string& relative) const {
  if (relative.find('\\') != std::string::npos && may_part_at_backslashes(scope_.scheme_)) {
    return false;
  }
  Glob::State state = glob_.start();
  std::size_t start = 0;
  for (std::size_t slash = relative.find('/'); slash != std::string::npos;
       slash = relative.find('/', start)) {
    const std::string_view folder = std::string_view(relative).substr(start, slash - start);
    if (glob_.leaves_hidden(state, folder)) return false;
    state = glob_.enter(state, folder);
    start = slash + 1;
  }
  FileEntry entry{
      .path = {}, .name = relative.substr(start), .etag = {}, .skip_reason = {}, .skip_code = {}};
  const Glob::Match match = glob_.takes(state, entry.name);
  if (match == Glob::Match::kNo || entry.name.empty()) return false;
  rules_.apply(relative, match, entry);
  return entry.skip_code.empty();
}

std::string Reach::condition(std::string_view column,
                             const std::function<std::string(std::string_view)>& quoted) const {
  const std::string folder = scope_.folder_ + "/";
  std::string below = fmt::format("startsWith({}, {})", column, quoted(folder));
  const bool names_folders =
      pattern_.find('/') != std::string::npos || pattern_.find("**") != std::string::npos;
  if (!names_folders) {
    below += fmt::format(" AND position(substring({}, {}), '/') = 0", column, folder.size() + 1);
  }
  if (!scope_.is_understood_) below = "0";
  return fmt::format("({} = {} OR ({}))", column, quoted(scope_.identity_), below);
}

}  // namespace qvdhouse::source
