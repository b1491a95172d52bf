// Which hosts are this machine, and nobody else's.
#pragma once

#include <string_view>

namespace qvdhouse::base {

// Whether `host` is "localhost" (in any case), an address of 127.0.0.0/8 in four numbers, or ::1
// (in brackets, too). A name that only begins so, such as 127.evil.example, is another machine's.
bool is_loopback_host(std::string_view host);

}  // namespace qvdhouse::base
