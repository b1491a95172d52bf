#include "cli/settings_table.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/server_url.h"
#include "cli/setting_values.h"
#include "cli/source_url.h"

namespace qvdhouse::cli {
namespace {

using schema::DatePolicy;
using schema::DualPolicy;
using schema::IntegerPolicy;
using schema::MixedPolicy;
using schema::NamingPolicy;

constexpr std::array<std::pair<std::string_view, DualPolicy>, 4> kDual = {
    {{"auto", DualPolicy::kAuto},
     {"number", DualPolicy::kNumber},
     {"text", DualPolicy::kText},
     {"both", DualPolicy::kBoth}}};
constexpr std::array<std::pair<std::string_view, MixedPolicy>, 3> kMixed = {
    {{"string", MixedPolicy::kString},
     {"split", MixedPolicy::kSplit},
     {"error", MixedPolicy::kError}}};
constexpr std::array<std::pair<std::string_view, NamingPolicy>, 2> kNaming = {
    {{"source", NamingPolicy::kSource}, {"snake", NamingPolicy::kSnake}}};
constexpr std::array<std::pair<std::string_view, IntegerPolicy>, 2> kIntegers = {
    {{"wide", IntegerPolicy::kWide}, {"narrow", IntegerPolicy::kNarrow}}};
constexpr std::array<std::pair<std::string_view, DatePolicy>, 2> kDates = {
    {{"exact", DatePolicy::kExact}, {"floor", DatePolicy::kFloor}}};
constexpr std::array<std::pair<std::string_view, qvd::InvalidUtf8>, 2> kInvalidUtf8 = {
    {{"error", qvd::InvalidUtf8::kError}, {"keep", qvd::InvalidUtf8::kKeep}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kLogLevels = {
    {{"error", "error"}, {"warning", "warning"}, {"info", "info"}, {"debug", "debug"}}};

std::string take_log_level(const RawValue& value, std::string& out) {
  std::string_view level;
  std::string error = take_choice(value, level, kLogLevels);
  out = level;
  return error;
}

const std::array kGeneralSettings = {
    Setting{.key = "source",
            .env = "QVD_SOURCE",
            .flag = "--source",
            .value_name = "SOURCE",
            .default_text = "",
            .allowed = kNotEmpty,
            .help = "the folder, file or glob that holds the QVD files: a path, a URL, or the "
                    "name of a [source.NAME]",
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.source); }},
    Setting{
        .key = "file_pattern",
        .env = "QVD_FILE_PATTERN",
        .flag = "--pattern",
        .value_name = "GLOB",
        .default_text = "*.qvd",
        .allowed = "a glob",
        .help = "which files of the source; **/*.qvd goes into folders below",
        .parse = [](const RawValue& v, Config& c) { return take_pattern(v, c.selection.pattern); }},
    Setting{
        .key = "include_files",
        .env = "QVD_INCLUDE_FILES",
        .flag = "--include",
        .value_name = "NAMES",
        .default_text = "",
        .allowed = kList,
        .help = "only these files: any case, * and ?, .qvd optional",
        .is_list = true,
        .parse = [](const RawValue& v, Config& c) { return take_list(v, c.selection.include); }},
    Setting{
        .key = "exclude_files",
        .env = "QVD_EXCLUDE_FILES",
        .flag = "--exclude",
        .value_name = "NAMES",
        .default_text = "",
        .allowed = kList,
        .help = "not these files, written like include_files",
        .is_list = true,
        .parse = [](const RawValue& v, Config& c) { return take_list(v, c.selection.exclude); }},
    Setting{.key = "batch_size",
            .env = "QVD_BATCH_SIZE",
            .flag = "--batch-size",
            .value_name = "ROWS",
            .default_text = "sized for speed",
            .allowed = kWholeFromOne,
            .help = "the most rows of one block sent to ClickHouse",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.batch_rows, std::uint64_t{1}, std::uint64_t{1} << 40,
                                     kWholeFromOne);
                }},
    Setting{.key = "data_dir",
            .env = "QVD_DATA_DIR",
            .flag = "--data-dir",
            .value_name = "DIR",
            .default_text = "./qvdhouse-data",
            .allowed = kPath,
            .help = "where the embedded ClickHouse keeps its tables",
            .parse = [](const RawValue& v, Config& c) { return take_path(v, c.data_dir); }},
    Setting{.key = "clickhouse.url",
            .env = "CLICKHOUSE_URL",
            .flag = "--clickhouse-url",
            .value_name = "URL",
            .default_text = "",
            .allowed = "http(s)://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]",
            .help = "a ClickHouse server to load into instead of the embedded one",
            .parse = [](const RawValue& v, Config& c) { return take_url(v, c.server.url); }},
    Setting{.key = "clickhouse.host",
            .env = "CLICKHOUSE_HOST",
            .flag = "--clickhouse-host",
            .value_name = "HOST",
            .default_text = "localhost, if a server is named otherwise",
            .allowed = kNotEmpty,
            .help = "its host name",
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.server.host); }},
    Setting{.key = "clickhouse.port",
            .env = "CLICKHOUSE_PORT",
            .flag = "--clickhouse-port",
            .value_name = "PORT",
            .default_text = "8123, for https 8443",
            .allowed = kPort,
            .help = "its HTTP port; 443 and 8443 mean https",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.server.port, std::uint16_t{1}, std::uint16_t{65535},
                                     kPort);
                }},
    Setting{.key = "clickhouse.user",
            .env = "CLICKHOUSE_USER",
            .flag = "--clickhouse-user",
            .value_name = "USER",
            .default_text = "default",
            .allowed = kNotEmpty,
            .help = "the user to log in as",
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.server.user); }},
    Setting{.key = "clickhouse.password",
            .env = "CLICKHOUSE_PASSWORD",
            .flag = "",
            .value_name = "",
            .default_text = "",
            .allowed = kNotEmpty,
            .help = "its password",
            .is_secret = true,
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.server.password); }},
    Setting{.key = "clickhouse.database",
            .env = "CLICKHOUSE_DB",
            .flag = "--database",
            .value_name = "NAME",
            .default_text = "local; default on a server",
            .allowed = kNotEmpty,
            .help = "the database that gets the tables",
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.server.database); }},
    Setting{
        .key = "dual",
        .env = "QVD_DUAL",
        .flag = "--dual",
        .value_name = "POLICY",
        .default_text = "auto",
        .allowed = "auto, number, text or both",
        .help = "numbers whose display text is more than the number",
        .parse = [](const RawValue& v, Config& c) { return take_choice(v, c.policy.dual, kDual); }},
    Setting{.key = "mixed",
            .env = "QVD_MIXED",
            .flag = "--mixed",
            .value_name = "POLICY",
            .default_text = "string",
            .allowed = "string, split or error",
            .help = "fields that hold both text and numbers",
            .parse = [](const RawValue& v,
                        Config& c) { return take_choice(v, c.policy.mixed, kMixed); }},
    Setting{.key = "naming",
            .env = "QVD_NAMING",
            .flag = "--naming",
            .value_name = "POLICY",
            .default_text = "source",
            .allowed = "source or snake",
            .help = "column names as in the file, or in snake_case",
            .parse = [](const RawValue& v,
                        Config& c) { return take_choice(v, c.policy.naming, kNaming); }},
    Setting{.key = "integers",
            .env = "QVD_INTEGERS",
            .flag = "--integers",
            .value_name = "POLICY",
            .default_text = "wide",
            .allowed = "wide or narrow",
            .help = "Int64, or the smallest type that holds the file's values",
            .parse = [](const RawValue& v,
                        Config& c) { return take_choice(v, c.policy.integers, kIntegers); }},
    Setting{.key = "dates",
            .env = "QVD_DATES",
            .flag = "--dates",
            .value_name = "POLICY",
            .default_text = "exact",
            .allowed = "exact or floor",
            .help = "dates with a time of day: kept, or cut to the day they lie in",
            .parse = [](const RawValue& v,
                        Config& c) { return take_choice(v, c.policy.dates, kDates); }},
    Setting{
        .key = "timezone",
        .env = "QVD_TIMEZONE",
        .flag = "--timezone",
        .value_name = "ZONE",
        .default_text = "none: stamps read the same",
        .allowed = "a time zone name",
        .help = "the zone that the files' local times belong to",
        .parse = [](const RawValue& v, Config& c) { return take_timezone(v, c.policy.timezone); }},
    Setting{.key = "low_cardinality_limit",
            .env = "QVD_LOW_CARDINALITY_LIMIT",
            .flag = "",
            .value_name = "",
            .default_text = "10000",
            .allowed = "a whole number",
            .help = "text fields with at most so many distinct values are LowCardinality",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.policy.low_cardinality_limit, std::uint64_t{0},
                                     std::uint64_t{1} << 31, "a whole number, 0 to 2147483648");
                }},
    Setting{.key = "table_prefix",
            .env = "QVD_TABLE_PREFIX",
            .flag = "--table-prefix",
            .value_name = "TEXT",
            .default_text = "Qvd",
            .allowed = "a text",
            .help = "what table names begin with",
            .parse = [](const RawValue& v,
                        Config& c) { return take_any_text(v, c.policy.table_prefix); }},
    Setting{.key = "order_by",
            .env = "QVD_ORDER_BY",
            .flag = "--order-by",
            .value_name = "FIELDS",
            .default_text = "key fields, else those with few values",
            .allowed = kList,
            .help = "the fields that tables are sorted by",
            .is_list = true,
            .parse = [](const RawValue& v, Config& c) { return take_list(v, c.policy.order_by); }},
    Setting{.key = "invalid_utf8",
            .env = "QVD_INVALID_UTF8",
            .flag = "--invalid-utf8",
            .value_name = "POLICY",
            .default_text = "error",
            .allowed = "error or keep",
            .help = "text that is not UTF-8: refuse the file, or keep its bytes",
            .parse = [](const RawValue& v,
                        Config& c) { return take_choice(v, c.invalid_utf8, kInvalidUtf8); }},
    Setting{.key = "parallel_files",
            .env = "QVD_PARALLEL_FILES",
            .flag = "--parallel-files",
            .value_name = "N",
            .default_text = "by cores",
            .allowed = "1 to 256",
            .help = "files loaded at once",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.parallel_files, 1U, 256U, "a whole number, 1 to 256");
                }},
    Setting{.key = "streams",
            .env = "QVD_STREAMS",
            .flag = "--streams",
            .value_name = "N",
            .default_text = "2",
            .allowed = "1 to 64",
            .help = "insert streams of one file",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.streams, 1U, 64U, "a whole number, 1 to 64");
                }},
    Setting{.key = "memory",
            .env = "QVD_MEMORY",
            .flag = "--memory",
            .value_name = "SIZE",
            .default_text = "256MiB",
            .allowed = kBytes,
            .help = "for row blocks of all files being loaded; symbol tables come on top",
            .parse = [](const RawValue& v, Config& c) { return take_bytes(v, c.memory_bytes); }},
    Setting{.key = "max_attempts",
            .env = "QVD_MAX_ATTEMPTS",
            .flag = "--max-attempts",
            .value_name = "N",
            .default_text = "3",
            .allowed = "1 to 100",
            .help = "tries of one file within a run, for errors that may pass",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.max_attempts, 1U, 100U, "a whole number, 1 to 100");
                }},
    Setting{.key = "file_timeout",
            .env = "QVD_FILE_TIMEOUT",
            .flag = "",
            .value_name = "",
            .default_text = "0s: none",
            .allowed = kSpan,
            .help = "a try that takes longer is rolled back, and the file failed for now",
            .parse = [](const RawValue& v, Config& c) { return take_span(v, c.file_timeout); }},
    Setting{.key = "history_days",
            .env = "QVD_HISTORY_DAYS",
            .flag = "",
            .value_name = "",
            .default_text = "90",
            .allowed = "1 to 36500",
            .help = "how long the history of attempts is kept",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.history_days, 1U, 36'500U, "a whole number, 1 to 36500");
                }},
    Setting{.key = "engine.http_port",
            .env = "QVD_HTTP_PORT",
            .flag = "--http-port",
            .value_name = "PORT",
            .default_text = "any free one",
            .allowed = kPort,
            .help = "the embedded ClickHouse's HTTP port on 127.0.0.1",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.engine.http_port, std::uint16_t{1}, std::uint16_t{65535},
                                     kPort);
                }},
    Setting{.key = "engine.tcp_port",
            .env = "QVD_TCP_PORT",
            .flag = "--tcp-port",
            .value_name = "PORT",
            .default_text = "none; for client any free one",
            .allowed = kPort,
            .help = "its TCP port for native clients such as clickhouse-client",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.engine.tcp_port, std::uint16_t{1}, std::uint16_t{65535},
                                     kPort);
                }},
    Setting{.key = "engine.user",
            .env = "QVD_ENGINE_USER",
            .flag = "",
            .value_name = "",
            .default_text = "qvdhouse",
            .allowed = kNotEmpty,
            .help = "its user",
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.engine.user); }},
    Setting{.key = "engine.password",
            .env = "QVD_ENGINE_PASSWORD",
            .flag = "",
            .value_name = "",
            .default_text = "a random one each start",
            .allowed = kNotEmpty,
            .help = "its password",
            .is_secret = true,
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.engine.password); }},
    Setting{
        .key = "engine.memory",
        .env = "QVD_ENGINE_MEMORY",
        .flag = "",
        .value_name = "",
        .default_text = "60 % of the machine's",
        .allowed = kBytes,
        .help = "the most memory it may use",
        .parse = [](const RawValue& v, Config& c) { return take_bytes(v, c.engine.memory_bytes); }},
    Setting{.key = "engine.library",
            .env = "QVD_ENGINE_LIBRARY",
            .flag = "",
            .value_name = "",
            .default_text = "the usual places",
            .allowed = kPath,
            .help = "libchdb.so",
            .names_program = true,
            .parse = [](const RawValue& v,
                        Config& c) { return take_path(v, c.engine.engine_library); }},
    Setting{
        .key = "engine.binary",
        .env = "QVD_ENGINE_BINARY",
        .flag = "",
        .value_name = "",
        .default_text = "beside qvdhouse",
        .allowed = kPath,
        .help = "qvdhouse-engine",
        .names_program = true,
        .parse = [](const RawValue& v, Config& c) { return take_path(v, c.engine.engine_binary); }},
    Setting{.key = "log_level",
            .env = "QVD_LOG_LEVEL",
            .flag = "--log-level",
            .value_name = "LEVEL",
            .default_text = "warning",
            .allowed = "error, warning, info or debug",
            .help = "minimum log level",
            .parse = [](const RawValue& v, Config& c) { return take_log_level(v, c.log_level); }},
};

}  // namespace

