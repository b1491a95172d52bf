// From one file's header and symbol tables to the table that will hold it: which columns, of which
// type, why, and what each choice would lose. Rules: docs/type-mapping.md (all symbols decide;
// number formats and tags only choose among what the symbols allow).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/column_type.h"
#include "clickhouse/ddl.h"
#include "qvd/header.h"
#include "qvd/profile.h"
#include "qvd/symbols.h"
#include "schema/policy.h"
#include "schema/table_rules.h"

namespace qvdhouse::schema {

// Every table that we make has a comment that begins so: one that does not is another's and is
// never replaced.
inline constexpr std::string_view kTableCommentPrefix = "qvdhouse: ";

// Which value of a symbol a column takes.
enum class Part {
  kNumber,        // the number, as integer, float or decimal; blank text is NULL
  kText,          // the text; a symbol without one as ColumnPlan::text_style says
  kDate,          // the serial number as Date32
  kDateTime,      // the serial number as DateTime64
  kTime,          // the fraction of a day as Time64 or hh:mm:ss text
  kNumberOrNull,  // the number of symbols that have one, NULL for text (mixed = "split")
  // For columns that come from no field:
  kConstant,   // the same value in each row of the file: ColumnPlan::constant
  kRowNumber,  // from 0, in the file's order
  kMissing,    // NULL: the table has a column that the file lacks
  kRescued,    // what is in fields that the table has no columns for (kRescuedColumn)
  // Only in a table of newest rows; from the field field_index or, without one, the same in each
  // row:
  kOrder,    // which row of a key is newer (schema/upsert.h); ColumnPlan::constant: the file's time
  kDeleted,  // 1 where the field has the value ColumnPlan::constant
};

// What a column of dates or timestamps does with values that are outside of 1900…2299 or are not a
// date (Policy::outsiders).
enum class Outside {
  kNone,   // no value is outside, or each must have an exact value of the type
  kClamp,  // numbers are the nearest end of the type's range, texts are NULL
  kNull,   // all of them are NULL
  kOnly,   // the column beside: these values as exact text, and NULL for all others
  kText,   // the table has text: dates as text_of says, all of these as exact text
};

inline constexpr std::size_t kNoField = ~std::size_t{0};
// Ends the name of the number column beside a text column.
inline constexpr std::string_view kNumberSuffix = "__num";
// Ends the name of the column that holds what a column of dates cannot.
inline constexpr std::string_view kOutsideSuffix = "__outside";
// How a text column holds values that are numbers. The comment of the column says it: a file that
// comes later keeps to it.
enum class TextStyle {
  kOld,     // as version 0.1 wrote them: other types' values as kServer, all else as kFile without
            // dates and times
  kServer,  // as the server writes values of their type: rows of the table were turned into text
  kFile,    // the display text, else the date or time that the number format says, in ISO form,
            // else the shortest exact decimal form
};
// The word in a column's comment; empty for kOld.
std::string_view comment_of(TextStyle style);
TextStyle text_style_in(std::string_view comment);

// What the number format of a field says that its numbers without a display text are.
enum class Clock { kNone, kDate, kTimestamp, kTime };
Clock clock_in(const qvd::NumberFormat& format);

struct ColumnPlan {
  std::string name;             // of the ClickHouse column
  std::size_t field_index = 0;  // kNoField: none
  Part part = Part::kText;
  clickhouse::ColumnType type;
  std::string reason;  // why this type, in one sentence with exact numbers
  std::string title;   // what the field's name says beside `name` (rest_of_name())
  // What a reader should know: text dropped, blanks that become NULL, hints that lie.
  std::vector<std::string> warnings;
  // kString made of another type's values: the text that the server makes of them, since the table
  // has turned such a column into text.
  std::optional<clickhouse::ColumnType> text_of;
  TextStyle text_style = TextStyle::kOld;  // kString
  Clock clock = Clock::kNone;
  std::string constant;              // kConstant: the value's text
  Outside outside = Outside::kNone;  // kDate and kDateTime
  bool floor_days = false;           // kDate: the day that a serial lies in (dates = "floor")
  bool has_compact_dates = false;    // kDate: numbers such as 20240131 are days
  bool is_truth = false;             // kNumber as UInt8: 0 and 1, which a Bool would be
  bool ascending = false;            // nearly all values rise in the order of their first use
  bool is_empty = false;             // the field has no value, only NULL: its type says nothing
  bool fits_float64 = true;          // each value is exactly a Float64, as all numbers of a QVD are
  bool has_non_finite = false;       // a Float64 that holds NaN or infinity, which JSON has not
  std::vector<std::string> null_texts = {};  // texts that are NULL
  Protection protection = {};                // of its values, which are not those of the file
  // Values that do not fit the type are cast to NULL (or the default); find_misfits() tells which.
  bool leaves_misfits = false;
};

struct TablePlan {
  std::string table;
  std::vector<ColumnPlan> columns;
  std::vector<std::string> order_by;  // column names
  bool is_order_set = false;          // by the setting, not by rule
  std::string order_by_reason;
  bool has_keys_only = false;  // a file that names keys that are gone: the default value stands for
                               // what it lacks
  std::string comment;
};

// Whether Qlik takes the field for a key: its tag is $key or its name begins with %.
bool is_key_field(const qvd::FieldHeader& field);

// Decides the columns of one field (one or two), named as column_names() names it on its own.
// Throws SchemaError when a policy or an override forbids it.
std::vector<ColumnPlan> plan_field(const qvd::FieldHeader& field, std::size_t field_index,
                                   bool may_be_null, const qvd::SymbolTable& symbols,
                                   const qvd::FieldProfile& profile, const Policy& policy);

// The same for a field whose column name is chosen.
struct FieldView;
std::vector<ColumnPlan> plan_columns(const FieldView& field);

// The whole file. `symbols` holds one table a field, in field order (an empty one will do for a
// field that column_names() leaves out); `may_be_null` likewise. Fields are decided on up to
// `threads` threads. Throws SchemaError, also for two fields that claim one column name, and
// Cancelled when a stop is asked for.
TablePlan plan_table(const qvd::TableHeader& header, std::string_view file_name,
                     std::span<const qvd::SymbolTable> symbols,
                     const std::vector<bool>& may_be_null, const Policy& policy,
                     unsigned threads = 1, const std::stop_token& stop = {});

// The DDL-ready definition (codecs, comments, quoted later) of a table of one file or, by mode, of
// many. `by_file` false: a set of more files than a table should have partitions. Throws
// SchemaError when the setting order_by names something that is not a column, or a column that may
// be NULL.
clickhouse::TableDefinition table_definition(const TablePlan& plan, const qvd::TableHeader& header,
                                             std::string_view database,
                                             const TableRules& rules = {},
                                             LoadMode mode = LoadMode::kReplace,
                                             bool by_file = true);

}  // namespace qvdhouse::schema
