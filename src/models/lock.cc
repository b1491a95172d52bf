#include "models/lock.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "models/types.h"

namespace qvdhouse::models {
namespace {

constexpr int kLockVersion = 1;
constexpr const char* kVersionKey = "qvdhouse_schema_lock";

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
    lock.columns.emplace_back(column.name, column.type.name());
  }
  const clickhouse::TableDefinition& definition = table.definition;
  lock.rules["order_by"] = joined(definition.order_by);
  lock.rules["partition_by"] = definition.partition_by;
  lock.rules["engine"] = definition.engine;
  lock.rules["ttl"] = definition.ttl;
  return lock;
}

const std::string* type_of(const LockedTable& table, const std::string& column) {
  const auto found =
      std::ranges::find(table.columns, column, &std::pair<std::string, std::string>::first);
  return found == table.columns.end() ? nullptr : &found->second;
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
    if (!title_.empty()) text_ += fmt::format("{}:\n", clickhouse::quote_identifier(title_));
    title_.clear();
    text_ += fmt::format("{} {}\n", sign, text);
  }
  std::string title_;  // not written yet
  std::string text_;
};

std::string column_text(const std::pair<std::string, std::string>& column) {
  return clickhouse::quote_identifier(column.first) + " " + column.second;
}

std::vector<std::string> names_of(const LockedTable& table) {
  std::vector<std::string> names;
  for (const auto& [name, type] : table.columns) names.push_back(name);
  return names;
}

void compare(const LockedTable& was, const LockedTable& is, Diff& diff) {
  for (const auto& column : was.columns) {
    const std::string* type = type_of(is, column.first);
    if (type != nullptr && *type == column.second) continue;
    diff.removed(column_text(column));
    if (type != nullptr) diff.added(column_text({column.first, *type}));
  }
  bool is_same_set = was.columns.size() == is.columns.size();
  for (const auto& column : is.columns) {
    if (type_of(was, column.first) != nullptr) continue;
    diff.added(column_text(column));
    is_same_set = false;
  }
  if (is_same_set)
    diff.changed("columns in the order", joined(names_of(was)), joined(names_of(is)));
  diff.changed("mode", was.mode, is.mode);
  for (const auto& [rule, value] : is.rules) {
    const auto known = was.rules.find(rule);
    diff.changed(rule, known == was.rules.end() ? "" : known->second, value);
  }
}

}  // namespace

Lock lock_of(const std::vector<Table>& tables) {
  Lock lock;
  for (const Table& table : tables) lock[table.definition.name] = locked(table);
  return lock;
}

std::string lock_text(const Lock& lock) {
  Json tables = Json::object();
  for (const auto& [name, table] : lock) {
    Json json{{"mode", table.mode}};
    for (const auto& [rule, value] : table.rules) json[rule] = value;
    json["columns"] = Json::object();
    for (const auto& [column, type] : table.columns) json["columns"][column] = type;
    tables[name] = std::move(json);
  }
  const Json document{{kVersionKey, kLockVersion}, {"tables", std::move(tables)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Lock parse_lock(const std::string& text, const std::string& path) {
  try {
    const Json document = Json::parse(text);
    if (const int version = document.at(kVersionKey); version != kLockVersion) {
      throw base::ConfigError(fmt::format("{}: a schema lock of version {}; this qvdhouse reads {}",
                                          path, version, kLockVersion));
    }
    Lock lock;
    for (const auto& [name, json] : document.at("tables").items()) {
      LockedTable& table = lock[name];
      for (const auto& [key, value] : json.items()) {
        if (key == "columns") {
          for (const auto& [column, type] : value.items()) table.columns.emplace_back(column, type);
        } else {
          (key == "mode" ? table.mode : table.rules[key]) = value;
        }
      }
    }
    return lock;
  } catch (const nlohmann::json::exception& error) {
    throw base::ConfigError(fmt::format(
        "{} is no schema lock as `qvdhouse models --lock` writes it: {}", path, error.what()));
  }
}

std::string drift_from(const Lock& lock, const Lock& found, const std::set<std::string>& kept) {
  Diff diff;
  for (const auto& [name, table] : found) {
    const auto known = lock.find(name);
    diff.table(name);
    if (known != lock.end()) {
      compare(known->second, table, diff);
      continue;
    }
    diff.added(
        fmt::format("a table that the lock does not have, of {} columns", table.columns.size()));
  }
  for (const auto& [name, table] : lock) {
    if (found.contains(name) || kept.contains(name)) continue;
    diff.table(name);
    diff.removed(
        fmt::format("a table of {} columns, which no file makes any more", table.columns.size()));
  }
  return std::move(diff).text();
}

}  // namespace qvdhouse::models
