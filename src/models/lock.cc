#include "models/lock.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/characters.h"
#include "base/error.h"
#include "clickhouse/quote.h"
#include "models/types.h"

namespace qvdhouse::models {
namespace {

constexpr int kLockVersion = 1;
constexpr const char* kVersionKey = "qvdhouse_schema_lock";
constexpr const char* kReplaceMode = "replace";
constexpr const char* kOrderRule = "order_by";
constexpr std::array kRules = {kOrderRule, "partition_by", "engine", "ttl"};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + clickhouse::quote_identifier(name);
  }
  return text;
}

LockedTable locked(const Table& table) {
  LockedTable lock{.mode = table.mode, .columns = {}, .rules = {}};
  for (const Column& column : table.columns) {
    lock.columns.emplace_back(lock_name(column.name), column.type.name());
  }
  const clickhouse::TableDefinition& definition = table.definition;
  lock.rules[kOrderRule] = lock_name(joined(definition.order_by));
  lock.rules["partition_by"] = lock_name(definition.partition_by);
  lock.rules["engine"] = lock_name(definition.engine);
  lock.rules["ttl"] = lock_name(definition.ttl);
  return lock;
}

using NamesAndTypes = std::vector<std::pair<std::string, std::string>>;

const std::string* type_of(const NamesAndTypes& columns, const std::string& name) {
  const auto found = std::ranges::find(columns, name, &std::pair<std::string, std::string>::first);
  return found == columns.end() ? nullptr : &found->second;
}

class Diff {
 public:
  void table(const std::string& name) { title_ = name; }
  void removed(const std::string& text) { line('-', text); }
  void added(const std::string& text) { line('+', text); }
  void changed(const std::string& what, const std::string& was, const std::string& is) {
    if (was == is) return;
    removed(fmt::format("{} {}", what, was));
    added(fmt::format("{} {}", what, is));
  }
  std::string text() && { return std::move(text_); }

 private:
  void line(char sign, const std::string& text) {
    if (title_) text_ += fmt::format("{}:\n", clickhouse::quote_identifier(*title_));
    title_.reset();
    text_ += fmt::format("{} {}\n", sign, text);
  }
  std::optional<std::string> title_;  // not written yet
  std::string text_;
};

std::string column_text(const std::pair<std::string, std::string>& column) {
  return clickhouse::quote_identifier(column.first) + " " + column.second;
}

std::vector<std::string> names_of(const NamesAndTypes& columns) {
  std::vector<std::string> names;
  for (const auto& [name, type] : columns) names.push_back(name);
  return names;
}

void compare_columns(const NamesAndTypes& was, const NamesAndTypes& is, Diff& diff) {
  for (const auto& column : was) {
    const std::string* type = type_of(is, column.first);
    if (type != nullptr && *type == column.second) continue;
    diff.removed(column_text(column));
    if (type != nullptr) diff.added(column_text({column.first, *type}));
  }
  bool is_same_set = was.size() == is.size();
  for (const auto& column : is) {
    if (type_of(was, column.first) != nullptr) continue;
    diff.added(column_text(column));
    is_same_set = false;
  }
  if (is_same_set)
    diff.changed("columns in the order", joined(names_of(was)), joined(names_of(is)));
}

// What the locked columns would have to become for the table's new files. A table of many files has
// columns of others, too, and stays sorted as it is.
NamesAndTypes widened(const LockedTable& was, const Table& table) {
  schema::Shape shape;
  for (const auto& [name, type] : was.columns) {
    const auto parsed = clickhouse::parse_column_type(type);
    if (parsed && !schema::is_own_column(name)) shape.push_back({.name = name, .type = *parsed});
  }
  std::vector<schema::Shape> wanted = table.shapes;
  for (schema::Shape& of_file : wanted) {
    for (schema::ShapeColumn& column : of_file) column.name = lock_name(column.name);
  }
  const schema::Drift drift =
      schema::find_drift(shape, wanted, schema::DriftPolicy::kEvolve, {.columns = {}});
  NamesAndTypes columns;
  for (const auto& [name, type] : was.columns) {
    const auto column = std::ranges::find(drift.shape, name, &schema::ShapeColumn::name);
    columns.emplace_back(name, column == drift.shape.end() ? type : column->type.name());
  }
  for (const schema::ShapeColumn& column : drift.shape) {
    if (type_of(was.columns, column.name) == nullptr) {
      columns.emplace_back(column.name, column.type.name());
    }
  }
  return columns;
}

