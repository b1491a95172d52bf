#include "schema/drift.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "schema/decimal.h"
#include "schema/plan.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::ColumnType;
using clickhouse::TypeKind;

// What a user does who wants the files' columns whatever the table has.
constexpr std::string_view kAnotherSchema =
    "to give the table another schema, drop it first (qvdhouse reset --table NAME --with-data) and "
    "sync again";

// What live table and files say of one column.
struct Claim {
  std::string name;
  std::optional<ColumnType> live;
  TextStyle live_style = TextStyle::kOld;
  std::optional<ColumnType> files;  // of those that have values for it
  std::string numbers_to;           // live numbers become text beside this column
  bool fits_float64 = true;
  bool has_nulls = false;        // a file has the column, but only NULLs
  bool is_outside = false;       // of values that a column of dates cannot hold
  std::size_t having_count = 0;  // files that have it
};

using Names = std::unordered_map<std::string_view, std::size_t>;

Names names_of(const Shape& shape) {
  Names names;
  for (std::size_t i = 0; i < shape.size(); ++i) names.emplace(shape[i].name, i);
  return names;
}

// Names of text columns that have their numbers beside them, in the table or in a file.
std::set<std::string> paired_texts(const Shape& live, const std::vector<Shape>& wanted) {
  std::set<std::string> texts;
  const auto collect = [&](const Shape& shape) {
    const Names names = names_of(shape);
    for (const ShapeColumn& column : shape) {
      if (column.type.kind != TypeKind::kString) continue;
      const auto number = names.find(column.name + std::string(kNumberSuffix));
      if (number != names.end() && shape[number->second].type.kind != TypeKind::kString) {
        texts.insert(column.name);
      }
    }
  };
  collect(live);
  for (const Shape& shape : wanted) collect(shape);
  return texts;
}

// The column for what the dates beside a text column cannot hold.
std::string beside_numbers(const std::string& text) {
  return fmt::format("{}{}{}", text, kNumberSuffix, kOutsideSuffix);
}

// A field that is a pair elsewhere is one here too: its numbers belong to the number column.
Shape split_pairs(const Shape& shape, const std::set<std::string>& texts) {
  Shape split;
  const Names names = names_of(shape);
  for (const ShapeColumn& column : shape) {
    const std::string number_name = column.name + std::string(kNumberSuffix);
    split.push_back(column);
    if (column.is_outside) {
      const std::string dates = column.name.substr(0, column.name.size() - kOutsideSuffix.size());
      if (texts.contains(dates)) split.back().name = beside_numbers(dates);
    }
    if (!texts.contains(column.name) || names.contains(number_name)) continue;
    ShapeColumn number = column;
    number.name = number_name;
    if (column.type.kind == TypeKind::kString) {
      number.is_empty = true;
    } else if (!column.is_empty) {
      split.back().type = {.kind = TypeKind::kString, .nullable = column.type.nullable};
    }
    split.push_back(std::move(number));
  }
  return split;
}

ColumnType as_text(const ColumnType& type) {
  return {.kind = TypeKind::kString, .nullable = type.nullable};
}

// The type of all, or text where a Float64 would not hold them.
ColumnType joined_type(const Claim& claim) {
  ColumnType type = claim.files.value_or(
      claim.live.value_or(ColumnType{.kind = TypeKind::kString, .nullable = true}));
  if (claim.live) type = join_types(type, *claim.live).type;
  return type.kind == TypeKind::kFloat64 && !claim.fits_float64 ? as_text(type) : type;
}

class Claims {
 public:
  Claims(const Shape& live, const std::vector<Shape>& wanted) {
    for (const ShapeColumn& column : live) {
      Claim& claim_of = claim(column.name);
      claim_of.live = column.type;
      claim_of.live_style = column.text_style;
    }
    const std::set<std::string> texts = paired_texts(live, wanted);
    for (const Shape& shape : wanted) {
      for (const ShapeColumn& column : split_pairs(shape, texts)) add(column);
    }
    for (const std::string& text : texts) split_live(text);
    for (Claim& one : claims_) {
      const Claim* dates = one.live ? dates_of(one) : nullptr;
      if (dates != nullptr && joined_type(*dates).kind != TypeKind::kString) one.is_outside = true;
    }
  }
  const std::vector<Claim>& all() const { return claims_; }

