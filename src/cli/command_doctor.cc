// qvdhouse doctor: each thing that must be there, and what to do where it is not.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "base/encoding.h"
#include "base/error.h"
#include "cli/child.h"
#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "clickhouse/compressor.h"
#include "clickhouse/engine.h"
#include "clickhouse/error_code.h"
#include "clickhouse/quote.h"
#include "clickhouse/topology.h"
#include "load/layout.h"
#include "source/storage.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {
namespace {

struct DoctorArguments {
  bool json = false;
  bool hash_library = false;  // compare libchdb.so with what was built with
};

struct Finding {
  std::string what;
  bool good = true;
  std::string detail;
  std::string fix;
  int exit_code = kOk;
};

// Below this the engine refuses to merge and inserts start to fail.
constexpr std::uintmax_t kLeastFreeBytes = std::uintmax_t{1} << 30;

// --- What there is to say of a server ---

struct Right {
  std::string_view right;  // "ALTER DELETE"
  std::string_view on;     // "system.parts"; empty: all tables of the database
};

// In the order in which a sync needs them (docs/operations.md, "Least rights").
constexpr std::array kRights = {
    Right{"SELECT", ""},
    Right{"INSERT", ""},
    Right{"CREATE TABLE", ""},
    Right{"DROP TABLE", ""},
    Right{"ALTER ADD COLUMN", ""},
    Right{"ALTER MODIFY COLUMN", ""},
    Right{"ALTER DELETE", ""},
    Right{"ALTER UPDATE", ""},
    Right{"ALTER ADD PROJECTION", ""},
    Right{"ALTER DROP PROJECTION", ""},
    Right{"ALTER TTL", ""},
    Right{"TABLE ENGINE", "MergeTree"},
    Right{"TABLE ENGINE", "ReplacingMergeTree"},
};
// What a database with replicas needs beside (docs/cluster.md).
constexpr std::array kReplicaRights = {
    Right{"SYSTEM SYNC REPLICA", ""},
    Right{"TABLE ENGINE", "ReplicatedMergeTree"},
    Right{"TABLE ENGINE", "ReplicatedReplacingMergeTree"},
    Right{"REMOTE", "*.*"},
};
constexpr Right kOnCluster{"CLUSTER", "*.*"};
constexpr Right kDistributed{"TABLE ENGINE", "Distributed"};
// Systems' tables may be open to all without a grant: these are read to see it.
constexpr std::array<std::string_view, 3> kSystemTables = {"system.tables", "system.columns",
                                                           "system.parts"};

std::string right_on(const Right& right, const std::string& database) {
  return fmt::format(
      "{} ON {}", right.right,
      right.on.empty() ? clickhouse::quote_identifier(database) + ".*" : std::string(right.on));
}

std::vector<Right> rights_needed(const clickhouse::Replication& replication) {
  std::vector<Right> rights(kRights.begin(), kRights.end());
  if (replication.is_on) rights.insert(rights.end(), kReplicaRights.begin(), kReplicaRights.end());
  if (!replication.cluster.empty()) rights.push_back(kOnCluster);
  if (!replication.shards.empty()) rights.push_back(kDistributed);
  return rights;
}

std::string grant(const std::string& right_on, const std::string& user) {
  return fmt::format("GRANT {} TO {}", right_on, clickhouse::quote_identifier(user));
}

bool may_read(clickhouse::Connection& connection, std::string_view table) {
  try {
    connection.query(fmt::format("SELECT count() FROM {} WHERE 0", table));
    return true;
  } catch (const base::ServerError& error) {
    if (error.code() != clickhouse::error_code::kAccessDenied) throw;
    return false;
  }
}

// What the server lacks of the newest one, and what qvdhouse does instead.
Finding describe_dialect(const clickhouse::Endpoint& endpoint) {
  using clickhouse::TypeKind;
  const clickhouse::Dialect& dialect = endpoint.dialect;
  std::vector<std::string> facts;
  std::vector<std::string_view> missing;
  if (!dialect.has_date32) missing.push_back("Date32");
  if (!dialect.has_datetime64) missing.push_back("DateTime64");
  if (!dialect.has_time64) missing.push_back("Time64");
  if (!dialect.has_bool) missing.push_back("Bool");
  if (!missing.empty()) {
    facts.push_back(fmt::format("no {} (columns get the next type)", fmt::join(missing, ", ")));
  }
  facts.emplace_back(dialect.has_exchange
                         ? "tables are swapped by EXCHANGE"
                         : "tables are swapped by RENAME: a reader may find none for a moment");
  facts.emplace_back(dialect.hash == clickhouse::HashFunction::kXxh3 ? "checksums by xxh3"
                                                                     : "checksums by metroHash64");
  facts.push_back(fmt::format(
      "rows are sent {}",
      endpoint.compression == clickhouse::Compression::kNone
          ? "uncompressed"
          : "in " + std::string(clickhouse::Compressor::encoding(endpoint.compression))));
  return {.what = "dialect", .detail = fmt::format("{}", fmt::join(facts, "; "))};
}

// Which servers get the tables.
Finding check_servers(const clickhouse::Endpoint& endpoint, const Config& config,
                      const std::stop_token& stop) {
  const std::string what = "servers";
  const clickhouse::Topology topology =
      clickhouse::ask_topology(endpoint, config.sync.database, config.server.cluster, stop);
  for (const auto& spread : {clickhouse::find_servers(endpoint, stop), topology.problem}) {
    if (spread) return {what, false, spread->problem, spread->fix, kConfig};
  }
  return {.what = what, .detail = topology.text};
}

// Every right that a sync needs, asked for one by one (nothing is changed): one finding for those
// that are there, one a missing right, with the statement that gives it.
std::vector<Finding> check_grants(clickhouse::Connection& connection, const std::string& database) {
  const std::string user = connection.endpoint().user;
  std::vector<std::string> good;
  std::vector<std::string> missing;
  const std::vector<Right> rights = rights_needed(connection.endpoint().dialect.replication);
  for (const Right& right : rights) {
    const std::string wanted = right_on(right, database);
    try {
      const std::string answer = connection.query("CHECK GRANT " + wanted);
      (answer.starts_with('1') ? good : missing).push_back(wanted);
    } catch (const base::ServerError& error) {
      // An old server has no CHECK GRANT.
      if (error.code() != clickhouse::error_code::kSyntaxError) throw;
      std::vector<std::string> all;
      for (const Right& one : rights) all.push_back(right_on(one, database));
      return {
          {.what = "rights",
           .detail = fmt::format("not checked: ClickHouse {} cannot be asked. Needed are: {}",
                                 connection.endpoint().dialect.version(), fmt::join(all, ", "))}};
    }
  }
  for (const std::string_view table : kSystemTables) {
    (may_read(connection, table) ? good : missing).push_back(fmt::format("SELECT ON {}", table));
  }
  std::vector<Finding> findings;
  for (const std::string& right : missing) {
    findings.push_back({"right", false, fmt::format("user {} lacks {}", user, right),
                        grant(right, user), kClickHouse});
  }
  if (missing.empty()) {
    findings.push_back(
        {.what = "rights",
         .detail = fmt::format("user {} has all {} that are needed", user, good.size())});
  }
  return findings;
}

// Who runs queries, and the statements that make a user for it where it is the user of loads.
Finding check_reader(const Target& target, const Config& config, const std::stop_token& stop) {
  const std::string what = "reader";
  const std::string& reader = config.server.reader_user;
  const std::string database = config.sync.database;
  const std::string wanted = right_on({"SELECT", ""}, database);
  const clickhouse::Dialect& dialect = target.endpoint().dialect;
  const bool has_sql_users = dialect.major > 20 || (dialect.major == 20 && dialect.minor >= 4);
  if (reader.empty() && !has_sql_users) {
    return {.what = what,
            .detail = fmt::format(
                "queries run as {} with readonly = 2. For a user of their own: add one with "
                "readonly = 2 in its profile to the server's users.xml (ClickHouse {} knows no "
                "CREATE USER); then set clickhouse.reader_user and clickhouse.reader_password",
                target.endpoint().user, dialect.version())};
  }
  if (reader.empty()) {
    return {.what = what,
            .detail = fmt::format(
                "queries run as {} with readonly = 2. For a user of their own: CREATE USER reader "
                "IDENTIFIED BY '…'; {}; then set clickhouse.reader_user and "
                "clickhouse.reader_password",
                target.endpoint().user, grant(wanted, "reader"))};
  }
  clickhouse::Endpoint endpoint = target.endpoint();
  endpoint.user = reader;
  endpoint.password = config.server.reader_password;
  endpoint.database = "system";
  clickhouse::Connection connection(std::move(endpoint), stop);
  try {
    if (connection.query("CHECK GRANT " + wanted).starts_with('1')) {
      return {.what = what, .detail = fmt::format("user {} may {}", reader, wanted)};
    }
  } catch (const base::ServerError& error) {
    if (error.code() == clickhouse::error_code::kSyntaxError) {
      return {.what = what, .detail = fmt::format("user {} logs in; needed is {}", reader, wanted)};
    }
    return {what, false, error.what(),
            "check clickhouse.reader_user and clickhouse.reader_password", kClickHouse};
  }
  return {what, false, fmt::format("user {} lacks {}", reader, wanted), grant(wanted, reader),
          kClickHouse};
}

// Materialized views over tables that are loaded: they stay as they were made.
std::vector<Finding> check_views(const Target& target, const Context& context) {
  std::set<std::string> ours;
  for (const tracking::FileRecord& file : target.tracking(context.config).files()) {
    ours.insert(file.table_name);
  }
  if (ours.empty()) return {};
  clickhouse::Connection connection = target.connect(context.stop);
  std::vector<Finding> findings;
  for (const auto& [table, views] : load::views_over(connection)) {
    if (!ours.contains(table)) continue;
    findings.push_back({"view", false, load::views_text(table, views), load::kInsteadOfView});
  }
  return findings;
}

// --- The checks ---

Finding find_file(const std::string& what, const std::vector<std::filesystem::path>& candidates,
                  const std::string& fix) {
  std::string searched;
  for (const std::filesystem::path& path : candidates) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) return {.what = what, .detail = path.string()};
    searched += (searched.empty() ? "" : ", ") + path.string();
  }
  return {what, false, "not found in " + searched, fix, kClickHouse};
}

