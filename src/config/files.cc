#include "base/files.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "config/parts.h"
#include "config/setting.h"

namespace qvdhouse::config {
namespace {

// Without the mark that editors of Windows put before UTF-8.
base::TextFile read_text(const std::filesystem::path& file) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  std::optional<base::TextFile> read = base::read_text_file(file);
  if (!read) {
    throw base::ConfigError(fmt::format("{}: the settings file cannot be read ({})", file.string(),
                                        std::strerror(errno)));
  }
  if (read->text.starts_with("\xFF\xFE") || read->text.starts_with("\xFE\xFF")) {
    throw base::ConfigError(
        fmt::format("{}: expected UTF-8, found UTF-16; save the file as UTF-8", file.string()));
  }
  if (read->text.starts_with(kMark)) read->text.erase(0, kMark.size());
  return *std::move(read);
}

std::string place(const std::filesystem::path& file, std::size_t line) {
  return fmt::format("{}:{}", file.string(), line);
}

std::string place(const std::filesystem::path& file, const toml::node& node) {
  return place(file, node.source().begin.line);
}

// --- TOML ---

// The text of a TOML scalar as a user would have written it in the environment.
std::string scalar_text(const toml::node& node, const std::string& key,
                        const std::filesystem::path& file) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (node.is_date() || node.is_date_time()) {
    std::ostringstream text;
    if (const auto* date = node.as_date()) text << date->get();
    if (const auto* stamp = node.as_date_time()) text << stamp->get();
    return text.str();
  }
  throw base::ConfigError(
      fmt::format("{}, set in {}: expected a text or a number", key, place(file, node)));
}

RawValue raw_value(const toml::node& node, const std::string& key,
                   const std::filesystem::path& file) {
  RawValue value;
  value.origin = {Origin::Rank::kToml, place(file, node)};
  if (const toml::array* list = node.as_array()) {
    value.is_list = true;
    for (const toml::node& item : *list) {
      value.items.push_back(scalar_text(item, key, file));
      value.text += (value.text.empty() ? "" : ",") + value.items.back();
    }
  } else {
    value.text = scalar_text(node, key, file);
  }
  return value;
}

// A table within a table's setting, as one value.
RawValue table_value(const toml::table& table, const std::string& key,
                     const std::filesystem::path& file) {
  RawValue value;
  value.origin = {Origin::Rank::kToml, place(file, table)};
  std::vector<std::pair<toml::source_position, RawValue>> parts;
  for (const auto& [name, node] : table) {
    const std::string part(name.str());
    parts.emplace_back(node.source().begin, raw_value(node, fmt::format("{}.{}", key, part), file));
    parts.back().second.item = part;
  }
  std::ranges::sort(parts, {},
                    [](const auto& part) { return std::pair(part.first.line, part.first.column); });
  for (auto& [position, part] : parts) {
    value.text += fmt::format("{}{} = {}", value.text.empty() ? "" : ", ", part.item, part.text);
    value.parts.push_back(std::move(part));
  }
  return value;
}

toml::table parsed(std::string_view text, const std::filesystem::path& file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw base::ConfigError(fmt::format(
        "{}: this is not TOML: {}", place(file, error.source().begin.line), error.description()));
  }
}

bool are_tables(const toml::node& node) {
  const toml::array* list = node.as_array();
  return node.is_table() ||
         (list != nullptr && !list->empty() && list->is_homogeneous<toml::table>());
}

// Reads all [[table]] and [table.NAME].
class TableReader {
 public:
  TableReader(const std::filesystem::path& file, std::string_view text,
              const std::vector<std::string>& table_keys)
      : file_(file), text_(text), table_keys_(table_keys) {}

  std::vector<RawTable> read_all(const toml::node& node) {
    if (const toml::array* list = node.as_array()) {
      for (const toml::node& item : *list) {
        if (!item.is_table()) throw_no_table(item);
        tables_.push_back(raw(*item.as_table(), ""));
      }
    } else if (const toml::table* named = node.as_table()) {
      for (const auto& [name, inner] : *named) add_named(name.str(), inner);
    } else {
      throw_no_table(node);
    }
    std::move(named_.begin(), named_.end(), std::back_inserter(tables_));
    return std::move(tables_);
  }

