// For tests: a table with a column of each type that we make, with and without NULL, whose values
// are those that formats write in ways of their own.
#pragma once

#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "qvd/header.h"
#include "qvd/symbols.h"
#include "qvd/writer.h"

namespace qvdhouse::render {

struct EveryType {
  qvd::TableData table{.name = "T", .fields = {}, .row_count = 40};
  std::map<std::string, std::string> types;  // Policy::overrides
  qvd::InvalidUtf8 invalid_utf8 = qvd::InvalidUtf8::kKeep;

  EveryType() {
    const auto of = [](auto... numbers) {
      return std::vector<qvd::Value>{qvd::Value::of(static_cast<double>(numbers))...};
    };
    for (const char* type : {"Int8", "Int16", "Int32", "Int64"}) add(type, of(-128, 0, 1, 127));
    for (const char* type : {"UInt8", "UInt16", "UInt32", "UInt64"}) add(type, of(0, 1, 255));
    add("Int64", of(-9007199254740991.0, 9007199254740991.0));
    add("Bool", of(0, 1));
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    add("Float64", of(0.1, -0.25, 1e300, 1e21, 1e20, 1e-7, 0.000001, 123456789.125, kInfinity,
                      -kInfinity, std::numeric_limits<double>::quiet_NaN(), 0, 5e-324));
    for (const char* type : {"Decimal(9, 2)", "Decimal(18, 4)", "Decimal(38, 10)"}) {
      add(type, of(1.5, -0.25, 1234567.25, 0, 100, -7));
    }
    add("Date", of(25569, 45292, 45351));
    add("Date32", of(2, 45292, 146000));
    for (const char* type : {"DateTime", "DateTime('UTC')", "DateTime('Europe/Berlin')"}) {
      add(type, of(45292.25, 45474.5, 40000));
    }
    for (const char* type : {"DateTime64(3)", "DateTime64(3, 'UTC')", "DateTime64(6, 'UTC')",
                             "DateTime64(3, 'America/New_York')", "DateTime64(0, 'UTC')"}) {
      add(type, of(45292.25, 45474.5, 20000.75));
    }
    add("Time64(3)", of(0, 0.5, 0.25));
    add("String", texts());
    add("LowCardinality(String)", texts());
  }

 private:
  static std::vector<qvd::Value> texts() {
    std::vector<qvd::Value> values;
    for (const char* text :
         {"", "plain", "a \"b\" 'c'", "comma, semi; tab\tnew\nline\r\n", "back\\slash /",
          "\x01\x1f\x7f\b\f\v", "Größe ∥ 😀", "line\xE2\x80\xA8 ends\xE2\x80\xA9\xE2\x80",
          "not \xFF UTF-8", "| pipe", "\\N", "NULL", "=1+1", "exactly sixteen!",
          "a text that is longer than the sixteen bytes that are copied at once, and than the one "
          "hundred and twenty-eight that are copied so at all, as it is here"}) {
      values.push_back(qvd::Value::of(std::string_view(text)));
    }
    return values;
  }

  // A field without NULL and one with some.
  void add(const std::string& type, std::vector<qvd::Value> values) {
    for (const bool has_null : {false, true}) {
      qvd::FieldData field;
      field.name =
          std::to_string(table.fields.size()) + " \"" + type + "\"" + (has_null ? " or NULL" : "");
      field.values = values;
      const auto count = static_cast<std::uint32_t>(values.size());
      for (std::uint32_t row = 0; row < table.row_count; ++row) {
        const std::uint32_t value = (row * 7 + row / count) % count;
        field.codes.push_back(has_null && row % 3 == 1 ? 0 : value + 1);
      }
      types[field.name] = type_of(type, has_null);
      table.fields.push_back(std::move(field));
    }
  }
  static std::string type_of(const std::string& type, bool has_null) {
    constexpr std::string_view kLow = "LowCardinality(";
    if (!has_null) return type;
    if (!type.starts_with(kLow)) return "Nullable(" + type + ")";
    return std::string(kLow) + "Nullable(String))";
  }
};

}  // namespace qvdhouse::render
