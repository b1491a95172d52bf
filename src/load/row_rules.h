// The rules of a table (schema/column_rules.h) and its filter (schema/row_filter.h), held against
// the rows of one file: the verdicts are those of the distinct values, so that a row costs nothing
// unless a value of its field breaks a rule. What the filter takes out is out of the file: no rule
// looks at it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "load/column_values.h"
#include "qvd/header.h"
#include "qvd/rows.h"
#include "schema/column_rules.h"
#include "schema/table_rules.h"

namespace qvdhouse::load {

struct PreparedFile;

// What of a field decides which rows of the file are loaded at all (TableRules::row_filter).
struct FilteredField {
  std::size_t field_index = 0;
  std::vector<std::uint8_t> is_out;  // by code: 1 where the row is not loaded
};

// Marks the rows that these take out, of records from row `first_row` on, with 1 and all others
// with 0. `codes` is room for as many.
void mark_filtered(std::span<const FilteredField> fields, const qvd::RowDecoder& decoder,
                   const std::byte* records, std::uint64_t first_row,
                   std::span<std::uint32_t> codes, std::span<std::uint8_t> is_out);

// A condition on the values of one column of a file.
struct RowCheck {
  std::size_t field_index = 0;
  std::size_t column = 0;  // in the plan
  std::string column_name;
  schema::ColumnCheck check;
};

// Rows that break a condition.
struct CheckCount {
  std::uint64_t rows = 0;
  std::uint64_t first_row = 0;   // from 0; of the first of them
  std::uint32_t first_code = 0;  // its code in the field
};

struct RowCounts {
  std::uint64_t quarantined = 0;
  std::uint64_t dropped = 0;
  std::uint64_t refused = 0;            // that make the file fail
  std::uint64_t warned = 0;             // that stay
  std::uint64_t superseded = 0;         // that break none, and give way to a later row of their key
  std::uint64_t filtered = 0;           // that the filter takes out, whatever else they are
  std::vector<CheckCount> of_checks{};  // one a RowRules::checks()
  std::uint64_t left_out() const { return quarantined + dropped; }  // by rules
  std::uint64_t not_loaded() const { return left_out() + superseded + filtered; }
  void add(const RowCounts& other);
};

class RowRules {
 public:
  RowRules() = default;
  // A filter and no rules.
  explicit RowRules(std::vector<FilteredField> filters) : filters_(std::move(filters)) {}
  // Judges the symbols of `file`, which must be there. `columns`: its columns as cast_columns()
  // made them; empty: those that a rule is of are cast here. Works on up to `threads` threads.
  // Throws Cancelled.
  RowRules(const PreparedFile& file, std::span<const ColumnValues> columns,
           const schema::TableRules& rules, unsigned threads, const std::stop_token& stop = {});

  const std::vector<RowCheck>& checks() const { return checks_; }
  bool has_unique() const;
  // Counts the rows of each value of the columns that must be unique, on up to `threads` threads:
  // to be called before anything else where has_unique(). Throws InputError, IoError, Cancelled.
  void find_repeated(const base::ByteSource& source, const qvd::TableHeader& header,
                     const qvd::RowDecoder& decoder, unsigned threads,
                     const std::stop_token& stop = {});
  // Rows that a later row of the file supersedes, in ascending order: they are left out, too.
  void leave_out(std::vector<std::uint64_t> superseded) { superseded_ = std::move(superseded); }
  const std::vector<std::uint64_t>& superseded() const { return superseded_; }
  // Each row stays: no value breaks a rule, and none is filtered or superseded.
  bool are_kept() const { return filters_.empty() && judged_.empty() && superseded_.empty(); }
  bool has_filter() const { return !filters_.empty(); }
  const std::vector<FilteredField>& filters() const { return filters_; }
  bool may_quarantine() const;
  // Sentences: rules of columns that the file has not.
  const std::vector<std::string>& idle() const { return idle_; }

  // What of a field decides about a row: by code, 0 or the strictest action + 1 of the conditions
  // that its value breaks.
  struct JudgedField {
    std::size_t field_index = 0;
    std::vector<std::size_t> checks;
    std::vector<std::uint8_t> levels;
  };
  const std::vector<JudgedField>& judged() const { return judged_; }
  // Whether a row of that level does not stay.
  static bool takes_out(std::uint8_t level);

