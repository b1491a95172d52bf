// The table of all settings, in the order of the topics of docs/configuration.md; those of the
// service are in config/service_settings.cc.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/error.h"
#include "config/parts.h"
#include "config/service_settings.h"
#include "config/setting.h"
#include "source/url.h"

namespace qvdhouse::config {
namespace {

using clickhouse::Compression;
using clickhouse::Endpoint;
using clickhouse::EngineOptions;
using schema::DatePolicy;
using schema::DecimalPolicy;
using schema::DriftPolicy;
using schema::DualPolicy;
using schema::IntegerPolicy;
using schema::LoadMode;
using schema::MixedPolicy;
using schema::NamingPolicy;
using schema::OutsiderPolicy;
using schema::Policy;
using schema::TableRules;
using schema::VanishedPolicy;
using source::Access;
using source::Selection;
using Settings = std::vector<Setting>;

const Choice<DriftPolicy> kDrift({{"evolve", DriftPolicy::kEvolve},
                                  {"freeze", DriftPolicy::kFreeze},
                                  {"discard", DriftPolicy::kDiscard},
                                  {"rescue", DriftPolicy::kRescue}});
const Choice<schema::AnomalyPolicy> kAnomaly({{"off", schema::AnomalyPolicy::kOff},
                                              {"warn", schema::AnomalyPolicy::kWarn},
                                              {"hold", schema::AnomalyPolicy::kHold}});
const Choice<schema::Sharding> kSharding({{"file", schema::Sharding::kFile},
                                          {"copy", schema::Sharding::kCopy}});
const Choice<VanishedPolicy> kVanished({{"keep", VanishedPolicy::kKeep},
                                        {"delete", VanishedPolicy::kDelete}});

const Choice<sync::SettingsChanged> kSettingsChanged({{"keep", sync::SettingsChanged::kKeep},
                                                      {"reload", sync::SettingsChanged::kReload}});

const Choice<OutsiderPolicy> kOutsiders({{"clamp", OutsiderPolicy::kClamp},
                                         {"null", OutsiderPolicy::kNull},
                                         {"serial", OutsiderPolicy::kSerial},
                                         {"error", OutsiderPolicy::kError}});
const Choice<DecimalPolicy> kDecimals({{"format", DecimalPolicy::kFormat},
                                       {"auto", DecimalPolicy::kAuto},
                                       {"never", DecimalPolicy::kNever}});

Settings of_sources() {
  return {
      setting("source", &SourceSettings::url, text(),
              "the folder, file, glob or archive (zip, tar) that holds the QVD files: a path, a "
              "URL, or "
              "the name of a [source.NAME]",
              {.flag = "--source SOURCE"}),
      setting("file_pattern", &Selection::pattern, text("a glob such as *.qvd or **/*.qvd"),
              "which files of the source; **/*.qvd goes into folders below",
              {.flag = "--pattern GLOB"}),
      setting("include_files", &Selection::include, list(),
              "only these files: any case, * and ?, .qvd optional",
              {.flag = "--include NAMES", .shape = Shape::kList}),
      setting("exclude_files", &Selection::exclude, list(),
              "not these files, written like include_files",
              {.flag = "--exclude NAMES", .shape = Shape::kList}),
  };
}

Settings of_storages() {
  return {
      setting("source.aws_key", &Access::aws_key, text(), "S3 access key",
              {.flag = "--aws-key ID", .otherwise = "AWS_ACCESS_KEY_ID", .is = kCredential}),
      setting("source.aws_secret", &Access::aws_secret, text(),
              "its secret; better in the environment or a file",
              {.flag = "--aws-secret SECRET",
               .otherwise = "AWS_SECRET_ACCESS_KEY",
               .is = kSecret | kCredential}),
      setting("source.aws_session_token", &Access::aws_session_token, text(),
              "its session token, where it has one",
              {.otherwise = "AWS_SESSION_TOKEN", .is = kSecret | kCredential}),
      setting("source.aws_profile", &Access::aws_profile, text(),
              "profile of ~/.aws/credentials and config",
              {.flag = "--aws-profile NAME", .otherwise = "AWS_PROFILE", .is = kCredential}),
      setting("source.aws_region", &Access::aws_region, text(), "region of the bucket",
              {.flag = "--aws-region REGION", .otherwise = "AWS_REGION, AWS_DEFAULT_REGION"}),
      setting("source.aws_endpoint", &Access::aws_endpoint, endpoint(), "another S3 than Amazon's",
              {.flag = "--aws-endpoint URL", .otherwise = "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL"}),
      setting("source.anonymous", &Access::anonymous, boolean(),
              "no credentials at all: s3, gs, az", {.flag = "--anonymous", .is = kCredential}),
      setting("source.user", &Access::user, text(), "user name: http, webdav, ftp, sftp, smb",
              {.otherwise = "that of the URL", .is = kCredential}),
      setting("source.password", &Access::password, text(), "its password",
              {.otherwise = "that of the URL", .is = kSecret | kCredential}),
      setting("source.bearer_token", &Access::bearer_token, text(),
              "sent as Authorization: Bearer: http, webdav", {.is = kSecret | kCredential}),
      setting("source.headers", &Access::headers, http_headers(),
              "further header lines of http requests", {.is = kSecret | kCredential}),
      setting(
          "source.key_file", &Access::key_file, path(), "private key: sftp",
          {.flag = "--key-file FILE", .otherwise = "agent, then ~/.ssh/id_*", .is = kCredential}),
      setting("source.key_passphrase", &Access::key_passphrase, text(), "its passphrase",
              {.is = kSecret | kCredential}),
      setting("source.known_hosts", &Access::known_hosts, path(),
              "keys of hosts that are trusted: sftp",
              {.flag = "--known-hosts FILE", .otherwise = "~/.ssh/known_hosts"}),
      setting("source.domain", &Access::domain, text(), "Windows domain of the user: smb",
              {.is = kCredential}),
      setting("source.ca_file", &Access::ca_file, path(),
              "certificates (PEM) that servers are checked against",
              {.flag = "--ca-file FILE", .otherwise = "the system's"}),
      setting("source.client_cert", &Access::client_cert, path(),
              "certificate (PEM) that we show to servers", {.is = kCredential}),
      setting("source.client_key", &Access::client_key, path(), "its private key (PEM)",
              {.is = kCredential}),
      setting("source.verify_tls", &Access::verify_tls, boolean(),
              "false: servers are not checked, with a warning each run"),
      setting("source.connect_timeout", &Access::connect_timeout, duration(),
              "how long a connection may take"),
      setting("source.stall_timeout", &Access::stall_timeout, duration(),
              "how long a transfer may stand still"),
      setting("source.attempts", &Access::attempts, Number(1, 100),
              "tries of one request in which nothing came"),
      setting("source.rclone_binary", &Access::rclone_binary, path(), "the rclone program",
              {.flag = "--rclone FILE", .otherwise = "rclone on PATH", .is = kProgram}),
      setting("source.rclone_config", &Access::rclone_config, path(),
              "its configuration, for rclone:// URLs",
              {.flag = "--rclone-config FILE", .otherwise = "rclone's own", .is = kProgram}),
  };
}

Settings of_types() {
  return {
      setting("dual", &Policy::dual,
              Choice<DualPolicy>({{"auto", DualPolicy::kAuto},
                                  {"number", DualPolicy::kNumber},
                                  {"text", DualPolicy::kText},
                                  {"both", DualPolicy::kBoth}}),
              "numbers whose display text is more than the number", {.flag = "--dual POLICY"}),
      setting("mixed", &Policy::mixed,
              Choice<MixedPolicy>({{"string", MixedPolicy::kString},
                                   {"split", MixedPolicy::kSplit},
                                   {"error", MixedPolicy::kError}}),
              "fields that hold both text and numbers", {.flag = "--mixed POLICY"}),
      setting("naming", &Policy::naming,
              Choice<NamingPolicy>({{"source", NamingPolicy::kSource},
                                    {"snake", NamingPolicy::kSnake},
                                    {"original", NamingPolicy::kOriginal}}),
              "column names as in the file, or in snake_case; or table names as the Python "
              "pipeline's",
              {.flag = "--naming POLICY"}),
      setting("integers", &Policy::integers,
              Choice<IntegerPolicy>(
                  {{"wide", IntegerPolicy::kWide}, {"narrow", IntegerPolicy::kNarrow}}),
              "Int64, or the smallest type that holds the file's values",
              {.flag = "--integers POLICY"}),
      setting("dates", &Policy::dates,
              Choice<DatePolicy>({{"exact", DatePolicy::kExact}, {"floor", DatePolicy::kFloor}}),
              "dates with a time of day: kept, or cut to the day they lie in",
              {.flag = "--dates POLICY"}),
      setting("outsiders", &Policy::outsiders, kOutsiders,
              "a few values of a date field that are not a date of 1900 to 2299: the nearest end, "
              "or NULL, and exactly in a column beside; numbers for the whole field; or an error",
              {.flag = "--outsiders POLICY"}),
      setting("decimals", &Policy::decimals, kDecimals,
              "which fields are Decimal: MONEY and FIX, all with few digits, or none",
              {.flag = "--decimals POLICY"}),
      setting("null_texts", &Policy::null_texts, list("a list of texts"),
              "texts that mean a missing value: they become NULL",
              {.flag = "--null-texts TEXTS", .otherwise = "none", .shape = Shape::kList}),
      setting("timezone", &Policy::timezone, time_zone(),
              "the zone that the files' local times belong to",
              {.flag = "--timezone ZONE", .otherwise = "none: stamps read the same"}),
      setting("low_cardinality_limit", &Policy::low_cardinality_limit,
              Number(0, std::uint64_t{1} << 31),
              "text fields with at most so many distinct values are LowCardinality"),
      setting("table_prefix", &SourceSettings::table_prefix, any_text(),
              "what table names begin with", {.flag = "--table-prefix TEXT"}),
      setting("order_by", &Policy::order_by, list(), "the fields that tables are sorted by",
              {.flag = "--order-by FIELDS",
               .otherwise = "key fields, else those with few values",
               .shape = Shape::kList}),
      setting("invalid_utf8", &load::Options::invalid_utf8,
              Choice<qvd::InvalidUtf8>(
                  {{"error", qvd::InvalidUtf8::kError}, {"keep", qvd::InvalidUtf8::kKeep}}),
              "text that is not UTF-8: refuse the file, or keep its bytes",
              {.flag = "--invalid-utf8 POLICY"}),
  };
}

Settings of_loading() {
  return {
      setting("parallel_files", &sync::Options::parallel_files, Number(1, 256),
              "files loaded at once",
              {.flag = "--parallel-files N",
               .otherwise = "one a core, two where they are below 1 MiB"}),
      setting("streams", &load::Options::streams, Number(1, 64), "insert streams of one file",
              {.flag = "--streams N"}),
      setting("batch_size", &load::Options::batch_rows, Number(1),
              "the most rows of one block sent to ClickHouse",
              {.flag = "--batch-size ROWS", .otherwise = "sized for speed"}),
      setting("memory", &load::Options::memory_bytes, Bytes(),
              "for row blocks of all files being loaded; symbol tables come on top",
              {.flag = "--memory SIZE"}),
      setting("max_attempts", &sync::Options::max_attempts, Number(1, 100),
              "tries of one file within a run, for errors that may pass",
              {.flag = "--max-attempts N"}),
      setting("file_timeout", &sync::Options::file_timeout, span(),
              "a try that takes longer is rolled back, and the file failed for now",
              {.otherwise = "none"}),
      setting("min_age", &sync::Options::min_age, span(),
              "a file waits until nothing was written to it for so long",
              {.otherwise = "complete files load at once"}),
      setting("zero_tail", &load::Options::zero_tail,
              Choice<load::ZeroTail>(
                  {{"warn", load::ZeroTail::kWarn}, {"error", load::ZeroTail::kError}}),
              "files with rows that were probably never written: loaded with a warning that counts "
              "them, or refused"),
      setting(
          "grown_files", &load::Options::grown_files,
          Choice<load::GrownFiles>(
              {{"send_new", load::GrownFiles::kSendNew}, {"send_all", load::GrownFiles::kSendAll}}),
          "a file that has all rows of its last load, together at its beginning or end: only the "
          "others are sent"),
      setting("order", &SourceSettings::order,
              Choice<decide::Order>({{"name", decide::Order::kName},
                                     {"newest", decide::Order::kNewest},
                                     {"oldest", decide::Order::kOldest},
                                     {"smallest", decide::Order::kSmallest},
                                     {"largest", decide::Order::kLargest}}),
              "which of the files that are due are loaded first", {.flag = "--order ORDER"}),
      setting(
          "wait_for", &SourceSettings::wait_for, file_names(),
          "files are not loaded before these are there: a marker written after them (_DONE), or "
          "new versions of named files (*.qvd)",
          {.otherwise = "nothing", .shape = Shape::kList}),
      setting("after_load", &SourceSettings::after_load, after_load(),
              "what becomes of a file when its load is written down"),
      setting("after_load_to", &SourceSettings::after_load_to, text("a folder"),
              "after_load = \"move\": where to; relative to the source's folder"),
      setting("history_days", &sync::Options::history_days, Number(1, 36'500),
              "how long the history of attempts is kept"),
      setting("quiet_history_days", &sync::Options::quiet_history_days, Number(1, 36'500),
              "how long runs of the service that found nothing to do are kept"),
  };
}

Settings of_tables() {
  return {
      setting("sharding", &TableRules::sharding, kSharding,
              "on a cluster of several shards: each file of a multi-file table on one of them, or "
              "all rows on all of them"),
      setting("drift", &TableRules::drift, kDrift,
              "files with other columns than their table: it follows, they fail, or what is new is "
              "left out or kept in one column",
              {.flag = "--drift POLICY"}),
      setting("vanished", &TableRules::vanished, kVanished,
              "what becomes of the rows of files that are not there any more",
              {.flag = "--vanished POLICY"}),
      setting(
          "anomaly", &TableRules::anomaly, kAnomaly,
          "a file whose rows or bytes are far from those of its last loads: loaded, loaded with a "
          "warning, or held until somebody lets it through (docs/operations.md)",
          {.flag = "--anomaly POLICY"}),
      setting("anomaly_ratio", &TableRules::anomaly_ratio, change_ratio(),
              "how far: the part of the median of the last loads that it may differ by"),
      setting("settings_changed", &sync::Options::settings_changed, kSettingsChanged,
              "tables that were loaded under other settings: they stay, or are loaded again",
              {.flag = "--settings-changed POLICY"}),
      setting("privacy_key", &Policy::privacy_key, key_text(),
              "the key of columns that are hashed (docs/privacy.md)", {.is = kSecret}),
      setting("max_file_partitions", &sync::Options::max_file_partitions, Number(0, 100'000),
              "a table of more files than this is not partitioned by file"),
  };
}

Settings of_servers() {
  return {
      setting("clickhouse.url", &ServerSettings::url, server_url(),
              "a ClickHouse server to load into instead of the embedded one",
              {.flag = "--clickhouse-url URL"}),
      setting("clickhouse.host", &ServerSettings::host, server_host(), "its host name",
              {.flag = "--clickhouse-host HOST",
               .otherwise = "localhost, if a server is named otherwise"}),
      setting("clickhouse.port", &ServerSettings::port, port(),
              "its HTTP port; 443 and 8443 mean https",
              {.flag = "--clickhouse-port PORT", .otherwise = "8123, for https 8443"}),
      setting(
          "clickhouse.secure", &ServerSettings::secure, boolean_or_none(),
          "whether it is reached by https, where the URL does not say it",
          {.flag = "--clickhouse-secure", .otherwise = "by port, and where certificates are set"}),
      setting("clickhouse.path_prefix", &ServerSettings::path_prefix, path_prefix(),
              "the path that a proxy has the server below; it may lead the URL's path",
              {.otherwise = "none"}),
      setting("clickhouse.user", &Endpoint::user, text(), "the user to log in as",
              {.flag = "--clickhouse-user USER", .also = "CLICKHOUSE_USERNAME"}),
      setting("clickhouse.password", &Endpoint::password, text(), "its password", {.is = kSecret}),
      setting("clickhouse.reader_user", &ServerSettings::reader_user, text(),
              "the user of queries (docs/connect.md)",
              {.otherwise = "clickhouse.user with readonly = 2"}),
      setting("clickhouse.reader_password", &ServerSettings::reader_password, text(),
              "its password", {.is = kSecret}),
      setting("clickhouse.database", &sync::Options::database, text(),
              "the database that gets the tables",
              {.flag = "--database NAME",
               .env = "CLICKHOUSE_DB",
               .also = "CLICKHOUSE_DATABASE",
               .instead = "local; default on a server"}),
      setting("clickhouse.cluster", &ServerSettings::cluster, text(),
              "the cluster whose servers all get the tables, by ON CLUSTER (docs/cluster.md); a "
              "database of the engine Replicated needs none",
              {.flag = "--cluster NAME", .otherwise = "none"}),
      setting("clickhouse.hosts", &ServerSettings::hosts, list("a list of HOST, HOST:PORT or URLs"),
              "more servers of the same cluster: used when the first does not answer, and to reach "
              "each shard (docs/cluster.md)",
              {.otherwise = "none"}),
      setting("clickhouse.ca_file", &Endpoint::ca_file, path(),
              "certificates (PEM) that sign the server's, for https",
              {.flag = "--clickhouse-ca-file FILE", .otherwise = "the system's authorities"}),
      setting("clickhouse.client_cert", &Endpoint::client_cert, path(),
              "a certificate (PEM) to log in with"),
      setting("clickhouse.client_key", &Endpoint::client_key, path(), "its private key (PEM)"),
      setting("clickhouse.verify_tls", &Endpoint::verify_tls, boolean(),
              "false: the server is not checked, with a warning each run"),
      setting("clickhouse.compression", &ServerSettings::compression,
              Choice<std::optional<Compression>>({{"auto", std::nullopt},
                                                  {"none", Compression::kNone},
                                                  {"gzip", Compression::kGzip},
                                                  {"lz4", Compression::kLz4},
                                                  {"zstd", Compression::kZstd}}),
              "how rows are compressed on their way to the server",
              {.flag = "--clickhouse-compression METHOD",
               .otherwise = "none on loopback, else the best that the server takes"}),
      setting("claim_wait", &claim::LeaseOptions::patience, wait_time(),
              "how long to wait for another pipeline that writes the same tables of a server",
              {.flag = "--claim-wait TIME"}),
      setting(
          "claim_expiry", &claim::LeaseOptions::expiry, span(),
          "how long after its last heartbeat the claim of a pipeline on a server's tables ends; at "
          "least 2s"),
  };
}

Settings of_engine() {
  return {
      setting("data_dir", &EngineOptions::data_dir, path(),
              "where the embedded ClickHouse keeps its tables", {.flag = "--data-dir DIR"}),
      setting("engine.http_port", &EngineOptions::http_port, port(),
              "the embedded ClickHouse's HTTP port on 127.0.0.1",
              {.flag = "--http-port PORT", .env = "QVD_HTTP_PORT", .otherwise = "any free one"}),
      setting("engine.tcp_port", &EngineOptions::tcp_port, port(),
              "its TCP port for native clients such as clickhouse-client",
              {.flag = "--tcp-port PORT",
               .env = "QVD_TCP_PORT",
               .otherwise = "none; for client any free one"}),
      setting("engine.user", &EngineOptions::user, text(), "its user"),
      setting("engine.password", &EngineOptions::password, text(), "its password",
              {.otherwise = "a random one each start", .is = kSecret}),
      setting("engine.reader_user", &EngineOptions::reader_user, text(),
              "the user who can only read, for queries and BI tools (docs/connect.md)"),
      setting("engine.reader_password", &EngineOptions::reader_password, text(), "its password",
              {.otherwise = "a random one each start", .is = kSecret}),
      setting("engine.memory", &EngineOptions::memory_bytes, Bytes(), "the most memory it may use",
              {.otherwise = "60 % of the machine's"}),
      setting("engine.linger", &EngineOptions::linger, wait_time(),
              "how long it stays after the last command, for the next one",
              {.otherwise = "none in a container and in a service of systemd"}),
      setting("engine.library", &EngineOptions::engine_library, path(), "libchdb.so",
              {.otherwise = "the usual places", .is = kProgram}),
      setting("engine.binary", &EngineOptions::engine_binary, path(), "qvdhouse-engine",
              {.otherwise = "beside qvdhouse", .is = kProgram}),
  };
}

Settings of_one_table_as_a_whole() {
  return {
      setting("match", &TableSettings::match, file_patterns(), "which files: the end of their path",
              {.shape = Shape::kList}),
      setting("name", &TableRules::name, text("a text, may hold {parts}"),
              "the table that they go to", {.otherwise = "by file: prefix and name"}),
      setting("mode", &TableRules::mode,
              Choice<std::optional<LoadMode>>({{"replace", LoadMode::kReplace},
                                               {"replace_by_file", LoadMode::kReplaceByFile},
                                               {"append", LoadMode::kAppend},
                                               {"upsert", LoadMode::kUpsert}}),
              "one file is the table; each file has its rows in it; rows are only added; the "
              "newest row of each key is shown",
              {.otherwise = "by pattern and name"}),
      setting("key", &TableRules::key, list("a list of fields or columns"),
              "upsert: what says that two rows are of the same thing", {.shape = Shape::kList}),
      setting("version", &TableRules::version, text("a field or column"),
              "upsert: of two rows of a key, the one with the greater value is the newer one",
              {.otherwise = "the time of the file"}),
      setting("deleted", &TableRules::deleted, text("field = value"),
              "upsert: rows that say that their key is gone", {.otherwise = "none"}),
      setting("deletes", &TableSettings::deletes, file_patterns(),
              "upsert: files of keys that are gone: the end of their path",
              {.otherwise = "none", .shape = Shape::kList}),
      setting("duplicate_keys", &TableRules::duplicate_keys,
              Choice<schema::DuplicateKeys>({{"error", schema::DuplicateKeys::kError},
                                             {"last", schema::DuplicateKeys::kLast}}),
              "upsert: a file with several rows of a key fails, or the last of them counts"),
      setting("null_keys", &TableRules::null_keys,
              Choice<schema::NullKeys>(
                  {{"error", schema::NullKeys::kError}, {"keep", schema::NullKeys::kKeep}}),
              "upsert: a file with NULL in its key fails, or NULL is a value like any other"),
      setting("drift", &TableRules::drift, kDrift, "files with other columns than the table",
              {.instead = "the setting of that name"}),
      setting("wait_for", &TableRules::wait_for, file_names(),
              "as the setting wait_for, for these files", {.shape = Shape::kList}),
      setting("vanished", &TableRules::vanished, kVanished,
              "the rows of files that are not there any more",
              {.instead = "the setting of that name"}),
      setting("anomaly", &TableRules::anomaly, kAnomaly,
              "files whose rows or bytes are far from those of their last loads",
              {.instead = "the setting of that name"}),
      setting("anomaly_ratio", &TableRules::anomaly_ratio, change_ratio(), "how far",
              {.instead = "the setting of that name"}),
      setting("sharding", &TableRules::sharding, kSharding, "where its files are on shards",
              {.instead = "the setting of that name"}),
  };
}

Settings of_its_columns() {
  return {
      setting("include", &TableRules::include, name_patterns(), "only these fields",
              {.otherwise = "all", .shape = Shape::kList}),
      setting("exclude", &TableRules::exclude, name_patterns(), "not these fields",
              {.shape = Shape::kList}),
      setting("rename", &TableRules::rename, renames(),
              "columns with other names than their fields", {.shape = Shape::kTable}),
      setting("types", &TableRules::types, column_types(), "as [types], for this table",
              {.otherwise = "by rule", .shape = Shape::kTable}),
      setting("outsiders", &TableRules::outsiders, optional(kOutsiders),
              "as the setting of that name", {.instead = "the setting of that name"}),
      setting("outsiders_of", &TableRules::outsiders_of, of_columns(kOutsiders),
              "the same for single fields or columns", {.shape = Shape::kTable}),
      setting("decimals", &TableRules::decimals, optional(kDecimals), "as the setting of that name",
              {.instead = "the setting of that name"}),
      setting("null_texts", &TableRules::null_texts, list("a list of texts"),
              "as the setting of that name",
              {.instead = "the setting of that name", .shape = Shape::kList}),
      setting("null_texts_of", &TableRules::null_texts_of, lists_of_columns(),
              "the same for single fields or columns", {.shape = Shape::kTableOfLists}),
      setting("rules", &TableRules::column_rules, column_rules(),
              "what values must be, and what becomes of rows that are not so (docs/validation.md)",
              {.otherwise = "none", .shape = Shape::kTableOfTables}),
      setting("max_errors", &TableRules::max_errors, row_limit(),
              "a file fails when rules leave out more rows of it", {.otherwise = "no limit"}),
      setting("max_error_ratio", &TableRules::max_error_ratio, ratio(),
              "the same as a part of its rows", {.otherwise = "no limit"}),
      setting("protect", &TableRules::protections, protections(),
              "columns whose values are masked, hashed, cut or left out (docs/privacy.md)",
              {.otherwise = "as [protect]", .shape = Shape::kTable}),
      setting("codecs", &TableRules::codecs, codecs(), "how columns are compressed",
              {.otherwise = "by rule", .shape = Shape::kTable}),
      setting("file_column", &TableRules::with_file, boolean(),
              "a column _file with the file's path",
              {.instead = "false; true for multi-file tables"}),
      setting("row_column", &TableRules::with_row, boolean(),
              "a column _row with the row's number in its file, from 0"),
      setting("loaded_at_column", &TableRules::with_loaded_at, boolean(),
              "a column _loaded_at with the time of the load"),
      setting("run_id_column", &TableRules::with_run_id, boolean(),
              "a column _run_id with the run that loaded the row"),
  };
}

Settings of_its_rows() {
  return {
      setting("where", &TableRules::row_filter, row_filter(), "only these rows (docs/privacy.md)",
              {.otherwise = "all rows"}),
      setting("order_by", &TableRules::order_by, list("a list of fields or columns"),
              "what the table is sorted by",
              {.instead = "the setting of that name", .shape = Shape::kList}),
      setting("primary_key", &TableRules::primary_key, list("a list of fields or columns"),
              "the first of these, which the server keeps in memory",
              {.otherwise = "all of order_by", .shape = Shape::kList}),
      setting("partition_by", &TableRules::partition_by, expression(),
              "its partitions; in a multi-file table beside the file's own, and the same in all "
              "rows of a file"),
      setting("sample_by", &TableRules::sample_by, expression(),
              "what SELECT … SAMPLE samples by, in its primary key"),
      setting("indexes", &TableRules::indexes, indexes(), "data skipping indexes",
              {.shape = Shape::kTable}),
      setting("engine", &TableRules::engine, engine(), "its engine, with arguments",
              {.otherwise = "MergeTree"}),
      setting("ttl", &TableRules::ttl, expression(),
              "when the server deletes rows (`verify` then finds them missing)"),
      setting("settings", &TableRules::settings, engine_settings(), "settings of the engine",
              {.shape = Shape::kTable}),
      setting("pre_sql", &TableRules::pre_sql, statements(),
              "run before a file is loaded; {table} and {file} stand for both; a failure stops the "
              "file",
              {.shape = Shape::kList}),
      setting("post_sql", &TableRules::post_sql, statements(),
              "run when the file's rows are in the table", {.shape = Shape::kList}),
  };
}

Settings of_one_table() {
  Settings all = of_one_table_as_a_whole();
  for (Settings part : {of_its_columns(), of_its_rows()}) {
    std::move(part.begin(), part.end(), std::back_inserter(all));
  }
  return all;
}

struct Section {
  Topic topic;
  std::string_view title;
  Settings (*settings)();
};
constexpr std::array<Section, 12> kSections = {
    {{Topic::kSources, "Which files", of_sources},
     {Topic::kStorages, "Storages", of_storages},
     {Topic::kTypes, "Types and names", of_types},
     {Topic::kLoading, "Loading", of_loading},
     {Topic::kTables, "All tables", of_tables},
     {Topic::kServer, "ClickHouse server", of_servers},
     {Topic::kEngine, "Embedded engine", of_engine},
     {Topic::kSchedule, "Schedule", of_schedule},
     {Topic::kService, "Service", of_service},
     {Topic::kLogs, "Logs", of_logs},
     {Topic::kAlerts, "Alerts", of_alerts},
     {Topic::kObservation, "Traces and lineage", of_observation}}};

// "source.aws_key" → "QVD_SOURCE_AWS_KEY", "clickhouse.url" → "CLICKHOUSE_URL".
std::string variable_of(std::string_view key) {
  std::string name = key.starts_with("clickhouse.") ? "" : "QVD_";
  for (const char c : key) name += c == '.' ? '_' : base::to_upper(c);
  return name;
}

// [types] and [protect]: what of find_setting() has a key of its own for each column.
const Setting& protect_setting() {
  static const Setting kProtect =
      setting("protect", &Policy::protections, protections(),
              "what protects the values of columns by name", {.shape = Shape::kTable});
  return kProtect;
}

const Setting& types_setting() {
  static const Setting kTypes = setting("types", &Policy::overrides, column_types(),
                                        "the types of columns by name", {.shape = Shape::kTable});
  return kTypes;
}

}  // namespace

std::string_view title_of(Topic topic) {
  return std::ranges::find(kSections, topic, &Section::topic)->title;
}

std::span<const Setting> settings_table() {
  static const Settings all = [] {
    Settings settings;
    for (const Section& section : kSections) {
      for (Setting& setting : section.settings()) {
        setting.topic = section.topic;
        if (setting.env.empty()) setting.env = variable_of(setting.key);
        settings.push_back(std::move(setting));
      }
    }
    return settings;
  }();
  return all;
}

std::span<const Setting> table_keys() {
  static const Settings keys = of_one_table();
  return keys;
}

const Setting* find_setting(std::string_view key) {
  if (key.starts_with(kTypesPrefix)) return &types_setting();
  if (key.starts_with(kProtectPrefix)) return &protect_setting();
  const auto named = named_key(key);
  const auto settings = settings_table();
  const auto found = std::ranges::find(settings, named ? named->setting_key : key, &Setting::key);
  return found == settings.end() ? nullptr : &*found;
}

Config& defaults() {
  static Config config;
  return config;
}

Setting declared(std::string_view key, const std::string& default_value, std::string_view allowed,
                 std::string_view help, const More& more) {
  const std::size_t space = std::min(more.flag.find(' '), more.flag.size());
  Setting made{.key = key,
               .env = std::string(more.env),
               .also = more.also,
               .fallback = more.fallback,
               .flag = more.flag.substr(0, space),
               .value_name = more.flag.substr(std::min(space + 1, more.flag.size())),
               .default_text = default_value,
               .allowed = std::string(allowed),
               .help = help,
               .shape = more.shape,
               .properties = more.is};
  if (!default_value.empty() && !more.otherwise.empty()) made.default_text += ": ";
  made.default_text += more.otherwise;
  if (!more.instead.empty()) made.default_text = more.instead;
  if (!more.fallback.empty()) {
    made.default_text = fmt::format("{}, else {}", more.fallback,
                                    made.default_text.empty() ? "none" : made.default_text);
  }
  return made;
}

void take_value(const Setting& setting, std::string_view key, const RawValue& value,
                Config& config) {
  const std::string wrong = setting.parse(value, config);
  if (wrong.empty()) return;
  throw base::ConfigError(fmt::format("{}: '{}' is not allowed; expected {}",
                                      place_of(key, value.origin), masked(setting, value.text),
                                      wrong));
}

std::string place_of(std::string_view key, const Origin& origin) {
  if (origin.rank == Origin::Rank::kFlag) return origin.where;
  return fmt::format("{}, set in {}", origin.variable.empty() ? key : origin.variable,
                     origin.where);
}

std::string masked(const Setting& setting, std::string_view text) {
  if (setting.is(kSecret)) return text.empty() ? "" : "********";
  if (setting.key == "clickhouse.url") return masked_url(text);
  if (setting.key == "source" || setting.key == "source.aws_endpoint") {
    return source::masked_source(text);
  }
  constexpr std::array<std::string_view, 3> kCollectors = {"otlp_endpoint", "otlp_traces_endpoint",
                                                           "openlineage_url"};
  if (std::ranges::find(kCollectors, setting.key) != kCollectors.end()) {
    // A wrong one may have no scheme.
    return text.find("://") == text.npos ? masked_url(text) : source::masked_source(text);
  }
  return std::string(text);
}

}  // namespace qvdhouse::config
