#include "cli/config_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "cli/did_you_mean.h"
#include "cli/settings_table.h"
#include "cli/table_keys.h"
#include "decide/placement.h"
#include "schema/names.h"

namespace qvdhouse::cli {
namespace {

using schema::TableRules;

std::string title(const RawTable& table) {
  return table.name.empty() ? "[[table]]" : fmt::format("[table.{}]", table.name);
}

const TableKey& known_key(const RawTable& table, const RawTable::Entry& entry) {
  std::vector<std::string> keys;
  for (const TableKey& key : table_keys()) {
    if (key.key == entry.key) return key;
    keys.emplace_back(key.key);
  }
  std::string hint = did_you_mean(entry.key, keys);
  // A slip in the name of [table.types] reads as a table of that name.
  const std::string meant = nearest(table.name, keys_of_tables());
  if (hint.empty() && !meant.empty()) hint = fmt::format("; did you mean [table.{}]?", meant);
  throw base::ConfigError(fmt::format("{}: {} has no setting '{}'{}", entry.value.origin.where,
                                      title(table), entry.key, hint));
}

[[noreturn]] void throw_wrong(const RawTable& table, const RawTable::Entry& entry,
                              const std::string& found, const std::string& expected) {
  const std::string item = entry.item.empty() ? "" : "." + entry.item;
  throw base::ConfigError(fmt::format("{} {}{}, set in {}: {} is not allowed; expected {}",
                                      title(table), entry.key, item, entry.value.origin.where,
                                      found, expected));
}

void check_shape(const RawTable& table, const RawTable::Entry& entry, const TableKey& key) {
  if (key.shape == TableKey::Shape::kTable && entry.item.empty()) {
    throw_wrong(table, entry, "a value", std::string(key.allowed) + ", under a key of its own");
  }
  if (key.shape != TableKey::Shape::kTable && !entry.item.empty()) {
    throw_wrong(table, entry, "a table", std::string(key.allowed));
  }
  if (key.shape != TableKey::Shape::kList && entry.value.is_list) {
    throw_wrong(table, entry, "a list", std::string(key.allowed));
  }
}

// What is sorted by must be in the table.
void check_order_by(const TableRules& rules) {
  for (const std::string& name : rules.order_by) {
    const bool is_renamed = std::any_of(rules.rename.begin(), rules.rename.end(),
                                        [&](const auto& rename) { return rename.second == name; });
    if (is_renamed) continue;
    const auto excluded = std::find_if(
        rules.exclude.begin(), rules.exclude.end(),
        [&](const std::string& pattern) { return schema::matches_pattern(name, pattern); });
    if (excluded == rules.exclude.end()) continue;
    throw base::ConfigError(
        fmt::format("{}: order_by names \"{}\", which \"{}\" of exclude leaves out; a table is "
                    "sorted by columns that it has",
                    rules.where, name, *excluded));
  }
}

// One [[table]] or [table.NAME]: a rule for each of its patterns.
std::vector<TableRules> rules_of(const RawTable& table, const Config& config) {
  TableRules rules;
  rules.where = table.origin.where;
  rules.drift = config.drift;
  rules.vanished = config.vanished;
  std::vector<std::string> patterns;
  for (const RawTable::Entry& entry : table.entries) {
    const TableKey& key = known_key(table, entry);
    check_shape(table, entry, key);
    if (!table.name.empty() && (key.key == kMatchKey || key.key == kNameKey)) {
      throw base::ConfigError(fmt::format(
          "{}: {} has no setting '{}', being the table of that name; patterns of files and the "
          "table that they go to stand in a [[table]]",
          entry.value.origin.where, title(table), key.key));
    }
    std::string wrong;
    if (key.key == kMatchKey) {
      patterns = entry.value.is_list ? entry.value.items : std::vector{entry.value.text};
      const bool good =
          !patterns.empty() && std::find(patterns.begin(), patterns.end(), "") == patterns.end();
      wrong = good ? "" : "a pattern such as \"Sales_*.qvd\", or a list of them";
    } else {
      wrong = key.parse(entry.item, entry.value, rules);
    }
    if (!wrong.empty()) throw_wrong(table, entry, "'" + entry.value.text + "'", wrong);
  }
  check_order_by(rules);
  if (!table.name.empty()) rules.name = table.name;
  if (patterns.empty()) {
    if (rules.name.empty()) {
      throw base::ConfigError(
          fmt::format("{}: expected a match or a name in [[table]], found neither; without them "
                      "it is of no file",
                      rules.where));
    }
    return {rules};
  }
  std::vector<TableRules> out;
  for (std::string& pattern : patterns) {
    out.push_back(rules);
    out.back().match = std::move(pattern);
  }
  return out;
}

}  // namespace

std::vector<std::string> keys_of_tables() {
  std::vector<std::string> keys;
  for (const TableKey& key : table_keys()) {
    if (key.shape == TableKey::Shape::kTable) keys.emplace_back(key.key);
  }
  return keys;
}

std::vector<TableRules> table_rules(const Config& config) {
  std::vector<TableRules> rules;
  for (const RawTable& table : config.raw_tables) {
    std::vector<TableRules> of_table = rules_of(table, config);
    std::move(of_table.begin(), of_table.end(), std::back_inserter(rules));
  }
  TableRules defaults;
  defaults.drift = config.drift;
  defaults.vanished = config.vanished;
  rules.push_back(std::move(defaults));
  decide::check_rules(rules);
  return rules;
}

std::string entry_name(const Config& config, std::size_t index, const RawTable::Entry& entry) {
  const RawTable& table = config.raw_tables[index];
  const std::string item = entry.item.empty() ? "" : "." + entry.item;
  return table.name.empty() ? fmt::format("{}[{}].{}{}", kTableKey, index + 1, entry.key, item)
                            : fmt::format("{}.{}.{}{}", kTableKey, table.name, entry.key, item);
}

}  // namespace qvdhouse::cli
