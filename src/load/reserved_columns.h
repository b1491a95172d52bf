// Column names that a server keeps for itself in a MergeTree table: its virtual columns, such as
// `_part`. Some it refuses, some it answers with values of its own (18.16), and some of our own
// statements need.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "clickhouse/connection.h"

namespace qvdhouse::load {

// Asks the server by selecting a column of that name from a table that has none. Threads may share
// it.
class ReservedColumns {
 public:
  // `open` leads to the server and to the database of the tracking tables, which may be absent; it
  // is called when the first name has to be asked about.
  explicit ReservedColumns(std::function<clickhouse::Endpoint()> open, std::stop_token stop = {});

  // False for all names when the server cannot be asked, or has no table to ask about and makes no
  // temporary one: its own error tells then. Throws IoError, Cancelled.
  bool contains(const std::string& column);

 private:
  bool ask(const std::string& column);
  bool is_selectable(const std::string& column);

  std::function<clickhouse::Endpoint()> open_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::optional<clickhouse::Connection> connection_;
  std::string table_;              // quoted and qualified
  clickhouse::Settings settings_;  // of its session, where it is a temporary table
  std::map<std::string, bool> known_;
};

}  // namespace qvdhouse::load
