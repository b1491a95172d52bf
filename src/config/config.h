// Configuration: one plain struct, built once from flags, environment, `.env` and `qvdhouse.toml`
// (in this order of precedence) and passed on by reference. It holds the options of the modules
// themselves, and every value remembers where it was set. The settings are declared in settings.cc;
// docs/configuration.md lists them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/engine.h"
#include "clickhouse/engine_linger.h"
#include "observe/options.h"
#include "schema/table_rules.h"
#include "serve/alerts.h"
#include "serve/http_server.h"
#include "serve/log_book.h"
#include "serve/metrics.h"
#include "serve/service.h"
#include "source/access.h"
#include "source/listing.h"
#include "sync/sync.h"

namespace qvdhouse::config {

// Where a value was set; a higher rank wins.
struct Origin {
  enum class Rank { kDefault, kToml, kDotEnv, kEnvironment, kFlag };
  Rank rank = Rank::kDefault;
  std::string where = "default";  // "qvdhouse.toml:12", ".env:3", "environment", "--source"
  std::string variable;           // that set it, as it is called: "CLICKHOUSE_DATABASE"
};

// A value as it was written: one string, or the items of a TOML list.
struct RawValue {
  std::string text;                // a list's items joined by commas
  std::vector<std::string> items;  // of a list
  bool is_list = false;
  Origin origin;
  std::string item;  // of a setting that is a table itself: "Price" in types.Price
  // Where the value is a table again (Shape::kTableOfTables), in the order of the file, each with
  // its name as `item`; `text` shows them.
  std::vector<RawValue> parts;
};

// What CLICKHOUSE_* say; empty parts were not set.
struct ServerSettings {
  std::string url;
  std::string host;
  std::uint16_t port = 0;
  std::optional<bool> secure;                          // https
  std::string path_prefix;                             // "/a/b": what a proxy puts before all paths
  std::string cluster;                                 // whose servers get the tables; empty: none
  std::vector<std::string> hosts;                      // more servers with the same tables
  std::optional<clickhouse::Compression> compression;  // absent: by server and network
  std::string reader_user;                             // of queries; empty: the same as of loads
  std::string reader_password;
  clickhouse::Endpoint endpoint;  // all else; its URL is made of the above
};

// What the service listens to, logs and reports.
struct ServeSettings {
  std::uint16_t port = 4000;
  std::uint16_t dashboard_port = 0;  // 0: none
  std::string token;
  std::string token_hash;
  std::string metrics_token;
  bool allow_anonymous = false;
  std::string tls_ca;         // that clients of the service check it against
  std::string instance_name;  // empty: the host's
  std::string public_url;     // of its page; empty: address and port
  serve::HttpOptions http;    // without its ports
  serve::LogBookOptions log;  // without its secrets
  serve::AlertOptions alerts;
  serve::MetricsOptions metrics;  // without what the machine has
  serve::ServiceOptions service;
};

// One source: where it is, what is taken of it, what it is reached with, and when it is synced.
struct SourceSettings {
  std::string name;  // of [source.NAME]; empty: the setting `source`
  std::string url;   // path or URL, secrets included
  // The name of the configured source that it is a part of: its secrets hold here too.
  std::string known_url;
  source::Selection selection;
  source::Access access;
  std::string table_prefix = schema::Policy{}.table_prefix;
  decide::Order order = decide::Order::kName;
  std::vector<std::string> wait_for;
  sync::AfterLoad after_load = sync::AfterLoad::kKeep;
  std::string after_load_to = "done";
  std::string schedule = "@daily";
  std::string schedule_timezone;  // empty: the machine's
  serve::Workflow workflow;       // the settings of its runs; all else is filled in by `serve`
};

// What is set for one table, or for all of a pattern.
struct TableSettings {
  std::vector<std::string> match;    // patterns; `rules` are for each of them
  std::vector<std::string> deletes;  // the same of files with keys that are gone
  schema::TableRules rules;
};

// A [[table]] or a [table.NAME] of qvdhouse.toml as it was written.
struct RawTable {
  struct Entry {
    std::string key;  // "mode"
    RawValue value;
  };
  std::string name;  // of [table.NAME]; empty: a [[table]]
  Origin origin;
  std::vector<Entry> entries;  // in the order of the file
};

struct Config {
  SourceSettings common;  // the setting `source`, and what holds where a source says nothing else
  std::vector<SourceSettings> sources;  // all that were named anywhere
  std::vector<std::size_t> chosen;      // those of `sources` that commands take; may be empty
  sync::Options sync;                   // of a source: see sync_options()
  TableSettings table;                  // what holds where a table says nothing else
  ServeSettings serve;
  observe::TraceOptions traces;
  observe::LineageOptions lineage;
  ServerSettings server;
  clickhouse::EngineOptions engine{.data_dir = "./qvdhouse-data",
                                   .linger = clickhouse::kUsualLinger};
  // By a flag, the environment or the file of --config, and not by what the working folder holds.
  bool is_data_dir_named = false;
  std::string log_level = "warning";

  // The server, when a CLICKHOUSE_ setting names one; else the embedded engine is the target.
  std::optional<clickhouse::Endpoint> endpoint;

  std::map<std::string, RawValue> values;  // what was set, by key; defaults are not in it.
                                           // A named source's: "source.NAME.url" and so on
  std::map<Origin::Rank, std::string> source_by_rank;  // each `source` that was set but as a flag
  std::vector<RawTable> raw_tables;                    // what sync.tables were made from
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

// Whether log_format is "json", also where another setting is wrong: its error is then said so,
// too.
bool logs_json(const ConfigSources& sources);

// The index of the source that a file or URL is or lies below, the narrowest one; empty: none.
std::optional<std::size_t> source_of(const Config& config, const std::string& text);

// What a path or URL is reached with: as the source that it lies below, else as [source] says.
SourceSettings settings_for(const Config& config, const std::string& text);

// The options of a sync of one source. Throws ConfigError where values are to be hashed and there
// is no key: whoever reads a file asks for them first.
sync::Options sync_options(const Config& config, const SourceSettings& source);

// The settings in effect as people may see them: secrets masked.
std::vector<serve::SettingShown> shown_settings(const Config& config);

// Every secret that was set, for a log to mask should one turn up in a message.
std::vector<std::string> secrets_of(const Config& config);

// This process's environment.
std::map<std::string, std::string> process_environment();

}  // namespace qvdhouse::config
