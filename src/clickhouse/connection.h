// One ClickHouse reached over HTTP(S), embedded or remote: queries, streamed answers, streamed
// inserts. docs/clickhouse.md, "HTTP facts". A Connection is cheap to copy into another thread's
// own object; one object is used by one thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/dialect.h"

namespace qvdhouse::clickhouse {

struct Endpoint {
  std::string url;  // "http://127.0.0.1:8123", no path, no credentials
  // Servers with the same tables, `url` among them; a connection goes to the one that answers.
  // Null: `url` alone.
  std::shared_ptr<Hosts> hosts{};
  std::string user = "default";
  std::string password;
  std::string database = "default";
  long connect_timeout_ms = 10'000;
  long stall_timeout_s = 300;  // no byte either way for so long: IoError
  std::string ca_file;         // https; empty: the system's authorities
  std::string client_cert;     // PEM files
  std::string client_key;
  bool verify_tls = true;
  Compression compression = Compression::kNone;  // of inserts
  Dialect dialect;                               // of the server that answers there
};

// One server of the endpoint's, the one that answered last: for a table that is there only.
Endpoint pinned(Endpoint endpoint);

// The same place for what need not, or must not, wait long: a clean-up that can be made up for, a
// heartbeat.
Endpoint impatient(Endpoint endpoint, long limit_seconds);

// Settings and query parameters ("param_x") that go into the request's URL.
using Settings = std::map<std::string, std::string>;

class Connection {
 public:
  explicit Connection(Endpoint endpoint, std::stop_token stop = {});
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  const Endpoint& endpoint() const;

  // Runs `sql` and returns the whole answer (add FORMAT to the query yourself).
  // A statement that may be repeated (it reads, or is an IF (NOT) EXISTS) is tried up to four times
  // when the connection breaks or the server is busy. Any statement goes to the next of
  // Endpoint::hosts when no connection to the first comes about. Throws ServerError (the server's
  // code and text and our advice, also when a SELECT fails midway), IoError, ConfigError (TLS),
  // Cancelled when `stop` is requested.
  std::string query(std::string_view sql, const Settings& settings = {});

  // Same, handing over the answer piece by piece.
  void query_streamed(std::string_view sql, const std::function<void(std::string_view)>& on_bytes,
                      const Settings& settings = {});

  // Runs "INSERT … FORMAT …" with a body pulled from `next`: it returns the next bytes, valid until
  // its next call, and an empty span at the end. When `next` throws, the stream is broken with
  // garbage so that the server cannot take the part that came for the whole (18.16 would), and
  // the exception goes on to the caller.
  // Sends the settings that make the server check rather than guess (docs/clickhouse.md, "Traps").
  void insert(std::string_view sql, const std::function<std::span<const std::byte>()>& next,
              const Settings& settings = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The lines of the answer to a SELECT of one column, whose values have no line breaks. Throws as
// Connection::query().
std::vector<std::string> query_lines(Connection& connection, std::string_view select,
                                     const Settings& settings = {});

// Whether it is this machine: nothing is gained by compression, and no proxy is asked.
bool is_loopback(const Endpoint& endpoint);

// Asks the server what it is. Throws ServerError for one that is too old.
Dialect ask_dialect(Connection& connection);

// Whether a server error may pass by itself: too many parts, memory, timeout, read-only, network.
bool is_retryable(int server_code);

// Whether it says that the table or its database is not there.
bool is_absent(int server_code);

}  // namespace qvdhouse::clickhouse
