#include "cli/target.h"

#include <fmt/format.h>

#include <filesystem>

#include "clickhouse/quote.h"

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

// Asks whether the database is there first: a user who may not create databases need not.
void ensure_database(const clickhouse::Endpoint& endpoint, const std::string& database,
                     bool may_create, std::stop_token stop) {
  clickhouse::Connection connection = connect_anywhere(endpoint, std::move(stop));
  const std::string found = connection.query(
      fmt::format("SELECT count() FROM system.databases WHERE name = {} FORMAT TSV",
                  clickhouse::quote_literal(database)));
  if (!found.starts_with('0') || !may_create) return;
  connection.query("CREATE DATABASE IF NOT EXISTS " + clickhouse::quote_identifier(database));
}

}  // namespace

Target Target::open(const Context& context, bool may_create) {
  const Config& config = context.config;
  return at_target(config, [&] {
    Target target;
    if (config.endpoint) {
      target.endpoint_ = *config.endpoint;
      target.endpoint_.dialect = ask_server(target.endpoint_, context.stop);
    } else {
      target.engine_ = clickhouse::Engine::attach_or_start(config.engine);
      target.endpoint_ = target.engine_->endpoint(config.database);
      may_create = true;
    }
    ensure_database(target.endpoint_, config.database, may_create, context.stop);
    return target;
  });
}

clickhouse::Connection Target::connect(std::stop_token stop) const {
  return clickhouse::Connection(endpoint_, std::move(stop));
}

tracking::Tracking Target::tracking(const Config& config) const {
  return tracking::Tracking(endpoint_, config.database, config.history_days);
}

bool target_may_hold_data(const Config& config) {
  return config.endpoint || std::filesystem::exists(config.data_dir);
}

std::string target_name(const Config& config) {
  if (config.endpoint) return fmt::format("{}, database {}", config.endpoint->url, config.database);
  return fmt::format("embedded in {}, database {}", config.data_dir.string(), config.database);
}

Tracked read_tracked(const Context& context) {
  if (!target_may_hold_data(context.config)) return {};
  const Target target = Target::open(context, false);
  return at_target(context.config, [&] {
    tracking::Tracking tracking = target.tracking(context.config);
    return Tracked{.files = tracking.files(), .tables = tracking.tables()};
  });
}

}  // namespace qvdhouse::cli
