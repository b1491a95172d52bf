#include "source/archives.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/error.h"
#include "source/remote_list.h"
#include "source/scope.h"
#include "source/tar.h"
#include "source/zip.h"

namespace qvdhouse::source {
namespace {

// Unpacked tars that are kept at a time, each with an open file.
constexpr std::size_t kMostUnpacked = 64;

bool is_same_file(const FileEntry& a, const FileEntry& b) {
  if (a.size != b.size) return false;
  if (!a.etag.empty() && !b.etag.empty()) return same_etag(a.etag, b.etag);
  return a.mtime_us == b.mtime_us && a.mtime_us != 0;
}

// A member of a zip is another when its content is; of a tar, whose directory has no sums, when its
// time is.
std::string etag_of(const Member& member) {
  return member.crc ? fmt::format("crc32:{:08x}", *member.crc) : "";
}

void check_listed(const FileEntry& entry, const Member& member) {
  const auto changed = [&](const std::string& what) {
    throw base::ChangedError(
        fmt::format("{}: expected {}; the archive changed since", entry.path, what));
  };
  if (member.size != entry.size) {
    changed(fmt::format("{} bytes as listed, found {}", entry.size, member.size));
  }
  const std::string etag = etag_of(member);
  if (!etag.empty() && !entry.etag.empty()) {
    if (etag != entry.etag) changed(fmt::format("{} as listed, found {}", entry.etag, etag));
  } else if (member.mtime_us != entry.mtime_us) {
    changed(fmt::format("the modification time {} µs as listed, found {} µs", entry.mtime_us,
                        member.mtime_us));
  }
}

}  // namespace

Archives::Archives(List list, Open open, UnpackingPlace place)
    : list_(std::move(list)), open_(std::move(open)), place_(std::move(place)) {}

std::shared_ptr<Archives::Directory> Archives::read_directory(const FileEntry& file,
                                                              const std::string& scheme) {
  auto directory = std::make_shared<Directory>();
  directory->file = file;
  directory->scheme = scheme;
  const std::unique_ptr<base::ByteSource> bytes = open_(file);
  std::vector<Member> members;
  if (scheme == "zip") {
    members = read_zip(*bytes);
  } else {
    directory->packing = packing_of_tar(*bytes);
    Unpacker tar(*bytes, {.begin = 0, .end = bytes->size()}, directory->packing, file.path);
    members = read_tar(tar, file.path, place_.stop);
  }
  bytes->check_unchanged();
  // The last of several members of one path counts, as for all who unpack them.
  for (Member& member : members) {
    if (member.path.empty()) continue;
    std::string path = member.path;
    directory->members.insert_or_assign(std::move(path), std::move(member));
  }
  return directory;
}

std::shared_ptr<Archives::Directory> Archives::directory_of(const FileEntry& file,
                                                            const std::string& scheme) {
  const std::string key = scheme + file.path;
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(key);
    if (known != known_.end() && is_same_file(known->second->file, file)) return known->second;
  }
  std::shared_ptr<Directory> directory = read_directory(file, scheme);
  const std::lock_guard lock(mutex_);
  return known_[key] = std::move(directory);
}

std::shared_ptr<Archives::Directory> Archives::directory_at(const ArchivePlace& archive, bool fresh,
                                                            bool& was_known) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(archive.scheme + archive.place);
    was_known = !fresh && known != known_.end();
    if (was_known) return known->second;
  }
  const std::vector<FileEntry> files = list_(archive.place, {});
  if (files.size() != 1) {
    throw base::ChangedError(
        fmt::format("{}: expected the archive that was listed, found none; it was removed or "
                    "renamed since",
                    archive.place));
  }
  return directory_of(files.front(), archive.scheme);
}

// The members as a flat list of paths, to be chosen among by the rules of all storages.
std::vector<FileEntry> Archives::list_members(const Directory& directory, const std::string& member,
                                              const Selection& selection) const {
  const auto identity = [&](const std::string& path) {
    return chained_text({.scheme = directory.scheme, .member = path, .place = directory.file.path});
  };
  const auto item_of = [](const std::string& path, const Member& found) {
    return RcloneItem{.path = path,
                      .size = found.size,
                      .mtime_us = found.mtime_us,
                      .hash = etag_of(found),
                      .is_dir = false};
  };
  const RemotePlace place{
      .shown = identity(""),
      .has_only_names = false,
      .list =
          [&](const std::string& folder, bool recurse) {
            std::vector<RcloneItem> items;
            const std::string start = folder.empty() ? "" : folder + "/";
            for (auto found = directory.members.lower_bound(start);
                 found != directory.members.end() && found->first.starts_with(start); ++found) {
              const std::string below = found->first.substr(start.size());
              if (!recurse && below.find('/') != std::string::npos) continue;
              items.push_back(item_of(below, found->second));
            }
            return items;
          },
      .stat = [&](const std::string& path) -> std::optional<RcloneItem> {
        const auto found = directory.members.find(path);
        if (found == directory.members.end()) return std::nullopt;
        return item_of(path, found->second);
      },
      .entry =
          [&](const std::string& path, const RcloneItem& item) {
            FileEntry entry{.path = identity(path),
                            .name = std::string(plain_name(last_part(path))),
                            .size = item.size,
                            .mtime_us = item.mtime_us,
                            .etag = item.hash,
                            .source_type = directory.file.source_type,
                            .skip_reason = why_unnamed(path),
                            .skip_code = {}};
            if (!entry.skip_reason.empty()) entry.skip_code = "unreadable";
            return entry;
          }};
  return list_remote(place, member, selection);
}

