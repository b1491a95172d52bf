#include "cli/observation.h"

#include <map>
#include <utility>

#include "claim/locks.h"
#include "cli/cli.h"

namespace qvdhouse::cli {
namespace {

std::string variable(const std::map<std::string, std::string>& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

}  // namespace

std::unique_ptr<observe::Observer> make_observer(const Context& context, spdlog::logger& log,
                                                 bool is_service) {
  observe::ObserverOptions options{.traces = context.config.traces,
                                   .lineage = context.config.lineage,
                                   .version = version(),
                                   .host = claim::host_name()};
  if (!is_service) {
    const auto& environment = context.sources.environment;
    options.caller = observe::parse_traceparent(variable(environment, "TRACEPARENT"),
                                                variable(environment, "TRACESTATE"));
  }
  return std::make_unique<observe::Observer>(options, log);
}

observe::ToldRun told_run(const tracking::RunRecord& order, const std::string& source,
                          const clickhouse::Endpoint& endpoint, bool is_embedded,
                          const Config& config) {
  return {.run = order,
          .source = source,
          .database = config.sync.database,
          .target = is_embedded ? observe::embedded_namespace(order.host, config.engine.data_dir)
                                : observe::server_namespace(endpoint.url)};
}

}  // namespace qvdhouse::cli
