// The two files that settings may come from, as raw values with the line of each.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/config.h"

namespace qvdhouse::cli {

// A dotted key and its value: {"clickhouse.host", …}; [types] entries as {"types.<column>", …}.
using RawValues = std::map<std::string, RawValue>;

struct TomlFile {
  RawValues values;
  std::vector<RawTable> tables;  // [[table]] in their order, then each [table.NAME]
};

// Reads a TOML file. Throws ConfigError with file:line for wrong syntax and for values that are no
// text, number, truth value or list of texts; IoError when it can not be read.
//
// For TOML a [table.NAME] below a [[table]] is a part of that one. Here it is a table of its own
// wherever it stands, unless NAME is a key of `table_keys` ("types", "settings", …).
TomlFile read_toml(const std::filesystem::path& file, const std::vector<std::string>& table_keys);

// Reads NAME=value lines: comments, `export`, '…' verbatim, "…" with \n \t \" \\ \$. Nothing is
// expanded. Throws ConfigError with file:line for any other line, IoError when it can not be read.
RawValues read_dot_env(const std::filesystem::path& file);

}  // namespace qvdhouse::cli
