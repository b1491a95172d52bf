// Which servers keep the tables of a database (docs/cluster.md). Tables are made, filled and
// swapped through one of them; what replicates them is ClickHouse.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/dialect.h"

namespace qvdhouse::clickhouse {

// Why rows would be on one server of several, and what to do instead: sentences without their last
// full stop.
struct Spread {
  std::string problem;
  std::string fix;
};

struct Topology {
  Replication replication;            // for Dialect
  std::vector<std::string> replicas;  // "n1:9000"; empty when the server does not list them
  std::optional<Spread> problem;      // nothing may be loaded
  // "database shop, engine Replicated: 2 replicas (n1:9000, n2:9000)"; what a problem leaves empty.
  std::string text;
};

// Asks for the engine of `database` (one that does not exist yet has none) and for `cluster`, the
// name of a cluster ("{cluster}": of that macro), or nothing. Changes nothing. Throws ServerError,
// IoError, Cancelled.
Topology ask_topology(const Endpoint& endpoint, const std::string& database,
                      const std::string& cluster, std::stop_token stop = {});

// Asks several new connections who answers. A staging table is on one server, so an address of
// several cannot be loaded through, except that of ClickHouse Cloud, whose servers share all
// tables. Empty when there is one server. Throws ServerError, IoError, Cancelled.
std::optional<Spread> find_servers(const Endpoint& endpoint, std::stop_token stop = {});

}  // namespace qvdhouse::clickhouse