// The SHA-256 of a file in hexadecimal digits; empty when it cannot be read.
std::string sha256_of(const std::filesystem::path& path, const std::stop_token& stop) {
  std::ifstream file(path, std::ios::binary);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  if (!context) throw std::bad_alloc();
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::vector<char> piece(std::size_t{1} << 20);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while hashing " + path.string());
    EVP_DigestUpdate(context.get(), piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  return base::encode_hex({reinterpret_cast<const char*>(digest.data()), size});
}

// Whether the library that the engine would load is the one that this program was built with.
Finding check_library_hash(const std::filesystem::path& library, const std::stop_token& stop) {
  const std::string what = "library hash";
  const std::string found = sha256_of(library, stop);
  if (found == QVDHOUSE_ENGINE_LIBRARY_SHA256) return {.what = what, .detail = "sha256 " + found};
  const std::string detail = found.empty()
                                 ? library.string() + " cannot be read"
                                 : fmt::format("{}: expected sha256 {}, found {}", library.string(),
                                               QVDHOUSE_ENGINE_LIBRARY_SHA256, found);
  return {
      what, false, detail,
      "install it again: `install.sh --with-engine`, or `apt install --reinstall qvdhouse-engine`",
      kClickHouse};
}

// The nearest folder at or above `path` that is there.
std::filesystem::path existing_folder(std::filesystem::path path) {
  std::error_code error;
  path = std::filesystem::absolute(path, error);
  while (!std::filesystem::exists(path, error) && path.has_relative_path())
    path = path.parent_path();
  return path;
}

Finding check_data_dir(const Config& config) {
  const std::filesystem::path folder = existing_folder(config.engine.data_dir);
  const std::string what = "data directory";
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    return {what, false, folder.string() + " cannot be written",
            "set QVD_DATA_DIR or --data-dir to a folder of yours", kConfig};
  }
  const bool is_there = std::filesystem::exists(config.engine.data_dir);
  return {
      .what = what,
      .detail = config.engine.data_dir.string() + (is_there ? "" : " (made by the first sync)")};
}

