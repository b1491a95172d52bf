// What a ClickHouse server can do, by its version: the one table of differences. The oldest that is
// supported is 18.16 (Debian's), the newest tested 26.7; docs/clickhouse.md lists the same. Of the
// versions between, which are not tested, a feature counts as there from a release that surely has
// it: what is not used costs speed or comfort, never a value.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/column_type.h"
#include "clickhouse/hosts.h"

namespace qvdhouse::clickhouse {

// A hash that server and client compute alike over a value's bytes.
enum class HashFunction {
  kXxh3,  // xxh3(column): of any type's bytes
  // metroHash64(column) of a text, metroHash64(reinterpretAsString(column)) of all else: the bytes
  // without the zero bytes at their end.
  kMetroHash,
};

// How a request's body is compressed.
enum class Compression { kNone, kGzip, kLz4, kZstd };

// A part of a cluster whose servers keep the same rows.
struct Shard {
  unsigned number = 1;           // as system.clusters counts them
  unsigned weight = 1;           // how many of the values of a sharding key lead there
  std::shared_ptr<Hosts> hosts;  // of its servers that were reached
};

// Whether tables of the database in use are kept on several servers (docs/cluster.md).
// clickhouse/topology.h finds it out.
struct Replication {
  bool is_on = false;
  // The cluster, to be named by ON CLUSTER; empty where the database's engine (Replicated) brings
  // each statement to its replicas.
  std::string cluster{};
  // The cluster that clusterAllReplicas() asks: `cluster`, or the one that a Replicated database
  // is.
  std::string all_replicas{};
  std::size_t servers = 0;  // of `cluster`
  // Empty where all servers keep the same rows. Else a table is kept by all of them, too, unless it
  // is spread by file (clickhouse/shards.h).
  std::vector<Shard> shards{};

  // Behind the name of a table or database in DDL: " ON CLUSTER `main`", or nothing.
  std::string on_cluster() const;
};

// The defaults are the newest server, which the embedded engine is.
struct Dialect {
  unsigned major = 26;
  unsigned minor = 7;
  bool has_exchange = true;  // EXCHANGE TABLES; else one RENAME of both names
  // Parts that were replaced or dropped stay gone: an old server, killed before it has removed
  // their files (within minutes), has them back at its next start.
  bool has_covering_parts = true;
  bool has_projections = true;
  bool has_table_comment = true;
  bool has_column_position = true;  // system.columns.position
  bool has_codecs = true;
  bool has_ttl = true;
  bool has_indexes = true;         // data skipping indexes, PRIMARY KEY beside ORDER BY, SAMPLE BY
  bool has_nullable_key = true;    // the MergeTree setting allow_nullable_key
  bool has_drop_sync = true;       // DROP … SYNC
  bool has_alter_if = true;        // ALTER … ADD COLUMN IF NOT EXISTS and the like
  bool has_long_columns = true;    // a column's files may be named by a hash of its name
  bool has_alter_settings = true;  // alter_sync, mutations_sync: else one waits by asking
  bool needs_low_cardinality_setting = false;  // sent with each request
  bool has_date32 = true;
  bool has_datetime64 = true;
  bool has_time64 = true;
  bool has_bool = true;
  bool has_map = true;
  bool has_newest_rows = true;    // ReplacingMergeTree by a UInt128, views with a comment
  bool has_limit_setting = true;  // limit, of the rows of any answer
  bool has_query_parameters = true;
  bool has_default_replica_path = true;  // Replicated…MergeTree without path and replica
  bool has_active_replica_wait = true;   // DDL waits for active replicas only, where asked to
  bool has_light_sync = true;            // SYSTEM SYNC REPLICA … LIGHTWEIGHT
  HashFunction hash = HashFunction::kXxh3;
  Compression best_compression = Compression::kZstd;  // that it understands in a request
  // Those of the settings that we send for safety that this server does not know: they are left
  // out of requests to it (it would refuse them). ask_dialect() finds them.
  std::vector<std::string> unknown_settings;
  Replication replication;

  // The dialect of this server for a table that is on it only, such as a staging table.
  Dialect local() const;

  // Whether a column of this type can be made there.
  bool has_type(const ColumnType& type) const;
  std::string version() const;  // "18.16"
};

// From the answer of SELECT version(): "26.7.3.1", "18.16.1". Throws ServerError for one that is
// older than 18.16, or for a text that is not a version.
Dialect dialect_of(std::string_view version);

}  // namespace qvdhouse::clickhouse
