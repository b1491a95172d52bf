#include "sync/pipeline_claim_table.h"

#include <fmt/format.h>

#include "clickhouse/quote.h"
#include "tracking/row_binary.h"

namespace qvdhouse::sync {
namespace {

constexpr const char* kClaimsTable = "QvdPipelineClaims";

template <class Value>
Value read_one(const std::string& answer) {
  Value value{};
  tracking::RowReader reader(answer);
  reader(value);
  return value;
}

}  // namespace

ClaimTable::ClaimTable(const clickhouse::Endpoint& endpoint, const std::string& database,
                       std::stop_token stop)
    : connection_(endpoint, std::move(stop)),
      name_(clickhouse::qualified(database, kClaimsTable)) {}

// A partition a day: dropping one is how rows go away on every server.
void ClaimTable::create() {
  connection_.query(
      fmt::format("CREATE TABLE IF NOT EXISTS {} (claim String, sequence UInt64, state UInt8, "
                  "beat DateTime, started DateTime, expiry UInt32, tables Array(String), "
                  "run_id String, host String, machine String, pid UInt32, pid_start UInt64) "
                  "ENGINE = ReplacingMergeTree(sequence) PARTITION BY toYYYYMMDD(beat) "
                  "ORDER BY claim",
                  name_));
}

std::uint32_t ClaimTable::now() {
  return read_one<std::uint32_t>(connection_.query("SELECT toUInt32(now()) FORMAT RowBinary"));
}

void ClaimTable::write(const ClaimRow& row) {
  std::string tables;
  for (const std::string& table : row.tables) {
    tables += (tables.empty() ? "" : ", ") + clickhouse::quote_literal(table);
  }
  const auto text = clickhouse::quote_literal;
  connection_.query(fmt::format(
      "INSERT INTO {} (claim, sequence, state, beat, started, expiry, tables, run_id, host, "
      "machine, pid, pid_start) SELECT {}, {}, {}, now(), toDateTime({}), {}, [{}], {}, {}, {}, "
      "{}, {}",
      name_, text(row.claim), row.sequence, static_cast<unsigned>(row.state), row.started,
      row.expiry, tables, text(row.run_id), text(row.host), text(row.machine), row.pid,
      row.pid_start));
}

std::vector<ClaimRow> ClaimTable::live() {
  // A replicated or shared table must show what any other run has been told is written.
  const std::string answer = connection_.query(
      fmt::format("SELECT claim, sequence, state, toUInt32(started), expiry, tables, run_id, host, "
                  "machine, pid, pid_start, toInt64(toUInt32(now())) - toInt64(toUInt32(beat)) AS "
                  "silent FROM {} FINAL WHERE state != 0 AND silent <= expiry "
                  "ORDER BY started, claim FORMAT RowBinary",
                  name_),
      {{"select_sequential_consistency", "1"}});
  std::vector<ClaimRow> rows;
  for (tracking::RowReader reader(answer); !reader.done();) {
    ClaimRow& row = rows.emplace_back();
    reader(row.claim);
    reader(row.sequence);
    std::uint8_t state = 0;
    reader(state);
    row.state = static_cast<ClaimState>(state);
    reader(row.started);
    reader(row.expiry);
    reader(row.tables);
    reader(row.run_id);
    reader(row.host);
    reader(row.machine);
    reader(row.pid);
    reader(row.pid_start);
    reader(row.silent_seconds);
  }
  return rows;
}

void ClaimTable::drop_old() {
  const std::string answer =
      connection_.query(fmt::format("SELECT DISTINCT toUInt32(toYYYYMMDD(beat)) FROM {} "
                                    "WHERE beat < toDateTime(today() - 1) FORMAT RowBinary",
                                    name_));
  for (tracking::RowReader reader(answer); !reader.done();) {
    std::uint32_t day = 0;
    reader(day);
    connection_.query(fmt::format("ALTER TABLE {} DROP PARTITION {}", name_, day));
  }
}

}  // namespace qvdhouse::sync
