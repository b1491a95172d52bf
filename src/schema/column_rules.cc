#include "schema/column_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_set>
#include <utility>

#include "base/pause.h"
#include "schema/cast.h"
#include "schema/decimal.h"
#include "schema/plan.h"
#include "schema/temporal.h"
#include "schema/value_text.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::TypeKind;

bool is_clock_type(TypeKind kind) {
  return kind == TypeKind::kDate || kind == TypeKind::kDate32 || kind == TypeKind::kDateTime ||
         kind == TypeKind::kDateTime64;
}

// One file's column, as the conditions look at its values.
class Values {
 public:
  Values(const qvd::SymbolTable& symbols, const ColumnPlan& column,
         const clickhouse::Dictionary& values, const std::stop_token& stop)
      : symbols_(symbols), values_(values), is_clock_(is_clock_type(column.type.kind)) {
    if (column.leaves_misfits) is_misfit_ = find_misfits(symbols, column, stop);
  }

  std::size_t codes() const { return symbols_.size() + 1; }
  bool is_misfit(std::size_t code) const { return !is_misfit_.empty() && is_misfit_[code] != 0; }
  bool is_null(std::size_t code) const { return code == 0 || values_.is_null(code); }
  // As it is in the table.
  std::string_view text(std::size_t code) const {
    if (values_.type().kind == TypeKind::kString) return values_.text(code);
    text_ = value_text(values_, code);
    return text_;
  }
  bool may_be_null() const { return values_.has_nulls(); }
  // Empty for a text that is no number (in a column of dates: no date).
  std::optional<double> number(std::size_t code) const {
    const std::size_t symbol = code - 1;
    if (symbols_.has_number(symbol)) return symbols_.number(symbol);
    const std::string_view text = symbols_.text(symbol);
    return is_clock_ ? serial_of(text) : number_or_serial(text);
  }

 private:
  const qvd::SymbolTable& symbols_;
  const clickhouse::Dictionary& values_;
  const bool is_clock_;
  std::vector<std::uint8_t> is_misfit_;  // by code; empty: none
  mutable std::string text_;             // that text() returned last
};

// Marks a code in a condition, of so many codes.
void mark_broken(std::size_t code, std::size_t codes, ColumnCheck& check) {
  if (check.broken.empty()) check.broken.resize(codes);
  check.broken[code] = 1;
}

// Holds `holds(code)` against each value that is neither NULL nor a misfit.
template <class Holds>
ColumnCheck check_each(const ColumnRule& rule, std::string text, const Values& values,
                       const std::stop_token& stop, const Holds& holds) {
  ColumnCheck check{.rule = std::move(text), .action = rule.action, .broken = {}};
  for (std::size_t code = 1; code < values.codes(); ++code) {
    base::end_if_stopped(stop, code);
    if (values.is_null(code) || values.is_misfit(code) || holds(code)) continue;
    mark_broken(code, values.codes(), check);
  }
  return check;
}

ColumnCheck check_in(const ColumnRule& rule, const Values& values, const std::stop_token& stop) {
  const std::unordered_set<std::string_view> texts(rule.in.begin(), rule.in.end());
  std::unordered_set<double> numbers;
  for (const std::string& text : rule.in) {
    if (const auto number = number_or_serial(text)) numbers.insert(*number);
  }
  constexpr std::size_t kMostShown = 5;
  std::vector<std::string> shown(
      rule.in.begin(),
      rule.in.begin() + static_cast<std::ptrdiff_t>(std::min(rule.in.size(), kMostShown)));
  if (rule.in.size() > kMostShown) shown.push_back("…");
  return check_each(rule, fmt::format("in = [{}]", fmt::join(shown, ", ")), values, stop,
                    [&](std::size_t code) {
                      if (texts.contains(values.text(code))) return true;
                      if (numbers.empty()) return false;
                      const auto number = values.number(code);
                      return number && numbers.contains(*number);
                    });
}

