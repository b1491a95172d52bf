#include "decide/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/error.h"
#include "catalog/tables.h"
#include "claim/lease.h"
#include "clickhouse/quote.h"
#include "decide/placement_pattern.h"
#include "schema/names.h"
#include "tracking/runs.h"
#include "tracking/tracking.h"

namespace qvdhouse::decide {
namespace {

using schema::LoadMode;
using schema::TableRules;

constexpr std::array<std::string_view, 7> kOurTables = {
    tracking::kFileTable, tracking::kHistoryTable, tracking::kRunTable, tracking::kWorkflowTable,
    catalog::kFileTable,  catalog::kFieldView,     claim::kLeaseTable};
constexpr std::array<std::string_view, 4> kOurColumns = {
    schema::kFileColumn, schema::kVersionColumn, schema::kRowColumn, schema::kLoadedAtColumn};

// Why no table of files can have this name; empty when one can.
std::string wrong_name(std::string_view name) {
  if (name.empty()) return "it is empty";
  if (name.find('\0') != std::string_view::npos) return "it holds a NUL byte";
  if (std::find(kOurTables.begin(), kOurTables.end(), name) != kOurTables.end()) {
    return "qvdhouse keeps its own state in that table";
  }
  if (name.find("__staging_") != std::string_view::npos) {
    return "\"__staging_\" is in the names of tables that are being loaded";
  }
  return "";
}

[[noreturn]] void throw_bad_rule(const TableRules& rules, std::string_view message) {
  throw base::ConfigError(rules.where.empty() ? std::string(message)
                                              : fmt::format("{}: {}", rules.where, message));
}

void check_name(const TableRules& rules, std::string_view table) {
  const std::string wrong = wrong_name(table);
  if (wrong.empty()) return;
  throw_bad_rule(rules, fmt::format("{} cannot be the name of a table: {}",
                                    clickhouse::quote_identifier(table), wrong));
}

// All files that match may be one table: something of their names is not in the table's.
bool may_be_many(const PlacementPattern& pattern, const NameTemplate& name) {
  const std::vector<std::string> named = name.part_names();
  return pattern.has_wildcards() ||
         std::any_of(pattern.part_names().begin(), pattern.part_names().end(),
                     [&](const std::string& part) {
                       return std::find(named.begin(), named.end(), part) == named.end();
                     });
}

}  // namespace

struct Placer::Rule {
  TableRules rules;
  PlacementPattern pattern;
  NameTemplate name;
  LoadMode mode;

