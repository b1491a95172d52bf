// Rules 0 to 4 of docs/type-mapping.md for one field, in their order.
#include "schema/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "base/pause.h"
#include "base/workers.h"
#include "clickhouse/quote.h"
#include "schema/decimal.h"
#include "schema/drift.h"
#include "schema/fallback.h"
#include "schema/field_view.h"
#include "schema/hints.h"
#include "schema/names.h"
#include "schema/number_type.h"
#include "schema/override.h"
#include "schema/rendering.h"
#include "schema/temporal_type.h"
#include "schema/upsert.h"

namespace qvdhouse::schema {
namespace {

std::string sentence(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text + ".";
}

ColumnPlan text_column(const FieldView& field, std::string reason) {
  return {.name = field.name,
          .field_index = field.index,
          .part = Part::kText,
          .type = text_type(field),
          .reason = std::move(reason),
          .text_style = TextStyle::kFile,
          .null_texts = field.null_texts};
}

std::string above_limit(const FieldView& field) {
  if (field.symbols.distinct_count() <= field.policy.low_cardinality_limit) return {};
  return fmt::format(", more than low_cardinality_limit = {}", field.policy.low_cardinality_limit);
}

// Rule 1.
ColumnPlan plan_without_symbols(const FieldView& field) {
  ColumnPlan column = text_column(field, "the field has no symbols, so every cell is NULL");
  column.type = {.kind = clickhouse::TypeKind::kString, .nullable = true};
  column.is_empty = true;
  return column;
}

const Misfits& misfits_of(const DisplayTexts& texts, const NumberChoice& choice,
                          const std::string& format_type) {
  switch (choice.reading) {
    case Reading::kDate:
      if (format_type == "TIME") return texts.as_time;  // of which only the time is shown
      return format_type == "DATE" || format_type == "TIMESTAMP" ? texts.as_date
                                                                 : texts.as_whole_date;
    case Reading::kTime:
      return texts.as_time;
    case Reading::kInterval:
      return texts.as_interval;
    case Reading::kNumber:
      break;
  }
  return texts.as_number;
}

void note_dropped_texts(const FieldView& field, const DisplayTexts& texts, const Misfits& misfits,
                        const NumberChoice& choice, ColumnPlan& column) {
  if (misfits.count > 0) {
    column.warnings.push_back(fmt::format(
        "by dual = \"number\" {} display texts are dropped, {} of them saying more than the number "
        "(such as {})",
        texts.dual_count, misfits.count, show_symbol(field.symbols, misfits.first_symbol)));
  } else if (texts.not_plain_count > 0) {
    column.warnings.push_back(
        fmt::format("display texts dropped, each only a rendering of its number: {} (such as {})",
                    texts.not_plain_count, show_symbol(field.symbols, texts.first_not_plain)));
  }
  if (choice.reading == Reading::kDate && texts.partial_date_count > 0) {
    column.warnings.push_back(
        fmt::format("dropped texts that show only a part of the date: {} (such as {})",
                    texts.partial_date_count, show_symbol(field.symbols, texts.first_partial)));
  }
}

ColumnPlan number_column(const FieldView& field, std::string name, const NumberChoice& choice) {
  ColumnPlan column{.name = std::move(name),
                    .field_index = field.index,
                    .part = choice.part,
                    .type = choice.type,
                    .reason = choice.reason,
                    .warnings = choice.warnings,
                    .floor_days = choice.floor_days,
                    .null_texts = field.null_texts};
  column.type.nullable = field.may_be_null || field.profile.blank_text_count > 0;
  if (choice.reading == Reading::kDate && choice.outsiders.count() > 0) {
    admit_outsiders(choice.outsiders, outsider_policy(field), column);
  }
  column.reason += fall_back(field, column);
  if (const auto count = field.profile.blank_text_count - field.null_text_count; count > 0) {
    column.warnings.push_back(
        fmt::format("blank texts (empty or spaces) that become NULL: {}", count));
  }
  return column;
}

// A column of dates, and the one beside it for what it cannot hold.
std::vector<ColumnPlan> with_outsiders(const FieldView& field, ColumnPlan column) {
  std::vector<ColumnPlan> columns;
  columns.push_back(std::move(column));
  if (columns.front().outside != Outside::kNone) {
    columns.push_back(outside_column(field, columns.front()));
  }
  return columns;
}

bool wants_text(const FieldView& field, const DisplayTexts& texts, const Misfits& misfits) {
  const DualPolicy policy = field.policy.dual;
  return texts.dual_count > 0 && (policy == DualPolicy::kText || policy == DualPolicy::kBoth ||
                                  (policy == DualPolicy::kAuto && misfits.count > 0));
}

// Rule 3.
std::vector<ColumnPlan> plan_numbers(const FieldView& field) {
  const DisplayTexts texts = classify_texts(field.symbols, field.header.number_format, field.stop);
  const NumberChoice choice = choose_number(field, texts);
  const Misfits& misfits = misfits_of(texts, choice, field.header.number_format.type);
  const DualPolicy policy = field.policy.dual;
  if (!wants_text(field, texts, misfits)) {
    ColumnPlan column = number_column(field, field.name, choice);
    note_dropped_texts(field, texts, misfits, choice, column);
    return with_outsiders(field, std::move(column));
  }
  const std::string because =
      misfits.count > 0
          ? fmt::format("display texts that say more than their number: {} of {} (such as {})",
                        misfits.count, texts.dual_count,
                        show_symbol(field.symbols, misfits.first_symbol))
          : fmt::format("every display text ({}) is a rendering of its number", texts.dual_count);
  const std::string setting = policy == DualPolicy::kAuto   ? ""
                              : policy == DualPolicy::kText ? "; dual = \"text\""
                                                            : "; dual = \"both\"";
  std::vector<ColumnPlan> columns = {text_column(field, because + setting + above_limit(field))};
  if (policy == DualPolicy::kText) {
    columns.front().warnings.push_back(fmt::format(
        "by dual = \"text\" numbers that have a display text are dropped: {}", texts.dual_count));
  } else {
    NumberChoice number = choice;
    number.reason += fmt::format("; the text is in {}", field.name);
    std::ranges::move(
        with_outsiders(field,
                       number_column(field, field.name + std::string(kNumberSuffix), number)),
        std::back_inserter(columns));
  }
  return columns;
}

// Rule 3a for dates with a few texts among them; empty where rule 4 holds.
std::vector<ColumnPlan> plan_dates_among_texts(const FieldView& field) {
  const DisplayTexts texts = classify_texts(field.symbols, field.header.number_format, field.stop);
  NumberChoice choice;
  const bool is_clock = choose_temporal(field, texts, choice) &&
                        (choice.part == Part::kDate || choice.part == Part::kDateTime);
  if (!is_clock || choice.outsiders.text_count == 0) return {};
  const Misfits& misfits = misfits_of(texts, choice, field.header.number_format.type);
  if (wants_text(field, texts, misfits)) return {};
  ColumnPlan column = number_column(field, field.name, choice);
  note_dropped_texts(field, texts, misfits, choice, column);
  return with_outsiders(field, std::move(column));
}

// Texts that stand for two different symbols: 1 and '1' are two values in Qlik. Hashes are
// compared, at eight bytes a symbol, since the count is only for a warning.
std::size_t count_equal_texts(const qvd::SymbolTable& symbols, const std::stop_token& stop) {
  std::vector<std::size_t> hashes;
  hashes.reserve(symbols.size());
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    hashes.push_back(symbols.has_text(symbol)
                         ? std::hash<std::string_view>{}(symbols.text(symbol))
                         : std::hash<std::string>{}(shortest_text(symbols.number(symbol))));
  }
  std::sort(hashes.begin(), hashes.end());
  const auto distinct_end = std::unique(hashes.begin(), hashes.end());
  return static_cast<std::size_t>(hashes.end() - distinct_end);
}

void note_mixed_losses(const FieldView& field, ColumnPlan& column) {
  const DisplayTexts texts = classify_texts(field.symbols, field.header.number_format, field.stop);
  if (field.policy.mixed == MixedPolicy::kString && texts.not_plain_count > 0) {
    column.warnings.push_back(
        fmt::format("numbers dropped whose text is not plainly the number: {} (such as {}); "
                    "mixed = \"split\" keeps them",
                    texts.not_plain_count, show_symbol(field.symbols, texts.first_not_plain)));
  }
  if (const std::size_t equal_count = count_equal_texts(field.symbols, field.stop);
      equal_count > 0) {
    column.warnings.push_back(fmt::format(
        "symbols with the same text as another symbol, not to be told from it: {}", equal_count));
  }
}

// The first symbol that is text and not NULL, which a mixed field has.
std::size_t first_text(const FieldView& field) {
  std::size_t symbol = 0;
  while (field.symbols.has_number(symbol) || field.means_null(field.symbols.text(symbol))) ++symbol;
  return symbol;
}

// Where all texts of a mixed field are ones that people write for a missing value.
void propose_null_texts(const FieldView& field, ColumnPlan& column) {
  constexpr std::array<std::string_view, 15> kUsual = {"NULL", "null", "Null", "N/A",  "n/a",
                                                       "NA",   "#N/A", "NaN",  "nan",  "-",
                                                       "--",   "?",    "nil",  "None", "(blank)"};
  std::vector<std::string> found;
  for (std::size_t symbol = 0; symbol < field.symbols.size(); ++symbol) {
    base::end_if_stopped(field.stop, symbol);
    if (field.symbols.has_number(symbol)) continue;
    const std::string_view text = field.symbols.text(symbol);
    if (field.means_null(text)) continue;
    if (std::ranges::find(kUsual, text) == kUsual.end()) return;
    found.push_back(fmt::format("\"{}\"", text));
  }
  column.warnings.push_back(fmt::format(
      "all its texts look like missing values; with null_texts = [{}] they are NULL, and the "
      "column is one of numbers",
      fmt::join(found, ", ")));
}

// Rule 4.
std::vector<ColumnPlan> plan_mixed(const FieldView& field) {
  const std::uint64_t number_count = field.profile.number_count();
  const std::string because =
      fmt::format("symbols with a number: {}, with text alone: {} (such as {})", number_count,
                  field.profile.text_count, show_symbol(field.symbols, first_text(field)));
  if (field.policy.mixed == MixedPolicy::kError) {
    throw base::SchemaError(fmt::format(
        "field \"{}\": {}, and mixed = \"error\" forbids that; set mixed to \"string\" or "
        "\"split\", or types.\"{}\" to \"String\"",
        field.header.name, because, field.header.name));
  }
  std::vector<ColumnPlan> columns = {text_column(field, because + above_limit(field))};
  note_mixed_losses(field, columns.front());
  propose_null_texts(field, columns.front());
  if (field.policy.mixed == MixedPolicy::kSplit) {
    NumberChoice number = choose_plain_number(field);
    number.part = Part::kNumberOrNull;
    number.reason += fmt::format("; mixed = \"split\", the text is in {}", field.name);
    columns.push_back(number_column(field, field.name + std::string(kNumberSuffix), number));
    ColumnPlan& column = columns.back();
    column.type.nullable = true;
    column.warnings = number.warnings;
  }
  return columns;
}

std::vector<ColumnPlan> plan_by_rule(const FieldView& field) {
  const qvd::FieldProfile& profile = field.profile;
  if (field.symbols.size() == 0) return {plan_without_symbols(field)};
  if (field.symbols.size() == field.null_text_count) {
    ColumnPlan column = plan_without_symbols(field);
    column.reason = fmt::format("every symbol ({}) is NULL by null_texts", field.symbols.size());
    return {std::move(column)};
  }
  if (profile.number_count() == 0) {
    return {text_column(field, fmt::format("every symbol ({}) is text{}", field.symbols.size(),
                                           above_limit(field)))};
  }
  if (profile.text_count == profile.blank_text_count) return plan_numbers(field);
  std::vector<ColumnPlan> dates = plan_dates_among_texts(field);
  return dates.empty() ? plan_mixed(field) : dates;
}

// Whether the numbers or dates rise from symbol to symbol nearly always, in the order of first use.
bool is_ascending(const qvd::SymbolTable& symbols, const std::stop_token& stop) {
  constexpr std::size_t kFewest = 3;
  std::size_t steps = 0;
  std::size_t rises = 0;
  std::optional<double> last;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    if (!symbols.has_number(symbol)) continue;
    const double number = symbols.number(symbol);
    if (last) {
      ++steps;
      if (number > *last) ++rises;
    }
    last = number;
  }
  return steps + 1 >= kFewest && rises * 20 >= steps * 19;
}

