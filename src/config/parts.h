// What load_config() is made of: reading the files (files.cc), which of them may say what
// (trust.cc), sources (sources.cc), tables (tables.cc) and the server (server_url.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_trust.h"
#include "config/config.h"
#include "schema/table_rules.h"

namespace qvdhouse::config {

// --- The files, as raw values with the line of each ---

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

struct MooseFile {
  base::FileAccess access;
  RawValues values;  // by our own keys: "clickhouse.host", …
};

// Reads [clickhouse_config] of a project of Moose, where the original had its server. The file is a
// found one. Throws ConfigError as read_toml() does.
MooseFile read_moose(const std::filesystem::path& file);

// The secret in the file that `file` names, without the line ends behind it. Throws ConfigError for
// a file that cannot be read or is empty.
RawValue read_secret(const RawValue& file);

// --- What a file may say, by whose it is and how it was found (SECURITY.md, "Settings files"): one
// that only lies in the working folder may have come with a download or a checkout ---

// Throws ConfigError for a found file that another user may have written. Returns a warning for
// such a file that was named, else an empty text.
std::string check_trust(const std::filesystem::path& file, const base::FileAccess& access,
                        HowRead how);

// For a value of a found file: throws ConfigError when the setting `key` (also of a named source)
// names a program, a library or a file that may name one.
void refuse_program_setting(std::string_view key, const RawValue& value);
// The same for a variable that a storage's own tools read.
void refuse_program_variable(std::string_view name, const RawValue& value);
// The same for a variable that names the file of a secret, which would be sent to a server that the
// same file may name.
void refuse_secret_file(std::string_view name, const RawValue& value);

// For log_file of a found file: throws ConfigError unless it has the ending of a log (.log, .json,
// .jsonl or .ndjson). A shell would run the file names in a log that is its start-up file.
void check_found_log(std::string_view key, std::string_view variable,
                     const std::filesystem::path& file);

// Whether the value is a secret, or holds one: a password in a URL.
bool is_secret_setting(std::string_view key, const RawValue& value);
bool is_secret_variable(std::string_view name);

// A warning when every user of the machine can read these secrets; else an empty text.
std::string warn_of_readable_secrets(const std::filesystem::path& file,
                                     const base::FileAccess& access,
                                     const std::vector<std::string>& secrets);

// --- [source] and [source.NAME] (docs/configuration.md, "Several sources") ---
//
// A named source takes over what [source] says, but never a credential: that is its own.
// Credentials of [source] go with the source that was set in the same place or a weaker one, and
// with what lies below it; where none was set, with any.

// Whether a key of qvdhouse.toml is one of a named source: "source.NAME.aws_key". Throws
// ConfigError for one that is, with a setting that no source has, or a name that no source can
// have.
bool is_named_source_key(std::string_view key, const Origin& origin);

// Variables of named sources and the key of each: QVD_SOURCE_NAME_AWS_KEY → source.NAME.aws_key.
// The names are those that `config` knows, and those of variables QVD_SOURCE_NAME_URL.
std::map<std::string, std::string> named_source_variables(const Config& config,
                                                          const RawValues& variables);

// For a key of a named source the setting that it is of ("source" for its url).
struct NamedKey {
  std::string name;
  std::string setting_key;
};
std::optional<NamedKey> named_key(std::string_view key);

// Fills config.sources and config.chosen. Throws ConfigError.
void resolve_sources(Config& config);

// --- [[table]] and [table.NAME] (docs/configuration.md, "Tables") ---

// The keys that are tables themselves: "types", "settings", ….
std::vector<std::string> keys_of_tables();

// The rules in their order, one a pattern; the defaults of the other settings last. Throws
// ConfigError naming the key, where it was set and what is allowed, also for rules that no table
// can follow.
std::vector<schema::TableRules> table_rules(const Config& config);

// How a setting of config.raw_tables[index] is called: "table.Sales.types.Price", or of the first
// [[table]] "table[1].match".
std::string entry_name(const Config& config, std::size_t index, const RawTable::Entry& entry);

// --- CLICKHOUSE_URL (server_url.cc): kServerUrlForm, also with ?database=, user=, password= and
// secure= ---

// Parts that the URL does not name are empty or 0.
struct ServerUrl {
  bool is_native = false;  // written as clients of the native protocol have it: clickhouse(s)://
  std::optional<bool> secure;  // https; absent: clickhouse:// without ?secure=
  std::string host;            // an IPv6 address with its brackets
  std::uint16_t port = 0;
  std::string user;
  std::string password;
  std::vector<std::string> path;  // its parts
  std::string database;           // of ?database=
};

inline constexpr std::string_view kServerUrlForm =
    "http(s):// or clickhouse(s):// and [USER[:PASSWORD]@]HOST[:PORT][/DATABASE]";

// What is wrong with the text, never repeating a password; empty when nothing is.
std::string server_url_error(std::string_view text);

// Takes a good URL apart, percent-decoding user, password, path and database.
ServerUrl parse_server_url(std::string_view text);

// The database out of the path, whose leading parts may be those of `prefix`. Returns what is wrong
// with the path and how it is mended; empty when nothing is.
std::string take_path(std::string_view prefix, ServerUrl& url);

// The path of requests below `prefix`, percent-encoded: "/a/b/"; "/" without one.
std::string request_path(std::string_view prefix);

// The URL with stars for a password, wherever one may stand, also in a text that is not a valid
// URL.
std::string masked_url(std::string_view text);

}  // namespace qvdhouse::config
