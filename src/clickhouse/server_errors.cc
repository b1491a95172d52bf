// ClickHouse's error codes, as we react to them. docs/clickhouse.md, "HTTP facts".
#include "clickhouse/server_errors.h"

#include <algorithm>
#include <array>

#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

bool is_retryable(int server_code) {
  // In the order of ClickHouse's ErrorCodes.cpp.
  constexpr std::array kPassing = {
      159,  // TIMEOUT_EXCEEDED
      202,  // TOO_MANY_SIMULTANEOUS_QUERIES
      203,  // NO_FREE_CONNECTION
      209,  // SOCKET_TIMEOUT
      210,  // NETWORK_ERROR
      225,  // NO_ZOOKEEPER
      241,  // MEMORY_LIMIT_EXCEEDED
      242,  // TABLE_IS_READ_ONLY
      252,  // TOO_MANY_PARTS
      279,  // ALL_CONNECTION_TRIES_FAILED
      285,  // TOO_FEW_LIVE_REPLICAS
      286,  // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
      319,  // UNKNOWN_STATUS_OF_INSERT
      439,  // CANNOT_SCHEDULE_TASK
      473,  // DEADLOCK_AVOIDED
      999,  // KEEPER_EXCEPTION
  };
  return std::ranges::find(kPassing, server_code) != kPassing.end();
}

bool is_soon_over(int server_code) {
  constexpr int kTimeout = 159;  // it would take as long again
  constexpr int kMemory = 241;
  return is_retryable(server_code) && server_code != kTimeout && server_code != kMemory;
}

std::string_view advice(int server_code) {
  switch (server_code) {
    case 81:  // UNKNOWN_DATABASE
      return "create the database, or choose another by CLICKHOUSE_DB";
    case 164:  // READONLY
    case 291:  // DATABASE_ACCESS_DENIED
    case 497:  // ACCESS_DENIED
      return "qvdhouse doctor shows which GRANT is missing";
    case 192:  // UNKNOWN_USER
    case 193:  // WRONG_PASSWORD
    case 194:  // REQUIRED_PASSWORD
    case 516:  // AUTHENTICATION_FAILED
      return "check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD";
    case 241:  // MEMORY_LIMIT_EXCEEDED
      return "lower streams or parallel_files, or give the server more memory";
    case 243:  // NOT_ENOUGH_SPACE
      return "free space on the server's disk";
    case 252:  // TOO_MANY_PARTS
      return "the server merges more slowly than rows come: lower parallel_files, or wait";
    default:
      return {};
  }
}

}  // namespace qvdhouse::clickhouse
