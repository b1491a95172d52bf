#include "schema/drift.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "schema/field_plan.h"

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
  std::optional<ColumnType> files;  // of those that have values for it
  std::string numbers_to;           // live numbers become text beside this column
  bool fits_float64 = true;
  bool has_nulls = false;        // a file has the column, but only NULLs
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

// A field that is a pair elsewhere is one here too: its numbers belong to the number column.
Shape split_pairs(const Shape& shape, const std::set<std::string>& texts) {
  Shape split;
  const Names names = names_of(shape);
  for (const ShapeColumn& column : shape) {
    const std::string number_name = column.name + std::string(kNumberSuffix);
    split.push_back(column);
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

class Claims {
 public:
  Claims(const Shape& live, const std::vector<Shape>& wanted) {
    for (const ShapeColumn& column : live) claim(column.name).live = column.type;
    const std::set<std::string> texts = paired_texts(live, wanted);
    for (const Shape& shape : wanted) {
      for (const ShapeColumn& column : split_pairs(shape, texts)) add(column);
    }
    for (const std::string& text : texts) split_live(text);
  }
  const std::vector<Claim>& all() const { return claims_; }

 private:
  Claim& claim(const std::string& name) {
    const auto [found, is_new] = index_.emplace(name, claims_.size());
    if (is_new) claims_.push_back({.name = name});
    return claims_[found->second];
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

ColumnType as_text(const ColumnType& type) {
  return {.kind = TypeKind::kString, .nullable = type.nullable};
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
  bool is_missing(const Claim& claim) const { return claim.having_count < file_count_; }
  bool is_key(const Claim& claim) const {
    return std::ranges::find(key_.columns, claim.name) != key_.columns.end();
  }

  // A key column that has to be Nullable now.
  bool leaves_key(const Claim& claim, const ColumnType& type) const {
    return type.nullable && is_key(claim) && !(claim.live && claim.live->nullable);
  }

  // The type of all, or text where a Float64 would not hold them.
  ColumnType joined(const Claim& claim) const {
    ColumnType type = claim.files.value_or(
        claim.live.value_or(ColumnType{.kind = TypeKind::kString, .nullable = true}));
    if (claim.live) type = join_types(type, *claim.live).type;
    if (type.kind == TypeKind::kFloat64 && !claim.fits_float64) type = as_text(type);
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
    if (!is_live_) {
      drift_.shape.push_back({.name = claim.name, .type = type});
      return;
    }
    if (policy_ == DriftPolicy::kFreeze) {
      throw base::SchemaError(
          fmt::format("column \"{}\" ({}) is in the files, but not in the table, and drift = "
                      "\"freeze\" forbids "
                      "to add it; exclude the field, or set drift to \"evolve\" or \"discard\"; {}",
                      claim.name, type.name(), kAnotherSchema));
    }
    if (policy_ == DriftPolicy::kDiscard) {
      drift_.changes.push_back(
          {.kind = Change::Kind::kIgnored,
           .column = claim.name,
           .to = type,
           .reason = "The table lacks the column and drift = \"discard\" leaves it out."});
      return;
    }
    drift_.shape.push_back({.name = claim.name, .type = type});
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
    if (claim.having_count == 0) note_missing(claim);
    if (type != live) widen(claim, type);
    drift_.shape.push_back({.name = claim.name, .type = type});
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

  // kDiscard lets a missing column be NULL and nothing else.
  void check_policy(const Claim& claim, const ColumnType& type) const {
    if (policy_ == DriftPolicy::kEvolve) return;
    ColumnType with_null = *claim.live;
    with_null.nullable = true;
    const bool may_be_null = policy_ == DriftPolicy::kDiscard && is_missing(claim);
    if (may_be_null && type == with_null) return;
    throw base::SchemaError(fmt::format(
        "column \"{}\" is {} in the table and {} in the files; it would have to become {}, which "
        "drift = \"{}\" forbids; set drift = \"evolve\", or types.\"{}\" = \"{}\" if every value "
        "of the files has an exact one of that type; {}",
        claim.name, claim.live->name(), claim.files ? claim.files->name() : "NULL", type.name(),
        policy_ == DriftPolicy::kFreeze ? "freeze" : "discard", claim.name, claim.live->name(),
        kAnotherSchema));
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
  constexpr std::array<std::string_view, 4> kNames = {kFileColumn, kVersionColumn, kRowColumn,
                                                      kLoadedAtColumn};
  return std::ranges::find(kNames, name) != kNames.end();
}

std::string said_of(const Change& change) {
  return fmt::format("column \"{}\": {}", change.column, change.reason);
}

Drift find_drift(const Shape& live, const std::vector<Shape>& wanted, DriftPolicy policy,
                 const Key& key, bool rows_stay) {
  DriftFinder finder(policy, key, !live.empty(), rows_stay, wanted.size());
  const Claims claims(live, wanted);
  for (const Claim& claim : claims.all()) finder.decide(claim);
  return finder.take();
}

Shape shape_of(const TablePlan& plan) {
  Shape shape;
  for (const ColumnPlan& column : plan.columns) {
    if (column.field_index == kNoField && is_own_column(column.name)) continue;
    shape.push_back({.name = column.name,
                     .type = column.type,
                     .is_empty = column.is_empty,
                     .fits_float64 = column.fits_float64});
  }
  return shape;
}

}  // namespace qvdhouse::schema
