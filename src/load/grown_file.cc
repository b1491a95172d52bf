#include "load/grown_file.h"

#include <utility>

#include "base/error.h"
#include "load/commit.h"
#include "load/layout.h"
#include "load/staging.h"

namespace qvdhouse::load {

qvd::TableHeader header_of(const qvd::TableHeader& header, RowRange rows) {
  qvd::TableHeader part = header;
  part.rows_offset += rows.first * header.record_bytes;
  part.rows_length = rows.count * header.record_bytes;
  part.record_count = rows.count;
  return part;
}

bool may_have_grown(const Target& target, const PreparedFile& file, const Options& options,
                    const clickhouse::Dialect& dialect) {
  const std::uint64_t rows = file.header.record_count;
  const schema::TableRules& rules = target.rules;
  return options.grown_files == GrownFiles::kSendNew && target.held && !target.is_set() &&
         target.may_exist && !dialect.replication.is_on && dialect.has_covering_parts &&
         rows > kSmallTableRows && target.held->row_count <= rows &&
         target.held->row_count >= rows - target.held->row_count && file.rescued.empty() &&
         rules.ttl.empty() && !rules.with_row && !rules.with_loaded_at && !rules.with_run_id;
}

GrownFile sum_grown_file(const base::ByteSource& source, const qvd::TableHeader& header,
                         const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                         clickhouse::HashFunction function, unsigned threads, std::stop_token stop,
                         const RowSums& held) {
  const Mixes mixes = mix_values(columns, function, threads);
  const auto sum = [&](RowRange rows) {
    return sum_file(source, header_of(header, rows), decoder, columns, mixes, threads, stop);
  };
  // The first and the last `held.row_count` rows have the middle ones in common, which are read
  // once.
  const std::uint64_t added = header.record_count - held.row_count;
  const RowSums begin = sum({.first = 0, .count = added});
  RowSums first = sum({.first = added, .count = held.row_count - added});
  const RowSums end = sum({.first = held.row_count, .count = added});
  RowSums last = first;
  first.add(begin);
  last.add(end);
  GrownFile grown{.sums = first, .added = {}};
  grown.sums.add(end);
  if (first == held) grown.added = {.first = held.row_count, .count = added};
  if (last == held) grown.added = {.first = 0, .count = added};
  return grown;
}

bool link_rows(clickhouse::Connection& connection, const std::string& table,
               const std::string& staging) {
  const Layout live = read_layout(connection, table);
  if (!live.exists() || !live.fits(read_layout(connection, staging))) return false;
  try {
    link_partitions(connection, table, partition_ids(connection, table), staging);
  } catch (const base::ServerError&) {
    return false;
  }
  return true;
}

}  // namespace qvdhouse::load
