// Every setting, declared once: its names, default, what is allowed, and how its text becomes a
// value. Flags, environment, `.env`, `qvdhouse.toml`, `qvdhouse config` and the table of
// docs/configuration.md all come from here.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/config.h"

namespace qvdhouse::cli {

struct Setting {
  std::string_view key;           // in qvdhouse.toml, dotted
  std::string_view env;           // in the environment and .env
  std::string_view flag;          // "--batch-size"; empty: has none
  std::string_view value_name;    // "ROWS", for --help
  std::string_view default_text;  // as people read it
  std::string_view allowed;       // what is allowed, as the end of "expected …"
  std::string_view help;          // one clause, no full stop
  bool is_list = false;           // several flags add up
  bool is_secret = false;
  bool is_credential = false;   // of [source]: never taken over by another source
  bool is_switch = false;       // its flag has no value
  bool guards_service = false;  // decides who may use the service
  // A program, a library or a file that may name one: not taken from a file that was only found.
  bool names_program = false;
  // Puts the value into the config. Returns what is wrong with it, `allowed` as a rule; empty:
  // good.
  std::string (*parse)(const RawValue& value, Config& config) = nullptr;
};

std::span<const Setting> settings_table();
// Those of [source], which are in settings_table() too.
std::span<const Setting> source_settings();
// Those that hold for all tables, which are in it too.
std::span<const Setting> table_settings();
// Those of TLS and compression, which are in it too.
std::span<const Setting> server_settings();
// Those of the service, which are in it too.
std::span<const Setting> serve_settings();
// Null when there is none of that key.
const Setting* find_setting(std::string_view key);

// Parses a value into the config. Throws ConfigError naming the setting (a named source's as
// `key`), where it was set and what is allowed.
void take_value(const Setting& setting, std::string_view key, const RawValue& value,
                Config& config);

// Where the source stands: a path, a URL, or the name of a [source.NAME].
inline constexpr std::string_view kSourceKey = "source";

// The key of the table of column types in qvdhouse.toml: types.<column> = "Decimal(18, 2)".
inline constexpr std::string_view kTypesKey = "types";

// The key of what is said of single tables: [[table]] and [table.NAME].
inline constexpr std::string_view kTableKey = "table";

// The value as it may be shown: secrets as stars, the user info and query of a URL too.
std::string masked(const Setting& setting, std::string_view text);

}  // namespace qvdhouse::cli
