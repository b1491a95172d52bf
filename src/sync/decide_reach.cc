#include "sync/decide_reach.h"

#include <filesystem>
#include <optional>

#include "http/percent.h"
#include "source/url.h"

namespace qvdhouse::sync {
namespace {

namespace fs = std::filesystem;

std::string without_slash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

std::string normal(const std::string& path) {
  return without_slash(fs::absolute(path.empty() ? "." : path).lexically_normal().string());
}

}  // namespace

Reach::Root Reach::root_of(const std::string& source, const source::Selection& selection) {
  std::optional<source::Url> url = source::parse_url(source);
  if (!url || url->scheme == "file") {
    const std::string path = url ? url->path : source;
    std::error_code error;
    if (!source::has_wildcards(path) || fs::is_directory(path, error)) {
      return {normal(path), selection.pattern};
    }
    const source::GlobSplit split = source::split_glob(path);
    return {normal(split.folder), split.pattern};
  }
  Root root{"", selection.pattern, source::has_encoded_path(url->scheme)};
  if (url->query.empty() && source::has_wildcards(url->path)) {
    source::GlobSplit split = source::split_glob(url->path);
    url->path = std::move(split.folder);
    root.pattern = std::move(split.pattern);
  }
  root.folder = without_slash(source::public_text(*url));
  return root;
}

Reach::Reach(const std::string& source, const source::Selection& selection)
    : root_(root_of(source, selection)), glob_(root_.pattern), rules_(selection) {}

bool Reach::covers(std::string_view path) const {
  if (!path.starts_with(root_.folder)) return false;
  path.remove_prefix(root_.folder.size());
  if (!path.starts_with('/')) return false;
  path.remove_prefix(1);
  const std::string below = root_.is_encoded ? http::decode_percent(path) : std::string(path);
  if (!glob_.matches(below)) return false;
  source::FileEntry entry{.path = {},
                          .name = below.substr(below.rfind('/') + 1),
                          .etag = {},
                          .skip_reason = {},
                          .skip_code = {}};
  rules_.apply(below, entry);
  return entry.skip_code.empty();
}

}  // namespace qvdhouse::sync
