// A ClickHouse column type in the words of each language that models are made in.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "clickhouse/column_type.h"

namespace qvdhouse::models {

using Json = nlohmann::ordered_json;

struct PythonType {
  std::string type;         // "Optional[int]"
  std::string moose;        // the same, with what Moose needs to know: "Annotated[int, \"uint8\"]"
  std::string constraints;  // of Field(): ", ge=0, le=255"; empty for any value of the type
};
// Runs on Pydantic 1.10 and 2. Names _dt (the module datetime), Decimal, Optional and, for Moose,
// Annotated, ClickhouseSize and clickhouse_datetime64.
// `may_be_null`: beside what is nullable, since JSON writes NaN as null.
PythonType python_type(const clickhouse::ColumnType& type, bool may_be_null = false);

// "std::optional<std::int64_t>". A Decimal is the scaled integer, Int128 of more than 18 digits.
std::string cpp_type(const clickhouse::ColumnType& type);

// The type of the value as JSONEachRow has it, 64-bit integers quoted or not.
Json json_schema(const clickhouse::ColumnType& type, bool may_be_null = false);

}  // namespace qvdhouse::models
