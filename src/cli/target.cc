#include "cli/target.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/file_trust.h"
#include "clickhouse/quote.h"
#include "clickhouse/topology.h"
#include "decide/anomaly.h"

namespace qvdhouse::cli {
namespace {

// An endpoint for requests that must not fail for want of our own database.
clickhouse::Connection connect_anywhere(clickhouse::Endpoint endpoint, std::stop_token stop) {
  endpoint.database = "system";
  return clickhouse::Connection(std::move(endpoint), std::move(stop));
}

clickhouse::Dialect ask_server(const clickhouse::Endpoint& endpoint, std::stop_token stop) {
  clickhouse::Connection connection = connect_anywhere(endpoint, std::move(stop));
  return clickhouse::ask_dialect(connection);
}

clickhouse::Compression choose_compression(const Config& config,
                                           const clickhouse::Endpoint& endpoint) {
  using clickhouse::Compression;
  const Compression best = endpoint.dialect.best_compression;
  const Compression wanted =
      config.server.compression.value_or(is_loopback(endpoint) ? Compression::kNone : best);
  const bool is_new = wanted == Compression::kLz4 || wanted == Compression::kZstd;
  if (is_new && best == Compression::kGzip) {
    throw base::ConfigError(
        fmt::format("clickhouse.compression: ClickHouse {} takes none or gzip only",
                    endpoint.dialect.version()));
  }
  return wanted;
}

void warn_unless_checked(const Context& context, const clickhouse::Endpoint& endpoint) {
  if (endpoint.verify_tls) return;
  context.log.warn("{}: its certificate is not checked (CLICKHOUSE_VERIFY_TLS)", endpoint.url);
}

// What is loaded must not be on one server of several.
void refuse(const std::optional<clickhouse::Spread>& spread) {
  if (!spread) return;
  throw base::ConfigError(
      fmt::format("{}, so nothing is made there. {}", spread->problem, spread->fix));
}

// Asks whether the database is there first: a user who may not create databases need not.
void ensure_database(const clickhouse::Endpoint& endpoint, const std::string& database,
                     bool may_create, std::stop_token stop) {
  clickhouse::Connection connection = connect_anywhere(endpoint, std::move(stop));
  const std::string found = connection.query(
      fmt::format("SELECT count() FROM system.databases WHERE name = {} FORMAT TSV",
                  clickhouse::quote_literal(database)));
  if (!found.starts_with('0') || !may_create) return;
  connection.query("CREATE DATABASE IF NOT EXISTS " + clickhouse::quote_identifier(database) +
                   endpoint.dialect.replication.on_cluster());
}

// Who can write to the data directory decides what its tables and its engine's passwords are.
void check_data_dir(const Context& context) {
  const Config& config = context.config;
  const auto access = base::file_access(config.engine.data_dir);
  const std::string reason = access ? base::why_not_trusted(*access) : std::string();
  if (reason.empty()) return;  // its owner's alone, or not made yet
  if (config.is_data_dir_named) {
    context.log.warn("{}: another user may change the data directory: {}",
                     config.engine.data_dir.string(), reason);
    return;
  }
  throw base::ConfigError(fmt::format(
      "{0}: this data directory was found, and another user may have made or changed it: {1}. Name "
      "it with --data-dir {0} (or QVD_DATA_DIR) to use it all the same, or use another one",
      config.engine.data_dir.string(), reason));
}

[[noreturn]] void throw_no_data(const Config& config) {
  throw base::ConfigError(
      fmt::format("there is no data directory {}, so there is nothing to ask; name the one that "
                  "was loaded into "
                  "with --data-dir (QVD_DATA_DIR), or load first: qvdhouse sync DIR",
                  config.engine.data_dir.string()));
}

}  // namespace

Target Target::open(const Context& context, bool may_create, bool native_clients) {
  const Config& config = context.config;
  return at_target(config, [&] {
    Target target;
    if (config.endpoint) {
      target.endpoint_ = *config.endpoint;
      warn_unless_checked(context, target.endpoint_);
      target.endpoint_.dialect = ask_server(target.endpoint_, context.stop);
      target.endpoint_.compression = choose_compression(config, target.endpoint_);
      if (may_create) refuse(clickhouse::find_servers(target.endpoint_, context.stop));
      const clickhouse::Topology topology = clickhouse::ask_topology(
          target.endpoint_, config.sync.database, config.server.cluster, context.stop);
      if (may_create) refuse(topology.problem);
      target.endpoint_.dialect.replication = topology.replication;
    } else {
      if (!may_create && !target_may_hold_data(config)) throw_no_data(config);
      check_data_dir(context);
      clickhouse::EngineOptions options = config.engine;
      options.native_clients = native_clients;
      target.engine_ = clickhouse::Engine::attach_or_start(options);
      target.endpoint_ = target.engine_->endpoint(config.sync.database);
      may_create = true;
    }
    ensure_database(target.endpoint_, config.sync.database, may_create, context.stop);
    return target;
  });
}

Target Target::open_to_read(const Context& context, bool native_clients) {
  const Config& config = context.config;
  if (!config.endpoint) {
    Target target = open(context, false, native_clients);
    if (auto reader = target.engine_->reader_endpoint(config.sync.database)) {
      target.endpoint_ = *std::move(reader);
    }
    return target;
  }
  if (config.server.reader_user.empty()) return open(context, false);
  return at_target(config, [&] {
    Target target;
    target.endpoint_ = *config.endpoint;
    target.endpoint_.user = config.server.reader_user;
    target.endpoint_.password = config.server.reader_password;
    warn_unless_checked(context, target.endpoint_);
    target.endpoint_.dialect = ask_server(target.endpoint_, context.stop);
    return target;
  });
}

Target Target::open_to_ask(const Context& context) {
  namespace fs = std::filesystem;
  const Config& config = context.config;
  if (config.endpoint) return open(context, false);
  Target target;
  clickhouse::EngineOptions options = config.engine;
  if (target_may_hold_data(config)) {
    check_data_dir(context);
  } else {
    std::string folder = (fs::temp_directory_path() / "qvdhouse-plan-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) {
      throw base::IoError(
          fmt::format("{}: the folder cannot be made: {}", folder, std::strerror(errno)));
    }
    target.folder_ =
        std::shared_ptr<const fs::path>(new fs::path(folder), [](const fs::path* made) {
          std::error_code ignored;
          fs::remove_all(*made, ignored);
          delete made;
        });
    options.data_dir = folder;
    options.http_port = options.tcp_port = 0;
    options.linger = std::chrono::seconds(0);
  }
  return at_target(config, [&] {
    target.engine_ = clickhouse::Engine::attach_or_start(options);
    target.endpoint_ = target.engine_->endpoint(config.sync.database);
    return std::move(target);
  });
}

clickhouse::Connection Target::connect(std::stop_token stop) const {
  return clickhouse::Connection(endpoint_, std::move(stop));
}

clickhouse::Connection Target::connect_anywhere(std::stop_token stop) const {
  return cli::connect_anywhere(endpoint_, std::move(stop));
}

tracking::Tracking Target::tracking(const Config& config) const {
  return tracking::Tracking(endpoint_, config.sync.database, config.sync.history_days);
}

bool target_may_hold_data(const Config& config) {
  return config.endpoint || std::filesystem::exists(config.engine.data_dir);
}

std::filesystem::path locks_of_target(const Config& config) {
  return config.endpoint ? std::filesystem::path() : config.sync.lock_dir;
}

std::string target_name(const Config& config) {
  if (config.endpoint)
    return fmt::format("{}, database {}", config.endpoint->url, config.sync.database);
  return fmt::format("embedded in {}, database {}", config.engine.data_dir.string(),
                     config.sync.database);
}

Tracked read_tracked(const Context& context) {
  if (!target_may_hold_data(context.config)) return {};
  const Target target = Target::open(context, false);
  return at_target(context.config, [&] {
    tracking::Tracking tracking = target.tracking(context.config);
    return Tracked{.files = tracking.files(),
                   .tables = tracking.tables(),
                   .past = decide::looks_for_anomalies(context.config.sync.tables)
                               ? tracking.past_loads({}, decide::kLoadsCompared)
                               : tracking::PastLoads(),
                   .dialect = target.endpoint().dialect};
  });
}

Tracked untracked(const Context& context) {
  if (!context.config.endpoint) return {};
  return {.files = {}, .tables = {}, .dialect = Target::open(context, false).endpoint().dialect};
}

}  // namespace qvdhouse::cli