ColumnCheck check_not_null(const ColumnRule& rule, const Values& values, bool may_be_null) {
  ColumnCheck check{.rule = "not_null", .action = rule.action, .broken = {}};
  if (may_be_null) mark_broken(0, values.codes(), check);
  for (std::size_t code = 1; values.may_be_null() && code < values.codes(); ++code) {
    if (values.is_null(code) && !values.is_misfit(code)) mark_broken(code, values.codes(), check);
  }
  return check;
}

ColumnCheck check_fit(const ColumnRule& rule, const ColumnPlan& column, const Values& values) {
  ColumnCheck check{.rule = fmt::format("fits_type ({})", column.type.name()),
                    .action = rule.action,
                    .broken = {}};
  for (std::size_t code = 1; code < values.codes(); ++code) {
    if (values.is_misfit(code)) mark_broken(code, values.codes(), check);
  }
  return check;
}

RE2::Options quiet() {
  RE2::Options options(RE2::Quiet);
  return options;
}

}  // namespace

std::string wrong_in(const ColumnRule& rule) {
  const bool has_condition = rule.not_null || rule.min || rule.max || rule.matches ||
                             !rule.in.empty() || rule.unique || rule.fits_type;
  if (!has_condition) {
    return "at least one of not_null, min, max, matches, in, unique, fits_type";
  }
  for (const auto* bound : {&rule.min, &rule.max}) {
    if (*bound && !number_or_serial(**bound)) {
      return fmt::format("a number or a date such as 2024-01-31 for {}, found '{}'",
                         bound == &rule.min ? "min" : "max", **bound);
    }
  }
  if (rule.min && rule.max && *number_or_serial(*rule.min) > *number_or_serial(*rule.max)) {
    return fmt::format("a min that is not above max, found {} and {}", *rule.min, *rule.max);
  }
  if (rule.matches) {
    const RE2 expression(*rule.matches, quiet());
    if (!expression.ok()) {
      return fmt::format("a regular expression (RE2) for matches: {}", expression.error());
    }
  }
  if (rule.fits_type && rule.action == RuleAction::kWarn) {
    return "another action than warn for fits_type: a value that does not fit has no place in the "
           "column";
  }
  return "";
}

std::uint64_t ColumnCheck::broken_count() const {
  return static_cast<std::uint64_t>(std::ranges::count(broken, std::uint8_t{1}));
}

std::vector<ColumnCheck> check_values(const ColumnRule& rule, const qvd::SymbolTable& symbols,
                                      bool may_be_null, const ColumnPlan& column,
                                      const clickhouse::Dictionary& dictionary,
                                      const std::stop_token& stop) {
  const Values values(symbols, column, dictionary, stop);
  std::vector<ColumnCheck> checks;
  if (rule.fits_type && column.leaves_misfits) checks.push_back(check_fit(rule, column, values));
  if (rule.not_null) checks.push_back(check_not_null(rule, values, may_be_null));
  if (rule.min) {
    checks.push_back(check_each(rule, "min = " + *rule.min, values, stop,
                                [&, least = *number_or_serial(*rule.min)](std::size_t code) {
                                  const auto number = values.number(code);
                                  return number && *number >= least;
                                }));
  }
  if (rule.max) {
    checks.push_back(check_each(rule, "max = " + *rule.max, values, stop,
                                [&, most = *number_or_serial(*rule.max)](std::size_t code) {
                                  const auto number = values.number(code);
                                  return number && *number <= most;
                                }));
  }
  if (rule.matches) {
    const RE2 expression(*rule.matches, quiet());
    checks.push_back(check_each(
        rule, fmt::format("matches = {}", *rule.matches), values, stop, [&](std::size_t code) {
          const std::string_view text = values.text(code);
          return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), expression);
        }));
  }
  if (!rule.in.empty()) checks.push_back(check_in(rule, values, stop));
  if (rule.unique) {
    checks.push_back({.rule = "unique", .action = rule.action, .is_unique = true, .broken = {}});
  }
  return checks;
}

}  // namespace qvdhouse::schema