  // Whether it is for values that dates cannot hold, of a column that is to be text, which can.
  bool is_idle(const Claim& claim) const {
    if (!claim.is_outside || claim.live) return false;
    const Claim* dates = dates_of(claim);
    return dates != nullptr && joined_type(*dates).kind == TypeKind::kString;
  }

 private:
  Claim& claim(const std::string& name) {
    const auto [found, is_new] = index_.emplace(name, claims_.size());
    if (is_new) claims_.push_back({.name = name});
    return claims_[found->second];
  }

  // The column that this one is beside, by its name; null: there is none.
  const Claim* dates_of(const Claim& claim) const {
    if (!claim.name.ends_with(kOutsideSuffix)) return nullptr;
    const auto dates = index_.find(claim.name.substr(0, claim.name.size() - kOutsideSuffix.size()));
    return dates == index_.end() ? nullptr : &claims_[dates->second];
  }

  // The numbers of a live column that becomes text go to the column beside it.
  void split_live(const std::string& text) {
    const std::optional<ColumnType> numbers = claim(text).live;
    if (!numbers || numbers->kind == TypeKind::kString) return;
    Claim& beside = claim(text + std::string(kNumberSuffix));
    beside.files = beside.files ? join_types(*beside.files, *numbers).type : *numbers;
    claim(text).numbers_to = text + std::string(kNumberSuffix);
  }

  void add(const ShapeColumn& column) {
    Claim& wanted = claim(column.name);
    ++wanted.having_count;
    wanted.is_outside = column.is_outside;
    if (column.is_empty) {
      wanted.has_nulls = true;
      return;
    }
    wanted.files = wanted.files ? join_types(*wanted.files, column.type).type : column.type;
    wanted.fits_float64 = wanted.fits_float64 && column.fits_float64;
  }

  std::vector<Claim> claims_;
  std::unordered_map<std::string, std::size_t> index_;
};

bool same_zone(const ColumnType& a, const ColumnType& b) {
  const auto has_zone = [](const ColumnType& type) {
    return type.kind == TypeKind::kDateTime || type.kind == TypeKind::kDateTime64;
  };
  return !has_zone(a) || !has_zone(b) || a.timezone == b.timezone;
}

// Decides column by column; changes go to `drift`.
class DriftFinder {
 public:
  DriftFinder(DriftPolicy policy, const Key& key, bool is_live, bool rows_stay,
              std::size_t file_count)
      : policy_(policy),
        key_(key),
        is_live_(is_live),
        rows_stay_(rows_stay && is_live),
        file_count_(file_count) {}

  void decide(const Claim& claim) {
    if (!claim.live) return decide_new(claim);
    if (claim.having_count == 0 && is_own_column(claim.name)) {
      drift_.shape.push_back({.name = claim.name, .type = *claim.live});
      return;
    }
    decide_live(claim);
  }

  Drift take() { return std::move(drift_); }

 private:
  bool leaves_out() const {
    return policy_ == DriftPolicy::kDiscard || policy_ == DriftPolicy::kRescue;
  }
  bool is_missing(const Claim& claim) const { return claim.having_count < file_count_; }
  bool is_key(const Claim& claim) const {
    return std::ranges::find(key_.columns, claim.name) != key_.columns.end();
  }

  TextStyle text_style(const Claim& claim, const ColumnType& type) const {
    if (type.kind != TypeKind::kString || claim.is_outside || claim.name.ends_with(kNumberSuffix)) {
      return TextStyle::kOld;
    }
    if (claim.live && claim.live->kind == TypeKind::kString) return claim.live_style;
    return claim.live && rows_stay_ ? TextStyle::kServer : TextStyle::kFile;
  }

  // A key column that has to be Nullable now.
  bool leaves_key(const Claim& claim, const ColumnType& type) const {
    return type.nullable && is_key(claim) && !(claim.live && claim.live->nullable);
  }

