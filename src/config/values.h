// The kinds of values that settings have. Each has `allowed` (the end of "expected …"), `parse`,
// which fills `out` and returns what would have been right (empty: it was), and `show`, the text of
// a default as people write it (empty: there is none).
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "schema/column_rules.h"
#include "schema/protection.h"

namespace qvdhouse::config {

std::string shown(const std::string& value);
std::string shown(const std::filesystem::path& value);
std::string shown(const std::vector<std::string>& value);
std::string shown(bool value);
std::string shown(std::optional<bool> value);
std::string shown(double value);
std::string shown(std::optional<double> value);
std::string shown(std::optional<std::uint64_t> value);
std::string shown(std::chrono::milliseconds value);
std::string shown(sync::AfterLoad value);
inline std::string shown(const std::vector<schema::ColumnRule>&) { return ""; }
// A setting that is a table itself has no default.
template <class K, class V>
std::string shown(const std::map<K, V>&) {
  return "";
}
template <class K, class V>
std::string shown(const std::vector<std::pair<K, V>>&) {
  return "";
}

// A kind that one function parses.
template <class T>
struct Kind {
  std::string allowed;
  std::string (*parse)(const RawValue& value, T& out);
  std::string show(const T& value) const { return shown(value); }
};

// Whole numbers of any type.
struct Number {
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  std::uint64_t lowest;
  std::uint64_t highest;
  std::string allowed;

  explicit Number(std::uint64_t from, std::uint64_t to = kMost, std::string_view what = "");

  template <class T>
  std::string parse(const RawValue& value, T& out) const {
    std::uint64_t number = 0;
    const char* end = value.text.data() + value.text.size();
    const auto [stop, error] = std::from_chars(value.text.data(), end, number);
    const bool good = error == std::errc() && stop == end && number >= lowest && number <= highest;
    if (!good) return allowed;
    out = static_cast<T>(number);
    return "";
  }
  // A default that could not be set stands for something else.
  template <class T>
  std::string show(const T& value) const {
    return value < lowest ? "" : std::to_string(value);
  }
};
Number port();

// Sizes in bytes, at least 1 MiB.
struct Bytes {
  static constexpr std::uint64_t kLeast = 1024 * 1024;
  std::string allowed = "a size such as 256MiB, 2GB or 1073741824, at least 1MiB";
  template <class T>
  std::string parse(const RawValue& value, T& out) const {
    const std::uint64_t bytes = bytes_of(value.text);
    if (bytes == 0) return allowed;
    out = static_cast<T>(bytes);
    return "";
  }
  std::string show(std::uint64_t value) const;
  static std::uint64_t bytes_of(std::string_view text);  // 0: it is not a size
};

// Strings and paths that are taken as they stand.
struct Text {
  std::string allowed;
  // What would have been right; empty: it was. None: all but an empty text is good.
  std::string (*check)(const std::string& text) = nullptr;

  template <class T>
  std::string parse(const RawValue& value, T& out) const {
    std::string wrong = value.text.empty() ? allowed : "";
    if (check != nullptr) wrong = check(value.text);
    if (wrong.empty()) out = value.text;
    return wrong;
  }
  template <class T>
  std::string show(const T& value) const {
    return shown(value);
  }
};

// One of some words, and what each means.
template <class T>
struct Choice {
  std::vector<std::pair<std::string_view, T>> choices;
  std::string allowed;

