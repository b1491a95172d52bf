// CLICKHOUSE_URL taken apart: http(s)://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE][?database=NAME].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qvdhouse::config {

// Parts that the URL does not name are empty or 0.
struct ServerUrl {
  std::string scheme;  // http or https
  std::string host;    // an IPv6 address with its brackets
  std::uint16_t port = 0;
  std::string user;
  std::string password;
  std::string database;
};

inline constexpr std::string_view kServerUrlForm =
    "http(s)://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]";

// What is wrong with the text, never repeating a password; empty when nothing is.
std::string server_url_error(std::string_view text);

// Takes a good URL apart, percent-decoding user, password and database.
ServerUrl parse_server_url(std::string_view text);

// The URL with stars for a password, wherever one may stand, also in a text that is not a valid
// URL.
std::string masked_url(std::string_view text);

}  // namespace qvdhouse::config
