#include "tests/golden/type_case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "schema/cast.h"
#include "schema/decimal.h"
#include "schema/plan.h"
#include "schema/test_symbols.h"

namespace qvdhouse::golden {
namespace {

using clickhouse::Dictionary;
using clickhouse::TypeKind;
using nlohmann::json;

double special_number(const std::string& name) {
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (name == "inf") return std::numeric_limits<double>::infinity();
  if (name == "-inf") return -std::numeric_limits<double>::infinity();
  if (name == "-0") return -0.0;
  throw std::runtime_error("input.json: no number is called " + name);
}

bool is_int32(const json& number) {
  return number.is_number_integer() && std::in_range<std::int32_t>(number.get<std::int64_t>());
}

void add_symbol(const json& symbol, schema::TestField& field) {
  if (symbol.is_string()) {
    field.text(symbol.get<std::string>());
  } else if (is_int32(symbol)) {
    field.integer(symbol.get<std::int32_t>());
  } else if (symbol.is_number()) {
    field.number(symbol.get<double>());
  } else if (symbol.contains("double")) {
    const json& number = symbol.at("double");
    field.number(number.is_string() ? special_number(number.get<std::string>())
                                    : number.get<double>());
  } else if (is_int32(symbol.at("number"))) {
    field.dual(symbol.at("number").get<std::int32_t>(), symbol.at("text").get<std::string>());
  } else {
    field.dual(symbol.at("number").get<double>(), symbol.at("text").get<std::string>());
  }
}

schema::TestField read_field(const json& input) {
  const json format = input.value("format", json::object());
  schema::TestField field(input.at("name").get<std::string>(), format.value("type", "UNKNOWN"));
  qvd::FieldHeader& header = field.header();
  header.number_format.decimals = format.value("nDec", 0);
  header.number_format.format = format.value("fmt", "");
  header.number_format.decimal_sign = format.value("dec", "");
  header.number_format.thousands_sign = format.value("thou", "");
  header.comment = input.value("comment", "");
  header.tags = input.value("tags", std::vector<std::string>{});
  for (const json& symbol : input.at("symbols")) add_symbol(symbol, field);
  return field;
}

// The enumerator that a policy's word stands for.
template <class Enum>
void read_choice(const json& policy, const char* key,
                 std::initializer_list<std::pair<const char*, Enum>> words, Enum& choice) {
  if (!policy.contains(key)) return;
  const std::string wanted = policy.at(key);
  for (const auto& [word, value] : words) {
    if (wanted == word) {
      choice = value;
      return;
    }
  }
  throw std::runtime_error("input.json: unknown policy " + wanted);
}

schema::Policy read_policy(const json& input) {
  using schema::DatePolicy;
  using schema::DecimalPolicy;
  using schema::DualPolicy;
  using schema::IntegerPolicy;
  using schema::MixedPolicy;
  using schema::NamingPolicy;
  using schema::OutsiderPolicy;
  schema::Policy policy;
  read_choice(input, "dual",
              {{"auto", DualPolicy::kAuto},
               {"number", DualPolicy::kNumber},
               {"text", DualPolicy::kText},
               {"both", DualPolicy::kBoth}},
              policy.dual);
  read_choice(input, "mixed",
              {{"string", MixedPolicy::kString},
               {"split", MixedPolicy::kSplit},
               {"error", MixedPolicy::kError}},
              policy.mixed);
  read_choice(input, "integers",
              {{"wide", IntegerPolicy::kWide}, {"narrow", IntegerPolicy::kNarrow}},
              policy.integers);
  read_choice(input, "dates", {{"exact", DatePolicy::kExact}, {"floor", DatePolicy::kFloor}},
              policy.dates);
  const std::initializer_list<std::pair<const char*, OutsiderPolicy>> outsiders = {
      {"clamp", OutsiderPolicy::kClamp},
      {"null", OutsiderPolicy::kNull},
      {"serial", OutsiderPolicy::kSerial},
      {"error", OutsiderPolicy::kError}};
  read_choice(input, "outsiders", outsiders, policy.outsiders);
  const json of_columns = input.value("outsiders_of", json::object());
  for (const auto& [name, word] : of_columns.items()) {
    read_choice(of_columns, name.c_str(), outsiders, policy.outsiders_of[name]);
  }
  read_choice(input, "naming", {{"source", NamingPolicy::kSource}, {"snake", NamingPolicy::kSnake}},
              policy.naming);
  policy.low_cardinality_limit = input.value("low_cardinality_limit", policy.low_cardinality_limit);
  policy.timezone = input.value("timezone", "");
  if (input.contains("server"))
    policy.dialect = clickhouse::dialect_of(input["server"].get<std::string>());
  read_choice(input, "decimals",
              {{"format", DecimalPolicy::kFormat},
               {"auto", DecimalPolicy::kAuto},
               {"never", DecimalPolicy::kNever}},
              policy.decimals);
  policy.null_texts = input.value("null_texts", std::vector<std::string>{});
  policy.null_texts_of =
      input.value("null_texts_of", std::map<std::string, std::vector<std::string>>{});
  policy.overrides = input.value("types", std::map<std::string, std::string>{});
  policy.order_by = input.value("order_by", std::vector<std::string>{});
  return policy;
}

template <class T>
T load(const Dictionary& values, std::size_t slot) {
  T value;
  std::memcpy(&value, values.fixed().data() + slot * sizeof(T), sizeof(T));
  return value;
}

std::string show_date(std::int64_t unix_day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{unix_day}}};
  return fmt::format("{:04}-{:02}-{:02}", int{date.year()}, unsigned{date.month()},
                     unsigned{date.day()});
}