  explicit Choice(std::vector<std::pair<std::string_view, T>> words) : choices(std::move(words)) {
    for (const auto& [name, choice] : choices) {
      allowed += (allowed.empty() ? "one of " : ", ") + std::string(name);
    }
  }
  std::string parse(const RawValue& value, T& out) const {
    for (const auto& [name, choice] : choices) {
      if (value.text != name) continue;
      out = choice;
      return "";
    }
    return allowed;
  }
  std::string show(const T& value) const {
    for (const auto& [name, choice] : choices) {
      if (choice == value) return std::string(name);
    }
    return "";
  }
};
// The same for a member that may be absent.
template <class T>
Choice<std::optional<T>> optional(const Choice<T>& choice) {
  std::vector<std::pair<std::string_view, std::optional<T>>> choices;
  for (const auto& [name, value] : choice.choices) choices.emplace_back(name, value);
  return Choice<std::optional<T>>(std::move(choices));
}
// The same for a table of columns.
template <class T>
struct OfColumns {
  Choice<T> choice;
  std::string allowed = "column = " + choice.allowed + "; * is a wildcard";
  std::string parse(const RawValue& value, std::map<std::string, T>& out) const {
    return choice.parse(value, out[value.item]);
  }
  std::string show(const std::map<std::string, T>&) const { return ""; }
};
template <class T>
OfColumns<T> of_columns(const Choice<T>& choice) {
  return {choice};
}
// Words that stand for themselves.
Choice<std::string> words(const std::vector<std::string_view>& allowed);

Text text(std::string_view allowed = "a text that is not empty");
Text any_text();  // may be empty
inline constexpr std::size_t kLeastKeyCharacters = 16;
Text key_text();  // of a key that is not to be guessed
Text path();
Kind<std::vector<std::string>> list(
    std::string_view allowed = "a list: A,B,C or in TOML [\"A\", \"B\"]");
Kind<bool> boolean();               // true, yes, on, 1 and their opposites, in any case
Kind<std::chrono::seconds> span();  // "30s", "24h", "7d", "0s"; a number counts seconds; to 366d
// "10s", "500ms", "2m"; a number alone counts seconds. From 1 ms to a day.
Kind<std::chrono::milliseconds> duration();
Kind<std::chrono::seconds> wait_time();  // as duration(), or 0; whole seconds
Text time_zone();                        // by its name
Text time_zone_or_none();
Text schedule();
Text server_url();   // CLICKHOUSE_URL
Text server_host();  // a name or an address, without a port
Text path_prefix();  // of URLs: "/a/b"
Kind<std::optional<bool>> boolean_or_none();
Text endpoint();                                // a service, http(s) without user info and query
Kind<std::vector<std::string>> http_headers();  // "Name: value"; in a text one a line

// "name=value,…", as OTEL_EXPORTER_OTLP_HEADERS has them (values percent-encoded), as "name:
// value".
Kind<std::vector<std::string>> header_pairs();
// The same as OTEL_RESOURCE_ATTRIBUTES has them.
Kind<std::vector<std::pair<std::string, std::string>>> attributes();
Text lineage_url();  // as endpoint(), or file:///PATH

// Names of files, in which * ? and [] stand for characters; without folders.
Kind<std::vector<std::string>> file_names();

Kind<sync::AfterLoad> after_load();

// Below, what [[table]] says. What goes into DDL as it stands is checked: it can end neither its
// place in the statement nor the statement.

Kind<std::vector<std::string>> file_patterns();
// Names of fields or columns, in which * stands for any characters.
Kind<std::vector<std::string>> name_patterns();
Kind<std::vector<std::pair<std::string, std::string>>> renames();
Kind<std::map<std::string, std::string>> column_types();  // of ClickHouse, that we make
Kind<std::map<std::string, std::string>> codecs();
Kind<std::map<std::string, std::vector<std::string>>> lists_of_columns();  // of texts
// A column's: { min = 0, action = "quarantine" }, added to those that are there.
Kind<std::vector<schema::ColumnRule>> column_rules();
// A column's: "mask(4)", as schema/protection.h has them.
Kind<schema::Protections> protections();
Kind<std::string> row_filter();       // as schema/row_filter.h has it
Kind<std::optional<double>> ratio();  // 0 to 1
Kind<double> change_ratio();          // more than 0, and may be more than 1
Kind<std::optional<std::uint64_t>> row_limit();
Kind<std::string> expression();  // one SQL expression
// MergeTree, or one like it that keeps every row and whose tables can be swapped.
Kind<std::string> engine();
Kind<std::map<std::string, std::string>> engine_settings();
Kind<std::map<std::string, std::string>> indexes();
Kind<std::vector<std::string>> statements();

}  // namespace qvdhouse::config
