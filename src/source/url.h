// URLs of sources, as users write them.
//
// Two kinds of paths: in http(s), ftp(s), webdav(s) and file URLs they are percent-encoded; in all
// others (s3, gs, az, sftp, smb, hdfs, rclone) they are names as the storage has them: there a '%'
// is a '%'. Names can hold any byte but NUL; a '#' is part of a name everywhere, and so is a '?'
// where the scheme has no query.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::source {

// Whether it is written as a URL: "scheme://…". What is not is a path.
constexpr bool is_url(std::string_view text) { return text.find("://") != std::string_view::npos; }

struct Url {
  std::string scheme;      // in lower case, as written: "s3a" stays "s3a"
  std::string user;        // decoded; empty: none; of az, abfs(s) and wasb(s): the container
  std::string password;    // decoded; empty: none
  std::string host;        // or bucket, container, remote; an IPv6 address without brackets
  std::uint16_t port = 0;  // 0: the scheme's own
  std::string path;  // decoded, with its leading slash, `.` and `..` taken out; empty where the URL
                     // ends with the host
  std::string query;  // http(s) only, without '?', still encoded: it may hold a signature
};

// Empty for a plain path (no "scheme://"). Throws ConfigError for a URL that cannot be understood;
// the message never repeats a password or a query.
std::optional<Url> parse_url(std::string_view text);

// The URL without user (a container stays), password and query: what is stored and shown.
// parse_url() reads it back.
std::string public_text(const Url& url);

// What is sent for it: the path encoded, with the query, without user and password.
std::string request_url(const Url& url);

// The text with stars for user info and query of a URL, wherever they may stand, also in a text
// that is not a valid URL. A path stays as it is.
std::string masked_source(std::string_view text);

// True for schemes whose paths are percent-encoded.
bool has_encoded_path(std::string_view scheme);

}  // namespace qvdhouse::source
