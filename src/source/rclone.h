// One `rclone rcd` child: lists, stats and serves what is not local, http or ftp. Started when it
// is first needed, on loopback, with a password of its own; it ends with us, however we end. No
// secret is in an argument, a file or a message. Thread-safe. docs/storage.md says what is passed
// to it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
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
  // Both do nothing when there is no such file any more. `target` is replaced where it is there.
  void remove(const std::string& fs, const std::string& path, const std::string& shown);
  void move(const std::string& fs, const std::string& path, const std::string& target,
            const std::string& shown);
  // Where the bytes of a file are read.
  HttpTarget object(const std::string& fs, const std::string& path, const std::string& shown);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What rclone's error texts mean for us: whether trying again may help, and what to check.
enum class RcloneFault {
  kMayPass,  // the network, a busy server, or nothing that we know
  kMissing,  // no such bucket, folder or file
  kRefused,  // credentials, host key or certificate
};

struct RcloneError : base::IoError {
  RcloneError(const std::string& message, RcloneFault which) : IoError(message), fault(which) {}
  RcloneFault fault;
};

// Throws for an error of rclone: ConfigError where something must be installed or configured, else
// RcloneError. `doing` is what was tried ("s3://bucket: listing"), `said` rclone's own words,
// without secrets.
[[noreturn]] void throw_rclone_error(std::string_view doing, std::string_view said);

// What comes back from rclone's remote control, and what must not come out with it.

// One item of operations/list or operations/stat. What is missing or malformed counts as unknown.
RcloneItem item_of(const nlohmann::json& item);

// "2024-01-31T10:00:00.123456789+02:00" in microseconds since 1970 UTC, rounded down; 0 when it is
// no such text.
std::int64_t parse_time_us(std::string_view text);

// Texts that no message may have. Thread-safe.
//
// Two ways to hide them: by place, whatever they are (the password of a URL, the signature in a
// query), and by looking for each in all its forms. A secret of less than four bytes is looked for
// only where a value can stand (after '=', ':' or a quote, up to the value's end): everywhere else
// it is more likely part of a word, and hiding it there would garble the message and tell it.
class Secrets {
 public:
  void add(const std::string& secret);
  // All that is secret in the parameters of a remote.
  void add_from(const nlohmann::json& parameters);
  std::string hidden_in(std::string_view text) const;

 private:
  struct LongestFirst {
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };
  mutable std::mutex mutex_;
  std::set<std::string, LongestFirst> secrets_;  // none of them empty
};

}  // namespace qvdhouse::source
