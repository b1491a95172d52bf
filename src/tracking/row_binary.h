// ClickHouse's RowBinary, for the few types of the tracking tables. JSON would not do: paths and
// messages may hold bytes that are not UTF-8, and they must come back exactly.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/words.h"

namespace qvdhouse::tracking {

template <class T>
concept FixedValue = std::integral<T> || std::floating_point<T>;

class RowWriter {
 public:
  void operator()(const std::string& text);  // String, LowCardinality(String)
  template <base::Worded Enum>
  void operator()(Enum value) {  // the same
    (*this)(std::string(base::to_string(value)));
  }
  template <FixedValue T>
  void operator()(T value) {  // UIntN, IntN, Float64; DateTime64 as its ticks
    append(std::as_bytes(std::span(&value, 1)));
  }
  template <class T>
  void operator()(const std::vector<T>& items) {  // Array
    length(items.size());
    for (const T& item : items) (*this)(item);
  }
  template <class T>
  void operator()(const std::optional<T>& value) {  // Nullable
    (*this)(static_cast<std::uint8_t>(value ? 0 : 1));
    if (value) (*this)(*value);
  }
  // The length of an Array or Map, whose entries are written next.
  void length(std::uint64_t entries);
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void append(std::span<const std::byte> bytes);
  std::vector<std::byte> bytes_;
};

// `bytes` must outlive it. Throws ServerError when the answer ends within a value.
class RowReader {
 public:
  explicit RowReader(std::string_view bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }
  void operator()(std::string& text);
  template <base::Worded Enum>
  void operator()(Enum& value) {  // a word that is not known becomes kOther
    std::string word;
    (*this)(word);
    value = base::parse<Enum>(word).value_or(Enum::kOther);
  }
  template <FixedValue T>
  void operator()(T& value) {
    take(std::as_writable_bytes(std::span(&value, 1)));
  }
  template <class T>
  void operator()(std::vector<T>& items) {
    items.clear();
    for (std::uint64_t left = length(); left > 0; --left) (*this)(items.emplace_back());
  }
  template <class T>
  void operator()(std::optional<T>& value) {
    std::uint8_t is_null = 0;
    (*this)(is_null);
    value.reset();
    if (is_null == 0) (*this)(value.emplace());
  }
  // The next values of a row, one after the other.
  template <class First, class... Rest>
  requires(sizeof...(Rest) > 0) void operator()(First& first, Rest&... rest) {
    (*this)(first);
    ((*this)(rest), ...);
  }
  // The length of an Array or Map, whose entries are read next.
  std::uint64_t length();

 private:
  void take(std::span<std::byte> out);
  std::string_view bytes_;
};

}  // namespace qvdhouse::tracking
