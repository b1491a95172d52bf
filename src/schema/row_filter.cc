#include "schema/row_filter.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/ascii.h"
#include "base/did_you_mean.h"
#include "base/error.h"
#include "base/pause.h"
#include "schema/cast.h"
#include "schema/field_view.h"
#include "schema/plan.h"
#include "schema/temporal.h"

namespace qvdhouse::schema {
namespace {

using Operator = RowCondition::Operator;

constexpr std::string_view kForm =
    "comparisons joined by and, such as Region = 'West' and Amount > 0; a comparison is a field, "
    "one of = != < <= > >= in, not in, like, not like, matches, is null, is not null, and a value; "
    "names with blanks stand in double quotes";

struct Sign {
  std::string_view text;
  Operator compares;
};
// The longer ones first.
constexpr std::array<Sign, 8> kSigns = {{{"!=", Operator::kNotEqual},
                                         {"<>", Operator::kNotEqual},
                                         {"<=", Operator::kLessOrEqual},
                                         {">=", Operator::kGreaterOrEqual},
                                         {"==", Operator::kEqual},
                                         {"=", Operator::kEqual},
                                         {"<", Operator::kLess},
                                         {">", Operator::kGreater}}};

// Reads the text from left to right. A false result says that it goes on otherwise.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool is_at_end() {
    skip_blanks();
    return rest_.empty();
  }
  std::string_view rest() const { return rest_; }

  bool take(std::string_view sign) {
    skip_blanks();
    if (!rest_.starts_with(sign)) return false;
    rest_.remove_prefix(sign.size());
    return true;
  }
  // A word of the language, in any case.
  bool take_word(std::string_view word) {
    skip_blanks();
    if (!base::equal_ignoring_case(rest_.substr(0, word.size()), word)) return false;
    if (rest_.size() > word.size() && !ends_word(rest_[word.size()])) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  // A field: in double quotes, or without blanks and signs.
  bool take_name(std::string& out) {
    skip_blanks();
    if (rest_.starts_with('"')) return take_quoted('"', out) && !out.empty();
    return take_bare(out);
  }
  bool take_value(std::string& out) {
    skip_blanks();
    if (rest_.starts_with('\'')) return take_quoted('\'', out);
    return take_bare(out);
  }

 private:
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }
  static bool ends_word(char c) {
    return std::string_view(" \t\r\n=!<>(),'\"").find(c) != std::string_view::npos;
  }
  bool take_bare(std::string& out) {
    std::size_t end = 0;
    while (end < rest_.size() && !ends_word(rest_[end])) ++end;
    out = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return !out.empty();
  }
  // A quote within is written twice.
  bool take_quoted(char quote, std::string& out) {
    out.clear();
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == quote) {
        if (at + 1 == rest_.size() || rest_[at + 1] != quote) {
          rest_.remove_prefix(at + 1);
          return true;
        }
        ++at;
      }
      out += rest_[at];
    }
    return false;
  }

  std::string_view rest_;
};

bool take_list(Reader& reader, std::vector<std::string>& values) {
  if (!reader.take("(")) return false;
  do {
    if (!reader.take_value(values.emplace_back())) return false;
  } while (reader.take(","));
  return reader.take(")");
}

bool take_comparison(Reader& reader, RowCondition& condition) {
  const auto take_one = [&](Operator compares) {
    condition.compares = compares;
    return reader.take_value(condition.values.emplace_back());
  };
  for (const auto& [text, compares] : kSigns) {
    if (reader.take(text)) return take_one(compares);
  }
  if (reader.take_word("is")) {
    condition.compares = reader.take_word("not") ? Operator::kIsNotNull : Operator::kIsNull;
    return reader.take_word("null");
  }
  const bool is_not = reader.take_word("not");
  if (reader.take_word("in")) {
    condition.compares = is_not ? Operator::kNotIn : Operator::kIn;
    return take_list(reader, condition.values);
  }
  if (reader.take_word("like")) return take_one(is_not ? Operator::kNotLike : Operator::kLike);
  return !is_not && reader.take_word("matches") && take_one(Operator::kMatches);
}

// % stands for any characters, _ for one, \ takes what follows as it is.
std::string expression_of_like(std::string_view pattern) {
  std::string expression = "(?s)";
  std::string literal;
  const auto flush = [&] { expression += RE2::QuoteMeta(std::exchange(literal, "")); };
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '%' || pattern[at] == '_') {
      flush();
      expression += pattern[at] == '%' ? ".*" : ".";
      continue;
    }
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    literal += pattern[at];
  }
  flush();
  return expression;
}

std::unique_ptr<RE2> expression_of(const RowCondition& condition) {
  const std::string& value = condition.values.front();
  RE2::Options options(RE2::Quiet);
  return std::make_unique<RE2>(
      condition.compares == Operator::kMatches ? value : expression_of_like(value), options);
}

// One value of the field, as conditions look at it.
struct Value {
  std::string text;
  std::optional<double> number;
};

