// Values as the bytes that they are in a text format: those that ClickHouse itself writes for them
// (render_test compares with the engine), but for `|` in a Markdown table, which it leaves as it
// is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/copy_text.h"
#include "clickhouse/dictionary.h"
#include "render/format.h"

namespace qvdhouse::render {

// Appends the value of a slot, with what the format puts around a value of its type.
void append_value(Format format, const clickhouse::Dictionary& values, std::size_t slot,
                  std::string& out);

// Appends the name of a column as its head line or, in JSON, its object has it.
void append_name(Format format, std::string_view name, std::string& out);

// Whether the numbers of a Markdown column stand to the right.
bool stands_right(const clickhouse::ColumnType& type);

// Every value of a dictionary, ready to be copied into rows.
class ReadyValues {
 public:
  // May be read past the end of the last value.
  static constexpr std::size_t kSlackBytes = clickhouse::kTextStep;

  // `after` follows each value. A dictionary without slots gives none.
  ReadyValues(Format format, const clickhouse::Dictionary& values, std::string_view after);

  const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(bytes_.data()); }
  // slots + 1, from bytes().
  const std::uint64_t* offsets() const { return offsets_.data(); }

 private:
  std::string bytes_;
  std::vector<std::uint64_t> offsets_;
};

}  // namespace qvdhouse::render
