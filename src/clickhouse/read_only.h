// Requests that can only read, whatever their user may do.
#pragma once

#include <string_view>

#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

// The values of ClickHouse's setting `readonly`.
enum class ReadOnly {
  kStrict = 1,  // nothing is changed, no setting either
  kData = 2,    // no data is changed; settings of the query may be
};

// What a request of this connection has to say to be `wanted`; nothing where its user's profile
// says it already: that cannot be said again. Asks the server. Throws ConfigError where the profile
// is less strict than `wanted` and cannot be made stricter.
Settings read_only_settings(Connection& connection, ReadOnly wanted);

// Throws ConfigError for a statement that calls the function file(), or may: it asks for no grant,
// and in the embedded engine for no folder. The server says what is called (EXPLAIN AST), with the
// `settings` of the request; throws what the server says where it cannot.
void refuse_files(Connection& connection, std::string_view statement, Settings settings);

}  // namespace qvdhouse::clickhouse