 private:
  void judge();

  std::vector<RowCheck> checks_;
  std::vector<std::vector<std::uint32_t>> same_value_;  // of a unique check: by code, see .cc
  std::vector<std::string> idle_;
  std::vector<JudgedField> judged_;
  std::vector<FilteredField> filters_;
  std::vector<std::uint64_t> superseded_;
};

// Where rows that are quarantined go to; threads share it.
class QuarantineSink {
 public:
  virtual ~QuarantineSink() = default;
  // `record`: of row `row` (from 0), followed by what decode() wants; `check`: that it breaks.
  virtual void add(const std::byte* record, std::uint64_t row, std::size_t check) = 0;
};

// Takes rows that break a rule out of records; one object a thread. All references must outlive it.
class RowSifter {
 public:
  // `sink`: null: rows that are quarantined are counted only. `proves_indexes`: all fields of a
  // range that loses rows are decoded first, so that a row with an index outside its symbol table
  // is found even where it is left out.
  RowSifter(const RowRules& rules, const qvd::TableHeader& header, const qvd::RowDecoder& decoder,
            QuarantineSink* sink, bool proves_indexes);

  // `records` are those of [first_row, first_row + row_count), with padding; those of the rows that
  // stay are moved together. Returns the number of these. row_numbers() then says the number of
  // each, unless all stay: then it is empty. Throws InputError.
  std::size_t sift(std::uint64_t first_row, std::size_t row_count, std::vector<std::byte>& records);
  const std::vector<std::uint64_t>& row_numbers() const { return row_numbers_; }
  const RowCounts& counts() const { return counts_; }
  void restart();  // counts from zero, for another pass over the rows

 private:
  void filter_chunk(std::uint64_t first_row, const std::byte* records, std::size_t row_count);
  void judge_chunk(std::uint64_t first_row, const std::byte* records, std::size_t row_count);
  void count_flagged(const RowRules::JudgedField& field, std::uint64_t first_row);
  void settle_chunk(std::uint64_t first_row, const std::byte* records, std::size_t row_count);
  void prove(std::uint64_t first_row, std::size_t row_count, const std::byte* records);

  const RowRules& rules_;
  const qvd::TableHeader& header_;
  const qvd::RowDecoder& decoder_;
  QuarantineSink* sink_;
  const bool proves_indexes_;
  RowCounts counts_;
  std::vector<std::uint32_t> codes_;
  std::vector<std::uint8_t> levels_;        // of the chunk's rows
  std::vector<std::uint8_t> is_filtered_;   // likewise; empty: none is
  std::vector<std::uint32_t> breaks_;       // which condition of that level comes first
  std::vector<std::uint64_t> left_out_;     // rows of the range
  std::vector<std::uint64_t> row_numbers_;  // that stay
};

// What a pass over all rows takes out of them, and what it has counted when it is over.
struct Sifting {
  const RowRules& rules;
  QuarantineSink* sink = nullptr;
  bool proves_indexes = false;
  RowCounts counts{};
};

// What becomes of rows, as messages say it. The defaults are those of a load.
struct RowWords {
  std::string quarantined{};  // "in TABLE"
  std::string_view warned = "loaded all the same";
  std::string_view failed = "nothing of the file was loaded";  // where the file fails
};

// One line for each condition that rows break: what was counted, and what became of the rows.
std::vector<std::string> texts_of(const RowRules& rules, const RowCounts& counts,
                                  const PreparedFile& file, const RowWords& words);

// Throws SchemaError when rows make the file fail, or more are left out than the table allows.
// Counts of a part of the rows refuse nothing that those of all rows would not.
void check_counts(const RowRules& rules, const RowCounts& counts, const PreparedFile& file,
                  const schema::TableRules& table_rules, const RowWords& words = {});

// What the rules of the table say of a file that is only planned, a line each; its rows are counted
// where it is local. Throws InputError, IoError, Cancelled.
std::vector<std::string> describe_rules(const base::ByteSource& source, const PreparedFile& file,
                                        const schema::TableRules& rules, unsigned threads,
                                        const std::stop_token& stop = {});

}  // namespace qvdhouse::load
