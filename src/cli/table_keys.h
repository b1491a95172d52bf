// What may be said of one table in qvdhouse.toml, declared once: how each key becomes a member of
// schema::TableRules. The second table of docs/configuration.md comes from here.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/config.h"
#include "schema/table_rules.h"

namespace qvdhouse::cli {

struct TableKey {
  std::string_view key;
  std::string_view default_text;
  std::string_view allowed;
  std::string_view help;  // one clause, no full stop
  enum class Shape { kText, kList, kTable } shape = Shape::kText;
  // Puts a value into the rules (kTable: of `item`). Returns what would have been right, as the end
  // of "expected …"; empty: good.
  std::string (*parse)(const std::string& item, const RawValue& value,
                       schema::TableRules& rules) = nullptr;
};

// `match` is among them, and parsed by table_rules() itself.
inline constexpr std::string_view kMatchKey = "match";
inline constexpr std::string_view kNameKey = "name";

std::span<const TableKey> table_keys();

}  // namespace qvdhouse::cli