  ColumnType joined(const Claim& claim) const {
    ColumnType type = joined_type(claim);
    type.nullable = type.nullable || is_missing(claim) || claim.has_nulls;
    return type;
  }

  void check_key(const Claim& claim, const ColumnType& type) const {
    if (!key_.is_given || !leaves_key(claim, type)) return;
    throw base::SchemaError(fmt::format(
        "column \"{}\" is part of the table's key, which is never NULL, but {}; set order_by (or "
        "partition_by) to columns that every file fills{}",
        claim.name,
        is_missing(claim) ? "a file lacks it" : fmt::format("would have to be {}", type.name()),
        is_live_ ? ", and load into a new table" : ""));
  }

  void decide_new(const Claim& claim) {
    ColumnType type = joined(claim);
    type.nullable = type.nullable || rows_stay_;
    check_key(claim, type);
    if (!is_live_) return add(claim, type);
    if (claim.is_outside && policy_ != DriftPolicy::kEvolve) throw_outsiders(claim);
    if (policy_ == DriftPolicy::kFreeze) {
      throw base::SchemaError(
          fmt::format("column \"{}\" ({}) is in the files, but not in the table, and drift = "
                      "\"freeze\" forbids "
                      "to add it; exclude the field, or set drift to \"evolve\", \"rescue\" or "
                      "\"discard\"; {}",
                      claim.name, type.name(), kAnotherSchema));
    }
    if (leaves_out()) {
      drift_.changes.push_back(
          {.kind = Change::Kind::kIgnored,
           .column = claim.name,
           .to = type,
           .reason = fmt::format("The table lacks the column and drift = \"{}\" {}.", policy_,
                                 policy_ == DriftPolicy::kRescue
                                     ? fmt::format("keeps its values in {}", kRescuedColumn)
                                     : "leaves it out")});
      return;
    }
    add(claim, type);
    drift_.changes.push_back(
        {.kind = Change::Kind::kAdd,
         .column = claim.name,
         .to = type,
         .reason = rows_stay_ ? "The table lacks the column; it is NULL in the rows that are there."
                              : "The table lacks the column."});
  }

  void decide_live(const Claim& claim) {
    const ColumnType& live = *claim.live;
    if (claim.files && !same_zone(live, *claim.files)) throw_zones(claim);
    ColumnType type = joined(claim);
    // How text is stored does not change what a column may hold.
    if (policy_ != DriftPolicy::kEvolve && type.kind == live.kind && live.low_cardinality) {
      type.low_cardinality = true;
    }
    // Files without outsiders have no column for them.
    if (claim.having_count == 0 && !claim.is_outside) note_missing(claim);
    if (type != live) widen(claim, type);
    add(claim, type);
  }

  void add(const Claim& claim, const ColumnType& type) {
    drift_.shape.push_back(
        {.name = claim.name, .type = type, .text_style = text_style(claim, type)});
  }

  void note_missing(const Claim& claim) {
    if (policy_ == DriftPolicy::kFreeze) {
      throw base::SchemaError(
          fmt::format("column \"{}\" ({}) is in the table, but not in the files, and drift = "
                      "\"freeze\" forbids "
                      "that; set drift to \"evolve\" or \"discard\" to have NULL in their rows; {}",
                      claim.name, claim.live->name(), kAnotherSchema));
    }
    drift_.changes.push_back({.kind = Change::Kind::kMissing,
                              .column = claim.name,
                              .from = claim.live,
                              .reason = "The files lack the column; it is NULL in their rows."});
  }

  void widen(const Claim& claim, const ColumnType& type) {
    check_policy(claim, type);
    check_key(claim, type);
    const ColumnType& live = *claim.live;
    std::string reason =
        fmt::format("{} holds what the table has ({}) and what the files have ({})", type.name(),
                    live.name(), claim.files ? claim.files->name() : "NULL");
    if (is_missing(claim)) reason += "; a file lacks the column: NULL in its rows";
    if (leaves_key(claim, type)) reason += "; the table is not sorted by it any more";
    drift_.changes.push_back({.kind = Change::Kind::kWiden,
                              .column = claim.name,
                              .from = live,
                              .to = type,
                              .needs_check = rows_stay_ && !join_types(live, type).is_exact,
                              .needs_rebuild = rows_stay_ && is_key(claim),
                              .numbers_to = rows_stay_ ? claim.numbers_to : "",
                              .reason = reason + "."});
  }

