// What is behind the door of storage.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "source/archives.h"
#include "source/http_client.h"
#include "source/rclone.h"
#include "source/remote.h"
#include "source/remote_list.h"
#include "source/storage.h"
#include "source/url.h"

namespace qvdhouse::source {

struct Storage::State {
  explicit State(Access wanted);

  // Keeps the secrets of a URL, and returns it with those that are known of its place.
  Url remembered(const Url& url);
  // Whether our own reader gives the file (http, ftp), and not rclone.
  bool is_direct(const Url& url);

  std::vector<FileEntry> list_direct(const Url& url, const Selection& selection);
  std::vector<FileEntry> list_remote_url(const Url& url, const Selection& selection);
  std::unique_ptr<base::ByteSource> open_direct(const Url& url, const FileEntry& entry);
  std::unique_ptr<base::ByteSource> open_remote_url(const Url& url, const FileEntry& entry);

  Remote remote(const Url& url) { return remote_of(url, access, environment); }
  // rclone's name of the remote with its root; starts rclone if need be.
  std::string root_of(const Remote& remote);
  HttpTarget target_of(const Url& url) const;

  const Access access;
  std::unique_ptr<Archives> archives;
  Environment environment = process_environment();
  HttpClient http;
  Rclone rclone;

 private:
  struct Login {
    std::string user;
    std::string password;
  };
  RemotePlace place_of(const Remote& remote);
  FileEntry stat_direct(const Url& url);
  std::vector<FileEntry> list_folder_directly(const Url& url, const Selection& selection);

  std::mutex mutex_;                            // guards what follows
  std::map<std::string, Login> logins_;         // by the URL's scheme and host
  std::map<std::string, std::string> queries_;  // by the URL without secrets
};

// The path of a file:// URL on this machine. Throws ConfigError for another machine's.
std::string local_path(const Url& url);

// The identity of a file of this remote: a URL that leads to it, without secrets.
std::string identity_of(const Remote& remote, std::string_view path);

}  // namespace qvdhouse::source
