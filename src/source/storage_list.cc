// Listings of remote storages.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/workers.h"
#include "source/glob.h"
#include "source/name_pattern.h"
#include "source/remote_families.h"
#include "source/selection.h"
#include "source/storage_state.h"

namespace qvdhouse::source {
namespace {

// The times of s3 come with milliseconds from some servers' listings, and never from their answers
// about one object; for the two to be equal, whole seconds count.
std::int64_t time_of(const Remote& remote, const RcloneItem& item) {
  constexpr std::int64_t kSecond = 1'000'000;
  return remote.type == "s3" ? item.mtime_us - item.mtime_us % kSecond : item.mtime_us;
}

}  // namespace

RemotePlace Storage::State::place_of(const Remote& remote) {
  const std::string root = root_of(remote);
  return {
      .shown = remote.public_root,
      .has_only_names = remote.type == "s3" || remote.type == "gcs" || remote.type == "azureblob",
      .list =
          [this, root, remote](const std::string& folder, bool recurse) {
            return rclone.list(root, folder, recurse, identity_of(remote, folder));
          },
      .stat =
          [this, root, remote](const std::string& path) {
            return rclone.stat(root, path, identity_of(remote, path));
          },
      .entry =
          [remote](const std::string& path, const RcloneItem& item) {
            return FileEntry{.path = identity_of(remote, path),
                             .name = std::string(last_part(path)),
                             .size = item.size,
                             .mtime_us = time_of(remote, item),
                             .etag = item.hash,
                             .source_type = remote.source_type,
                             .skip_reason = {},
                             .skip_code = {}};
          }};
}

std::vector<FileEntry> Storage::State::list_remote_url(const Url& url, const Selection& selection) {
  const Remote where = remote(url);
  return list_remote(place_of(where), where.path, selection);
}

FileEntry Storage::State::stat_direct(const Url& url) {
  const HttpStat stat = http.stat(target_of(url));
  return {.path = public_text(url),
          .name = std::string(last_part(url.path)),
          .size = stat.size,
          .mtime_us = stat.mtime_us,
          .etag = stat.etag,
          .source_type = url.scheme.starts_with("http") ? "http" : "ftp",
          .skip_reason = {},
          .skip_code = {}};
}

// Index pages give names only, and what they show of sizes and times is rounded, as it is in
// listings of many FTP servers; so each file that is wanted is asked for its own.
std::vector<FileEntry> Storage::State::list_folder_directly(const Url& url,
                                                            const Selection& selection) {
  constexpr unsigned kThreads = 8;
  const Remote where = remote(url);
  const RemotePlace place = place_of(where);
  std::vector<FileEntry> entries = has_wildcards(where.path)
                                       ? list_remote_glob(place, where.path, selection)
                                       : list_remote_folder(place, where.path, selection);
  base::for_each_index(entries.size(), kThreads, [&](std::size_t i) {
    FileEntry& entry = entries[i];
    if (!entry.skip_code.empty()) return;
    Url file = parse_url(entry.path).value();
    file.user = url.user;
    file.password = url.password;
    try {
      const FileEntry found = stat_direct(file);
      entry.size = found.size;
      entry.mtime_us = found.mtime_us;
      entry.etag = found.etag;
    } catch (const base::IoError& error) {
      entry.skip_code = "unreadable";
      entry.skip_reason = fmt::format("cannot be looked at: {}", error.what());
    }
  });
  return entries;
}

// Whether an http URL names a file or a folder is known only when it was asked, and a server that
// knows no ranges, or gives an index page for a folder without its slash, cannot be told from one
// that has the file. So names decide first.
std::vector<FileEntry> Storage::State::list_direct(const Url& url, const Selection& selection) {
  const auto as_file = [&] {
    FileEntry entry = stat_direct(url);
    NameRules(selection).apply(entry.name, entry);
    return std::vector<FileEntry>{std::move(entry)};
  };
  const auto as_folder = [&] { return list_folder_directly(url, selection); };
  const bool is_folder = url.path.empty() || url.path.ends_with('/');
  if (is_folder && url.query.empty()) return as_folder();
  const bool is_ftp = url.scheme.starts_with("ftp");
  const bool names_file = fold_case(url.path).ends_with(".qvd") || !url.query.empty();
  const bool is_pattern = has_wildcards(url.path) && url.query.empty();
  if (names_file && !is_pattern) return as_file();
  if (names_file || is_ftp) {
    try {
      return as_file();
    } catch (const base::IoError&) {
      return as_folder();  // says what is wrong when it is not a folder
    }
  }
  try {
    return as_folder();
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error& error) {
    if (is_pattern) throw;
    const std::string reason = error.what();
    try {
      return as_file();
    } catch (const base::IoError& file_error) {
      throw base::IoError(fmt::format("{}; nor is it a file: {}", reason, file_error.what()));
    }
  }
}

}  // namespace qvdhouse::source
