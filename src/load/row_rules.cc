#include "load/row_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/quantity.h"
#include "base/workers.h"
#include "load/load.h"
#include "schema/cast.h"
#include "schema/names.h"

namespace qvdhouse::load {
namespace {

using schema::RuleAction;

// As load/checksum.cc reads and decodes.
constexpr std::uint64_t kRangeRows = 65'536;
constexpr std::size_t kSiftedAtOnce = 2'048;

std::uint8_t level_of(RuleAction action) { return static_cast<std::uint8_t>(action) + 1; }
constexpr std::uint8_t kNoLevel = 0;

ColumnValues cast_for_rules(const PreparedFile& file, const schema::ColumnPlan& column,
                            const std::stop_token& stop) {
  return {column.name, column.field_index,
          schema::cast_symbols(file.symbols[column.field_index], column, stop)};
}

// Whether a rule of `pattern` is of the column: by its own name, or by its field's.
bool is_of(const PreparedFile& file, const schema::ColumnPlan& column, const std::string& pattern) {
  return schema::matches_pattern(column.name, pattern) ||
         schema::matches_pattern(file.header.fields[column.field_index].name, pattern);
}

// A rule and a column that it is of.
struct RuledColumn {
  schema::ColumnRule rule;
  std::size_t column = 0;  // in the plan
  std::vector<schema::ColumnCheck> checks{};
  std::vector<std::uint32_t> same_value{};  // where it must be unique: first_of_value()
};

// In the order of the rules. `idle`: rules of no column.
std::vector<RuledColumn> ruled_columns(const PreparedFile& file, const schema::TableRules& rules,
                                       std::vector<std::string>& idle) {
  std::vector<RuledColumn> ruled;
  for (const schema::ColumnRule& rule : rules.column_rules) {
    const std::size_t before = ruled.size();
    std::vector<bool> has_field(file.header.fields.size());
    for (std::size_t i = 0; i < file.plan.columns.size(); ++i) {
      const schema::ColumnPlan& column = file.plan.columns[i];
      if (column.field_index == schema::kNoField || schema::is_own_column(column)) continue;
      if (!is_of(file, column, rule.columns)) continue;
      ruled.push_back({.rule = rule, .column = i});
      // A field is judged by its first column; the types of the others are their own.
      if (has_field[column.field_index]) {
        ruled.back().rule = {
            .columns = rule.columns, .in = {}, .fits_type = rule.fits_type, .action = rule.action};
      }
      has_field[column.field_index] = true;
    }
    if (ruled.size() == before && file.header.record_count > 0 && !file.plan.has_keys_only) {
      idle.push_back(fmt::format("the rules of \"{}\" are of no column of the file", rule.columns));
    }
  }
  return ruled;
}

std::string rule_of(const RowCheck& check) {
  return fmt::format("\"{}\" {}", check.column_name, check.check.rule);
}

std::string value_of(const PreparedFile& file, const RowCheck& check, std::uint32_t code) {
  if (code == 0) return "NULL";
  constexpr std::size_t kMostShown = 60;
  std::string text = "'" +
                     (file.symbols[check.field_index].size() < code
                          ? std::string("?")
                          : schema::symbol_text(file.symbols[check.field_index], code - 1,
                                                file.plan.columns[check.column])) +
                     "'";
  if (text.size() > kMostShown) {
    std::size_t end = kMostShown;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "…'";
  }
  return text;
}

// "the first of them row 17 with '-3'"
std::string first_of(const PreparedFile& file, const RowCheck& check, const CheckCount& count) {
  return fmt::format("{} {} with {}", count.rows == 1 ? "row" : "the first of them row",
                     base::format_count(count.first_row + 1),
                     value_of(file, check, count.first_code));
}

// "5 rows break"
std::string breaking(const CheckCount& count) {
  return fmt::format("{} {}", base::format_quantity(count.rows, "row"),
                     count.rows == 1 ? "breaks" : "break");
}

// "5 rows break the rule "Amount" min = 0, the first of them row 17 with '-3'"
std::string text_of(const PreparedFile& file, const RowCheck& check, const CheckCount& count) {
  return fmt::format("{} the rule {}, {}", breaking(count), rule_of(check),
                     first_of(file, check, count));
}

}  // namespace

void mark_filtered(std::span<const FilteredField> fields, const qvd::RowDecoder& decoder,
                   const std::byte* records, std::uint64_t first_row,
                   std::span<std::uint32_t> codes, std::span<std::uint8_t> is_out) {
  std::ranges::fill(is_out, std::uint8_t{0});
  for (const FilteredField& field : fields) {
    decoder.decode(field.field_index, records, first_row, codes);
    for (std::size_t row = 0; row < codes.size(); ++row) is_out[row] |= field.is_out[codes[row]];
  }
}

void RowCounts::add(const RowCounts& other) {
  quarantined += other.quarantined;
  dropped += other.dropped;
  refused += other.refused;
  warned += other.warned;
  superseded += other.superseded;
  filtered += other.filtered;
  of_checks.resize(std::max(of_checks.size(), other.of_checks.size()));
  for (std::size_t i = 0; i < other.of_checks.size(); ++i) {
    CheckCount& mine = of_checks[i];
    const CheckCount& more = other.of_checks[i];
    if (more.rows > 0 && (mine.rows == 0 || more.first_row < mine.first_row)) {
      mine.first_row = more.first_row;
      mine.first_code = more.first_code;
    }
    mine.rows += more.rows;
  }
}

RowRules::RowRules(const PreparedFile& file, std::span<const ColumnValues> columns,
                   const schema::TableRules& rules, unsigned threads, const std::stop_token& stop) {
  filters_ = file.filtered;
  std::vector<RuledColumn> ruled = ruled_columns(file, rules, idle_);
  base::for_each_index(ruled.size(), threads, [&](std::size_t i) {
    RuledColumn& of = ruled[i];
    const schema::ColumnPlan& column = file.plan.columns[of.column];
    std::optional<ColumnValues> cast;
    if (columns.empty()) cast = cast_for_rules(file, column, stop);
    const ColumnValues& values = cast ? *cast : columns[of.column];
    of.checks =
        schema::check_values(of.rule, file.symbols[column.field_index],
                             file.may_be_null[column.field_index], column, values.dictionary, stop);
    if (of.rule.unique) of.same_value = first_of_value(values);
  });
  for (RuledColumn& of : ruled) {
    const schema::ColumnPlan& column = file.plan.columns[of.column];
    for (schema::ColumnCheck& check : of.checks) {
      same_value_.push_back(check.is_unique ? std::move(of.same_value)
                                            : std::vector<std::uint32_t>());
      checks_.push_back({column.field_index, of.column, column.name, std::move(check)});
    }
  }
  judge();
}

bool RowRules::takes_out(std::uint8_t level) { return level > level_of(RuleAction::kWarn); }

void RowRules::judge() {
  judged_.clear();
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    const RowCheck& check = checks_[i];
    if (!check.check.has_broken()) continue;
    auto field = std::ranges::find(judged_, check.field_index, &JudgedField::field_index);
    if (field == judged_.end()) {
      judged_.push_back({.field_index = check.field_index, .checks = {}, .levels = {}});
      field = std::prev(judged_.end());
      field->levels.resize(check.check.broken.size());
    }
    field->checks.push_back(i);
    for (std::size_t code = 0; code < check.check.broken.size(); ++code) {
      if (check.check.broken[code] == 0) continue;
      field->levels[code] = std::max(field->levels[code], level_of(check.check.action));
    }
  }
}

