// What a ClickHouse server can do, by its version: the one table of differences. The oldest that is
// supported is 18.16 (Debian's), the newest tested 26.7. docs/clickhouse.md lists the same.
#pragma once

#include <string>
#include <string_view>

#include "clickhouse/column_type.h"

namespace qvdhouse::clickhouse {

// A hash that server and client compute alike over a value's bytes.
enum class HashFunction {
  kXxh3,       // xxh3(column): of any type's bytes
  kMetroHash,  // metroHash64(reinterpretAsString(column)): trailing zero bytes do not count
};

// How a request's body is compressed.
enum class Compression { kNone, kGzip, kLz4, kZstd };

// The defaults are the newest server, which the embedded engine is.
struct Dialect {
  unsigned major = 26;
  unsigned minor = 7;
  bool has_exchange = true;  // EXCHANGE TABLES; else one RENAME of both names
  bool has_projections = true;
  bool has_table_comment = true;
  bool has_alter_settings = true;  // ALTER … SETTINGS alter_sync, mutations_sync and the like
  bool has_partition_id_column = true;  // the virtual column _partition_id
  bool has_date32 = true;
  bool has_datetime64 = true;
  bool has_time64 = true;
  bool has_bool = true;
  bool has_decimal = true;  // without an experimental setting
  bool has_map = true;
  bool has_query_parameters = true;
  HashFunction hash = HashFunction::kXxh3;
  Compression best_compression = Compression::kZstd;  // that it understands in a request

  // Whether a column of this type can be made there.
  bool has_type(const ColumnType& type) const;
};

// From the answer of SELECT version(): "26.7.3.1", "18.16.1". Throws ServerError for one that is
// older than 18.16, or that is no version.
Dialect dialect_of(std::string_view version);

}  // namespace qvdhouse::clickhouse