  explicit Rule(const TableRules& of)
      : rules(of), pattern(of.match), name(of.name), mode(LoadMode::kReplace) {
    if (!of.name.empty() && may_be_many(pattern, name)) mode = LoadMode::kReplaceByFile;
    mode = of.mode.value_or(mode);
    for (const std::string& part : pattern.part_names()) {
      if (std::find(kOurColumns.begin(), kOurColumns.end(), part) != kOurColumns.end()) {
        throw base::ConfigError(fmt::format(
            "the part {{{}}} would be a column of that name, which is qvdhouse's own; give it "
            "another name",
            part));
      }
    }
    for (const std::string& part : name.part_names()) {
      if (std::find(pattern.part_names().begin(), pattern.part_names().end(), part) ==
          pattern.part_names().end()) {
        throw base::ConfigError(fmt::format(
            "name = \"{}\" uses the part {{{}}}, which its pattern \"{}\" does not have", of.name,
            part, of.match));
      }
    }
  }
};

// One table has its settings from one rule, which may have several patterns: those then have the
// same `where`, and parts.
void Placer::check_one_rule(const Rule* a, const TableRules& of_a, const Rule* b,
                            const TableRules& of_b) {
  if (a == nullptr || b == nullptr || of_a.where != of_b.where || of_a.where.empty()) {
    throw_bad_rule(of_b, fmt::format("table \"{}\" has settings already{}; put them together, and "
                                     "several patterns into one: match = [\"…\", \"…\"]",
                                     of_b.name, of_a.where.empty() ? "" : " at " + of_a.where));
  }
  std::vector<std::string> parts_of_a = a->pattern.part_names();
  std::vector<std::string> parts_of_b = b->pattern.part_names();
  std::sort(parts_of_a.begin(), parts_of_a.end());
  std::sort(parts_of_b.begin(), parts_of_b.end());
  if (parts_of_a == parts_of_b) return;
  throw_bad_rule(of_b, fmt::format("expected the same {{parts}} in all patterns of a table, which "
                                   "are its columns; \"{}\" and \"{}\" differ",
                                   of_a.match, of_b.match));
}

Placer::Placer(const std::vector<TableRules>& rules, schema::Policy policy)
    : policy_(std::move(policy)) {
  struct Known {
    const TableRules* rules;
    Rule* pattern;
  };
  std::map<std::string, Known> tables;  // with a fixed name
  for (const TableRules& rule : rules) {
    std::string table = rule.name;
    Rule* pattern = nullptr;
    if (!rule.match.empty()) {
      try {
        patterns_.push_back(std::make_unique<Rule>(rule));
      } catch (const base::ConfigError& error) {
        throw_bad_rule(rule, fmt::format("match = \"{}\": {}", rule.match, error.what()));
      }
      pattern = patterns_.back().get();
      table = pattern->name.part_names().empty() ? pattern->name.expand({}) : "";
    } else if (rule.name.empty()) {
      defaults_ = rule;
    } else {
      named_.push_back(rule);
    }
    if (table.empty()) continue;
    check_name(rule, table);
    const auto [known, is_new] = tables.try_emplace(table, Known{&rule, pattern});
    if (is_new) continue;
    check_one_rule(known->second.pattern, *known->second.rules, pattern, rule);
    if (rule.mode) continue;
    known->second.pattern->mode = LoadMode::kReplaceByFile;
    pattern->mode = LoadMode::kReplaceByFile;
  }
}

Placer::~Placer() = default;

const TableRules* Placer::rules_of(std::string_view table) const {
  const auto found = std::find_if(named_.begin(), named_.end(),
                                  [&](const TableRules& rules) { return rules.name == table; });
  return found == named_.end() ? nullptr : &*found;
}

Placement Placer::place(std::string_view path) const {
  const std::vector<std::string> parts = path_parts(path);
  const std::string file_name = parts.empty() ? "" : parts.back();
  Placement placement;
  placement.rules = defaults_;
  for (const auto& rule : patterns_) {
    std::optional<std::vector<schema::NamePart>> found = rule->pattern.match(parts);
    if (!found) continue;
    placement.rules = rule->rules;
    placement.mode = rule->mode;
    placement.table = rule->name.expand(*found);
    placement.name_parts = std::move(*found);
    break;
  }
  if (placement.table.empty()) placement.table = schema::table_name(file_name, policy_);
  if (const TableRules* named = rules_of(placement.table)) {
    placement.rules = *named;
    placement.mode = named->mode.value_or(placement.mode);
  }
  if (const std::string wrong = wrong_name(placement.table); !wrong.empty()) {
    throw base::SchemaError(
        fmt::format("file \"{}\": its table would be {}, which cannot be: {}; rename the file "
                    "or give its table another name by a [[table]] of its own",
                    file_name, clickhouse::quote_identifier(placement.table), wrong));
  }
  return placement;
}

Placement place_file(std::string_view path, const std::vector<TableRules>& rules,
                     const schema::Policy& policy) {
  return Placer(rules, policy).place(path);
}

void check_rules(const std::vector<TableRules>& rules) { Placer(rules, {}); }

FileLoad load_of(const load::Options& options, const Placement& placement, std::string file_key,
                 std::int64_t loaded_at_us) {
  const TableRules& rules = placement.rules;
  FileLoad file{.options = options,
                .target = {.table = placement.table,
                           .mode = placement.mode,
                           .rules = rules,
                           .file_key = std::move(file_key),
                           .loaded_at_us = loaded_at_us,
                           .name_parts = placement.name_parts}};
  schema::Policy& policy = file.options.policy;
  for (const auto& [name, type] : rules.types) policy.overrides.insert_or_assign(name, type);
  policy.include = rules.include;
  policy.exclude = rules.exclude;
  policy.rename = rules.rename;
  if (!rules.order_by.empty()) policy.order_by = rules.order_by;
  return file;
}

}  // namespace qvdhouse::decide