bool RowRules::has_unique() const {
  return std::ranges::any_of(checks_, [](const RowCheck& check) { return check.check.is_unique; });
}

bool RowRules::may_quarantine() const {
  return std::ranges::any_of(judged_, [&](const JudgedField& field) {
    return std::ranges::any_of(field.checks, [&](std::size_t i) {
      return checks_[i].check.action == RuleAction::kQuarantine;
    });
  });
}

void RowRules::find_repeated(const base::ByteSource& source, const qvd::TableHeader& header,
                             const qvd::RowDecoder& decoder, unsigned threads,
                             const std::stop_token& stop) {
  using Counts = std::vector<std::vector<std::uint8_t>>;  // of a check, by first code; 2: or more
  std::vector<std::size_t> unique;
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    if (checks_[i].check.is_unique) unique.push_back(i);
  }
  Counts total;
  for (const std::size_t i : unique) total.emplace_back(same_value_[i].size());
  std::atomic<std::uint64_t> next_row{0};
  std::mutex mutex;  // guards total
  const std::uint64_t turns = (header.record_count + kRangeRows - 1) / kRangeRows;
  base::run_workers(
      static_cast<unsigned>(std::min<std::uint64_t>(threads, turns)),
      [&] {
        Counts counts;
        for (const std::size_t i : unique) counts.emplace_back(same_value_[i].size());
        std::vector<std::byte> records;
        std::vector<std::uint32_t> codes(kSiftedAtOnce);
        std::vector<std::uint8_t> is_out(kRangeRows);
        for (;;) {
          const std::uint64_t first = next_row.fetch_add(kRangeRows);
          if (first >= header.record_count) break;
          if (stop.stop_requested()) throw base::Cancelled("stopped while values were counted");
          const std::uint64_t rows = std::min(kRangeRows, header.record_count - first);
          qvd::read_records(source, header, first, rows, records);
          for (std::size_t done = 0; has_filter() && done < rows; done += codes.size()) {
            const std::size_t part = std::min<std::size_t>(codes.size(), rows - done);
            mark_filtered(filters_, decoder, records.data() + done * header.record_bytes,
                          first + done, std::span(codes.data(), part),
                          std::span(&is_out[done], part));
          }
          for (std::size_t u = 0; u < unique.size(); ++u) {
            const std::vector<std::uint32_t>& first_code = same_value_[unique[u]];
            for (std::size_t done = 0; done < rows; done += codes.size()) {
              const std::span part(codes.data(), std::min<std::size_t>(codes.size(), rows - done));
              decoder.decode(checks_[unique[u]].field_index,
                             records.data() + done * header.record_bytes, first + done, part);
              for (std::size_t row = 0; row < part.size(); ++row) {
                if (is_out[done + row] != 0) continue;
                std::uint8_t& count = counts[u][first_code[part[row]]];
                count = static_cast<std::uint8_t>(count + (count < 2 ? 1 : 0));
              }
            }
          }
        }
        const std::lock_guard lock(mutex);
        for (std::size_t u = 0; u < unique.size(); ++u) {
          for (std::size_t code = 0; code < total[u].size(); ++code) {
            total[u][code] = static_cast<std::uint8_t>(
                std::min(2, static_cast<int>(total[u][code]) + counts[u][code]));
          }
        }
      },
      [&] { next_row = header.record_count; });
  for (std::size_t u = 0; u < unique.size(); ++u) {
    const std::vector<std::uint32_t>& first_code = same_value_[unique[u]];
    std::vector<std::uint8_t> broken(first_code.size());
    bool is_any = false;
    for (std::size_t code = 1; code < broken.size(); ++code) {
      broken[code] = first_code[code] != 0 && total[u][first_code[code]] > 1 ? 1 : 0;
      is_any = is_any || broken[code] != 0;
    }
    if (is_any) checks_[unique[u]].check.broken = std::move(broken);
  }
  judge();
}

