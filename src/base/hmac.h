// HMAC-SHA-256 (RFC 2104): a fingerprint of bytes that nobody can make, or try out, without the
// key.
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::base {

// 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace qvdhouse::base
