#include "schema/hints.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "schema/decimal.h"
#include "schema/override.h"
#include "schema/temporal.h"
#include "schema/temporal_type.h"

namespace qvdhouse::schema {
namespace {

bool says_number(const std::string& format_type) {
  constexpr std::string_view kNumberTypes[] = {"INTEGER", "REAL", "FIX",       "MONEY",
                                               "DATE",    "TIME", "TIMESTAMP", "INTERVAL"};
  return std::find(std::begin(kNumberTypes), std::end(kNumberTypes), format_type) !=
         std::end(kNumberTypes);
}

std::vector<std::string> tags_among(const FieldView& field,
                                    std::initializer_list<std::string_view> wanted) {
  std::vector<std::string> found;
  for (const std::string& tag : field.header.tags) {
    if (std::find(wanted.begin(), wanted.end(), tag) != wanted.end()) found.push_back(tag);
  }
  return found;
}

void check_text_claims(const FieldView& field, std::vector<std::string>& warnings) {
  const std::uint64_t texts = field.profile.text_count - field.profile.blank_text_count;
  if (texts == 0) return;
  std::vector<std::string> claims =
      tags_among(field, {"$integer", "$numeric", "$date", "$timestamp"});
  if (says_number(field.header.number_format.type)) {
    claims.insert(claims.begin(), field.header.number_format.type);
  }
  if (claims.empty()) return;
  warnings.push_back(
      fmt::format("the header says {}, but not every symbol is a number: {} of {} are text",
                  fmt::join(claims, ", "), texts, field.symbols.size()));
}

void check_integer_claims(const FieldView& field, std::vector<std::string>& warnings) {
  std::vector<std::string> claims = tags_among(field, {"$integer"});
  if (field.header.number_format.type == "INTEGER") claims.insert(claims.begin(), "INTEGER");
  if (claims.empty()) return;
  for (std::size_t symbol = 0; symbol < field.symbols.size(); ++symbol) {
    if (!field.symbols.has_number(symbol)) continue;
    const double number = field.symbols.number(symbol);
    if (whole_number(number)) continue;
    warnings.push_back(fmt::format("the header says {}, but {} is not whole",
                                   fmt::join(claims, ", "), shortest_text(number)));
    return;
  }
}

// A date tag means that numbers can be read as dates, no more: an order id can be too.
void check_date_tags(const FieldView& field, std::vector<std::string>& warnings) {
  const std::vector<std::string> claims = tags_among(field, {"$date", "$timestamp"});
  const auto least = field.profile.min_number;
  const auto most = field.profile.max_number;
  if (claims.empty() || !least || !most) return;
  const std::string tags = fmt::format("{}", fmt::join(claims, ", "));
  if (in_clock_range(*least) && in_clock_range(*most)) {
    warnings.push_back(fmt::format(
        "tagged {}, which alone decides nothing: as dates the numbers run from {} to {}; set "
        "types.\"{}\" = \"{}\" if they are",
        tags, iso_date(day_of(*least)), iso_date(day_of(*most)), field.header.name,
        field.profile.all_integral ? "Date32" : "DateTime64(6)"));
  } else {
    warnings.push_back(fmt::format(
        "tagged {}, but numbers from {} to {} are not all days of 1900-01-01…2299-12-31", tags,
        shortest_text(*least), shortest_text(*most)));
  }
}

// Numbers stay numbers until somebody says that they are days.
void check_compact_days(const FieldView& field, std::vector<std::string>& warnings) {
  const auto least = field.profile.min_number;
  const auto most = field.profile.max_number;
  // Somebody said what they are.
  if (has_override(field, field.name)) return;
  if (!least || !most || *least == *most || !compact_day(*least) || !compact_day(*most)) return;
  if (!are_compact_days(field.symbols, field.stop)) return;
  warnings.push_back(fmt::format(
      "all numbers are days written as YYYYMMDD, from {} to {}; set types.\"{}\" = \"Date32\" to "
      "have dates",
      iso_date(*compact_day(*least)), iso_date(*compact_day(*most)), field.header.name));
}

}  // namespace

std::vector<std::string> false_hints(const FieldView& field, bool is_temporal) {
  std::vector<std::string> warnings;
  if (!is_temporal) check_text_claims(field, warnings);
  check_integer_claims(field, warnings);
  const std::string& type = field.header.number_format.type;
  const bool said_by_format = type == "DATE" || type == "TIMESTAMP" || type == "INTERVAL";
  const bool has_text = field.profile.text_count > field.profile.blank_text_count;
  if (!is_temporal && !said_by_format && !has_text) check_date_tags(field, warnings);
  if (!is_temporal && !has_text) check_compact_days(field, warnings);
  return warnings;
}

}  // namespace qvdhouse::schema