  // Where columns are left out, a missing one may be NULL, and nothing else may be.
  void check_policy(const Claim& claim, const ColumnType& type) const {
    if (policy_ == DriftPolicy::kEvolve) return;
    ColumnType with_null = *claim.live;
    with_null.nullable = true;
    const bool may_be_null = leaves_out() && is_missing(claim);
    if (may_be_null && type == with_null) return;
    throw base::SchemaError(fmt::format(
        "column \"{}\" is {} in the table and {} in the files; it would have to become {}, which "
        "drift = \"{}\" forbids; set drift = \"evolve\", or types.\"{}\" = \"{}\" if every value "
        "of the files has an exact one of that type; {}",
        claim.name, claim.live->name(), claim.files ? claim.files->name() : "NULL", type.name(),
        policy_, claim.name, claim.live->name(), kAnotherSchema));
  }

  [[noreturn]] void throw_outsiders(const Claim& claim) const {
    throw base::SchemaError(fmt::format(
        "the files have values that a column of dates cannot hold; they need a column \"{}\", "
        "which "
        "drift = \"{}\" forbids to add; correct the files, or set drift to \"evolve\"; {}",
        claim.name, policy_, kAnotherSchema));
  }

  [[noreturn]] static void throw_zones(const Claim& claim) {
    throw base::SchemaError(fmt::format(
        "column \"{}\" is {} in the table and {} in the files: the files' stamps would mean other "
        "instants than those that are there; set timezone (or types.\"{}\") as it was, or load all "
        "files into a new table",
        claim.name, claim.live->name(), claim.files->name(), claim.name));
  }

  const DriftPolicy policy_;
  const Key& key_;
  const bool is_live_;
  const bool rows_stay_;
  const std::size_t file_count_;
  Drift drift_;
};

}  // namespace

bool is_own_column(std::string_view name) {
  return std::ranges::find(kOwnColumns, name) != kOwnColumns.end();
}

bool is_own_column(const ColumnPlan& column) {
  return column.part == Part::kOrder || column.part == Part::kDeleted ||
         (column.field_index == kNoField && is_own_column(column.name));
}

std::string said_of(const Change& change) {
  return fmt::format("column \"{}\": {}", change.column, change.reason);
}

Drift find_drift(const Shape& live, const std::vector<Shape>& wanted, DriftPolicy policy,
                 const Key& key, bool rows_stay) {
  DriftFinder finder(policy, key, !live.empty(), rows_stay, wanted.size());
  const Claims claims(live, wanted);
  for (const Claim& claim : claims.all()) {
    if (!claims.is_idle(claim)) finder.decide(claim);
  }
  return finder.take();
}

Shape shape_of(const TablePlan& plan) {
  Shape shape;
  for (const ColumnPlan& column : plan.columns) {
    if (is_own_column(column)) continue;
    shape.push_back({.name = column.name,
                     .type = column.type,
                     .is_empty = column.is_empty,
                     .fits_float64 = column.fits_float64,
                     .is_outside = column.outside == Outside::kOnly});
  }
  return shape;
}

// Drift as SQL.

