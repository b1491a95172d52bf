#include "source/storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/encoding.h"
#include "base/error.h"
#include "base/workers.h"
#include "source/archive_name.h"
#include "source/archives.h"
#include "source/glob.h"
#include "source/listing.h"
#include "source/local.h"
#include "source/remote_families.h"
#include "source/remote_file.h"
#include "source/storage_state.h"

namespace qvdhouse::source {
namespace {

std::string origin_of(Url url) {
  url.path.clear();
  return public_text(url);
}

bool is_name_of_qvd(std::string_view path) { return fold_case(plain_name(path)).ends_with(".qvd"); }

UnpackingPlace unpacking_place(const Access& access) {
  return {.folder = access.unpack_folder, .stop = access.stop};
}

// Their user part is a container.
bool has_login(const Url& url) {
  return (!url.user.empty() || !url.password.empty()) &&
         public_text(url).find('@') == std::string::npos;
}

// Whether a URL of this path names a file, whatever is there.
bool names_a_file(std::string_view path) {
  return is_name_of_qvd(path) || is_archive_name(path, "zip") || is_archive_name(path, "tar");
}

}  // namespace

std::string local_path(const Url& url) {
  if (url.path.empty() || !(url.host.empty() || url.host == "localhost") || url.port != 0) {
    throw base::ConfigError(
        fmt::format("source: expected file:///absolute/path, found host \"{}\" and path \"{}\"; a "
                    "share of another machine has to be mounted first, or named smb://HOST/SHARE",
                    url.host, url.path));
  }
  return url.path;
}

std::string identity_of(const Remote& remote, std::string_view path) {
  const std::string_view scheme =
      std::string_view(remote.public_root).substr(0, remote.public_root.find(':'));
  return fmt::format("{}/{}", remote.public_root,
                     has_encoded_path(scheme) ? base::encode_path(path) : std::string(path));
}

Storage::State::State(Access wanted)
    : access(std::move(wanted)), http(access), rclone(access, http) {}

Url Storage::State::remembered(const Url& url) {
  const std::string origin = origin_of(url);
  std::string place = public_text(url);
  Url full = url;
  const std::lock_guard lock(mutex_);
  if (has_login(url)) {
    logins_[origin] = {url.user, url.password};
  } else if (const auto login = logins_.find(origin); login != logins_.end() && full.user.empty()) {
    full.user = login->second.user;
    full.password = login->second.password;
  }
  if (!url.query.empty()) {
    queries_[place] = url.query;
    return full;
  }
  // A signature of a container is good for all that is in it.
  while (true) {
    if (const auto query = queries_.find(place); query != queries_.end()) {
      full.query = query->second;
      return full;
    }
    const std::size_t slash = place.rfind('/');
    if (!is_azure_host(url) || slash == std::string::npos || slash < origin.size()) return full;
    place.erase(slash);
  }
}

// A blob with a signature of its own needs no more than http; but what was listed with its
// container is read by the same way as it was listed.
bool Storage::State::is_direct(const Url& url) {
  if (url.scheme == "ftp" || url.scheme == "ftps") return true;
  if (url.scheme != "http" && url.scheme != "https") return false;
  if (!is_azure_host(url)) return true;
  const std::lock_guard lock(mutex_);
  return names_a_file(url.path) && queries_.contains(public_text(url));
}

std::string Storage::State::root_of(const Remote& remote) {
  if (may_use_tls(remote)) http.warn_of_unchecked_tls();
  return (remote.type.empty() ? rclone.own_remote(remote.own_name)
                              : rclone.remote(remote.type, remote.parameters)) +
         remote.root;
}

HttpTarget Storage::State::target_of(const Url& url) const {
  const bool is_http = url.scheme == "http" || url.scheme == "https";
  const source::Login login = login_of(url, access);
  HttpTarget target{.url = request_url(url),
                    .user = login.user,
                    .password = login.password,
                    .bearer_token = {},
                    .headers = {},
                    .shown = public_text(url)};
  if (is_http) {
    if (target.user.empty()) target.bearer_token = access.bearer_token;
    target.headers = access.headers;
  }
  target.use_netrc = target.user.empty() && target.bearer_token.empty();
  return target;
}

std::unique_ptr<base::ByteSource> Storage::State::open_direct(const Url& url,
                                                              const FileEntry& entry) {
  const HttpTarget target = target_of(url);
  return std::make_unique<RemoteFile>(http, target, entry,
                                      [this, target] { return http.stat(target); });
}

std::unique_ptr<base::ByteSource> Storage::State::open_remote_url(const Url& url,
                                                                  const FileEntry& entry) {
  const Remote where = remote(url);
  const std::string root = root_of(where);
  const RemotePlace place = place_of(where);
  const auto restat = [place, path = where.path, shown = entry.path] {
    const std::optional<RcloneItem> item = place.stat(path);
    if (!item) {
      throw base::ChangedError(shown +
                               ": expected the file that was listed, found none; it was removed "
                               "or renamed since");
    }
    const FileEntry now = place.entry(path, *item);
    return HttpStat{.size = now.size, .etag = now.etag, .mtime_us = now.mtime_us};
  };
  return std::make_unique<RemoteFile>(http, rclone.object(root, where.path, entry.path), entry,
                                      restat);
}

Storage::Storage(Access access) : state_(std::make_unique<State>(std::move(access))) {
  const auto list_files = [this](const std::string& place, const Selection& selection) {
    return list_files_at(place, selection);
  };
  const auto open_file = [this](const FileEntry& entry) { return open_as_it_is(entry); };
  state_->archives =
      std::make_unique<Archives>(list_files, open_file, unpacking_place(state_->access));
}
Storage::~Storage() = default;

std::vector<FileEntry> Storage::list(const std::string& source, const Selection& selection) {
  if (source.empty()) {
    throw base::ConfigError("source: expected a folder, a file, a pattern or a URL, found nothing");
  }
  if (source.find('\0') != std::string::npos) {
    throw base::ConfigError("source: expected a path, found a NUL byte in it");
  }
  if (const std::optional<ArchivePlace> archive = archive_place(source)) {
    return state_->archives->list(*archive, selection);
  }
  return list_files_at(source, selection);
}

std::vector<FileEntry> Storage::list_files_at(const std::string& source,
                                              const Selection& selection) {
  const std::optional<Url> url = parse_url(source);
  if (!url) return list_local(source, selection);
  if (url->scheme == "file") return list_local(local_path(*url), selection);
  const Url full = state_->remembered(*url);
  if (state_->is_direct(full)) return state_->list_direct(full, selection);
  return state_->list_remote_url(full, selection);
}

std::unique_ptr<base::ByteSource> Storage::open(const FileEntry& entry) {
  const std::optional<ArchivePlace> archive = chained_place(entry.path);
  std::unique_ptr<base::ByteSource> file =
      archive ? state_->archives->open(entry, *archive) : open_as_it_is(entry);
  const Compression compression = compression_of(archive ? archive->member : entry.path);
  if (compression == Compression::kNone) return file;
  const base::ByteRange all{.begin = 0, .end = file->size()};
  return std::make_unique<UnpackedFile>(
      std::move(file), all, compression == Compression::kGzip ? Packing::kGzip : Packing::kZstd,
      entry.path, KnownBytes{}, unpacking_place(state_->access));
}

std::unique_ptr<base::ByteSource> Storage::open_as_it_is(const FileEntry& entry) {
  const std::optional<Url> url = parse_url(entry.path);
  if (!url) return open_local(entry);
  const Url full = state_->remembered(*url);
  if (state_->is_direct(full)) return state_->open_direct(full, entry);
  return state_->open_remote_url(full, entry);
}

void Storage::remember(const std::string& source) {
  if (const std::optional<Url> url = parse_url(outer_place(source))) state_->remembered(*url);
}

// Listings of remote storages.

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
                             .name = std::string(plain_name(last_part(path))),
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
          .name = std::string(plain_name(last_part(url.path))),
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
  const bool names_file = names_a_file(url.path) || !url.query.empty();
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
