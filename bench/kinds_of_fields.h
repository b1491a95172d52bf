// Fields of the kinds that tables of Qlik have, for benchmarks of tables of ten columns.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "qvd/writer.h"

namespace qvdhouse::bench {

// Appends nine fields of texts, dates and numbers, for rows `first`, `first` + 1, …
inline void add_kinds_of_fields(std::vector<qvd::FieldData>& fields, std::uint64_t rows,
                                std::uint64_t first = 0) {
  const auto add = [&](const std::string& name, std::uint32_t values, const auto& value) {
    qvd::FieldData& field = fields.emplace_back(qvd::FieldData{.name = name});
    for (std::uint32_t i = 0; i < values; ++i) field.values.push_back(value(i));
    const std::uint64_t step = 2 * fields.size() + 1;
    for (std::uint64_t row = first; row < first + rows; ++row) {
      field.codes.push_back(static_cast<std::uint32_t>(row * step % values) + 1);
    }
  };
  const auto number = [](std::uint32_t i) { return qvd::Value::of(static_cast<std::int32_t>(i)); };
  const auto text = [](std::uint32_t i) { return qvd::Value::of(fmt::format("text {:06}", i)); };
  add("Amount", 100'001, [](std::uint32_t i) { return qvd::Value::of(i * 0.25); });
  add("Day", 3'650,
      [](std::uint32_t i) { return qvd::Value::of(static_cast<double>(42'000 + i)); });
  fields.back().number_format.type = "DATE";
  add("Country", 60, text);
  add("Status", 5, text);
  add("Product", 5'000, text);
  add("Customer", 200'000, number);
  add("Quantity", 100, number);
  add("Note", 200'000, text);
  add("Rate", 1'000, [](std::uint32_t i) { return qvd::Value::of(i / 8.0); });
}

// A key of the values `first`, `first` + `step`, …
inline qvd::FieldData key_field(std::uint64_t rows, std::uint64_t first = 0,
                                std::uint64_t step = 1) {
  qvd::FieldData key{.name = "Key"};
  for (std::uint64_t row = 0; row < rows; ++row) {
    key.values.push_back(qvd::Value::of(static_cast<std::int32_t>(first + row * step)));
    key.codes.push_back(static_cast<std::uint32_t>(row) + 1);
  }
  return key;
}

}  // namespace qvdhouse::bench
