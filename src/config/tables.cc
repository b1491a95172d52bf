#include <fmt/format.h>

#include <algorithm>

#include "base/did_you_mean.h"
#include "base/error.h"
#include "config/parts.h"
#include "config/setting.h"
#include "decide/placement.h"
#include "schema/names.h"

namespace qvdhouse::config {
namespace {

using schema::TableRules;

std::string title(const RawTable& table) {
  return table.name.empty() ? "[[table]]" : fmt::format("[table.{}]", table.name);
}

const Setting& known_key(const RawTable& table, const RawTable::Entry& entry) {
  std::vector<std::string> keys;
  for (const Setting& key : table_keys()) {
    if (key.key == entry.key) return key;
    keys.emplace_back(key.key);
  }
  std::string hint = base::did_you_mean(entry.key, keys);
  // A slip in the name of [table.types] reads as a table of that name.
  const std::string meant = base::nearest(table.name, keys_of_tables());
  if (hint.empty() && !meant.empty()) hint = fmt::format("; did you mean [table.{}]?", meant);
  throw base::ConfigError(fmt::format("{}: {} has no setting '{}'{}", entry.value.origin.where,
                                      title(table), entry.key, hint));
}

[[noreturn]] void throw_wrong(const RawTable& table, const RawTable::Entry& entry,
                              const std::string& found, const std::string& expected) {
  const std::string item = entry.value.item.empty() ? "" : "." + entry.value.item;
  throw base::ConfigError(fmt::format("{} {}{}, set in {}: {} is not allowed; expected {}",
                                      title(table), entry.key, item, entry.value.origin.where,
                                      found, expected));
}

void check_shape(const RawTable& table, const RawTable::Entry& entry, const Setting& key) {
  if (is_table(key.shape) && entry.value.item.empty()) {
    throw_wrong(table, entry, "a value", key.allowed + ", under a key of its own");
  }
  if (!is_table(key.shape) && !entry.value.item.empty()) {
    throw_wrong(table, entry, "a table", key.allowed);
  }
  const bool is_table_again = !entry.value.parts.empty();
  if ((key.shape == Shape::kTableOfTables) != is_table_again && !entry.value.item.empty()) {
    throw_wrong(table, entry, is_table_again ? "a table" : "'" + entry.value.text + "'",
                key.allowed);
  }
  const bool is_of_lists = key.shape == Shape::kList || key.shape == Shape::kTableOfLists;
  if (!is_of_lists && entry.value.is_list) {
    throw_wrong(table, entry, "a list", key.allowed);
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
  Config own;
  TableRules& rules = own.table.rules;
  rules = config.table.rules;
  rules.where = table.origin.where;
  for (const RawTable::Entry& entry : table.entries) {
    const Setting& key = known_key(table, entry);
    check_shape(table, entry, key);
    if (!table.name.empty() && (key.key == "match" || key.key == "name" || key.key == "deletes")) {
      throw base::ConfigError(fmt::format(
          "{}: {} has no setting '{}', being the table of that name; patterns of files and the "
          "table that they go to stand in a [[table]]",
          entry.value.origin.where, title(table), key.key));
    }
    const std::string wrong = key.parse(entry.value, own);
    if (!wrong.empty()) throw_wrong(table, entry, "'" + entry.value.text + "'", wrong);
  }
  check_order_by(rules);
  if (!table.name.empty()) rules.name = table.name;
  if (own.table.match.empty() && !own.table.deletes.empty()) {
    throw base::ConfigError(fmt::format(
        "{}: deletes names files of keys that are gone, and match none with rows; set match",
        rules.where));
  }
  if (own.table.match.empty()) {
    if (rules.name.empty()) {
      throw base::ConfigError(
          fmt::format("{}: expected a match or a name in [[table]], found neither; without them "
                      "it is of no file",
                      rules.where));
    }
    return {rules};
  }
  std::vector<TableRules> out;
  // In front, since `match` may take their files, too.
  for (std::string& pattern : own.table.deletes) {
    out.push_back(rules);
    out.back().match = std::move(pattern);
    out.back().is_deletes = true;
  }
  for (std::string& pattern : own.table.match) {
    out.push_back(rules);
    out.back().match = std::move(pattern);
  }
  return out;
}

}  // namespace

std::vector<std::string> keys_of_tables() {
  std::vector<std::string> keys;
  for (const Setting& key : table_keys()) {
    if (is_table(key.shape)) keys.emplace_back(key.key);
  }
  return keys;
}

std::vector<TableRules> table_rules(const Config& config) {
  std::vector<TableRules> rules;
  for (const RawTable& table : config.raw_tables) {
    std::vector<TableRules> of_table = rules_of(table, config);
    std::move(of_table.begin(), of_table.end(), std::back_inserter(rules));
  }
  rules.push_back(config.table.rules);
  decide::check_rules(rules);
  return rules;
}

std::string entry_name(const Config& config, std::size_t index, const RawTable::Entry& entry) {
  const RawTable& table = config.raw_tables[index];
  const std::string item = entry.value.item.empty() ? "" : "." + entry.value.item;
  return table.name.empty() ? fmt::format("{}[{}].{}{}", kTableKey, index + 1, entry.key, item)
                            : fmt::format("{}.{}.{}{}", kTableKey, table.name, entry.key, item);
}

}  // namespace qvdhouse::config