void compare(const LockedTable& was, const Table& table, Diff& diff) {
  const LockedTable is = locked(table);
  const bool is_set = was.mode != kReplaceMode && was.mode == is.mode;
  compare_columns(was.columns, is_set ? widened(was, table) : is.columns, diff);
  diff.changed("mode", was.mode, is.mode);
  for (const char* rule : kRules) {
    if (is_set && rule == kOrderRule) continue;
    diff.changed(rule, was.rules.at(rule), is.rules.at(rule));
  }
}

// Throws nlohmann's exceptions for what has not the form.
LockedTable parse_table(const Json& json) {
  LockedTable table{.mode = json.at("mode"), .columns = {}, .rules = {}};
  for (const char* rule : kRules) table.rules[rule] = json.at(rule);
  for (const auto& [name, type] : json.at("columns").get_ref<const Json::object_t&>()) {
    table.columns.emplace_back(name, type);
  }
  return table;
}

}  // namespace

std::string lock_name(std::string_view name) {
  std::string text;
  while (!name.empty()) {
    const char32_t character = base::take_character(name);
    if (character >= base::kStrayByte) {
      text += fmt::format("\\x{:02X}", static_cast<unsigned>(character - base::kStrayByte));
    } else {
      if (character == U'\\') text += '\\';
      base::append_character(character, text);
    }
  }
  return text;
}

Lock lock_of(const std::vector<Table>& tables) {
  Lock lock;
  for (const Table& table : tables) lock[lock_name(table.definition.name)] = locked(table);
  return lock;
}

std::string lock_text(const Lock& lock) {
  Json tables = Json::object();
  for (const auto& [name, table] : lock) {
    Json json{{"mode", table.mode}};
    for (const char* rule : kRules) json[rule] = table.rules.at(rule);
    json["columns"] = Json::object();
    for (const auto& [column, type] : table.columns) json["columns"][column] = type;
    tables[name] = std::move(json);
  }
  const Json document{{kVersionKey, kLockVersion}, {"tables", std::move(tables)}};
  return document.dump(2) + "\n";
}

Lock parse_lock(const std::string& text, const std::string& path) {
  try {
    const Json document = Json::parse(text);
    const Json& version = document.at(kVersionKey);
    if (!version.is_number_integer() || version != kLockVersion) {
      throw base::ConfigError(fmt::format("{}: a schema lock of version {}; this qvdhouse reads {}",
                                          path, version.dump(), kLockVersion));
    }
    Lock lock;
    for (const auto& [name, json] : document.at("tables").get_ref<const Json::object_t&>()) {
      lock[name] = parse_table(json);
    }
    return lock;
  } catch (const nlohmann::json::exception& error) {
    throw base::ConfigError(fmt::format(
        "{} is not a schema lock as `qvdhouse models --lock` writes it: {}", path, error.what()));
  }
}

std::string drift_from(const Lock& lock, const std::vector<Table>& found,
                       const std::optional<std::set<std::string>>& known) {
  Diff diff;
  for (const Table& table : found) {
    const auto was = lock.find(lock_name(table.definition.name));
    diff.table(table.definition.name);
    if (was != lock.end()) {
      compare(was->second, table, diff);
    } else {
      diff.added(
          fmt::format("a table that the lock does not have, of {} columns", table.columns.size()));
    }
  }
  if (!known) return std::move(diff).text();
  std::set<std::string> names;
  for (const std::string& name : *known) names.insert(lock_name(name));
  for (const auto& [name, table] : lock) {
    if (names.contains(name)) continue;
    diff.table(name);
    diff.removed(
        fmt::format("a table of {} columns, of which there is no file here", table.columns.size()));
  }
  return std::move(diff).text();
}

}  // namespace qvdhouse::models
