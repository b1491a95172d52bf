// Text that others wrote as it may be shown: connection strings, with their secrets as stars.
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::base {

// Values of passwords, keys, tokens, signatures and user names, however they are set ("Password=x",
// "XPassword is x", "pwd: 'x'", "?sig=x"), and the user info of URLs.
std::string scrubbed(std::string_view text);

}  // namespace qvdhouse::base