Clock clock_of(const FieldView& field) {
  const bool has_plain_numbers = field.profile.number_count() > field.profile.dual_count();
  if (!has_plain_numbers || outsider_policy(field) == OutsiderPolicy::kSerial) return Clock::kNone;
  return clock_in(field.header.number_format);
}

bool is_temporal(const ColumnPlan& column) {
  return column.part == Part::kDate || column.part == Part::kDateTime || column.part == Part::kTime;
}

std::vector<ColumnPlan> plan_known(const FieldView& field) {
  std::vector<ColumnPlan> columns = has_override(field, field.name)
                                        ? with_outsiders(field, plan_override(field, field.name))
                                        : plan_by_rule(field);
  if (columns.size() > 1 && columns[1].outside != Outside::kOnly &&
      has_override(field, columns[1].name)) {
    std::vector<ColumnPlan> numbers = with_outsiders(field, plan_override(field, columns[1].name));
    columns.resize(1);
    std::ranges::move(numbers, std::back_inserter(columns));
  }
  const std::vector<std::string> hints = false_hints(field, is_temporal(columns.back()));
  auto& warnings = columns.front().warnings;
  warnings.insert(warnings.end(), hints.begin(), hints.end());
  const bool ascending = is_ascending(field.symbols, field.stop);
  const Clock clock = clock_of(field);
  for (ColumnPlan& column : columns) {
    column.ascending = ascending && column.type.kind != clickhouse::TypeKind::kString;
    column.clock = clock;
    column.has_non_finite =
        field.profile.non_finite_count > 0 && column.type.kind == clickhouse::TypeKind::kFloat64;
    column.reason = sentence(std::move(column.reason));
    for (std::string& warning : column.warnings) warning = sentence(std::move(warning));
  }
  return columns;
}

