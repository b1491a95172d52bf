// Files that are moved or deleted where they are.
#include <fmt/format.h>

#include <optional>

#include "base/error.h"
#include "source/archive_name.h"
#include "source/archives.h"
#include "source/local.h"
#include "source/storage.h"
#include "source/storage_state.h"

namespace qvdhouse::source {

bool Storage::can_take(const std::string& source) {
  if (archive_place(source)) return false;
  const std::optional<Url> url = parse_url(source);
  return !url || (url->scheme != "http" && url->scheme != "https");
}

bool Storage::exists(const std::string& identity) {
  if (const auto archive = chained_place(identity)) return state_->archives->exists(*archive);
  const std::optional<Url> url = parse_url(identity);
  if (!url) return exists_local(identity);
  const Remote where = state_->remote(state_->remembered(*url));
  return state_->rclone.stat(state_->root_of(where), where.path, identity).has_value();
}

void Storage::take(const FileEntry& entry, const std::string& target) {
  const std::optional<Url> url = parse_url(entry.path);
  if (!url) return take_local(entry, target);
  // As a load asks it: with the way of the listing.
  open(entry)->check_unchanged();
  const Remote where = state_->remote(state_->remembered(*url));
  const std::string root = state_->root_of(where);
  if (target.empty()) return state_->rclone.remove(root, where.path, entry.path);
  const std::optional<Url> place = parse_url(target);
  if (!place) {
    throw base::ConfigError(
        fmt::format("{} stays where it is: expected a place in the same storage to move it to, "
                    "found {}",
                    entry.path, target));
  }
  const Remote there = state_->remote(state_->remembered(*place));
  if (there.public_root != where.public_root) {
    throw base::ConfigError(fmt::format("{} stays where it is: {} is not in {}", entry.path, target,
                                        where.public_root));
  }
  state_->rclone.move(root, where.path, there.path, entry.path);
}

}  // namespace qvdhouse::source