RowSifter::RowSifter(const RowRules& rules, const qvd::TableHeader& header,
                     const qvd::RowDecoder& decoder, QuarantineSink* sink, bool proves_indexes)
    : rules_(rules),
      header_(header),
      decoder_(decoder),
      sink_(sink),
      proves_indexes_(proves_indexes),
      codes_(kSiftedAtOnce),
      levels_(kSiftedAtOnce),
      is_filtered_(rules.has_filter() ? kSiftedAtOnce : 0),
      breaks_(kSiftedAtOnce) {
  restart();
}

void RowSifter::restart() {
  counts_ = {};
  counts_.of_checks.resize(rules_.checks().size());
}

std::size_t RowSifter::sift(std::uint64_t first_row, std::size_t row_count,
                            std::vector<std::byte>& records) {
  left_out_.clear();
  row_numbers_.clear();
  const std::size_t record = header_.record_bytes;
  for (std::size_t done = 0; done < row_count; done += kSiftedAtOnce) {
    const std::size_t count = std::min(kSiftedAtOnce, row_count - done);
    filter_chunk(first_row + done, records.data() + done * record, count);
    judge_chunk(first_row + done, records.data() + done * record, count);
    settle_chunk(first_row + done, records.data() + done * record, count);
  }
  if (left_out_.empty()) return row_count;
  if (proves_indexes_) prove(first_row, row_count, records.data());
  row_numbers_.reserve(row_count - left_out_.size());
  std::size_t kept = 0;
  auto out = left_out_.begin();
  for (std::size_t row = 0; row < row_count; ++row) {
    if (out != left_out_.end() && *out == first_row + row) {
      ++out;
      continue;
    }
    if (kept != row) {
      std::memcpy(records.data() + kept * record, records.data() + row * record, record);
    }
    row_numbers_.push_back(first_row + row);
    ++kept;
  }
  return kept;
}

void RowSifter::filter_chunk(std::uint64_t first_row, const std::byte* records,
                             std::size_t row_count) {
  if (is_filtered_.empty()) return;
  mark_filtered(rules_.filters(), decoder_, records, first_row, std::span(codes_.data(), row_count),
                std::span(is_filtered_.data(), row_count));
}