// The field with the texts that mean NULL in it counted as blank ones.
std::vector<ColumnPlan> plan_with_null_texts(const FieldView& given,
                                             const std::vector<std::string>& null_texts) {
  qvd::FieldProfile profile = given.profile;
  FieldView field{.header = given.header,
                  .index = given.index,
                  .may_be_null = given.may_be_null,
                  .symbols = given.symbols,
                  .profile = profile,
                  .policy = given.policy,
                  .name = given.name,
                  .stop = given.stop,
                  .null_texts = null_texts};
  for (std::size_t symbol = 0; symbol < given.symbols.size(); ++symbol) {
    base::end_if_stopped(given.stop, symbol);
    if (given.symbols.has_number(symbol)) continue;
    const std::string_view text = given.symbols.text(symbol);
    if (std::ranges::find(null_texts, text) == null_texts.end()) continue;
    ++field.null_text_count;
    if (!is_blank(text)) ++profile.blank_text_count;
  }
  if (field.null_text_count == 0) field.null_texts.clear();
  field.may_be_null = field.may_be_null || field.null_text_count > 0;
  std::vector<ColumnPlan> columns = plan_known(field);
  if (field.null_text_count > 0) {
    columns.front().warnings.push_back(
        fmt::format("Texts that are NULL by null_texts: {}.", field.null_text_count));
  }
  return columns;
}

}  // namespace

