#include "cli/table_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "cli/setting_values.h"

namespace qvdhouse::cli {
namespace {

constexpr std::string_view kExpression =
    "one SQL expression with all quotes and brackets closed, without ; and comments";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Behind the quoted text that begins at `open`; npos when it does not end.
std::size_t behind_quotes(std::string_view text, std::size_t open) {
  for (std::size_t at = open + 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == text[open]) {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

// Whether the text is closed in itself: put between brackets or commas it stays one expression.
bool is_closed(std::string_view text) {
  std::string open;  // brackets
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::string_view two = text.substr(at, 2);
    if (c == '\'' || c == '"' || c == '`') {
      at = behind_quotes(text, at);
      if (at == std::string_view::npos) return false;
      continue;
    }
    constexpr std::string_view kOpen = "([{", kClose = ")]}";
    if (c == ';' || c == '#' || c == '\0' || two == "--" || two == "/*") return false;
    if (kOpen.find(c) != std::string_view::npos) open += c;
    if (const std::size_t kind = kClose.find(c); kind != std::string_view::npos) {
      if (open.empty() || open.back() != kOpen[kind]) return false;
      open.pop_back();
    }
    ++at;
  }
  return open.empty();
}

// Texts in single quotes with commas between; false for anything else.
bool are_literals(std::string_view text) {
  text = trimmed(text);
  while (!text.empty()) {
    const std::size_t end = text.front() == '\'' ? behind_quotes(text, 0) : text.npos;
    if (end == text.npos) return false;
    text = trimmed(text.substr(end));
    if (text.empty()) return true;
    if (text.front() != ',') return false;
    text = trimmed(text.substr(1));
    if (text.empty()) return false;
  }
  return true;
}

std::size_t count_stars(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '*'));
}

}  // namespace

std::string take_mode(const RawValue& value, schema::TableRules& rules) {
  static constexpr std::array<std::pair<std::string_view, schema::LoadMode>, 3> kModes = {
      {{"replace", schema::LoadMode::kReplace},
       {"replace_by_file", schema::LoadMode::kReplaceByFile},
       {"append", schema::LoadMode::kAppend}}};
  schema::LoadMode mode{};
  std::string wrong = take_choice(value, mode, kModes);
  if (wrong.empty()) rules.mode = mode;
  return wrong;
}

std::string take_name_patterns(const RawValue& value, std::vector<std::string>& out) {
  std::vector<std::string> names;
  take_list(value, names);
  if (std::count(names.begin(), names.end(), "") > 0) return "names that are not empty";
  out = std::move(names);
  return "";
}

std::string take_rename(const std::string& field, const RawValue& value,
                        schema::TableRules& rules) {
  constexpr std::array<std::string_view, 4> kOurs = {schema::kFileColumn, schema::kVersionColumn,
                                                     schema::kRowColumn, schema::kLoadedAtColumn};
  if (value.text.empty()) return "the name of a column";
  if (std::find(kOurs.begin(), kOurs.end(), value.text) != kOurs.end()) {
    return "another name: this column is qvdhouse's own";
  }
  if (count_stars(field) > 1 || count_stars(value.text) > count_stars(field)) {
    return "at most one * in the field's name, which the new name may repeat once";
  }
  const auto taken = std::find_if(rules.rename.begin(), rules.rename.end(), [&](const auto& other) {
    return other.second == value.text && count_stars(value.text) == 0;
  });
  if (taken != rules.rename.end()) {
    return fmt::format("a name that no other column has: \"{}\" is renamed to it too",
                       taken->first);
  }
  rules.rename.emplace_back(field, value.text);
  return "";
}

std::string take_expression(const RawValue& value, std::string& out) {
  const std::string_view text = trimmed(value.text);
  if (text.empty() || !is_closed(text)) return std::string(kExpression);
  out = text;
  return "";
}

std::string take_engine(const RawValue& value, std::string& out) {
  const std::string_view text = trimmed(value.text);
  const std::size_t open = std::min(text.find('('), text.size());
  const std::string_view name = trimmed(text.substr(0, open));
  std::string_view kind = name;
  for (const std::string_view prefix : {"Replicated", "Shared"}) {
    if (kind.starts_with(prefix)) kind.remove_prefix(prefix.size());
  }
  constexpr std::array<std::string_view, 7> kMerging = {
      "ReplacingMergeTree", "CollapsingMergeTree",  "VersionedCollapsingMergeTree",
      "SummingMergeTree",   "AggregatingMergeTree", "CoalescingMergeTree",
      "GraphiteMergeTree"};
  if (std::find(kMerging.begin(), kMerging.end(), kind) != kMerging.end()) {
    return fmt::format(
        "an engine that keeps every row: {} merges rows with one sorting key into one whenever it "
        "likes, so that the table would not be what its files are; make a view or a materialized "
        "view with that engine over a MergeTree table",
        name);
  }
  if (kind != "MergeTree") {
    return "MergeTree, ReplicatedMergeTree or SharedMergeTree: only their partitions can be "
           "replaced, and their tables be verified and swapped";
  }
  if (open == text.size()) {
    out = text;
    return "";
  }
  const std::string_view arguments = text.substr(open);
  if (!arguments.ends_with(')') || !are_literals(arguments.substr(1, arguments.size() - 2))) {
    return "the engine's arguments as texts in single quotes: ReplicatedMergeTree('…{uuid}…', "
           "'{replica}')";
  }
  const bool has_arguments = !trimmed(arguments.substr(1, arguments.size() - 2)).empty();
  if (has_arguments && arguments.find("{uuid}") == arguments.npos) {
    return "a path with {uuid} in it, or no arguments: each load makes a table of its own, and two "
           "tables cannot share one path";
  }
  out = text;
  return "";
}

std::string take_engine_setting(const std::string& name, const RawValue& value,
                                schema::TableRules& rules) {
  const bool good = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!good) return "the name of a MergeTree setting: a-z, 0-9 and _";
  if (value.text.empty()) return std::string(kNotEmpty);
  rules.settings[name] = value.text;
  return "";
}

std::string take_statements(const RawValue& value, std::vector<std::string>& out) {
  std::vector<std::string> statements = value.items;
  if (!value.is_list) statements = {value.text};
  const bool good = std::none_of(statements.begin(), statements.end(),
                                 [](const std::string& sql) { return trimmed(sql).empty(); });
  if (!good) return "SQL statements that are not empty";
  out = std::move(statements);
  return "";
}

}  // namespace qvdhouse::cli