std::string show_ticks(std::int64_t ticks, int scale, bool with_date) {
  std::int64_t second = 1;
  for (int i = 0; i < scale; ++i) second *= 10;
  const std::int64_t day = 86400 * second;
  const std::int64_t days = with_date ? (ticks - (ticks < 0 ? day - 1 : 0)) / day : 0;
  const std::int64_t time = ticks - days * day;
  const std::int64_t seconds = time / second;
  std::string text = with_date ? show_date(days) + " " : "";
  text += fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (scale > 0) text += fmt::format(".{:0{}}", time % second, scale);
  return text;
}

std::string show_integer(const Dictionary& values, std::size_t slot) {
  switch (values.type().kind) {
    case TypeKind::kInt8:
      return fmt::format("{}", load<std::int8_t>(values, slot));
    case TypeKind::kInt16:
      return fmt::format("{}", load<std::int16_t>(values, slot));
    case TypeKind::kInt32:
      return fmt::format("{}", load<std::int32_t>(values, slot));
    case TypeKind::kInt64:
      return fmt::format("{}", load<std::int64_t>(values, slot));
    case TypeKind::kUInt8:
      return fmt::format("{}", load<std::uint8_t>(values, slot));
    case TypeKind::kUInt16:
      return fmt::format("{}", load<std::uint16_t>(values, slot));
    case TypeKind::kUInt32:
      return fmt::format("{}", load<std::uint32_t>(values, slot));
    default:
      return fmt::format("{}", load<std::uint64_t>(values, slot));
  }
}

std::string show_value(const Dictionary& values, std::size_t slot) {
  const clickhouse::ColumnType& type = values.type();
  if (values.is_null(slot) && type.nullable) return "NULL";
  switch (type.kind) {
    case TypeKind::kString:
      return clickhouse::quote_literal(values.text(slot));
    case TypeKind::kFloat64:
      return fmt::format("{}", load<double>(values, slot));
    case TypeKind::kBool:
      return load<std::uint8_t>(values, slot) != 0 ? "true" : "false";
    case TypeKind::kDecimal:
      // Unscaled, so that a digit in the wrong place shows.
      return type.value_bytes() == 4   ? fmt::format("{}", load<std::int32_t>(values, slot))
             : type.value_bytes() == 8 ? fmt::format("{}", load<std::int64_t>(values, slot))
                                       : fmt::format("{}", load<schema::Int128>(values, slot));
    case TypeKind::kDate:
      return show_date(load<std::uint16_t>(values, slot));
    case TypeKind::kDateTime:
      return show_ticks(load<std::uint32_t>(values, slot), 0, true);
    case TypeKind::kDate32:
      return show_date(load<std::int32_t>(values, slot));
    case TypeKind::kDateTime64:
      return show_ticks(load<std::int64_t>(values, slot), type.scale, true);
    case TypeKind::kTime64:
      return show_ticks(load<std::int64_t>(values, slot), type.scale, false);
    default:
      return show_integer(values, slot);
  }
}

std::string show_column(const schema::ColumnPlan& column, const qvd::SymbolTable& symbols) {
  std::string text =
      fmt::format("{}\n  type    {}\n  because {}\n", clickhouse::quote_identifier(column.name),
                  column.type.name(), column.reason);
  for (const std::string& warning : column.warnings) text += fmt::format("  warning {}\n", warning);
  const Dictionary values = schema::cast_symbols(symbols, column);
  std::vector<std::string> shown;
  for (std::size_t slot = 1; slot < values.slot_count(); ++slot) {
    shown.push_back(show_value(values, slot));
  }
  return text + fmt::format("  values  {}\n", fmt::join(shown, " | "));
}

}  // namespace

std::string report(const std::filesystem::path& input_path) {
  std::ifstream file(input_path);
  const json input = json::parse(file);
  qvd::TableHeader header;
  header.creator_document = input.value("creator", "");
  header.created_at = input.value("created", "");
  header.comment = input.value("comment", "");
  std::vector<qvd::SymbolTable> symbols;
  std::vector<bool> may_be_null;
  for (const json& field_input : input.at("fields")) {
    const schema::TestField field = read_field(field_input);
    header.fields.push_back(field.header());
    symbols.push_back(field.symbols());
    may_be_null.push_back(field_input.value("null", false));
  }
  const schema::Policy policy = read_policy(input.value("policy", json::object()));
  try {
    const schema::TablePlan plan =
        schema::plan_table(header, input.value("file", "case.qvd"), symbols, may_be_null, policy);
    std::string text;
    for (const schema::ColumnPlan& column : plan.columns) {
      text += show_column(column, symbols[column.field_index]);
    }
    text +=
        fmt::format("ORDER BY ({}): {}\n", fmt::join(plan.order_by, ", "), plan.order_by_reason);
    return text +
           clickhouse::create_table_sql(schema::table_definition(plan, header, "local"),
                                        policy.dialect) +
           "\n";
  } catch (const base::SchemaError& error) {
    return fmt::format("SchemaError: {}\n", error.what());
  }
}

}  // namespace qvdhouse::golden