std::vector<ColumnPlan> plan_columns(const FieldView& field) {
  const std::vector<std::string>& null_texts =
      null_texts_of(field.policy, field.header.name, field.name);
  return null_texts.empty() ? plan_known(field) : plan_with_null_texts(field, null_texts);
}

Clock clock_in(const qvd::NumberFormat& format) {
  if (format.type == "DATE") return Clock::kDate;
  if (format.type == "TIMESTAMP") return Clock::kTimestamp;
  return format.type == "TIME" ? Clock::kTime : Clock::kNone;
}

std::string_view comment_of(TextStyle style) {
  switch (style) {
    case TextStyle::kServer:
      return "text as ClickHouse writes it";
    case TextStyle::kFile:
      return "text as in the file";
    case TextStyle::kOld:
      break;
  }
  return {};
}

TextStyle text_style_in(std::string_view comment) {
  for (const TextStyle style : {TextStyle::kServer, TextStyle::kFile}) {
    if (comment.find(comment_of(style)) != comment.npos) return style;
  }
  return TextStyle::kOld;
}

std::vector<ColumnPlan> plan_field(const qvd::FieldHeader& field, std::size_t field_index,
                                   bool may_be_null, const qvd::SymbolTable& symbols,
                                   const qvd::FieldProfile& profile, const Policy& policy) {
  return plan_columns({.header = field,
                       .index = field_index,
                       .may_be_null = may_be_null,
                       .symbols = symbols,
                       .profile = profile,
                       .policy = policy,
                       .name = column_names({field.name}, policy).front()});
}

