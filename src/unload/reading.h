// What becomes of the columns of a query in a QVD file: which values, and how they are fetched.
// docs/export.md has the table of types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::unload {

// What the bits or the text of a value become.
enum class Conversion : std::uint8_t {
  kInt,        // a signed integer
  kUInt,       // an unsigned one, Bool too
  kFloat,      // 4 or 8 bytes
  kDecimal,    // a scaled signed integer
  kDate,       // unsigned days since 1970-01-01
  kDate32,     // signed days
  kDateTime,   // unsigned seconds since 1970-01-01 00:00 UTC
  kTicks,      // DateTime64: signed ticks
  kTime,       // signed ticks since midnight
  kInterval,   // a signed number of units, each of `unit` microseconds
  kText,       // the text as it is
  kFixedText,  // FixedString: without the zero bytes that fill it up
  kDigits,     // a number that the server writes as text: integers and decimals of many digits
};

// A column as the query has it.
struct QueryColumn {
  std::string name;
  std::string type;  // as the server spells it
};

// How one column is read.
struct Reading {
  std::string name;
  std::string type;        // of the query's column
  std::string expression;  // what the server is asked for in its place; empty: the column itself
  Conversion conversion = Conversion::kText;
  bool nullable = false;
  int scale = 0;         // kDecimal, kTicks, kTime; kDigits of decimals
  std::string timezone;  // kDateTime, kTicks: whose wall clock the values show
  double unit = 0;       // kInterval: microseconds
  std::string note;      // what is not as a reader might expect; empty: nothing
};

// Decides it by the type. `server_zone` is the zone of types that name none. Throws SchemaError,
// with the fix, for a type that has no values of its own (AggregateFunction).
Reading plan_reading(const QueryColumn& column, std::string_view server_zone);

// The statement that gives the columns as `readings` say: `select` itself where no column needs an
// expression.
std::string select_of(std::string_view select, const std::vector<Reading>& readings);

}  // namespace qvdhouse::unload
