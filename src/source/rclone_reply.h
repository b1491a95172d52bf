// What comes back from rclone's remote control, and what must not come out with it.
#pragma once

#include <cstdint>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>

#include "source/rclone.h"

namespace qvdhouse::source {

// One item of operations/list or operations/stat. What is missing or malformed counts as unknown.
RcloneItem item_of(const nlohmann::json& item);

// "2024-01-31T10:00:00.123456789+02:00" in microseconds since 1970 UTC, rounded down; 0 when it is
// no such text.
std::int64_t parse_time_us(std::string_view text);

// Texts that no message may have. Thread-safe.
//
// Two ways to hide them: by place, whatever they are (the password of a URL, the signature in a
// query), and by looking for each in all its forms. A secret of less than four bytes is looked for
// only where a value can stand (after '=', ':' or a quote, up to the value's end): everywhere else
// it is more likely part of a word, and hiding it there would garble the message and tell it.
class Secrets {
 public:
  void add(const std::string& secret);
  // All that is secret in the parameters of a remote.
  void add_from(const nlohmann::json& parameters);
  std::string hidden_in(std::string_view text) const;

 private:
  struct LongestFirst {
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };
  mutable std::mutex mutex_;
  std::set<std::string, LongestFirst> secrets_;  // none of them empty
};

}  // namespace qvdhouse::source