// The plan of a whole file: all fields, ORDER BY and comment.

bool is_key_field(const qvd::FieldHeader& field) {
  return field.name.starts_with('%') ||
         std::find(field.tags.begin(), field.tags.end(), "$key") != field.tags.end();
}

namespace {

using clickhouse::TypeKind;

constexpr std::size_t kMostChosenKeys = 3;

// A column that may lead ORDER BY, with the number of its distinct values.
struct KeyCandidate {
  const ColumnPlan* column;
  std::uint64_t distinct_count;
  bool is_tagged;  // $key, or named %…
  bool is_date() const {
    const TypeKind kind = column->type.kind;
    return kind == TypeKind::kDate || kind == TypeKind::kDate32 || kind == TypeKind::kDateTime ||
           kind == TypeKind::kDateTime64;
  }
};

// The main column of each field that could be sorted by, fewest distinct values first.
std::vector<KeyCandidate> key_candidates(const std::vector<ColumnPlan>& columns,
                                         const qvd::TableHeader& header,
                                         std::span<const qvd::SymbolTable> symbols) {
  std::vector<KeyCandidate> candidates;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ColumnPlan& column = columns[i];
    const bool is_main = i == 0 || columns[i - 1].field_index != column.field_index;
    const std::uint64_t distinct_count = symbols[column.field_index].distinct_count();
    if (!is_main || column.type.nullable || column.type.kind == TypeKind::kFloat64 ||
        distinct_count < 2) {
      continue;
    }
    candidates.push_back(
        {&column, distinct_count, is_key_field(header.fields[column.field_index])});
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return a.distinct_count < b.distinct_count;
  });
  return candidates;
}

// A name that is not a field here may be a column of the table's own: table_definition() looks at
// that.
void order_by_setting(const qvd::TableHeader& header, const Policy& policy, TablePlan& plan) {
  for (const std::string& wanted : policy.order_by) {
    const auto found = std::ranges::find_if(plan.columns, [&](const ColumnPlan& column) {
      return header.fields[column.field_index].name == wanted || column.name == wanted;
    });
    plan.order_by.push_back(found == plan.columns.end() ? wanted : found->name);
  }
  plan.is_order_set = true;
  plan.order_by_reason = "The setting order_by.";
}

void choose_order_by(const qvd::TableHeader& header, std::span<const qvd::SymbolTable> symbols,
                     const Policy& policy, TablePlan& plan) {
  if (!policy.order_by.empty()) return order_by_setting(header, policy, plan);
  const std::vector<KeyCandidate> all = key_candidates(plan.columns, header, symbols);
  const auto is_tagged = [](const KeyCandidate& key) { return key.is_tagged; };
  const bool has_tagged = std::ranges::any_of(all, is_tagged);
  // Where there are several dates: a key, else the one with the fewest values.
  auto date = std::ranges::find_if(
      all, [](const KeyCandidate& key) { return key.is_date() && key.is_tagged; });
  if (date == all.end()) date = std::ranges::find_if(all, &KeyCandidate::is_date);
  const std::size_t others = kMostChosenKeys - (date == all.end() ? 0 : 1);
  std::size_t taken = 0;
  std::vector<std::string> counts;
  for (auto key = all.begin(); key != all.end(); ++key) {
    const bool is_chosen = key == date || (has_tagged ? key->is_tagged : taken < others);
    if (!is_chosen) continue;
    if (key != date) ++taken;
    plan.order_by.push_back(key->column->name);
    counts.push_back(fmt::format("{}", key->distinct_count));
  }
  plan.order_by_reason =
      counts.empty() ? "No column has several values, is never NULL and no Float64, so tuple()."
                     : fmt::format("{}{}, never NULL, fewest distinct values first ({}).",
                                   has_tagged ? "Fields tagged $key or named %…"
                                              : "No key field, so the columns",
                                   date == all.end() || date->is_tagged
                                       ? ""
                                       : fmt::format(" and the date \"{}\"", date->column->name),
                                   fmt::join(counts, ", "));
}

