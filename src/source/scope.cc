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
    if (std::optional<ArchivePlace> archive = chained_place(text)) {
      archive->place = identity_of(archive->place);
      return chained_text(*archive);
    }
    const std::optional<Url> url = parse_url(text);
    if (!url) return absolute_path(text);
    return url->scheme == "file" ? absolute_path(url->path) : public_text(*url);
  } catch (const base::ConfigError&) {
    return text;
  }
}

Scope::Scope(const std::string& source) : Scope(source, Archives::kAreFolders) {}

Scope::Scope(const std::string& source, Archives archives) : identity_(identity_of(source)) {
  std::optional<Url> url;
  try {
    const bool may_be_archive = archives == Archives::kAreFolders;
    if (const auto archive = may_be_archive ? archive_place(source) : std::nullopt) {
      set_archive(*archive);
      return;
    }
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

void Scope::set_archive(const ArchivePlace& archive) {
  archive_ = archive;
  place_ = std::make_shared<const Scope>(Scope(archive.place, Archives::kAreFiles));
  GlobSplit split{.folder = archive.member, .pattern = {}};
  if (has_wildcards(archive.member)) split = split_glob(archive.member);
  pattern_ = std::move(split.pattern);
  member_folder_ = without_last_slashes(split.folder);
  folder_ =
      chained_text({.scheme = archive.scheme, .member = member_folder_, .place = place_->folder()});
}

std::optional<ArchivePlace> Scope::member_of(std::string_view identity) const {
  std::optional<ArchivePlace> member;
  try {
    member = chained_place(identity);
  } catch (const base::ConfigError&) {
    return std::nullopt;
  }
  if (!archive_ || !member || member->scheme != archive_->scheme) return std::nullopt;
  if (!place_->covers(member->place)) return std::nullopt;
  const std::string& path = member->member;
  const bool is_below =
      member_folder_.empty() || path == member_folder_ || path.starts_with(member_folder_ + "/");
  return is_below ? member : std::nullopt;
}

std::string Scope::path_in_archive(const ArchivePlace& member) const {
  const std::string& path = member.member;
  if (path == member_folder_) return path.substr(path.rfind('/') + 1);
  return member_folder_.empty() ? path : path.substr(member_folder_.size() + 1);
}

bool Scope::covers(std::string_view identity) const {
  if (is_source(identity)) return true;
  if (archive_) return member_of(identity).has_value();
  if (!is_understood_ || identity.size() <= folder_.size() || !identity.starts_with(folder_) ||
      identity[folder_.size()] != '/') {
    return false;
  }
  const std::string text(identity);
  return identity_of(text) == text;
}

std::string Scope::relative(const std::string& identity) const {
  if (!covers(identity)) return identity;
  if (const std::optional<ArchivePlace> member = member_of(identity)) {
    const std::string path = path_in_archive(*member);
    return place_->is_source(member->place) ? path : place_->relative(member->place) + "/" + path;
  }
  const bool is_below = identity.size() > folder_.size() + 1 && identity.starts_with(folder_) &&
                        identity[folder_.size()] == '/';
  const std::string path = identity.substr(is_below ? folder_.size() + 1 : identity.rfind('/') + 1);
  return has_encoded_path(scheme_) ? base::decode_percent(path) : path;
}

Reach::Reach(const std::string& source, const Selection& selection)
    : Reach(Scope(source), selection) {}

Reach::Reach(Scope scope, const Selection& selection)
    : scope_(std::move(scope)),
      pattern_(scope_.pattern().empty() ? selection.pattern : scope_.pattern()),
      glob_(pattern_),
      rules_(selection) {
  if (!scope_.archive_) return;
  const Selection archives{
      .pattern = archive_pattern(scope_.archive_->scheme), .include = {}, .exclude = {}};
  archives_ = std::make_shared<const Reach>(Reach(*scope_.place_, archives));
}

bool Reach::takes(std::string_view identity) const {
  if (!scope_.covers(identity)) return false;
  if (const std::optional<ArchivePlace> member = scope_.member_of(identity)) {
    return takes_member(*member);
  }
  const std::string relative = scope_.relative(std::string(identity));
  if (!scope_.is_source(identity)) return takes_below(relative);
  // Named in full, so that only the lists have a say; but a folder is not a file.
  std::error_code error;
  if (scope_.scheme_.empty() && fs::is_directory(identity, error)) return false;
  return takes_named(relative);
}

bool Reach::takes_named(const std::string& name) const {
  FileEntry entry{.path = {},
                  .name = std::string(plain_name(name)),
                  .etag = {},
                  .skip_reason = {},
                  .skip_code = {}};
  rules_.apply(entry.name, entry);
  return !name.empty() && entry.skip_code.empty();
}

bool Reach::takes_member(const ArchivePlace& member) const {
  if (!archives_->takes(member.place)) return false;
  const std::string path = scope_.path_in_archive(member);
  if (!member.member.empty() && member.member == scope_.archive_->member) return takes_named(path);
  return takes_below(path);
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
  const std::string name = relative.substr(start);
  const std::optional<Glob::Match> match = match_in(glob_, state, name);
  if (!match || *match == Glob::Match::kNo || name.empty()) return false;
  FileEntry entry{.path = {},
                  .name = std::string(plain_name(name)),
                  .etag = {},
                  .skip_reason = {},
                  .skip_code = {}};
  rules_.apply(relative, *match, entry);
  return entry.skip_code.empty();
}

std::string Reach::condition(std::string_view column,
                             const std::function<std::string(std::string_view)>& quoted) const {
  if (scope_.archive_) {
    const std::string place = scope_.place_->folder();
    return fmt::format(
        "({0} = {1} OR (startsWith({0}, {2}) AND (endsWith({0}, {3}) OR "
        "position({0}, {4}) > 0)))",
        column, quoted(scope_.identity_), quoted(scope_.archive_->scheme + "://"),
        quoted("::" + place), quoted("::" + place + "/"));
  }
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
