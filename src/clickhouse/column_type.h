// The ClickHouse column types that qvdhouse makes, as values: name, parse, wire width.
// Wire facts: docs/clickhouse.md, "Native, byte for byte".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::clickhouse {

enum class TypeKind : std::uint8_t {
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kUInt128,  // of columns of our own only: never of a field
  kFloat64,
  kBool,  // one byte, 0 or 1
  kString,
  kDecimal,     // scaled int32/int64/int128, by precision 9/18/38
  kDate,        // uint16 days since 1970-01-01
  kDateTime,    // uint32 seconds since 1970-01-01 00:00:00 UTC
  kDate32,      // int32 days since 1970-01-01
  kDateTime64,  // int64 ticks of 10^-scale s since 1970-01-01 00:00:00 UTC
  kTime64,      // int64 ticks of 10^-scale s since midnight
};

struct ColumnType {
  TypeKind kind = TypeKind::kString;
  bool nullable = false;
  bool low_cardinality = false;
  std::uint8_t precision = 0;  // kDecimal: 1..38
  std::uint8_t scale = 0;      // kDecimal, kDateTime64, kTime64
  std::string timezone;        // kDateTime, kDateTime64

  // As ClickHouse spells it, e.g. "LowCardinality(Nullable(String))", "Decimal(18, 2)".
  std::string name() const;
  // Bytes of one value in Native; 0 for kString.
  std::size_t value_bytes() const;
  bool operator==(const ColumnType&) const = default;
};

// Parses a type name as users and servers write it (blanks do not matter; Decimal64(s) and the
// like too). Empty when it is not one of the types above.
std::optional<ColumnType> parse_column_type(std::string_view name);

}  // namespace qvdhouse::clickhouse