 private:
  [[noreturn]] void throw_no_table(const toml::node& node) const {
    throw base::ConfigError(fmt::format(
        "{}: expected settings under [[table]] or [table.NAME], found a value outside of both",
        place(file_, node)));
  }

  void add_named(std::string_view name, const toml::node& node) {
    if (!node.is_table()) throw_no_table(node);
    if (name.empty()) {
      throw base::ConfigError(
          fmt::format("{}: expected the name of a table, found \"\"", place(file_, node)));
    }
    named_.push_back(raw(*node.as_table(), std::string(name)));
  }

  // Whether the table has a line [table.NAME], and is not a value or a dotted key of its parent.
  bool has_header(const toml::table& table) const {
    if (table.is_inline()) return false;
    const toml::source_position begin = table.source().begin;
    std::size_t at = 0;
    for (toml::source_index line = 1; line < begin.line; ++line) at = text_.find('\n', at) + 1;
    return text_.substr(at + begin.column - 1).starts_with('[');
  }

  RawTable raw(const toml::table& table, const std::string& name) {
    RawTable out{.name = name, .origin = {Origin::Rank::kToml, place(file_, table)}, .entries = {}};
    std::vector<std::pair<toml::source_position, RawTable::Entry>> entries;
    const auto add_table = [&](const std::string& key, const std::string& item,
                               const toml::table& of_item) {
      entries.emplace_back(of_item.source().begin,
                           RawTable::Entry{key, table_value(of_item, key + "." + item, file_)});
      entries.back().second.value.item = item;
    };
    const auto add = [&](const std::string& key, const std::string& item, const toml::node& node) {
      const std::string full = item.empty() ? key : key + "." + item;
      if (!item.empty() && are_tables(node)) {
        if (const toml::table* one = node.as_table()) return add_table(key, item, *one);
        for (const toml::node& one : *node.as_array()) add_table(key, item, *one.as_table());
        return;
      }
      entries.emplace_back(node.source().begin, RawTable::Entry{key, raw_value(node, full, file_)});
      entries.back().second.value.item = item;
    };
    for (const auto& [key, node] : table) {
      const std::string text(key.str());
      const bool is_known =
          std::find(table_keys_.begin(), table_keys_.end(), text) != table_keys_.end();
      const toml::table* inner = node.as_table();
      if (inner == nullptr) {
        add(text, "", node);
      } else if (name.empty() && !is_known && has_header(*inner)) {
        add_named(text, node);
      } else if (name.empty() && !is_known) {
        // It is not the name of a key that is a table: it is refused by its name, whatever is in
        // it.
        entries.emplace_back(node.source().begin, RawTable::Entry{.key = text, .value = {}});
        entries.back().second.value.origin = {Origin::Rank::kToml, place(file_, node)};
      } else {
        for (const auto& [item, value] : *inner) add(text, std::string(item.str()), value);
      }
    }
    // TOML's own order is by name; for patterns the order in which they stand counts.
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return std::pair(a.first.line, a.first.column) < std::pair(b.first.line, b.first.column);
    });
    for (auto& [position, entry] : entries) out.entries.push_back(std::move(entry));
    return out;
  }

  const std::filesystem::path& file_;
  const std::string_view text_;
  const std::vector<std::string>& table_keys_;
  std::vector<RawTable> tables_;
  std::vector<RawTable> named_;
};

void collect(const toml::table& table, const std::string& prefix, const std::filesystem::path& file,
             RawValues& out) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const toml::table* inner = node.as_table();
    if (inner == nullptr) {
      RawValue& value = out[key] = raw_value(node, key, file);
      if (is_of_columns(prefix)) value.item = name.str();
    } else if (is_of_columns(prefix)) {
      throw base::ConfigError(fmt::format(
          "{}, set in {}: a column name with a dot must be quoted: [{}] \"{}.…\" = \"…\"", key,
          place(file, *inner), prefix.substr(0, prefix.size() - 1), name.str()));
    } else {
      collect(*inner, key + ".", file, out);
    }
  }
}

// --- .env ---

bool is_name(std::string_view text) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
  return !text.empty() && text.find_first_not_of(kLetters) == std::string_view::npos &&
         (text[0] < '0' || text[0] > '9');
}

