// How a table lies in the server: what decides whether partitions of one table can become another's
// as they are.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "clickhouse/table_engine.h"

namespace qvdhouse::load {

// `database`.`table`, in the connection's database.
std::string quoted(const clickhouse::Connection& connection, const std::string& table);

struct Layout {
  std::string engine;  // as after ENGINE =, with keys, TTL and settings; empty: no such table
  std::string partition_key;
  std::string sorting_key;
  std::string primary_key;
  std::string sampling_key;
  std::string indexes;                                // as in the server's own CREATE TABLE
  std::string comment;                                // empty where servers keep none
  std::vector<clickhouse::ColumnDefinition> columns;  // name and type

  bool exists() const { return !engine.empty(); }
  bool is_replicated() const { return clickhouse::is_replicated_engine(engine); }
  // Whether every partition holds rows of one file only; `and_version`: of one version of it.
  bool is_by_file(bool and_version) const;
  // Whether a file has one partition at most: nothing but file and version decides.
  bool is_by_file_only(bool and_version) const;
  // Whether the server takes partitions of one for partitions of the other.
  bool fits(const Layout& other) const;
};

Layout read_layout(clickhouse::Connection& connection, const std::string& table);

// The layout of one of our tables while nobody may change it: asked for once. Threads may share it.
class KnownLayout {
 public:
  // Throws as is_our_table() (load/commit.h). Without columns, and asked for again, where there is
  // no such table.
  Layout get(clickhouse::Connection& connection, const std::string& table);

 private:
  std::mutex mutex_;
  Layout layout_;
};

// Materialized views that are fed by inserts into tables of the connection's database, and so get
// nothing of a load: table → "database.view", sorted; empty on a server that does not tell. Throws
// ServerError, IoError.
std::map<std::string, std::vector<std::string>> views_over(clickhouse::Connection& connection);
// That as a sentence, and what to do.
std::string views_text(const std::string& table, const std::vector<std::string>& views);
inline constexpr const char* kInsteadOfView =
    "make it a refreshable view and refresh it by post_sql (docs/configuration.md, \"Views over "
    "tables\")";

// The engine of a table that is made aside: on replicas its path in ZooKeeper is one of its own
// even when an earlier table of that name was swapped in and is there.
std::string engine_aside(const std::string& engine, clickhouse::Reach reach,
                         const clickhouse::Endpoint& endpoint, const std::string& name);

// Makes an empty table with the columns of another, `engine` and `comment`, on the servers of
// `dialect`.
void create_like(clickhouse::Connection& connection, const std::string& name,
                 const std::string& table, const std::string& engine, const std::string& comment,
                 const clickhouse::Dialect& dialect);

// Ids of the partitions that hold rows of a table, sorted; `where`: of those that fulfil it.
std::vector<std::string> partition_ids(clickhouse::Connection& connection, const std::string& table,
                                       const std::string& where = {});

}  // namespace qvdhouse::load
