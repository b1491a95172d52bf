// Requests that can only read, whatever their user may do.
#pragma once

#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

// The values of ClickHouse's setting `readonly`.
enum class ReadOnly {
  kStrict = 1,  // nothing is changed, no setting either
  kData = 2,    // no data is changed; settings of the query may be
};

// What a request of this connection has to say to be `wanted`; nothing where its user's profile
// says it already: that cannot be said again. Asks the server.
Settings read_only_settings(Connection& connection, ReadOnly wanted);

}  // namespace qvdhouse::clickhouse