std::string table_comment(const qvd::TableHeader& header, std::string_view file_name) {
  std::string comment = fmt::format("{}{}", kTableCommentPrefix, file_name);
  if (!header.creator_document.empty()) comment += fmt::format(" by {}", header.creator_document);
  if (!header.created_at.empty()) comment += fmt::format(", created {} UTC", header.created_at);
  if (!header.comment.empty()) comment += "; " + header.comment;
  return comment;
}

void check_names(const std::vector<ColumnPlan>& columns, const qvd::TableHeader& header) {
  std::map<std::string_view, const ColumnPlan*> owners;
  for (const ColumnPlan& column : columns) {
    const auto [owner, is_new] = owners.emplace(column.name, &column);
    if (is_new) continue;
    // Fields' own columns have names of their own, so one of the two is a number column.
    const bool is_first = owner->second->name.ends_with(kNumberSuffix) &&
                          owner->second != columns.data() &&
                          (owner->second - 1)->field_index == owner->second->field_index;
    const ColumnPlan& number = is_first ? *owner->second : column;
    const ColumnPlan& other = is_first ? column : *owner->second;
    const std::string& field = header.fields[number.field_index].name;
    throw base::SchemaError(
        fmt::format("fields \"{}\" and \"{}\" both want the column \"{}\", the first for its "
                    "numbers beside its "
                    "texts; set dual = \"text\" or \"number\", or one type for it by types.\"{}\"",
                    field, header.fields[other.field_index].name, column.name, field));
  }
}

// What is left of the header when its values are texts of ours: it claims nothing of these.
qvd::FieldHeader as_protected(qvd::FieldHeader field, const Protection& protection) {
  if (!protection.makes_text()) return field;
  field.number_format = {};
  field.tags.clear();
  return field;
}

void note_protection(const Protection& protection, ColumnPlan& column) {
  if (!protection.changes_values()) return;
  column.protection = protection;
  std::string how(participle_of(protection));
  how.front() = base::to_upper(how.front());
  column.reason =
      fmt::format("{} by the settings ({}). {}", how, text_of(protection), column.reason);
}

// For a number column whose field has a column besides.
bool is_excluded(const std::string& column, const Policy& policy) {
  return std::ranges::any_of(
      policy.exclude, [&](const std::string& pattern) { return matches_pattern(column, pattern); });
}

}  // namespace

TablePlan plan_table(const qvd::TableHeader& header, std::string_view file_name,
                     std::span<const qvd::SymbolTable> symbols,
                     const std::vector<bool>& may_be_null, const Policy& policy, unsigned threads,
                     const std::stop_token& stop) {
  TablePlan plan{.table = table_name(file_name, policy),
                 .columns = {},
                 .order_by = {},
                 .order_by_reason = {},
                 .comment = table_comment(header, file_name)};
  std::vector<std::string> field_names;
  for (const qvd::FieldHeader& field : header.fields) field_names.push_back(field.name);
  const std::vector<std::string> names = column_names(field_names, policy);
  std::vector<std::vector<ColumnPlan>> of_field(header.fields.size());
  base::for_each_index(of_field.size(), threads, [&](std::size_t i) {
    base::end_if_stopped(stop, 0);
    if (names[i].empty()) return;
    const Protection protection = protection_of(policy, header.fields[i].name, names[i]);
    const qvd::FieldHeader field = as_protected(header.fields[i], protection);
    const qvd::FieldProfile profile = qvd::profile_field(symbols[i]);
    of_field[i] = plan_columns({.header = field,
                                .index = i,
                                .may_be_null = may_be_null[i],
                                .symbols = symbols[i],
                                .profile = profile,
                                .policy = policy,
                                .name = names[i],
                                .stop = stop});
    std::erase_if(of_field[i], [&](const ColumnPlan& column) {
      return column.name != names[i] && is_excluded(column.name, policy);
    });
    for (ColumnPlan& column : of_field[i]) note_protection(protection, column);
  });
  for (auto& columns : of_field) {
    std::move(columns.begin(), columns.end(), std::back_inserter(plan.columns));
  }
  if (plan.columns.empty()) {
    throw base::SchemaError(
        fmt::format("file \"{}\": include and exclude leave none of its {} fields; correct them",
                    file_name, header.fields.size()));
  }
  for (ColumnPlan& column : plan.columns) {
    column.title = rest_of_name(header.fields[column.field_index].name, policy);
  }
  check_names(plan.columns, header);
  choose_order_by(header, symbols, policy, plan);
  return plan;
}

