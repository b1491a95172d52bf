// Whose connections reach the engine library: those whose first bytes hold a password of the
// engine. Pure functions of these bytes; engine/gate.h applies them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace qvdhouse::engine {

enum class Protocol { kHttp, kNative };

// What is known of this start of the engine.
struct Secrets {
  std::string password;
  std::string reader_user{};  // who can only read; empty: there is no such user
  std::string reader_password{};
  std::string nonce_path;  // "/…": GET of it answers the nonce to anybody
  std::string nonce;
};

struct Verdict {
  enum class Kind {
    kMore,    // the bytes do not say it yet
    kAdmit,   // to the library
    kAnswer,  // `answer` is sent, then the connection is closed
  };
  Kind kind = Kind::kMore;
  std::string answer;
};

// A connection that has not said the password within so many bytes is closed.
inline constexpr std::size_t kMostBytes = std::size_t{64} * 1024;

// The verdict on a connection that began with `bytes`.
// HTTP: the password as X-ClickHouse-Key, in Authorization: Basic, or as "password" in the URL.
// Native: the password of the hello packet, of the reader where it names that one: a login that
// fails ends the library's process. Other names are checked by the library.
Verdict judge(Protocol protocol, std::string_view bytes, const Secrets& secrets);

}  // namespace qvdhouse::engine
