// A column's distinct values, ready for the wire: slot c holds the value of code c, slot 0 being
// NULL (for a column that is not Nullable, the type's default). Native columns are gathered from it
// by code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "clickhouse/column_type.h"

namespace qvdhouse::clickhouse {

class Dictionary {
 public:
  // An empty dictionary; add slot 0 first.
  explicit Dictionary(ColumnType type) : type_(std::move(type)) {}

  const ColumnType& type() const { return type_; }
  std::size_t slot_count() const { return is_null_.size(); }
  bool is_null(std::size_t slot) const { return is_null_[slot] != 0; }
  bool has_nulls() const { return has_nulls_; }  // any slot but 0 is NULL

  void reserve(std::size_t slots, std::size_t text_bytes);
  void add_null();                        // stored as the type's default plus a NULL mark
  void add_text(std::string_view value);  // kString
  void add_fixed(const void* value);      // value_bytes() bytes, little-endian
  template <class T>
  void add_number(T value) {
    add_fixed(&value);
  }

  // Fixed-width values, slot_count() * value_bytes() bytes.
  std::span<const std::byte> fixed() const { return values_; }
  // kString: value of a slot; `encoded` is varuint length and bytes, as Native wants it.
  std::span<const std::byte> encoded(std::size_t slot) const {
    return std::span(values_).subspan(offsets_[slot], offsets_[slot + 1] - offsets_[slot]);
  }
  std::string_view text(std::size_t slot) const;
  std::span<const std::uint8_t> null_marks() const { return is_null_; }  // 1 = NULL
  std::span<const std::uint64_t> offsets() const { return offsets_; }    // kString, slots + 1
  std::span<const std::byte> bytes() const { return values_; }

 private:
  ColumnType type_;
  std::vector<std::byte> values_;
  std::vector<std::uint64_t> offsets_;  // kString only
  std::vector<std::uint8_t> is_null_;
  bool has_nulls_ = false;
};

}  // namespace qvdhouse::clickhouse
