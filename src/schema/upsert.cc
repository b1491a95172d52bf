#include "schema/upsert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "base/ascii.h"
#include "base/error.h"
#include "base/pause.h"
#include "schema/decimal.h"
#include "schema/field_view.h"
#include "schema/temporal.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::Dictionary;
using clickhouse::TypeKind;

// A file's time: seconds in front, and milliseconds of the modification time, from which the order
// of files that were made within one second shows, in 30 bits: they wrap after 12 days.
constexpr int kMillisecondBits = 30;
constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;
constexpr std::int64_t kMicrosecondsPerMillisecond = 1'000;

// The field that a setting names, as field or column, of those that the plan has a column of.
std::size_t field_named(const TablePlan& plan, const qvd::TableHeader& header,
                        std::string_view setting, const std::string& name) {
  for (const ColumnPlan& column : plan.columns) {
    if (column.field_index == kNoField) continue;
    if (header.fields[column.field_index].name == name || column.name == name) {
      return column.field_index;
    }
  }
  throw base::SchemaError(
      fmt::format("{} names \"{}\", which is not a field of this file that its table has; fields "
                  "are written as `qvdhouse inspect` shows them",
                  setting, name));
}

// The numbers in their order, as whole numbers; 0 is less than each of them.
std::uint64_t ordered(double number) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  if (std::isnan(number)) return 0;
  if (number == 0) number = 0;  // -0 is 0
  const auto bits = std::bit_cast<std::uint64_t>(number);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

// A number, or the text of one, of a date or a timestamp; dates as Qlik's serial numbers.
std::optional<double> version_number(const qvd::SymbolTable& symbols, std::size_t symbol) {
  if (symbols.has_number(symbol)) return symbols.number(symbol);
  return number_or_serial(base::trimmed(symbols.text(symbol)));
}

void add_order(std::uint64_t version, std::uint64_t file_time, Dictionary& values) {
  const std::array<std::uint64_t, 2> number = {file_time, version};  // little-endian
  values.add_fixed(number.data());
}

}  // namespace

std::uint64_t file_time(const qvd::TableHeader& header, std::int64_t modified_us) {
  const std::int64_t seconds = parse_iso_stamp(header.created_at, kSecondScale)
                                   .value_or(modified_us / kMicrosecondsPerSecond);
  const auto milliseconds = static_cast<std::uint64_t>(modified_us / kMicrosecondsPerMillisecond) %
                            (std::uint64_t{1} << kMillisecondBits);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0)) << kMillisecondBits |
         milliseconds;
}

ColumnPlan order_column(const TablePlan& plan, const qvd::TableHeader& header,
                        const TableRules& rules, std::uint64_t file_time) {
  ColumnPlan column{.name = kOrderColumn,
                    .field_index = kNoField,
                    .part = Part::kOrder,
                    .reason = "by the time of the file",
                    .constant = std::to_string(file_time)};
  column.type.kind = TypeKind::kUInt128;
  if (!rules.version.empty()) {
    column.field_index = field_named(plan, header, "version", rules.version);
    column.reason = fmt::format("by \"{}\", then by the time of the file", rules.version);
  }
  return column;
}

ColumnPlan deleted_column(const TablePlan& plan, const qvd::TableHeader& header,
                          const TableRules& rules) {
  ColumnPlan column{.name = kDeletedColumn,
                    .field_index = kNoField,
                    .part = Part::kDeleted,
                    .reason = "Whether the row says that its key is gone.",
                    .constant = rules.is_deletes ? "1" : "0"};
  column.type.kind = TypeKind::kUInt8;
  const std::size_t equals = rules.deleted.find('=');
  if (equals == std::string::npos || rules.is_deletes) return column;
  const std::string_view text = rules.deleted;
  const std::string field(base::trimmed(text.substr(0, equals)));
  column.field_index = field_named(plan, header, "deleted", field);
  column.constant = base::trimmed(text.substr(equals + 1));
  return column;
}

Dictionary cast_order(const qvd::SymbolTable& symbols, const ColumnPlan& column,
                      const std::stop_token& stop) {
  Dictionary values(column.type);
  const std::uint64_t time = std::stoull(column.constant);
  add_order(0, time, values);
  if (column.field_index == kNoField) return values;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    const auto version = version_number(symbols, symbol);
    if (!version && !is_blank(symbols.text(symbol))) {
      throw base::SchemaError(
          fmt::format("version: symbol {} of {} of its field is {}, which is neither a number, a "
                      "date nor a timestamp; name a field whose values have an order",
                      symbol, symbols.size(), show_symbol(symbols, symbol)));
    }
    add_order(version ? ordered(*version) : 0, time, values);
  }
  return values;
}

Dictionary cast_deleted(const qvd::SymbolTable& symbols, const ColumnPlan& column,
                        const std::stop_token& stop) {
  Dictionary values(column.type);
  if (column.field_index == kNoField) {
    values.add_number(static_cast<std::uint8_t>(column.constant == "1"));
    return values;
  }
  const std::optional<double> wanted = number_of(column.constant);
  values.add_number(std::uint8_t{0});
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    const bool is_equal =
        (symbols.has_text(symbol) && symbols.text(symbol) == column.constant) ||
        (wanted && symbols.has_number(symbol) && symbols.number(symbol) == *wanted);
    values.add_number(static_cast<std::uint8_t>(is_equal));
  }
  return values;
}

void check_key(const TablePlan& plan, const TableRules& rules) {
  for (const std::string& wanted : plan.order_by) {
    const auto found = std::ranges::find(plan.columns, wanted, &ColumnPlan::name);
    if (found == plan.columns.end()) {
      throw base::SchemaError(
          fmt::format("key names \"{}\", which is neither a field of this file nor a column of its "
                      "table; fields are written as `qvdhouse inspect` shows them",
                      wanted));
    }
    if (found->type.nullable && rules.null_keys == NullKeys::kError) {
      throw base::SchemaError(
          fmt::format("key names \"{}\", which is NULL in rows of the file; choose another key, or "
                      "set null_keys = \"keep\": NULL is then a value of the key like any other",
                      wanted));
    }
  }
}

}  // namespace qvdhouse::schema