Finding check_space(const Config& config) {
  std::error_code error;
  const auto space = std::filesystem::space(existing_folder(config.engine.data_dir), error);
  if (error) return {"disk space", false, error.message(), "check the data directory", kConfig};
  const std::string free = format_bytes(space.available) + " free";
  if (space.available >= kLeastFreeBytes) return {.what = "disk space", .detail = free};
  return {"disk space", false, free, "free some, or move QVD_DATA_DIR to a larger disk", kConfig};
}

std::vector<Finding> check_target(const Context& context) {
  const Config& config = context.config;
  const std::string what = config.endpoint ? "ClickHouse server" : "engine starts";
  std::vector<Finding> findings;
  try {
    const Target target = Target::open_to_ask(context);
    at_target(config, [&] {
      std::optional<Finding> servers;
      if (config.endpoint) {
        servers = check_servers(target.endpoint(), config, context.stop);
      }
      clickhouse::Connection connection = target.connect_anywhere(context.stop);
      std::string version = connection.query("SELECT version() FORMAT TSVRaw");
      while (version.ends_with('\n')) version.pop_back();
      findings.push_back(
          {.what = what, .detail = fmt::format("version {} ({})", version, target_name(config))});
      if (servers) {
        findings.push_back(describe_dialect(target.endpoint()));
        findings.push_back(*servers);
        const auto rights = check_grants(connection, config.sync.database);
        findings.insert(findings.end(), rights.begin(), rights.end());
        findings.push_back(check_reader(target, config, context.stop));
      }
      if (!std::ranges::all_of(findings, &Finding::good)) return;
      const auto views = check_views(target, context);
      findings.insert(findings.end(), views.begin(), views.end());
    });
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error& error) {
    findings.push_back({what, false, error.what(),
                        config.endpoint
                            ? "check CLICKHOUSE_URL (or host, port, user and password)"
                            : "see the message; the engine's log is in the data directory",
                        exit_code_of(error)});
  }
  return findings;
}