void Archives::forget_all_but(const ArchivePlace& archive, const std::vector<FileEntry>& files) {
  std::set<std::string> keys;
  for (const FileEntry& file : files) keys.insert(archive.scheme + file.path);
  const std::lock_guard lock(mutex_);
  std::set<std::string>& listed = listed_[archive.scheme + archive.place];
  for (const std::string& key : listed) {
    if (!keys.contains(key)) known_.erase(key);
  }
  listed = std::move(keys);
}

std::vector<FileEntry> Archives::list(const ArchivePlace& archive, const Selection& selection) {
  const Selection archives{
      .pattern = archive_pattern(archive.scheme), .include = {}, .exclude = {}};
  const std::vector<FileEntry> files = list_(archive.place, archives);
  forget_all_but(archive, files);
  const bool is_one = files.size() == 1 && identity_of(archive.place) == files.front().path;
  std::vector<FileEntry> entries;
  for (const FileEntry& file : files) {
    if (!file.skip_code.empty()) {
      entries.push_back(file);
      continue;
    }
    try {
      const std::shared_ptr<Directory> directory = directory_of(file, archive.scheme);
      std::vector<FileEntry> members = list_members(*directory, archive.member, selection);
      std::ranges::move(members, std::back_inserter(entries));
      // What was unpacked for the loads of an earlier listing has had its time.
      const std::lock_guard lock(mutex_);
      directory->unpacked.reset();
    } catch (const base::Cancelled&) {
      throw;
    } catch (const base::ConfigError&) {
      throw;
    } catch (const base::Error& error) {
      if (is_one) throw;
      FileEntry unreadable = file;
      unreadable.skip_code = "unreadable";
      unreadable.skip_reason = fmt::format("an archive that cannot be read: {}", error.what());
      entries.push_back(std::move(unreadable));
    }
  }
  if (entries.empty() && !archive.member.empty() && !has_wildcards(archive.member)) {
    throw base::IoError(
        fmt::format("{}: expected a file or a folder {} in the archive, found none of this name; "
                    "check the path, and upper and lower case in it",
                    identity_of(chained_text(archive)), archive.member));
  }
  std::ranges::sort(entries, {}, &FileEntry::path);
  return entries;
}

std::unique_ptr<base::ByteSource> Archives::open(const FileEntry& entry,
                                                 const ArchivePlace& archive) {
  bool was_known = false;
  try {
    return open_member(directory_at(archive, false, was_known), entry, archive.member);
  } catch (const base::ChangedError&) {
    if (!was_known) throw;
  }
  return open_member(directory_at(archive, true, was_known), entry, archive.member);
}

bool Archives::exists(const ArchivePlace& archive) {
  bool was_known = false;
  return directory_at(archive, true, was_known)->members.contains(archive.member);
}

std::unique_ptr<base::ByteSource> Archives::open_member(const std::shared_ptr<Directory>& directory,
                                                        const FileEntry& entry,
                                                        const std::string& path) {
  const auto found = directory->members.find(path);
  if (found == directory->members.end()) {
    throw base::ChangedError(fmt::format(
        "{}: expected the member that was listed, found none; the archive changed since",
        entry.path));
  }
  const Member& member = found->second;
  check_listed(entry, member);
  if (!member.obstacle.empty()) {
    throw base::InputError(fmt::format("{}: {}", entry.path, member.obstacle));
  }
  if (directory->scheme == "zip") return open_in_zip(*directory, member, entry.path);
  return std::make_unique<PartOfFile>(whole_tar(directory), member.range, entry.path);
}

std::unique_ptr<base::ByteSource> Archives::open_in_zip(const Directory& directory,
                                                        const Member& member,
                                                        const std::string& identity) {
  std::unique_ptr<base::ByteSource> zip = open_(directory.file);
  const base::ByteRange range = packed_range(*zip, member);
  if (member.packing == Packing::kStored) {
    return std::make_unique<PartOfFile>(std::move(zip), range, identity);
  }
  return std::make_unique<UnpackedFile>(std::move(zip), range, member.packing, identity,
                                        KnownBytes{.size = member.size, .crc = member.crc}, place_);
}

std::shared_ptr<const base::ByteSource> Archives::whole_tar(
    const std::shared_ptr<Directory>& directory) {
  const FileEntry& file = directory->file;
  if (directory->packing == Packing::kStored) return open_(file);
  const auto known = [&] {
    return directory->unpacked && !directory->unpacked->has_failed() ? directory->unpacked
                                                                     : nullptr;
  };
  std::shared_ptr<UnpackedFile> unpacked;
  {
    const std::lock_guard lock(mutex_);
    unpacked = known();
  }
  if (unpacked) {
    unpacked->check_unchanged();
    return unpacked;
  }
  std::unique_ptr<base::ByteSource> tar = open_(file);
  const base::ByteRange all{.begin = 0, .end = tar->size()};
  auto made = std::make_shared<UnpackedFile>(std::move(tar), all, directory->packing, file.path,
                                             KnownBytes{}, place_);
  const std::lock_guard lock(mutex_);
  if ((unpacked = known())) return unpacked;
  directory->unpacked = made;
  unpacked_.push_back(directory);
  if (unpacked_.size() > kMostUnpacked) {
    if (const auto oldest = unpacked_.front().lock(); oldest && oldest != directory) {
      oldest->unpacked.reset();
    }
    unpacked_.pop_front();
  }
  return made;
}

}  // namespace qvdhouse::source
