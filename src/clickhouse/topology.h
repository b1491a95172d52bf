// Whether an address and a database are one server. Tables are made, filled and swapped on the
// server that takes the statement, so rows that are loaded through an address of several servers,
// or into a database that has replicas, would be missing on all but one of them.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

// Why rows would be on one server of several, and what to do instead: sentences without their last
// full stop.
struct Spread {
  std::string problem;
  std::string fix;
};

// Asks several new connections who answers, and then the engine of `database` and the number of
// its replicas; a database that does not exist yet has none. Changes nothing. Empty when there is
// one server. Throws ServerError, IoError, Cancelled.
std::optional<Spread> find_spread(const Endpoint& endpoint, const std::string& database,
                                  std::stop_token stop = {});

}  // namespace qvdhouse::clickhouse
