// One `rclone rcd` child: lists, stats and serves what is not local, http or ftp. Started when it
// is first needed, on loopback, with a password of its own; it ends with us, however we end. No
// secret is in an argument, a file or a message. Thread-safe. docs/storage.md says what is passed
// to it.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "source/access.h"
#include "source/http_client.h"

namespace qvdhouse::source {

struct RcloneItem {
  std::string path;  // below what was listed
  std::uint64_t size = 0;
  std::int64_t mtime_us = 0;  // 0: unknown
  std::string hash;           // md5 where the listing brings it for nothing; else empty
  bool is_dir = false;
};

class Rclone {
 public:
  // `access` and `http` must outlive it.
  Rclone(const Access& access, HttpClient& http);
  ~Rclone();
  Rclone(const Rclone&) = delete;
  Rclone& operator=(const Rclone&) = delete;

  // Makes a remote in the child's memory and returns its name with the colon ("our-r1:"); the same
  // `type` and `parameters` give the same remote. Throws ConfigError when rclone or this backend is
  // missing (what to install), IoError when the child does not start.
  std::string remote(const std::string& type, const nlohmann::json& parameters);
  // A remote of the user's own configuration, "NAME:".
  std::string own_remote(const std::string& name);

  // Files below `dir` of the remote `fs` ("our-r1:bucket"), in one listing; with `recurse` all
  // levels. `shown` is what messages call the place.
  std::vector<RcloneItem> list(const std::string& fs, const std::string& dir, bool recurse,
                               const std::string& shown);
  // Empty: there is nothing of that name.
  std::optional<RcloneItem> stat(const std::string& fs, const std::string& path,
                                 const std::string& shown);
  // Where the bytes of a file are read.
  HttpTarget object(const std::string& fs, const std::string& path, const std::string& shown);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::source