std::span<const Setting> settings_table() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> settings(kGeneralSettings.begin(), kGeneralSettings.end());
    for (const std::span<const Setting> more :
         {server_settings(), table_settings(), serve_settings(), source_settings()}) {
      settings.insert(settings.end(), more.begin(), more.end());
    }
    return settings;
  }();
  return all;
}

const Setting* find_setting(std::string_view key) {
  for (const Setting& setting : settings_table()) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

void take_value(const Setting& setting, std::string_view key, const RawValue& value,
                Config& config) {
  const std::string wrong = setting.parse(value, config);
  if (wrong.empty()) return;
  const Origin& origin = value.origin;
  std::string described = origin.where;
  if (origin.rank != Origin::Rank::kFlag) {
    const bool by_key = origin.rank == Origin::Rank::kToml || key != setting.key;
    described = fmt::format("{}, set in {}", by_key ? key : setting.env, origin.where);
  }
  throw base::ConfigError(fmt::format("{}: '{}' is not allowed; expected {}", described,
                                      masked(setting, value.text), wrong));
}

std::string masked(const Setting& setting, std::string_view text) {
  if (setting.is_secret) return text.empty() ? "" : "********";
  if (setting.key == "clickhouse.url") return masked_url(text);
  if (setting.key == "source" || setting.key == "source.aws_endpoint") return masked_source(text);
  return std::string(text);
}

}  // namespace qvdhouse::cli
