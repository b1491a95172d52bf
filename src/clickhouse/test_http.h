// What tests of HTTP to ClickHouse share: a server on loopback and its endpoint.
#pragma once

#include <string>
#include <string_view>

#include "clickhouse/connection.h"
#include "tests/support/loopback_server.h"

namespace qvdhouse::clickhouse {

using tests::LoopbackServer;
using tests::Peer;

inline Endpoint endpoint_of(const LoopbackServer& server) {
  return {.url = server.url(), .password = "s3cr3t-word"};
}

// The connection is closed after it.
inline std::string answer(std::string_view status, std::string_view headers,
                          std::string_view body) {
  return tests::http_answer(status, std::string(headers) + "Connection: close\r\n", body);
}

}  // namespace qvdhouse::clickhouse
