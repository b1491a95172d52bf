// The errors of the project: one flat type per *reaction* (docs/architecture.md, "Errors").
//
// A message says what was expected, what was found, where, and what to do; numbers in it are
// exact. Errors are caught where a reaction belongs: one attempt of a load, one request's retry
// loop, one HTTP handler, main. Expected outcomes are values, not exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace qvdhouse::base {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Where in an input a fault lies; either part may be unknown.
struct InputPlace {
  std::string field;                         // QVD field name, empty if none
  std::optional<std::uint64_t> byte_offset;  // from the first byte of the file
};

// The file is wrong or unsupported. The file has failed; it is not retried until it changes.
class InputError : public Error {
 public:
  explicit InputError(const std::string& message, InputPlace place = {});
  const InputPlace& place() const { return place_; }

 private:
  InputPlace place_;
};

// Storage or network failed. Retried with back-off, up to a limit.
struct IoError : Error {
  using Error::Error;
};

// A file changed or shrank while it was read. The load is thrown away and the file waits.
struct ChangedError : IoError {
  using IoError::IoError;
};

// ClickHouse answered with an error: its code (0 when it gave none) and its text.
class ServerError : public Error {
 public:
  ServerError(const std::string& message, int code) : Error(message), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

// The user's settings are wrong. Names the key and the fix; exit code 2.
struct ConfigError : Error {
  using Error::Error;
};

// A policy forbids this schema. The file fails until settings or file change; exit code 3.
struct SchemaError : Error {
  using Error::Error;
};

// A file took longer than file_timeout allows. It has failed for now.
struct TimedOut : Error {
  explicit TimedOut(std::chrono::seconds limit);
};

// What is in staging is not what is in the file. The load is thrown away; exit code 6.
struct VerifyError : Error {
  using Error::Error;
};

// A stop was asked for. Recorded, rolled back; exit code 130.
struct Cancelled : Error {
  using Error::Error;
};

// Memory ran out: std::bad_alloc, or a size that no memory could have.
bool is_out_of_memory(const std::exception& error);

// What an exception says to people. The standard library's own for want of memory says nothing:
// that one becomes a sentence with what to do.
std::string message_of(const std::exception& error);

}  // namespace qvdhouse::base