// Every step on the way to one source.
std::vector<Finding> walk_to(const OpenSource& source) {
  std::vector<Finding> findings;
  for (const source::Storage::Step& step :
       source.storage.probe(source.settings.url, source.settings.selection)) {
    findings.push_back(
        {step.name, step.passed, step.detail, step.fix, step.passed ? kOk : kSource});
  }
  return findings;
}

// The same as one finding: the step that failed, or what was listed.
Finding check_source(const OpenSource& source) {
  const std::string title = source_title(source.settings);
  const std::string what =
      source.settings.name.empty() ? "source" : "source " + source.settings.name;
  Finding listed{.what = what, .detail = title};
  for (const Finding& step : walk_to(source)) {
    if (!step.good) {
      return {what, false, fmt::format("{}: {}: {}", title, step.what, step.detail), step.fix,
              step.exit_code};
    }
    if (step.what == "list") listed.detail = fmt::format("{}: {}", title, step.detail);
  }
  return listed;
}

// rclone, when a source needs it: always, or for folders and globs only.
std::optional<Finding> check_rclone(const std::vector<OpenSource>& sources) {
  std::string binary = "rclone";
  bool always = false;
  bool for_folders = false;
  for (const OpenSource& source : sources) {
    const std::string& url = source.settings.url;
    const std::string scheme = url.substr(0, std::min(url.find("://"), url.size()));
    if (scheme == url || scheme == "file") continue;
    const bool is_direct =
        scheme == "http" || scheme == "https" || scheme == "ftp" || scheme == "ftps";
    (is_direct ? for_folders : always) = true;
    if (!source.settings.access.rclone_binary.empty()) {
      binary = source.settings.access.rclone_binary;
    }
  }
  if (!always && !for_folders) return std::nullopt;
  const std::string found = find_program(binary);
  if (!found.empty()) return Finding{.what = "rclone", .detail = found};
  const std::string missing = binary + (binary == "rclone" ? " is not on PATH" : " is not there");
  const std::string fix =
      "apt install rclone (https://rclone.org/install), or set "
      "QVD_SOURCE_RCLONE_BINARY";
  if (always) return Finding{"rclone", false, missing, fix, kSource};
  return Finding{.what = "rclone",
                 .detail = missing + "; single files are read without it, folders are not"};
}