namespace {

using clickhouse::quote_identifier;

// The column's declaration, with the codec that fits its new type.
std::string declaration(const Change& change, const clickhouse::TableDefinition& definition) {
  std::string sql = fmt::format("{} {}", quote_identifier(change.column), change.to->name());
  const auto column =
      std::ranges::find(definition.columns, change.column, &clickhouse::ColumnDefinition::name);
  if (column == definition.columns.end()) return sql;
  if (!column->comment.empty()) sql += " COMMENT " + clickhouse::quote_literal(column->comment);
  if (!column->codec.empty()) sql += fmt::format(" CODEC({})", column->codec);
  return sql;
}

// " AFTER `x`": behind the other columns of fields, not behind the table's own ones. `x` is there
// by then, since columns are added in their order.
std::string place(const Shape& shape, const std::string& name) {
  const auto column = std::ranges::find(shape, name, &ShapeColumn::name);
  if (column == shape.end() || column == shape.begin()) return {};
  return " AFTER " + quote_identifier(std::prev(column)->name);
}

// Fills the number column while its text column still holds numbers.
std::string move_numbers(const Change& change, const Shape& shape,
                         const std::string& quoted_table) {
  const auto numbers = std::ranges::find(shape, change.numbers_to, &ShapeColumn::name);
  const std::string name = quote_identifier(change.numbers_to);
  return fmt::format("ALTER TABLE {} UPDATE {} = CAST({}, {}) WHERE isNull({})", quoted_table, name,
                     quote_identifier(change.column),
                     clickhouse::quote_literal(numbers->type.name()), name);
}

// A condition that is true of values which the new type does not hold.
std::string misfit(const std::string& column, const ColumnType& from, const ColumnType& to) {
  // Nanoseconds since 1970 end in 2262.
  if (to.kind == TypeKind::kDateTime64) return fmt::format("toYear({}) > 2261", column);
  switch (from.kind) {
    case TypeKind::kInt64:
      // The largest Float64 below 2^63: what lies above it is not an Int64 and must not be cast
      // back.
      return fmt::format("{0} > 9223372036854774784 OR toInt64(toFloat64({0})) != {0}", column);
    case TypeKind::kUInt64:
      return fmt::format("{0} > 18446744073709549568 OR toUInt64(toFloat64({0})) != {0}", column);
    default:
      // A decimal is a Float64 when the shortest text of that Float64 is the decimal. Numbers that
      // round up to one digit more do not fit, and reading them back would overflow.
      return fmt::format(
          "toDecimal128(if(abs(toFloat64({0})) < 1e{1}, toString(toFloat64({0})), '0'), {2}) != "
          "{0}",
          column, from.precision - from.scale, from.scale);
  }
}

}  // namespace

std::vector<std::string> alter_sql(const Drift& drift, const std::string& quoted_table,
                                   const clickhouse::TableDefinition& definition) {
  std::vector<std::string> adds, widenings, moves, texts;
  for (const Change& change : drift.changes) {
    if (change.kind == Change::Kind::kAdd) {
      adds.push_back(fmt::format("ALTER TABLE {} ADD COLUMN {}{}", quoted_table,
                                 declaration(change, definition),
                                 place(drift.shape, change.column)));
    }
    if (change.kind != Change::Kind::kWiden) continue;
    if (!change.numbers_to.empty()) {
      moves.push_back(move_numbers(change, drift.shape, quoted_table));
    }
    if (change.needs_rebuild) continue;
    (change.numbers_to.empty() ? widenings : texts)
        .push_back(fmt::format("ALTER TABLE {} MODIFY COLUMN {}", quoted_table,
                               declaration(change, definition)));
  }
  std::vector<std::string> statements;
  for (auto* group : {&adds, &widenings, &moves, &texts}) {
    std::ranges::move(*group, std::back_inserter(statements));
  }
  return statements;
}

std::string check_sql(const Change& change, const std::string& quoted_table) {
  const std::string column = quote_identifier(change.column);
  std::string condition = misfit(column, *change.from, *change.to);
  if (change.from->nullable) {
    condition = fmt::format("isNotNull({}) AND ({})", column,
                            misfit("assumeNotNull(" + column + ")", *change.from, *change.to));
  }
  return fmt::format("SELECT countIf({}) FROM {}", condition, quoted_table);
}

// Types as a lattice: whole numbers < decimals < Float64, days < stamps, times; String holds all.

