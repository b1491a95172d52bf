// What the fuzz targets share: numbers taken from the input, and the end of the program when two
// answers that must be equal are not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

namespace qvdhouse::fuzz {

// Ends the program as a finding. Unlike assert it is there in every build.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size)
      : rest_(std::as_bytes(std::span(data, size))) {}

  // The next bytes as a number, zeros behind the end.
  template <typename Number>
  Number take() {
    Number number{};
    const std::size_t count = std::min(sizeof number, rest_.size());
    if (count > 0) std::memcpy(&number, rest_.data(), count);
    rest_ = rest_.subspan(count);
    return number;
  }
  std::span<const std::byte> rest() const { return rest_; }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace qvdhouse::fuzz