std::vector<Finding> check_sources(const Context& context) {
  if (context.config.chosen.empty()) {
    return {{.what = "source", .detail = "none set (name one with each sync, or set QVD_SOURCE)"}};
  }
  Sources sources(context);
  const std::vector<OpenSource> chosen = sources.chosen("doctor");
  std::vector<Finding> findings;
  if (auto rclone = check_rclone(chosen)) findings.push_back(std::move(*rclone));
  for (const OpenSource& source : chosen) findings.push_back(check_source(source));
  return findings;
}

// --source: the way to that one, and nothing else.
std::vector<Finding> examine_source(const Context& context) {
  Sources sources(context);
  std::vector<Finding> findings;
  for (const OpenSource& source : sources.chosen("doctor")) {
    const std::vector<Finding> steps = walk_to(source);
    findings.insert(findings.end(), steps.begin(), steps.end());
  }
  return findings;
}

std::vector<Finding> examine(const Context& context, bool hash_library) {
  const Config& config = context.config;
  std::vector<Finding> findings;
  if (!config.endpoint) {
    findings.push_back(find_file("engine library",
                                 clickhouse::engine_library_candidates(config.engine),
                                 std::string(clickhouse::kGetEngineLibrary)));
    if (hash_library && findings.back().good) {
      findings.push_back(check_library_hash(findings.back().detail, context.stop));
    }
    findings.push_back(find_file("engine binary",
                                 clickhouse::engine_binary_candidates(config.engine),
                                 "install qvdhouse completely, or set QVD_ENGINE_BINARY"));
    findings.push_back(check_data_dir(config));
    findings.push_back(check_space(config));
  }
  const bool ready = std::all_of(findings.begin(), findings.end(),
                                 [](const Finding& finding) { return finding.good; });
  if (ready) {
    const std::vector<Finding> of_target = check_target(context);
    findings.insert(findings.end(), of_target.begin(), of_target.end());
  }
  const std::vector<Finding> of_sources = check_sources(context);
  findings.insert(findings.end(), of_sources.begin(), of_sources.end());
  return findings;
}

int run_doctor(const DoctorArguments& arguments, const Context& context) {
  const std::vector<Finding> findings = is_source_asked(context.config)
                                            ? examine_source(context)
                                            : examine(context, arguments.hash_library);
  int exit_code = kOk;
  Json json = Json::array();
  for (const Finding& finding : findings) {
    if (exit_code == kOk) exit_code = finding.exit_code;
    if (arguments.json) {
      json.push_back(Json{{"check", finding.what},
                          {"good", finding.good},
                          {"detail", finding.detail},
                          {"fix", finding.fix}});
      continue;
    }
    print_paragraph(fmt::format("{:<4}{:<19}", finding.good ? "ok" : "BAD", finding.what),
                    finding.detail, 23);
    if (!finding.good) print_paragraph(std::string(23, ' '), "Fix: " + finding.fix, 23);
  }
  if (arguments.json) print_json(json);
  return exit_code;
}

}  // namespace

void add_doctor(CommandLine& line) {
  auto [o, a] = line.add("doctor", kSetup, "check everything that must be there", run_doctor);
  o.example("qvdhouse doctor --source s3://bucket/qvds");
  o.settings({Topic::kSources, Topic::kStorages, Topic::kServer, Topic::kEngine});
  o.json(a.json);
  o.flag("--hash-library", a.hash_library, "compare libchdb.so with the build's hash");
}

}  // namespace qvdhouse::cli
