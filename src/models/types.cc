#include "models/types.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace qvdhouse::models {
namespace {

using clickhouse::ColumnType;
using clickhouse::TypeKind;

struct IntegerType {
  int bits;
  bool is_signed;
};

std::optional<IntegerType> integer_type(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt8:
      return IntegerType{8, true};
    case TypeKind::kInt16:
      return IntegerType{16, true};
    case TypeKind::kInt32:
      return IntegerType{32, true};
    case TypeKind::kInt64:
      return IntegerType{64, true};
    case TypeKind::kUInt8:
      return IntegerType{8, false};
    case TypeKind::kUInt16:
      return IntegerType{16, false};
    case TypeKind::kUInt32:
      return IntegerType{32, false};
    case TypeKind::kUInt64:
      return IntegerType{64, false};
    default:
      return std::nullopt;
  }
}

std::int64_t smallest(IntegerType type) {
  return type.is_signed ? std::numeric_limits<std::int64_t>::min() >> (64 - type.bits) : 0;
}

std::uint64_t largest(IntegerType type) {
  const int value_bits = type.is_signed ? type.bits - 1 : type.bits;
  return std::numeric_limits<std::uint64_t>::max() >> (64 - value_bits);
}

struct Words {
  std::string type;
  std::string moose;
};

Words python_words(const ColumnType& type) {
  if (const auto integer = integer_type(type.kind)) {
    return {"int", fmt::format("Annotated[int, \"{}int{}\"]", integer->is_signed ? "" : "u",
                               integer->bits)};
  }
  switch (type.kind) {
    case TypeKind::kFloat64:
      return {"float", "float"};
    case TypeKind::kBool:
      return {"bool", "bool"};
    case TypeKind::kDecimal:
      return {"Decimal", "Decimal"};
    case TypeKind::kDate:
      return {"_dt.date", "Annotated[_dt.date, ClickhouseSize(2)]"};
    case TypeKind::kDate32:
      return {"_dt.date", "_dt.date"};
    case TypeKind::kDateTime:
      return {"_dt.datetime", "_dt.datetime"};
    case TypeKind::kDateTime64:
      return {"_dt.datetime", fmt::format("clickhouse_datetime64({})", type.scale)};
    case TypeKind::kTime64:
      return {"_dt.time", "str"};  // Moose knows no such type
    default:
      return {"str", "str"};
  }
}

std::string cpp_words(const ColumnType& type) {
  if (const auto integer = integer_type(type.kind)) {
    return fmt::format("std::{}int{}_t", integer->is_signed ? "" : "u", integer->bits);
  }
  const auto ticks = [&] {
    return fmt::format("std::chrono::duration<std::int64_t, std::ratio<1, 1{:0>{}}>>", "",
                       type.scale);
  };
  switch (type.kind) {
    case TypeKind::kFloat64:
      return "double";
    case TypeKind::kBool:
      return "bool";
    case TypeKind::kDecimal:
      return type.precision <= 9    ? "std::int32_t"
             : type.precision <= 18 ? "std::int64_t"
                                    : "Int128";
    case TypeKind::kDate:
    case TypeKind::kDate32:
      return "std::chrono::sys_days";
    case TypeKind::kDateTime:
      return "std::chrono::sys_seconds";
    case TypeKind::kDateTime64:
      return fmt::format("std::chrono::sys_time<{}>", ticks());
    case TypeKind::kTime64:
      return ticks();
    default:
      return "std::string";
  }
}

// Keywords of JSON Schema look only at values of their own type: "minimum" at numbers, "pattern" at
// strings.
Json integer_schema(IntegerType type) {
  const bool may_be_text = type.bits == 64;  // quoted by older servers, and by setting
  Json schema{
      {"type", Json::array({"integer"})}, {"minimum", smallest(type)}, {"maximum", largest(type)}};
  if (may_be_text) {
    schema["type"].push_back("string");
    schema["pattern"] = type.is_signed ? "^-?[0-9]{1,19}$" : "^[0-9]{1,20}$";
  }
  return schema;
}

std::string fraction_pattern(const ColumnType& type) {
  return type.scale == 0 ? "" : fmt::format("\\.[0-9]{{{}}}", type.scale);
}

Json value_schema(const ColumnType& type) {
  if (const auto integer = integer_type(type.kind)) return integer_schema(*integer);
  const auto text = [](const std::string& pattern) {
    return Json{{"type", Json::array({"string"})}, {"pattern", "^" + pattern + "$"}};
  };
  const auto number_or = [](const char* pattern) {
    return Json{{"type", Json::array({"number", "string"})}, {"pattern", pattern}};
  };
  const std::string day = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
  const std::string time = ":[0-9]{2}:[0-9]{2}" + fraction_pattern(type);
  switch (type.kind) {
    case TypeKind::kFloat64:  // texts with output_format_json_quote_denormals = 1, else null
      return number_or("^-?(nan|inf)$");
    case TypeKind::kBool:
      return Json{{"type", Json::array({"boolean"})}};
    case TypeKind::kDecimal:  // texts with output_format_json_quote_decimals = 1
      return number_or("^-?[0-9]+(\\.[0-9]+)?$");
    case TypeKind::kDate:
    case TypeKind::kDate32:
      return text(day);
    case TypeKind::kDateTime:
    case TypeKind::kDateTime64:
      return text(day + " [0-9]{2}" + time);
    case TypeKind::kTime64:
      return text("-?[0-9]{2,3}" + time);
    default:
      return Json{{"type", Json::array({"string"})}};
  }
}

}  // namespace

PythonType python_type(const ColumnType& type, bool may_be_null) {
  const Words words = python_words(type);
  PythonType python{.type = words.type, .moose = words.moose, .constraints = {}};
  if (type.nullable || may_be_null) {
    python.type = fmt::format("Optional[{}]", python.type);
    python.moose = fmt::format("Optional[{}]", python.moose);
  }
  if (type.low_cardinality) {
    python.moose = fmt::format("Annotated[{}, \"LowCardinality\"]", python.moose);
  }
  const auto integer = integer_type(type.kind);
  if (integer && type.kind != TypeKind::kInt64) {
    python.constraints = fmt::format(", ge={}, le={}", smallest(*integer), largest(*integer));
  } else if (type.kind == TypeKind::kDecimal) {
    python.constraints =
        fmt::format(", max_digits={}, decimal_places={}", type.precision, type.scale);
  }
  return python;
}

std::string cpp_type(const ColumnType& type) {
  const std::string words = cpp_words(type);
  return type.nullable ? fmt::format("std::optional<{}>", words) : words;
}

Json json_schema(const ColumnType& type, bool may_be_null) {
  Json schema = value_schema(type);
  Json& types = schema["type"];
  if (type.nullable || may_be_null) types.push_back("null");
  if (types.size() == 1) types = Json(types[0]);
  return schema;
}

}  // namespace qvdhouse::models