// The value part of a line; false when a quote is not closed or text follows it.
bool unquote(std::string_view text, std::string& out) {
  if (text.empty() || (text[0] != '\'' && text[0] != '"')) {
    const std::size_t comment = text.starts_with('#') ? 0 : text.find(" #");
    out = base::trimmed(text.substr(0, comment));
    return true;
  }
  const char quote = text[0];
  std::size_t i = 1;
  for (; i < text.size() && text[i] != quote; ++i) {
    if (quote == '"' && text[i] == '\\' && i + 1 < text.size()) {
      const char c = text[++i];
      if (c == 'n') {
        out += '\n';
      } else if (c == 't') {
        out += '\t';
      } else {
        if (c != '"' && c != '\\' && c != '$') out += '\\';
        out += c;
      }
    } else {
      out += text[i];
    }
  }
  if (i == text.size()) return false;
  const std::string_view rest = base::trimmed(text.substr(i + 1));
  return rest.empty() || rest.starts_with('#');
}

}  // namespace

TomlFile read_toml(const std::filesystem::path& file, HowRead how,
                   const std::vector<std::string>& table_keys) {
  const base::TextFile read = read_text(file);
  TomlFile out{.access = read.access, .warning = check_trust(file, read.access, how)};
  toml::table table = parsed(read.text, file);
  if (const toml::node* tables = table.get(kTableKey)) {
    out.tables = TableReader(file, read.text, table_keys).read_all(*tables);
    table.erase(kTableKey);
  }
  collect(table, "", file, out.values);
  return out;
}

MooseFile read_moose(const std::filesystem::path& file) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kKeys = {
      {{"host", "clickhouse.host"},
       {"host_port", "clickhouse.port"},
       {"use_ssl", "clickhouse.secure"},
       {"user", "clickhouse.user"},
       {"password", "clickhouse.password"},
       {"db_name", "clickhouse.database"}}};
  const base::TextFile read = read_text(file);
  check_trust(file, read.access, HowRead::kFound);
  MooseFile out{.access = read.access};
  const toml::table whole = parsed(read.text, file);
  const toml::table* table = whole["clickhouse_config"].as_table();
  if (table == nullptr) return out;
  for (const auto& [name, key] : kKeys) {
    if (const toml::node* node = table->get(name)) {
      out.values[std::string(key)] =
          raw_value(*node, fmt::format("clickhouse_config.{}", name), file);
    }
  }
  return out;
}

DotEnvFile read_dot_env(const std::filesystem::path& file) {
  base::TextFile read = read_text(file);
  check_trust(file, read.access, HowRead::kFound);
  std::istringstream in(std::move(read.text));
  DotEnvFile out{.access = read.access};
  std::string whole_line;
  for (std::size_t number = 1; std::getline(in, whole_line); ++number) {
    std::string_view line = base::trimmed(whole_line);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("export ")) line = base::trimmed(line.substr(7));
    const std::size_t equals = line.find('=');
    const std::string_view name = base::trimmed(line.substr(0, equals));
    RawValue value;
    value.origin = {Origin::Rank::kDotEnv, place(file, number), std::string(name)};
    if (equals == std::string_view::npos || !is_name(name)) {
      throw base::ConfigError(
          fmt::format("{}: expected NAME=value, a comment or nothing", value.origin.where));
    }
    if (!unquote(base::trimmed(line.substr(equals + 1)), value.text)) {
      throw base::ConfigError(
          fmt::format("{}: {}: the quote is not closed on this line, or text follows it",
                      value.origin.where, name));
    }
    out.values[std::string(name)] = std::move(value);
  }
  return out;
}

RawValue read_secret(const RawValue& file) {
  const std::string what = place_of("", file.origin);
  std::optional<std::string> text = base::read_text(file.text);
  if (!text) {
    throw base::ConfigError(
        fmt::format("{}: {} cannot be read ({}); expected a file that holds the "
                    "secret alone, and that the user who runs qvdhouse may read",
                    what, file.text, std::strerror(errno)));
  }
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->empty()) {
    throw base::ConfigError(
        fmt::format("{}: expected a secret in {}, found an empty file", what, file.text));
  }
  RawValue value;
  value.text = *std::move(text);
  value.origin = file.origin;
  return value;
}

}  // namespace qvdhouse::config
