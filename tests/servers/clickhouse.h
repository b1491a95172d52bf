// Real ClickHouse servers on loopback: Debian's 18.16, and 26.7 out of the engine's library, the
// latter also behind nginx for TLS. Each listens on a port of its own, lets one user in by
// password, and ends with the test, however that ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>

#include "clickhouse/connection.h"
#include "tests/support/process.h"

namespace qvdhouse::tests {

enum class ServerKind { kOldest, kNewest, kNewestTls };
// "http_18_16", "http_26_7", "https_26_7"
std::ostream& operator<<(std::ostream& out, ServerKind kind);

class ClickHouseServer {
 public:
  // Starts it; `work` is a folder for its own files. Throws NotAvailable when the server has not
  // been fetched, std::runtime_error or IoError when it does not come up.
  ClickHouseServer(ServerKind kind, std::filesystem::path work);
  ~ClickHouseServer();
  ClickHouseServer(const ClickHouseServer&) = delete;
  ClickHouseServer& operator=(const ClickHouseServer&) = delete;

  const std::string& url() const;  // no credentials in it
  std::string user() const;
  std::string password() const;
  std::filesystem::path ca_file() const;  // empty unless https
  // The port of ClickHouse itself, behind nginx too.
  std::uint16_t http_port() const;
  // The dialect is the default one: opening a target finds it out.
  clickhouse::Endpoint endpoint(std::string database) const;
  // CLICKHOUSE_* variables that lead `qvdhouse` there; `port` instead of the server's own.
  Environment environment(const std::string& database, std::uint16_t port = 0) const;

  // kill -9 of ClickHouse (never of nginx), and its end.
  void kill();
  // Starts it again, with its data, on the same port, if it has ended: been killed, or, as 26.7
  // does (docs/clickhouse.md, "Traps"), ended itself over a client that went away.
  void restart();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::tests