// The strictest level of each row, and the first condition of that level which it breaks.
void RowSifter::judge_chunk(std::uint64_t first_row, const std::byte* records,
                            std::size_t row_count) {
  std::fill_n(levels_.begin(), row_count, kNoLevel);
  for (const RowRules::JudgedField& field : rules_.judged()) {
    const std::span codes(codes_.data(), row_count);
    decoder_.decode(field.field_index, records, first_row, codes);
    std::uint8_t any = kNoLevel;
    for (const std::uint32_t code : codes) any |= field.levels[code];
    if (any == kNoLevel) continue;
    codes_.resize(row_count);
    count_flagged(field, first_row);
    codes_.resize(kSiftedAtOnce);
  }
}

void RowSifter::count_flagged(const RowRules::JudgedField& field, std::uint64_t first_row) {
  for (std::size_t row = 0; row < codes_.size(); ++row) {
    const std::uint32_t code = codes_[row];
    if (field.levels[code] == kNoLevel) continue;
    if (!is_filtered_.empty() && is_filtered_[row] != 0) continue;
    for (const std::size_t i : field.checks) {
      const schema::ColumnCheck& check = rules_.checks()[i].check;
      if (check.broken[code] == 0) continue;
      CheckCount& count = counts_.of_checks[i];
      if (count.rows++ == 0) {
        count.first_row = first_row + row;
        count.first_code = code;
      }
      const std::uint8_t level = level_of(check.action);
      if (level < levels_[row] || (level == levels_[row] && i > breaks_[row])) continue;
      levels_[row] = level;
      breaks_[row] = static_cast<std::uint32_t>(i);
    }
  }
}

void RowSifter::settle_chunk(std::uint64_t first_row, const std::byte* records,
                             std::size_t row_count) {
  auto superseded = std::ranges::lower_bound(rules_.superseded(), first_row);
  for (std::size_t row = 0; row < row_count; ++row) {
    const bool is_superseded =
        superseded != rules_.superseded().end() && *superseded == first_row + row;
    if (is_superseded) ++superseded;
    if (!is_filtered_.empty() && is_filtered_[row] != 0) {
      left_out_.push_back(first_row + row);
      ++counts_.filtered;
      continue;
    }
    if (levels_[row] == level_of(RuleAction::kWarn)) ++counts_.warned;
    if (levels_[row] == kNoLevel || levels_[row] == level_of(RuleAction::kWarn)) {
      if (!is_superseded) continue;
      left_out_.push_back(first_row + row);
      ++counts_.superseded;
      continue;
    }
    left_out_.push_back(first_row + row);
    if (levels_[row] == level_of(RuleAction::kDrop)) {
      ++counts_.dropped;
    } else if (levels_[row] == level_of(RuleAction::kQuarantine)) {
      ++counts_.quarantined;
      if (sink_ != nullptr) {
        sink_->add(records + row * header_.record_bytes, first_row + row, breaks_[row]);
      }
    } else {
      ++counts_.refused;
    }
  }
}

void RowSifter::prove(std::uint64_t first_row, std::size_t row_count, const std::byte* records) {
  for (std::size_t field = 0; field < header_.fields.size(); ++field) {
    for (std::size_t done = 0; done < row_count; done += kSiftedAtOnce) {
      decoder_.decode(field, records + done * header_.record_bytes, first_row + done,
                      std::span(codes_.data(), std::min(kSiftedAtOnce, row_count - done)));
    }
  }
}

std::vector<std::string> texts_of(const RowRules& rules, const RowCounts& counts,
                                  const PreparedFile& file, const RowWords& words) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < counts.of_checks.size(); ++i) {
    const CheckCount& count = counts.of_checks[i];
    if (count.rows == 0) continue;
    const RowCheck& check = rules.checks()[i];
    std::string what;
    switch (check.check.action) {
      case RuleAction::kWarn:
        what = fmt::format("{} (action = \"warn\")", words.warned);
        break;
      case RuleAction::kDrop:
        what = "dropped";
        break;
      case RuleAction::kQuarantine:
        what = words.quarantined;
        break;
      case RuleAction::kError:
        what = "not loaded";
        break;
    }
    texts.push_back(fmt::format("{}: {}", text_of(file, check, count), what));
  }
  if (counts.superseded > 0) {
    texts.push_back(fmt::format(
        "{} left out, since a later row of the file has the same key (duplicate_keys = \"last\")",
        base::format_quantity(counts.superseded, "row")));
  }
  return texts;
}

