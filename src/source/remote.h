// From a URL to the rclone remote that reaches it: type, parameters, root (docs/storage.md).
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "source/access.h"
#include "source/url.h"

namespace qvdhouse::source {

// NOLINTNEXTLINE(bugprone-exception-escape): a json that is moved from throws nothing
struct Remote {
  std::string type;           // rclone's backend; empty: `own_name` of the user's rclone.conf
  nlohmann::json parameters;  // secrets included
  std::string own_name;
  std::string root;         // bucket, container, share: what follows the colon; may be empty
  std::string path;         // below the root, no leading slash: a file, a folder or a glob
  std::string source_type;  // for tracking: s3, gs, az, sftp, smb, webdav, hdfs, http, ftp, rclone
  std::string credentials;  // which source of credentials was chosen, for people; no secret
  std::string public_root;  // public_text() of the root: a file's identity is this + '/' + path
};

// The value of an environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(std::string_view)>;
Environment process_environment();

// Throws ConfigError for an unknown scheme (lists those that are known) or what is missing or wrong
// in the URL. http(s) and ftp(s) are here for their listings.
Remote remote_of(const Url& url, const Access& access, const Environment& environment);

// Throws ConfigError for a URL of a scheme that no storage has (lists those that are known).
void check_scheme(const Url& url);

// Whether rclone may reach it by TLS; true where that is not known.
bool may_use_tls(const Remote& remote);

}  // namespace qvdhouse::source
