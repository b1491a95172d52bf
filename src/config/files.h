// The two files that settings may come from, as raw values with the line of each.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file_trust.h"
#include "config/config.h"

namespace qvdhouse::config {

// A dotted key and its value: {"clickhouse.host", …}; [types] entries as {"types.<column>", …}.
using RawValues = std::map<std::string, RawValue>;

// How a settings file came to be read: it lies in the working folder, or somebody named it.
enum class HowRead { kFound, kNamed };

struct TomlFile {
  base::FileAccess access;
  std::string warning;  // of a named file that another user may have written; else empty
  RawValues values;
  std::vector<RawTable> tables;  // [[table]] in their order, then each [table.NAME]
};

// Reads a TOML file. Throws ConfigError with file:line for wrong syntax and for values that are no
// text, number, truth value or list of texts, for a found file that another user may have written,
// and when it cannot be read.
//
// For TOML a [table.NAME] below a [[table]] is a part of that one. Here it is a table of its own
// wherever it stands, unless NAME is a key of `table_keys` ("types", "settings", …).
TomlFile read_toml(const std::filesystem::path& file, HowRead how,
                   const std::vector<std::string>& table_keys);

struct DotEnvFile {
  base::FileAccess access;
  RawValues values;
};

// Reads NAME=value lines: comments, `export`, '…' verbatim, "…" with \n \t \" \\ \$. Nothing is
// expanded. The file is a found one. Throws ConfigError with file:line for any other line, for a
// file that another user may have written, and when it cannot be read.
DotEnvFile read_dot_env(const std::filesystem::path& file);

}  // namespace qvdhouse::config
