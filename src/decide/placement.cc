#include "decide/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/error.h"
#include "catalog/tables.h"
#include "claim/lease.h"
#include "clickhouse/newest_rows.h"
#include "clickhouse/quote.h"
#include "clickhouse/shards.h"
#include "decide/placement_pattern.h"
#include "schema/names.h"
#include "tracking/original_table.h"
#include "tracking/runs.h"
#include "tracking/tracking.h"

namespace qvdhouse::decide {
namespace {

using schema::LoadMode;
using schema::TableRules;

constexpr std::array<std::string_view, 8> kOurTables = {
    tracking::kFileTable, tracking::kHistoryTable, tracking::kRunTable, tracking::kWorkflowTable,
    catalog::kFileTable,  catalog::kFieldView,     claim::kLeaseTable,  tracking::kOriginalTable};

// Why no table of files can have this name; empty when one can.
std::string wrong_name(std::string_view name) {
  if (name.empty()) return "it is empty";
  if (name.find('\0') != std::string_view::npos) return "it holds a NUL byte";
  if (std::find(kOurTables.begin(), kOurTables.end(), name) != kOurTables.end()) {
    return "qvdhouse keeps its own state in that table";
  }
  if (name.ends_with(schema::kQuarantineSuffix)) {
    return fmt::format("\"{}\" ends the names of tables with rows that break rules",
                       schema::kQuarantineSuffix);
  }
  for (const std::string_view mark : {load::kStagingMark, load::kSwappedOutMark}) {
    if (name.find(mark) == std::string_view::npos) continue;
    return fmt::format("\"{}\" is in the names of tables that are being loaded", mark);
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

// Settings of mode upsert: all that it needs, and none without it.
void check_upsert(const TableRules& rules) {
  const bool is_upsert = rules.mode == LoadMode::kUpsert;
  const TableRules defaults;
  const bool has_any = !rules.key.empty() || !rules.version.empty() || !rules.deleted.empty() ||
                       rules.is_deletes || rules.duplicate_keys != defaults.duplicate_keys ||
                       rules.null_keys != defaults.null_keys;
  if (!is_upsert && has_any) {
    throw_bad_rule(rules,
                   "key, version, deleted, deletes, duplicate_keys and null_keys are settings of "
                   "mode = \"upsert\"; set that, or leave them away");
  }
  if (!is_upsert) return;
  if (rules.key.empty()) {
    throw_bad_rule(rules,
                   "mode = \"upsert\" needs a key: the fields whose values say that two rows are "
                   "of the same thing, such as key = [\"OrderID\"]");
  }
  for (const auto& [setting, is_set] :
       {std::pair("order_by", !rules.order_by.empty()), std::pair("engine", !rules.engine.empty()),
        std::pair("primary_key", !rules.primary_key.empty()),
        std::pair("sample_by", !rules.sample_by.empty()), std::pair("ttl", !rules.ttl.empty())}) {
    if (!is_set) continue;
    throw_bad_rule(rules, fmt::format("{} cannot be chosen with mode = \"upsert\": the rows of all "
                                      "files stay, sorted by the key, in a ReplacingMergeTree",
                                      setting));
  }
  const std::size_t equals = rules.deleted.find('=');
  if (!rules.deleted.empty() && (equals == 0 || equals == std::string::npos)) {
    throw_bad_rule(rules, fmt::format("deleted = \"{}\": expected a field and its value, such as "
                                      "\"Deleted = 1\"",
                                      rules.deleted));
  }
}

// Parts of a table's name that every file has: the folders below the source, joined by `_`, and the
// file's name without ".qvd". A part of the pattern that has the name comes first.
constexpr std::string_view kFolderPart = "folder";
constexpr std::string_view kFilePart = "file";

bool has_part(const std::vector<std::string>& names, std::string_view part) {
  return std::ranges::find(names, part) != names.end();
}

// All files that match may be one table: something of their names is not in the table's.
bool may_be_many(const PlacementPattern& pattern, const NameTemplate& name) {
  const std::vector<std::string> named = name.part_names();
  if (has_part(named, kFilePart) && !has_part(pattern.part_names(), kFilePart)) return false;
  return pattern.has_wildcards() ||
         std::any_of(pattern.part_names().begin(), pattern.part_names().end(),
                     [&](const std::string& part) {
                       return std::find(named.begin(), named.end(), part) == named.end();
                     });
}

// The table's name. Where a file lies in no folder, nothing stands for {folder} and what separates
// it from the rest.
std::string expand(const NameTemplate& name, const std::vector<schema::NamePart>& parts,
                   const std::vector<std::string>& path, std::size_t below) {
  std::vector<schema::NamePart> all = parts;
  std::string folder;
  for (std::size_t i = path.size() - below; i + 1 < path.size(); ++i) {
    folder += (folder.empty() ? "" : "_") + path[i];
  }
  all.emplace_back(kFolderPart, folder);
  all.emplace_back(kFilePart, path.empty() ? "" : std::string(stem_of(path.back())));
  std::string table = name.expand(all);
  const std::vector<std::string> named = name.part_names();
  if (folder.empty() && !named.empty() && named.front() == kFolderPart) {
    table.erase(0, table.find_first_not_of("_-. "));
  }
  return table;
}

// What is to be said where a part that is named like a date may be anything, and is no date.
std::string strange_date_text(const TableRules& rules, const PlacementPattern& pattern,
                              const std::vector<schema::NamePart>& parts) {
  for (const auto& [name, value] : parts) {
    const bool is_date_name = name.size() > 1 && name.find_first_not_of("yYmMdD_") == name.npos;
    const bool is_date = value.find_first_not_of("0123456789-_. ") == value.npos;
    if (!is_date_name || is_date || !pattern.takes_anything(name)) continue;
    return fmt::format(
        "The pattern \"{}\" takes the file with {{{}}} = \"{}\"; if it should not, "
        "bind the part, as in {{{}:6 digits}} or {{{}:date}}.",
        rules.match, name, value, name, name);
  }
  return {};
}

// What is to be said of a file that a pattern does not take for these parts; empty for none.
std::string near_miss_text(const TableRules& rules, const std::vector<schema::NamePart>& misses) {
  if (misses.empty()) return {};
  const auto& [bound, piece] = misses.front();
  return fmt::format(
      "The pattern \"{}\" does not take the file, since \"{}\" is not {}; it has a "
      "table of its own.",
      rules.match, piece, bound);
}

}  // namespace

struct Placer::Rule {
  TableRules rules;
  PlacementPattern pattern;
  NameTemplate name;
  LoadMode mode;

  explicit Rule(const TableRules& of)
      : rules(of), pattern(of.match), name(of.name), mode(LoadMode::kReplace) {
    for (const std::string& part : pattern.date_parts()) rules.types.try_emplace(part, "Date32");
    if (!of.name.empty() && may_be_many(pattern, name)) mode = LoadMode::kReplaceByFile;
    mode = of.mode.value_or(mode);
    for (const std::string& part : pattern.part_names()) {
      if (std::ranges::find(schema::kOwnColumns, part) != schema::kOwnColumns.end()) {
        throw base::ConfigError(fmt::format(
            "the part {{{}}} would be a column of that name, which is qvdhouse's own; give it "
            "another name",
            part));
      }
    }
    for (const std::string& part : name.part_names()) {
      if (part == kFolderPart || part == kFilePart || has_part(pattern.part_names(), part))
        continue;
      throw base::ConfigError(
          fmt::format("name = \"{}\" uses the part {{{}}}, which its pattern \"{}\" does not have, "
                      "and which is "
                      "not {{folder}} or {{file}} either",
                      of.name, part, of.match));
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

Placer::Placer(const std::vector<TableRules>& rules, schema::Policy policy,
               const std::string& source)
    : policy_(std::move(policy)) {
  if (!source.empty()) {
    scope_.emplace(source);
    depth_ = path_parts(scope_->folder()).size();
  }
  struct Known {
    const TableRules* rules;
    Rule* pattern;
  };
  std::map<std::string, Known> tables;  // with a fixed name
  for (const TableRules& rule : rules) {
    check_upsert(rule);
    has_upsert_ |= rule.mode == LoadMode::kUpsert;
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

// Why the table cannot have that name; empty when it can.
std::string Placer::why_taken(const Placement& placement) const {
  const std::string wrong = wrong_name(placement.table);
  if (!wrong.empty() || !has_upsert_ || placement.mode == LoadMode::kUpsert) return wrong;
  if (!placement.table.ends_with(clickhouse::kRowsSuffix)) return {};
  return fmt::format(
      "names that end with {} are those of the rows of tables with mode = \"upsert\"",
      clickhouse::kRowsSuffix);
}

std::set<std::string> Placer::part_names() const {
  std::set<std::string> names;
  for (const auto& rule : patterns_) {
    const std::vector<std::string>& parts = rule->pattern.part_names();
    names.insert(parts.begin(), parts.end());
  }
  return names;
}

Placement Placer::place(std::string_view path, std::string_view known_table) const {
  const std::vector<std::string> parts = path_parts(path);
  const std::string file_name = parts.empty() ? "" : parts.back();
  const bool is_below = scope_ && depth_ < parts.size() && scope_->covers(path);
  const std::size_t below = is_below ? parts.size() - depth_ : parts.size();
  Placement placement;
  placement.rules = defaults_;
  for (const auto& rule : patterns_) {
    std::optional<std::vector<schema::NamePart>> found = rule->pattern.match(parts, below);
    if (!found) {
      if (placement.warning.empty()) {
        placement.warning = near_miss_text(rule->rules, rule->pattern.near_misses(parts, below));
      }
      continue;
    }
    placement.warning = strange_date_text(rule->rules, rule->pattern, *found);
    placement.rules = rule->rules;
    placement.mode = rule->mode;
    placement.table = expand(rule->name, *found, parts, below);
    placement.name_parts = std::move(*found);
    break;
  }
  if (placement.table.empty()) {
    placement.table = schema::table_name(file_name, policy_, known_table);
  }
  if (const TableRules* named = rules_of(placement.table)) {
    const TableRules of_pattern = std::move(placement.rules);
    placement.rules = *named;
    placement.rules.is_deletes = of_pattern.is_deletes;
    // What a pattern protects stays protected, unless the table says otherwise of the same name.
    placement.rules.protections.insert(of_pattern.protections.begin(),
                                       of_pattern.protections.end());
    placement.mode = named->mode.value_or(placement.mode);
    TableRules merged = placement.rules;
    merged.mode = placement.mode;
    check_upsert(merged);
  }
  if (const std::string wrong = why_taken(placement); !wrong.empty()) {
    throw base::SchemaError(
        fmt::format("file \"{}\": its table would be {}, which cannot be: {}; rename the file "
                    "or give its table another name by a [[table]] of its own",
                    file_name, clickhouse::quote_identifier(placement.table), wrong));
  }
  return placement;
}

bool is_spread(const Placement& placement, const clickhouse::Dialect& dialect) {
  return placement.is_set() && placement.mode != LoadMode::kUpsert &&
         placement.rules.sharding == schema::Sharding::kFile && !dialect.replication.shards.empty();
}

std::string stored_in(const Placement& placement, const std::string& table,
                      const clickhouse::Dialect& dialect) {
  if (placement.mode == LoadMode::kUpsert) return all_rows_of(placement.mode, table);
  return is_spread(placement, dialect) ? clickhouse::local_table(table) : table;
}

std::string all_rows_of(LoadMode mode, const std::string& table) {
  return mode == LoadMode::kUpsert ? clickhouse::rows_table(table) : table;
}

Placement place_file(std::string_view path, const std::vector<TableRules>& rules,
                     const schema::Policy& policy, const std::string& source,
                     std::string_view known_table) {
  return Placer(rules, policy, source).place(path, known_table);
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
                           .name_parts = placement.name_parts,
                           .quarantine = schema::quarantine_table(placement.table)}};
  schema::Policy& policy = file.options.policy;
  for (const auto& [name, type] : rules.types) policy.overrides.insert_or_assign(name, type);
  policy.include = rules.include;
  policy.exclude = rules.exclude;
  policy.rename = rules.rename;
  if (!rules.order_by.empty()) policy.order_by = rules.order_by;
  if (placement.mode == LoadMode::kUpsert) policy.order_by = rules.key;
  if (rules.is_deletes) {
    policy.include = rules.key;
    if (!rules.version.empty()) policy.include.push_back(rules.version);
  }
  policy.outsiders = rules.outsiders.value_or(policy.outsiders);
  policy.outsiders_of = rules.outsiders_of;
  policy.decimals = rules.decimals.value_or(policy.decimals);
  if (!rules.null_texts.empty()) policy.null_texts = rules.null_texts;
  policy.null_texts_of = rules.null_texts_of;
  policy.protections_of_table = rules.protections;
  policy.leaves_misfits.clear();
  for (const schema::ColumnRule& rule : rules.column_rules) {
    const bool leaves = rule.fits_type && rule.action != schema::RuleAction::kError;
    if (leaves) policy.leaves_misfits.push_back(rule.columns);
  }
  return file;
}

}  // namespace qvdhouse::decide