// From a plan and the table's rules to what CREATE TABLE says.

namespace {

using clickhouse::quote_identifier;

bool gains_from_delta(TypeKind kind) {
  return kind != TypeKind::kString && kind != TypeKind::kFloat64 && kind != TypeKind::kBool &&
         kind != TypeKind::kDecimal;
}

// Delta where neighbours in the table are likely to be neighbours in value: the first sort key, and
// values that rose in the order of the file.
std::string codec(const ColumnPlan& column, const TablePlan& plan, const TableRules& rules) {
  if (const std::string* wanted = find_setting(rules.codecs, column.name)) return *wanted;
  const bool is_first_key = !plan.order_by.empty() && plan.order_by.front() == column.name;
  const bool is_sorted = column.ascending || is_first_key || column.part == Part::kRowNumber;
  return is_sorted && gains_from_delta(column.type.kind) ? "Delta, ZSTD(1)" : "ZSTD(1)";
}

bool has_column(const TablePlan& plan, const std::string& name) {
  return std::ranges::find(plan.columns, name, &ColumnPlan::name) != plan.columns.end();
}

// What a column is beside another of its field: its label, its number, what it cannot hold.
std::vector<std::string> told_of_pair(const ColumnPlan& column, const TablePlan& plan) {
  std::vector<std::string> parts;
  const auto tell_owner = [&](std::string_view suffix, std::string_view what) {
    if (!column.name.ends_with(suffix)) return;
    const std::string owner = column.name.substr(0, column.name.size() - suffix.size());
    if (has_column(plan, owner)) parts.push_back(fmt::format("{} {}", what, owner));
  };
  tell_owner(kNumberSuffix, "the number of");
  tell_owner(kOutsideSuffix, "values that cannot be in");
  const std::string number = column.name + std::string(kNumberSuffix);
  if (has_column(plan, number)) parts.push_back(fmt::format("its number is in {}", number));
  const std::string outside = column.name + std::string(kOutsideSuffix);
  if (has_column(plan, outside))
    parts.push_back(fmt::format("what is no such date is in {}", outside));
  return parts;
}

std::string column_comment(const ColumnPlan& column, const qvd::TableHeader& header,
                           const TablePlan& plan, LoadMode mode) {
  if (column.part == Part::kOrder) return column.reason;
  std::vector<std::string> parts;
  if (column.field_index != kNoField && !is_own_column(column)) {
    const qvd::FieldHeader& field = header.fields[column.field_index];
    if (!column.title.empty()) parts.push_back(column.title);
    if (!field.comment.empty()) parts.push_back(field.comment);
    const auto is_made_of = [&](std::string_view suffix) {
      return column.name == fmt::format("{}{}", field.name, suffix);
    };
    const bool is_renamed = !is_made_of("") && !is_made_of(kNumberSuffix) &&
                            !is_made_of(kOutsideSuffix) &&
                            !is_made_of(fmt::format("{}{}", kNumberSuffix, kOutsideSuffix));
    if (is_renamed) parts.push_back(fmt::format("field \"{}\"", field.name));
    for (std::string& part : told_of_pair(column, plan)) parts.push_back(std::move(part));
    if (column.type.kind == TypeKind::kFloat64 && field.number_format.type == "INTERVAL") {
      parts.emplace_back("in days");
    }
    if (!field.tags.empty()) parts.push_back(fmt::format("tags: {}", fmt::join(field.tags, ", ")));
  }
  if (column.protection.changes_values()) parts.emplace_back(participle_of(column.protection));
  // In a table of one file the styles differ in dates and times alone.
  if (column.type.kind == clickhouse::TypeKind::kString && column.text_style != TextStyle::kOld &&
      (mode != LoadMode::kReplace || column.clock != Clock::kNone)) {
    parts.emplace_back(comment_of(column.text_style));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

// A table of many files is made by the first of them.
std::string table_comment(const TablePlan& plan, const TableRules& rules, LoadMode mode) {
  if (mode == LoadMode::kReplace || rules.match.empty()) return plan.comment;
  std::string_view of_file = plan.comment;
  if (of_file.starts_with(kTableCommentPrefix)) of_file.remove_prefix(kTableCommentPrefix.size());
  return fmt::format("{}{}, such as {}", kTableCommentPrefix, rules.match, of_file);
}

// A partition a file, so that its rows can be replaced by one statement.
std::string partition_by(const TableRules& rules, LoadMode mode, bool by_file) {
  if (mode == LoadMode::kReplace || !by_file) return rules.partition_by;
  std::vector<std::string> key = {quote_identifier(kFileColumn)};
  if (mode == LoadMode::kAppend) key.push_back(quote_identifier(kVersionColumn));
  if (!rules.partition_by.empty()) key.push_back(rules.partition_by);
  return key.size() == 1 ? key.front() : fmt::format("({})", fmt::join(key, ", "));
}

void check_order(const TablePlan& plan) {
  for (const std::string& wanted : plan.order_by) {
    const auto found = std::ranges::find(plan.columns, wanted, &ColumnPlan::name);
    if (found == plan.columns.end()) {
      throw base::SchemaError(fmt::format(
          "order_by names \"{}\", which is neither a field of this file nor a column of its "
          "table; fields "
          "are written as `qvdhouse inspect` shows them",
          wanted));
    }
    if (found->type.nullable) {
      throw base::SchemaError(fmt::format(
          "order_by names \"{}\", whose type {} may be NULL: ClickHouse sorts by columns that are "
          "never NULL; choose another field",
          wanted, found->type.name()));
    }
  }
}

// Names of columns. Throws SchemaError for one that does not begin the sorting key.
std::vector<std::string> primary_key(const TablePlan& plan, const qvd::TableHeader& header,
                                     const TableRules& rules) {
  std::vector<std::string> key;
  for (const std::string& wanted : rules.primary_key) {
    const std::string sorted = key.size() < plan.order_by.size() ? plan.order_by[key.size()] : "";
    const auto column = std::ranges::find(plan.columns, sorted, &ColumnPlan::name);
    const bool is_it = column != plan.columns.end() &&
                       (sorted == wanted || (column->field_index < header.fields.size() &&
                                             header.fields[column->field_index].name == wanted));
    if (!is_it) {
      throw base::SchemaError(fmt::format(
          "primary_key names \"{}\" as number {}, and the table is sorted by {}; a primary key is "
          "the beginning of order_by: name its first columns in their order",
          wanted, key.size() + 1,
          plan.order_by.empty() ? "nothing" : fmt::format("{}", fmt::join(plan.order_by, ", "))));
    }
    key.push_back(sorted);
  }
  return key;
}

}  // namespace

clickhouse::TableDefinition table_definition(const TablePlan& plan, const qvd::TableHeader& header,
                                             std::string_view database, const TableRules& rules,
                                             LoadMode mode, bool by_file) {
  if (mode == LoadMode::kUpsert) {
    check_key(plan, rules);
  } else {
    check_order(plan);
  }
  clickhouse::TableDefinition table{
      .database = std::string(database),
      .name = plan.table,
      .columns = {},
      .order_by = plan.order_by,
      .primary_key = primary_key(plan, header, rules),
      .partition_by = partition_by(rules, mode, by_file),
      .sample_by = rules.sample_by,
      .indexes = rules.indexes,
      .engine = rules.engine.empty() ? "MergeTree" : rules.engine,
      .ttl = rules.ttl,
      .settings = rules.settings,
      .comment = table_comment(plan, rules, mode),
  };
  for (const ColumnPlan& column : plan.columns) {
    table.columns.push_back({.name = column.name,
                             .type = column.type.name(),
                             .codec = codec(column, plan, rules),
                             .comment = column_comment(column, header, plan, mode)});
  }
  if (mode == LoadMode::kUpsert) {
    table.engine = fmt::format("ReplacingMergeTree({})", kOrderColumn);
    if (rules.null_keys == NullKeys::kKeep) table.settings["allow_nullable_key"] = "1";
  }
  return table;
}

}  // namespace qvdhouse::schema
