// Users, passwords and certificates of the test servers.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/process.h"

namespace qvdhouse::tests {

inline constexpr const char* kUser = "loader";
// A second user of 18.16, whose profile says readonly = 2; the password is the same.
inline constexpr const char* kReader = "looker";
// Not a word that stands anywhere else, so that a test can look for it; '@', '/' and '%' are what
// must be encoded in a URL.
inline constexpr const char* kPassword = "s3cret@Pass/w%ord";
inline constexpr const char* kPasswordEncoded = "s3cret%40Pass%2Fw%25ord";
inline constexpr const char* kWrongPassword = "wr0ngGuess";

// `work`/htpasswd with the user, for nginx and Apache.
void write_htpasswd(const std::filesystem::path& work);

// `work`/ca.crt, and server.crt and server.key for localhost and 127.0.0.1 signed by it.
void write_certificates(const std::filesystem::path& work);

// Makes servers that look users up in the system's database (sshd, smbd) find ours instead, without
// touching it: the environment for them. The user has our own user id, whatever that is.
Environment own_user_database(const std::filesystem::path& work);

}  // namespace qvdhouse::tests