namespace {

enum class Family { kNumber, kStamp, kTime, kText };

Family family(TypeKind kind) {
  switch (kind) {
    case TypeKind::kString:
      return Family::kText;
    case TypeKind::kDate:
    case TypeKind::kDate32:
    case TypeKind::kDateTime:
    case TypeKind::kDateTime64:
      return Family::kStamp;
    case TypeKind::kTime64:
      return Family::kTime;
    default:
      return Family::kNumber;
  }
}

// A whole-number type by its bits; Bool is the smallest. 0 bits: it is not one.
struct Whole {
  int bits = 0;
  bool is_signed = false;
};

Whole whole(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBool:
      return {.bits = 1};
    case TypeKind::kUInt8:
      return {.bits = 8};
    case TypeKind::kUInt16:
      return {.bits = 16};
    case TypeKind::kUInt32:
      return {.bits = 32};
    case TypeKind::kUInt64:
      return {.bits = 64};
    case TypeKind::kInt8:
      return {.bits = 8, .is_signed = true};
    case TypeKind::kInt16:
      return {.bits = 16, .is_signed = true};
    case TypeKind::kInt32:
      return {.bits = 32, .is_signed = true};
    case TypeKind::kInt64:
      return {.bits = 64, .is_signed = true};
    default:
      return {};
  }
}

TypeKind kind_of(Whole type) {
  switch (type.bits) {
    case 1:
      return TypeKind::kBool;
    case 8:
      return type.is_signed ? TypeKind::kInt8 : TypeKind::kUInt8;
    case 16:
      return type.is_signed ? TypeKind::kInt16 : TypeKind::kUInt16;
    case 32:
      return type.is_signed ? TypeKind::kInt32 : TypeKind::kUInt32;
    default:
      return type.is_signed ? TypeKind::kInt64 : TypeKind::kUInt64;
  }
}

// Every whole number counts as an Int64, also a narrower one: Int8 ⊔ UInt8 is Int16, and were each
// of these to have its own digits, the join of three types would depend on their order.
Digits digits(const ColumnType& type) {
  constexpr int kInt64Digits = 19, kUInt64Digits = 20;
  if (type.kind == TypeKind::kDecimal) {
    return {.integer = type.precision - type.scale, .fraction = type.scale};
  }
  return {.integer = type.kind == TypeKind::kUInt64 ? kUInt64Digits : kInt64Digits, .fraction = 0};
}

// Whether a Float64 is exactly each value; of a decimal, when its shortest text is the decimal.
bool is_within_float64(const ColumnType& type) {
  constexpr int kFloat64Digits = 15;  // any decimal of so many survives a double
  if (type.kind == TypeKind::kFloat64) return true;
  if (type.kind == TypeKind::kDecimal) return type.precision <= kFloat64Digits;
  return whole(type.kind).bits <= 32;
}

Join join_floats(const ColumnType& a, const ColumnType& b) {
  return {.type = {.kind = TypeKind::kFloat64},
          .is_exact = is_within_float64(a) && is_within_float64(b)};
}

Join join_decimals(const ColumnType& a, const ColumnType& b) {
  constexpr int kMostDigits = 38;
  const Digits left = digits(a), right = digits(b);
  const int fraction = std::max(left.fraction, right.fraction);
  const int precision = std::max(left.integer, right.integer) + fraction;
  if (precision > kMostDigits) return join_floats(a, b);
  return {.type = {.kind = TypeKind::kDecimal,
                   .precision = static_cast<std::uint8_t>(precision),
                   .scale = static_cast<std::uint8_t>(fraction)}};
}

Join join_numbers(const ColumnType& a, const ColumnType& b) {
  if (a.kind == TypeKind::kFloat64 || b.kind == TypeKind::kFloat64) return join_floats(a, b);
  if (a.kind == TypeKind::kDecimal || b.kind == TypeKind::kDecimal) return join_decimals(a, b);
  const Whole left = whole(a.kind), right = whole(b.kind);
  Whole both{.bits = std::max(left.bits, right.bits),
             .is_signed = left.is_signed || right.is_signed};
  for (const Whole& part : {left, right}) {
    if (both.is_signed && !part.is_signed) both.bits = std::max(both.bits, 2 * part.bits);
  }
  if (both.bits > 64) return join_decimals(a, b);
  return {.type = {.kind = kind_of(both)}};
}

bool is_day(const ColumnType& type) {
  return type.kind == TypeKind::kDate || type.kind == TypeKind::kDate32;
}

