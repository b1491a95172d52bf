// ~/.netrc: a user's logins by host. libcurl looks there by itself; this is for rclone, which knows
// no such file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "source/remote.h"

namespace qvdhouse::source {

struct NetrcLogin {
  std::string user;
  std::string password;
};

// The entry for `host` in the text of such a file, or the one named "default" if that comes first.
std::optional<NetrcLogin> login_in_netrc(std::string_view text, std::string_view host);

// The same from the file that NETRC names, or ~/.netrc. A file that cannot be read has nothing.
std::optional<NetrcLogin> netrc_login(const Environment& environment, std::string_view host);

}  // namespace qvdhouse::source
