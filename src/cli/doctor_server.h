// What `doctor` finds out about a ClickHouse server.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/exit_code.h"
#include "clickhouse/connection.h"

namespace qvdhouse::cli {

struct Finding {
  std::string what;
  bool good = true;
  std::string detail;
  std::string fix;
  int exit_code = kOk;
};

// What the server lacks of the newest one, and what qvdhouse does instead.
Finding describe_dialect(const clickhouse::Endpoint& endpoint);

// Whether it is one server, and not a load balancer or a database with replicas, into which nothing
// is loaded.
Finding check_one_server(const clickhouse::Endpoint& endpoint, const std::string& database,
                         std::stop_token stop);

// Every right that a sync needs, asked for one by one (nothing is changed): one finding for those
// that are there, one a missing right, with the statement that gives it.
std::vector<Finding> check_grants(clickhouse::Connection& connection, const std::string& database);

}  // namespace qvdhouse::cli