// Nanoseconds end in the year 2262. Date and DateTime hold the years 1970…2037, the others
// 1900…2299.
bool is_within_stamps(const ColumnType& type, int scale) {
  constexpr int kNanoseconds = 9;
  return scale < kNanoseconds || type.scale == scale || type.kind == TypeKind::kDate ||
         type.kind == TypeKind::kDateTime;
}

// The zone is how instants are shown; UTC shows those of every zone.
Join join_stamps(const ColumnType& a, const ColumnType& b) {
  if (is_day(a) && is_day(b)) {
    return {.type = {.kind = a.kind == b.kind ? a.kind : TypeKind::kDate32}};
  }
  const auto either = [&](TypeKind kind) { return a.kind == kind || b.kind == kind; };
  ColumnType type{.kind = either(TypeKind::kDate32) || either(TypeKind::kDateTime64)
                              ? TypeKind::kDateTime64
                              : TypeKind::kDateTime,
                  .scale = std::max(a.scale, b.scale),
                  .timezone = is_day(a) ? b.timezone : a.timezone};
  if (!is_day(a) && !is_day(b) && a.timezone != b.timezone) type.timezone = "UTC";
  return {.type = type,
          .is_exact = is_within_stamps(a, type.scale) && is_within_stamps(b, type.scale)};
}

Join join_values(const ColumnType& a, const ColumnType& b) {
  if (family(a.kind) != family(b.kind)) return {.type = {.kind = TypeKind::kString}};
  switch (family(a.kind)) {
    case Family::kNumber:
      return a.kind == b.kind && a.kind != TypeKind::kDecimal ? Join{.type = {.kind = a.kind}}
                                                              : join_numbers(a, b);
    case Family::kStamp:
      return join_stamps(a, b);
    case Family::kTime:
      return {.type = {.kind = TypeKind::kTime64, .scale = std::max(a.scale, b.scale)}};
    case Family::kText:
      break;
  }
  return {.type = {.kind = TypeKind::kString,
                   .low_cardinality = a.low_cardinality && b.low_cardinality}};
}

}  // namespace

Join join_types(const ColumnType& a, const ColumnType& b) {
  Join join = join_values(a, b);
  join.type.nullable = a.nullable || b.nullable;
  return join;
}

ColumnChange::Kind ColumnChange::kind() const {
  if (!from) return Kind::kAdded;
  if (!to) return Kind::kRemoved;
  ColumnType with_null = *from;
  with_null.nullable = true;
  if (*to == with_null) return Kind::kNullable;
  if (family(to->kind) == Family::kText && family(from->kind) != Family::kText) return Kind::kText;
  return join_types(*from, *to).type == *to ? Kind::kWidened : Kind::kRetyped;
}

bool ColumnChange::gives_up() const {
  if (!from || !to) return false;
  const Family before = family(from->kind);
  const Family after = family(to->kind);
  if (before == after || before == Family::kText) return false;
  return before != Family::kNumber || after == Family::kText;
}

std::string said_of(const ColumnChange& change) {
  return fmt::format(
      "column \"{}\" was {} in the table and is {} from this load on; drift = \"freeze\" would "
      "have refused the file: {}",
      change.column, change.from ? change.from->name() : "not",
      change.to ? change.to->name() : "not", change.reason);
}

std::vector<ColumnChange> find_changes(const Shape& before, const Shape& after) {
  std::vector<ColumnChange> changes;
  const auto find = [](const Shape& shape, const std::string& name) -> std::optional<ColumnType> {
    const auto column = std::ranges::find(shape, name, &ShapeColumn::name);
    if (column == shape.end()) return std::nullopt;
    ColumnType type = column->type;
    type.low_cardinality = false;
    return type;
  };
  for (const ShapeColumn& column : before) {
    ColumnChange change{
        .column = column.name, .from = find(before, column.name), .to = find(after, column.name)};
    if (change.from != change.to) changes.push_back(std::move(change));
  }
  for (const ShapeColumn& column : after) {
    if (find(before, column.name)) continue;
    changes.push_back(
        {.column = column.name, .from = std::nullopt, .to = find(after, column.name)});
  }
  return changes;
}

}  // namespace qvdhouse::schema