void check_counts(const RowRules& rules, const RowCounts& counts, const PreparedFile& file,
                  const schema::TableRules& table_rules, const RowWords& words) {
  if (counts.refused > 0) {
    std::string what;
    for (std::size_t i = 0; i < counts.of_checks.size(); ++i) {
      if (counts.of_checks[i].rows == 0) continue;
      if (rules.checks()[i].check.action != RuleAction::kError) continue;
      what += (what.empty() ? "" : "; ") + text_of(file, rules.checks()[i], counts.of_checks[i]);
    }
    throw base::SchemaError(fmt::format(
        "{}; {}: mend the file, or let the rule quarantine, drop or warn by its action (rules of "
        "the table)",
        what, words.failed));
  }
  const std::uint64_t rows = file.header.record_count - counts.filtered;
  const auto refuse = [&](const std::string& most, const char* setting) {
    throw base::SchemaError(
        fmt::format("{} of {} rows break rules ({} quarantined, {} dropped), more than {} = {} "
                    "allows; {}: mend "
                    "the file, its rules, or raise {}",
                    base::format_count(counts.left_out()), base::format_count(rows),
                    base::format_count(counts.quarantined), base::format_count(counts.dropped),
                    setting, most, words.failed, setting));
  };
  if (table_rules.max_errors && counts.left_out() > *table_rules.max_errors) {
    refuse(std::to_string(*table_rules.max_errors), "max_errors");
  }
  if (table_rules.max_error_ratio && counts.left_out() > 0 &&
      static_cast<double>(counts.left_out()) >
          *table_rules.max_error_ratio * static_cast<double>(rows)) {
    refuse(fmt::format("{}", *table_rules.max_error_ratio), "max_error_ratio");
  }
}

namespace {

RowCounts count_rows(const base::ByteSource& source, const PreparedFile& file,
                     const qvd::RowDecoder& decoder, const RowRules& rules,
                     const std::stop_token& stop) {
  RowSifter sifter(rules, file.header, decoder, nullptr, false);
  std::vector<std::byte> records;
  for (std::uint64_t first = 0; first < file.header.record_count; first += kRangeRows) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while the rows were checked");
    const std::uint64_t count = std::min(kRangeRows, file.header.record_count - first);
    qvd::read_records(source, file.header, first, count, records);
    sifter.sift(first, count, records);
  }
  return sifter.counts();
}

}  // namespace

std::vector<std::string> describe_rules(const base::ByteSource& source, const PreparedFile& file,
                                        const schema::TableRules& table_rules, unsigned threads,
                                        const std::stop_token& stop) {
  if (table_rules.column_rules.empty() && table_rules.row_filter.empty()) return {};
  RowRules rules(file, {}, table_rules, threads, stop);
  std::vector<std::string> lines = rules.idle();
  const qvd::RowDecoder decoder(file.header);
  const bool is_counted = !source.is_remote();
  if (is_counted && rules.has_unique()) {
    rules.find_repeated(source, file.header, decoder, threads, stop);
  }
  RowCounts counts;
  counts.of_checks.resize(rules.checks().size());
  if (is_counted && !rules.are_kept()) counts = count_rows(source, file, decoder, rules, stop);
  if (!table_rules.row_filter.empty() && !table_rules.is_deletes) {
    lines.push_back(fmt::format(
        "where {}: {}", table_rules.row_filter,
        is_counted
            ? fmt::format("{} of {} would not be loaded", base::format_count(counts.filtered),
                          base::format_quantity(file.header.record_count, "row"))
            : "its rows are counted when it is loaded"));
  }
  for (std::size_t i = 0; i < rules.checks().size(); ++i) {
    const RowCheck& check = rules.checks()[i];
    std::string found;
    if (counts.of_checks[i].rows > 0) {
      const CheckCount& count = counts.of_checks[i];
      found = fmt::format("{} it, {}", breaking(count), first_of(file, check, count));
    } else if (is_counted || (!check.check.has_broken() && !check.check.is_unique)) {
      found = "no row breaks it";
    } else if (check.check.is_unique) {
      found = "its rows are counted when it is loaded";
    } else {
      found = fmt::format("{} of its values break it; their rows are counted when it is loaded",
                          base::format_count(check.check.broken_count()));
    }
    lines.push_back(fmt::format("rule {} ({}): {}", rule_of(check), check.check.action, found));
  }
  if (counts.left_out() + counts.refused > 0) {
    lines.push_back(fmt::format(
        "of {}, {} would be quarantined, {} dropped{}",
        base::format_quantity(file.header.record_count - counts.filtered, "row"),
        base::format_count(counts.quarantined), base::format_count(counts.dropped),
        counts.refused > 0
            ? fmt::format(", and {} make the file fail", base::format_count(counts.refused))
            : ""));
  }
  return lines;
}

}  // namespace qvdhouse::load