// Whether a value that is not NULL fulfils a condition.
class Judge {
 public:
  explicit Judge(const RowCondition& condition) : compares_(condition.compares) {
    if (compares_ == Operator::kLike || compares_ == Operator::kNotLike ||
        compares_ == Operator::kMatches) {
      expression_ = expression_of(condition);
    }
    for (const std::string& text : condition.values) {
      texts_.insert(text);
      if (const auto number = number_or_serial(text)) numbers_.insert(*number);
    }
    if (condition.values.empty()) return;
    first_ = {.text = condition.values.front(),
              .number = number_or_serial(condition.values.front())};
  }

  bool holds(const Value& value) const {
    switch (compares_) {
      case Operator::kEqual:
      case Operator::kIn:
        return is_one(value);
      case Operator::kNotEqual:
      case Operator::kNotIn:
        return !is_one(value);
      case Operator::kIsNull:
        return false;
      case Operator::kIsNotNull:
        return true;
      case Operator::kLike:
      case Operator::kMatches:
        return RE2::FullMatch(value.text, *expression_);
      case Operator::kNotLike:
        return !RE2::FullMatch(value.text, *expression_);
      default:
        return is_in_order(value);
    }
  }

 private:
  bool is_one(const Value& value) const {
    return texts_.contains(value.text) || (value.number && numbers_.contains(*value.number));
  }
  // Numbers and dates are compared with such; with any other text, texts are.
  bool is_in_order(const Value& value) const {
    if (first_.number) return value.number && is_in_order(*value.number, *first_.number);
    return is_in_order(value.text, first_.text);
  }
  template <class T>
  bool is_in_order(const T& value, const T& bound) const {
    if (compares_ == Operator::kLess) return value < bound;
    if (compares_ == Operator::kLessOrEqual) return value <= bound;
    return compares_ == Operator::kGreater ? value > bound : value >= bound;
  }

  Operator compares_;
  std::unordered_set<std::string> texts_;
  std::unordered_set<double> numbers_;
  Value first_;
  std::unique_ptr<RE2> expression_;
};

// Whether the field is one of numbers, in which a blank text is a missing value.
bool has_only_numbers(const qvd::SymbolTable& symbols) {
  bool has_number = false;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    if (symbols.has_number(symbol)) {
      has_number = true;
    } else if (!is_blank(symbols.text(symbol))) {
      return false;
    }
  }
  return has_number;
}

}  // namespace

std::string parse_row_filter(std::string_view text, RowConditions& out) {
  Reader reader(text);
  out.clear();
  do {
    RowCondition& condition = out.emplace_back();
    if (reader.take_name(condition.field) && take_comparison(reader, condition)) continue;
    return fmt::format("{}; it cannot be read from \"{}\" on", kForm, reader.rest());
  } while (reader.take_word("and"));
  if (!reader.is_at_end()) {
    return fmt::format("{}; it cannot be read from \"{}\" on", kForm, reader.rest());
  }
  for (const RowCondition& condition : out) {
    if (condition.compares != Operator::kMatches) continue;
    const auto expression = expression_of(condition);
    if (expression->ok()) continue;
    return fmt::format("a regular expression (RE2) for matches: {}", expression->error());
  }
  return "";
}

std::size_t field_of(const RowCondition& condition, const qvd::TableHeader& header) {
  const auto& fields = header.fields;
  const auto exact = std::ranges::find(fields, condition.field, &qvd::FieldHeader::name);
  if (exact != fields.end()) return static_cast<std::size_t>(exact - fields.begin());
  std::vector<std::size_t> found;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    names.push_back(fields[i].name);
    if (base::equal_ignoring_case(fields[i].name, condition.field)) found.push_back(i);
  }
  if (found.size() == 1) return found.front();
  throw base::SchemaError(fmt::format(
      "where names \"{}\", which {} field of this file{}; fields are written as `qvdhouse inspect` "
      "shows them",
      condition.field, found.empty() ? "is no" : "is more than one",
      found.empty() ? base::did_you_mean(condition.field, names) : ""));
}

std::vector<std::uint8_t> filtered_codes(const RowCondition& condition,
                                         const qvd::SymbolTable& symbols,
                                         const qvd::FieldHeader& field, bool may_be_null,
                                         const std::vector<std::string>& null_texts,
                                         const std::stop_token& stop) {
  const Judge judge(condition);
  const bool takes_null = condition.compares == Operator::kIsNull;
  const bool blank_is_null = has_only_numbers(symbols);
  const ColumnPlan shown{.clock = clock_in(field.number_format)};
  std::vector<std::uint8_t> codes(symbols.size() + 1);
  codes[0] = may_be_null && !takes_null ? 1 : 0;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    Value value{.text = symbol_text(symbols, symbol, shown), .number = {}};
    bool is_null = false;
    if (symbols.has_number(symbol)) {
      value.number = symbols.number(symbol);
    } else {
      value.number = number_or_serial(value.text);
      is_null = (blank_is_null && is_blank(value.text)) ||
                std::ranges::find(null_texts, value.text) != null_texts.end();
    }
    codes[symbol + 1] = (is_null ? takes_null : judge.holds(value)) ? 0 : 1;
  }
  if (std::ranges::find(codes, std::uint8_t{1}) == codes.end()) codes.clear();
  return codes;
}

}  // namespace qvdhouse::schema
