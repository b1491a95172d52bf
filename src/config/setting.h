// Every setting, declared once: where its value goes, what is allowed, and what it is for. Names,
// default and allowed values are derived from that, for flags, environment, `.env`,
// `qvdhouse.toml`, `qvdhouse config`, --help and the tables of docs/configuration.md.
//
// To add one: a member of an options struct, and a line in settings.cc that names it and the kind
// of its values (values.h).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "config/config.h"
#include "config/values.h"

namespace qvdhouse::config {

// What a setting is about: a section of docs/configuration.md, and of the --help of those commands
// that it is for.
enum class Topic {
  kSources,
  kStorages,
  kTypes,
  kLoading,
  kTables,
  kServer,
  kEngine,
  kSchedule,
  kService,
  kLogs,
  kAlerts,
  kObservation,
  kOneTable,  // keys of [[table]] and [table.NAME]
};
// As a heading: "Which files", "Storages".
std::string_view title_of(Topic topic);

// What else there is to say of a setting, as bits.
enum Property : unsigned {
  kSecret = 1,
  kCredential = 2,  // of [source]: never taken over by another source
  kGuard = 4,       // decides who may use the service
  // A program, a library or a file that may name one: not taken from a file that was only found.
  kProgram = 8,
};

// How a setting stands in TOML: kList may be a list (several flags add up), kTable has items of its
// own ("Price" in types.Price).
// kTableOfTables: each item is a table, or a list of tables (rules.Price = { min = 0 }).
enum class Shape { kText, kList, kTable, kTableOfLists, kTableOfTables };

constexpr bool is_table(Shape shape) { return shape >= Shape::kTable; }

struct Setting {
  std::string_view key;   // in qvdhouse.toml, dotted; of kOneTable in its table
  std::string env;        // in the environment and .env; empty: it stands in TOML only
  std::string_view also;  // the same under the name that other clients have for it
  // Variables that programs of all kinds know, by commas: the first that is set counts where
  // nothing else sets the setting. A value that is not allowed is warned of.
  std::string_view fallback;
  std::string_view flag;        // "--batch-size"; empty: has none
  std::string_view value_name;  // "ROWS", for --help; empty: the flag is a switch
  std::string default_text;     // as people read it
  std::string allowed;          // what is allowed, as the end of "expected …"
  std::string_view help;        // one clause, no full stop
  Topic topic = Topic::kOneTable;
  Shape shape = Shape::kText;
  bool is_of_source = false;  // each source may have its own
  unsigned properties = 0;
  bool is(Property property) const { return (properties & property) != 0; }
  // Puts the value into the config. Returns what would have been right, as the end of
  // "expected …"; empty: it was.
  std::function<std::string(const RawValue& value, Config& config)> parse;
};

// In the order of the topics.
std::span<const Setting> settings_table();
// The keys of [[table]] and [table.NAME].
std::span<const Setting> table_keys();
// The setting of a key, also of a named source's ("source.NAME.aws_key") and of a column
// ("types.NAME", "protect.NAME"); null when there is none.
const Setting* find_setting(std::string_view key);

// Parses a value into the config. Throws ConfigError naming the setting by `key`, where it was set
// and what is allowed.
void take_value(const Setting& setting, std::string_view key, const RawValue& value,
                Config& config);
// How messages call a setting and where it was set: "--streams", "QVD_STREAMS, set in .env:3",
// "streams, set in qvdhouse.toml:2".
std::string place_of(std::string_view key, const Origin& origin);

// Where the source stands: a path, a URL, or the name of a [source.NAME].
inline constexpr std::string_view kSourceKey = "source";

// The table of column types in qvdhouse.toml: types.<column> = "Decimal(18, 2)".
inline constexpr std::string_view kTypesPrefix = "types.";
// The same of what protects the values of all tables: protect.<column> = "mask".
inline constexpr std::string_view kProtectPrefix = "protect.";
// Whether the key, or the beginning of one up to its dot, is of these tables, whose items are names
// of columns.
inline bool is_of_columns(std::string_view key) {
  return key.starts_with(kTypesPrefix) || key.starts_with(kProtectPrefix);
}

// The key of what is said of single tables: [[table]] and [table.NAME].
inline constexpr std::string_view kTableKey = "table";

// The value as it may be shown: secrets as stars, the user info and query of a URL too.
std::string masked(const Setting& setting, std::string_view text);

// The options of this type in a config.
template <class S>
S& options_in(Config& c) {
  return std::get<S&>(
      std::tie(c, c.common, c.common.selection, c.common.access, c.common.workflow,
               c.common.workflow.agenda, c.sync, c.sync.lease, c.sync.load, c.sync.load.policy,
               c.table, c.table.rules, c.server, c.server.endpoint, c.engine, c.serve, c.serve.http,
               c.serve.log, c.serve.alerts, c.serve.metrics, c.serve.service, c.traces, c.lineage));
}

// Whether each source has options of this type for itself.
template <class S, class... Own>
constexpr bool kIsOneOf = (std::is_same_v<S, Own> || ...);
template <class S>
constexpr bool kIsOfEachSource = kIsOneOf<S, SourceSettings, source::Selection, source::Access,
                                          serve::Workflow, serve::AgendaOptions>;

// What a declaration may add.
struct More {
  std::string_view flag = "";       // "--streams N", or "--anonymous" of a switch
  std::string_view env = "";        // where it is not QVD_ and the key
  std::string_view also = "";       // a second name of the variable
  std::string_view fallback = "";   // Setting::fallback
  std::string_view otherwise = "";  // what the default means, or stands for where it has no text
  std::string_view instead = "";    // shown instead of the default, which depends on other things
  Shape shape = Shape::kText;
  unsigned is = 0;  // a sum of Property
};

// A config in which nothing was set, for the texts of defaults.
Config& defaults();

// A setting without its value: names, texts, properties.
Setting declared(std::string_view key, const std::string& default_value, std::string_view allowed,
                 std::string_view help, const More& more);

// `place` is the member that the value goes to, `kind` one of values.h.
template <class S, class T, class K>
Setting setting(std::string_view key, T S::*place, K kind, std::string_view help,
                const More& more = {}) {
  Setting made =
      declared(key, kind.show(options_in<S>(defaults()).*place), kind.allowed, help, more);
  made.is_of_source = kIsOfEachSource<S>;
  made.parse = [place, kind = std::move(kind)](const RawValue& value, Config& config) {
    return kind.parse(value, options_in<S>(config).*place);
  };
  return made;
}

}  // namespace qvdhouse::config
