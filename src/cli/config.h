// Configuration: one plain struct, built once from flags, environment, `.env` and `qvdhouse.toml`
// (in this order of precedence) and passed on by reference. Every value remembers where it was set.
// The settings themselves are declared in settings_table.cc; docs/configuration.md lists them.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/engine.h"
#include "load/load.h"
#include "qvd/symbols.h"
#include "schema/policy.h"
#include "schema/table_rules.h"
#include "serve/agenda.h"
#include "source/access.h"
#include "source/listing.h"

namespace qvdhouse::cli {

// Where a value was set; a higher rank wins.
struct Origin {
  enum class Rank { kDefault, kToml, kDotEnv, kEnvironment, kFlag };
  Rank rank = Rank::kDefault;
  std::string where = "default";  // "qvdhouse.toml:12", ".env:3", "QVD_SOURCE", "--source"
};

// A value as it was written: one text, or the items of a TOML list.
struct RawValue {
  std::string text;                // a list's items joined by commas
  std::vector<std::string> items;  // of a list
  bool is_list = false;
  Origin origin;
};

// What CLICKHOUSE_* say; empty parts were not set.
struct ServerSettings {
  std::string url;
  std::string host;
  std::uint16_t port = 0;
  std::string user;
  std::string password;
  std::string database;
  std::string ca_file;
  std::string client_cert;
  std::string client_key;
  bool verify_tls = true;
  std::optional<clickhouse::Compression> compression;  // absent: by server and network
};

// When a source is synced by a running service.
struct WorkflowSettings {
  std::string schedule = "@daily";
  std::string timezone;  // empty: the machine's
  serve::Overlap overlap = serve::Overlap::kSkip;
  std::chrono::seconds catch_up{std::chrono::hours(24)};
  std::chrono::seconds jitter{0};
  unsigned run_attempts = 3;
  std::chrono::seconds run_timeout{0};  // 0: none
  std::chrono::seconds stale_after{0};  // 0: by the schedule
};

// What the service listens to, logs and reports.
struct ServeSettings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 4000;
  std::uint16_t dashboard_port = 0;  // 0: none
  std::string token;
  std::string token_hash;
  bool allow_anonymous = false;
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_ca;
  unsigned parallel_runs = 1;
  std::chrono::seconds stop_patience{30};
  std::string log_format = "text";  // or json
  std::filesystem::path log_file;   // empty: none
  std::uint64_t log_file_bytes = std::uint64_t{10} << 20;
  unsigned log_files_kept = 5;
  std::string alert_url;              // a secret; empty: none
  std::string alert_format = "auto";  // or json, slack
  unsigned alert_attempts = 6;
};

// One source of the configuration: where it is, what is taken of it, and what it is reached with.
struct SourceSettings {
  std::string name;  // of [source.NAME]; empty: the setting `source`
  std::string url;   // path or URL, secrets included
  std::string
      known_url;  // of the configured source that it is a part of: its secrets hold here too
  source::Selection selection;
  source::Access access;
  std::string table_prefix;
  WorkflowSettings workflow;
};

// A [[table]] or a [table.NAME] of qvdhouse.toml as it was written.
struct RawTable {
  struct Entry {
    std::string key;   // "mode"
    std::string item;  // of a key that is a table itself: "Price" in types.Price
    RawValue value;
  };
  std::string name;  // of [table.NAME]; empty: a [[table]]
  Origin origin;
  std::vector<Entry> entries;  // in the order of the file
};

struct Config {
  std::string source;  // as it was set: a path, a URL or the name of a [source.NAME]
  source::Selection selection;
  source::Access access;                // of [source]
  std::vector<SourceSettings> sources;  // all that were named anywhere
  std::vector<std::size_t> chosen;      // those of `sources` that commands take; may be empty
  std::uint64_t batch_rows = 0;         // 0: sized for speed
  WorkflowSettings workflow;            // of sources that do not say otherwise
  ServeSettings serve;
  std::filesystem::path data_dir = "./qvdhouse-data";
  // By a flag, the environment or the file of --config, and not by what the working folder holds.
  bool is_data_dir_named = false;
  ServerSettings server;
  clickhouse::EngineOptions engine;  // data_dir is set in it too
  schema::Policy policy;
  qvd::InvalidUtf8 invalid_utf8 = qvd::InvalidUtf8::kError;
  unsigned parallel_files = 0;  // 0: by cores
  unsigned streams = 2;
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;
  unsigned history_days = 90;
  unsigned max_attempts = 3;
  std::chrono::seconds file_timeout{0};  // 0: none
  std::chrono::seconds min_age{0};       // 0: none
  load::ZeroTail zero_tail = load::ZeroTail::kWarn;
  std::string log_level = "warning";
  // What holds for every table whose own settings do not say otherwise.
  schema::DriftPolicy drift = schema::DriftPolicy::kEvolve;
  schema::VanishedPolicy vanished = schema::VanishedPolicy::kKeep;
  unsigned max_file_partitions = 1'000;
  std::chrono::seconds claim_wait{600};
  std::vector<schema::TableRules> tables;  // the defaults are the last one
  std::vector<RawTable> raw_tables;        // what they were made from

  // The server, when a CLICKHOUSE_ setting names one; else the embedded engine is the target.
  std::optional<clickhouse::Endpoint> endpoint;
  std::string database = "local";

  std::map<std::string, RawValue> values;  // what was set, by key; defaults are not in it.
                                           // A named source's: "source.NAME.url" and so on
  std::map<Origin::Rank, std::string> source_by_rank;  // each `source` that was set but as a flag
  // What `.env` says to the storages' own tools (AWS_PROFILE and the like), for the environment.
  std::map<std::string, std::string> storage_variables;
  std::vector<std::string> warnings;  // names that look like settings but are not
  // Those of them that look like a setting which guards the service: it does not start with them.
  std::vector<std::string> misspelt_guards;
};

// Where settings are read from. The defaults are what `qvdhouse` uses; tests give their own.
struct ConfigSources {
  std::map<std::string, std::string> flags;          // key → value
  std::map<std::string, std::string> flag_names;     // key → what was typed, when not its flag
  std::map<std::string, std::string> environment;    // NAME → value
  std::filesystem::path directory = ".";             // holds .env and qvdhouse.toml
  std::optional<std::filesystem::path> config_file;  // instead of qvdhouse.toml; must exist
};

// Reads and checks everything. Throws ConfigError naming the key, where it was set and what is
// allowed; IoError when a file is there but cannot be read.
Config load_config(const ConfigSources& sources);

// This process's environment.
std::map<std::string, std::string> process_environment();

}  // namespace qvdhouse::cli
