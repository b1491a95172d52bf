#include "claim/lease.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "clickhouse/engine_files.h"
#include "clickhouse/engine_process.h"
#include "clickhouse/quote.h"
#include "clickhouse/replicas.h"
#include "clickhouse/table_engine.h"
#include "tracking/row_binary.h"

namespace qvdhouse::claim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstLook{50};
constexpr milliseconds kLastLook{250};
constexpr milliseconds kBeatAgain{1'000};  // after a heartbeat that failed
constexpr seconds kTellAgain{60};
// A lease that cannot be given back within this time expires.
constexpr long kReleasePatienceSeconds = 5;
constexpr std::size_t kTablesTold = 5;

// Time that goes on while the machine sleeps, unlike std::chrono::steady_clock.
milliseconds uptime() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return seconds(now.tv_sec) + milliseconds(now.tv_nsec / 1'000'000);
}

// Equal for processes that can see whether the other still runs: of one boot of one machine and of
// one space of process ids, which containers have for themselves. Empty when it cannot be told.
std::string this_machine() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  std::error_code failed;
  const auto space = std::filesystem::read_symlink("/proc/self/ns/pid", failed);
  return boot.empty() || failed ? "" : boot + " " + space.string();
}

LeaseRow new_row(const std::set<std::string>& tables, const std::string& run_id,
                 const LeaseOptions& options) {
  return {.lease_id = run_id + "_" + clickhouse::random_hex(8),
          .expiry = static_cast<std::uint32_t>(options.expiry.count()),
          .tables = {tables.begin(), tables.end()},
          .run_id = run_id,
          .host = host_name(),
          .machine = this_machine(),
          .pid = static_cast<std::uint32_t>(::getpid()),
          .pid_start = clickhouse::process_start_time(::getpid()).value_or(0)};
}

bool has_ended_here(const LeaseRow& holder, const std::string& machine) {
  return !machine.empty() && holder.machine == machine &&
         clickhouse::process_start_time(static_cast<int>(holder.pid)) != holder.pid_start;
}

std::vector<std::string> common_tables(const LeaseRow& a, const LeaseRow& b) {
  std::vector<std::string> both;
  std::ranges::set_intersection(a.tables, b.tables, std::back_inserter(both));
  return both;
}

// live() has the same order.
bool is_older(const LeaseRow& a, const LeaseRow& b) {
  return std::pair(a.started, a.lease_id) < std::pair(b.started, b.lease_id);
}

std::string described(const LeaseRow& holder, const LeaseRow& own) {
  std::vector<std::string> tables = common_tables(holder, own);
  const std::size_t more = tables.size() - std::min(tables.size(), kTablesTold);
  tables.resize(tables.size() - more);
  return fmt::format(
      "{}{} claimed by process {} on host {} (run {}, since {:%Y-%m-%d %H:%M:%S} UTC, last "
      "heartbeat {} s ago)",
      fmt::join(tables, ", "), more == 0 ? "" : fmt::format(" and {} more tables", more),
      holder.pid, holder.host, holder.run_id, fmt::gmtime(static_cast<std::time_t>(holder.started)),
      holder.silent_seconds);
}

template <class Value>
Value read_one(const std::string& answer) {
  Value value{};
  tracking::RowReader reader(answer);
  reader(value);
  return value;
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "(unknown)";
}

struct Lease::State {
  clickhouse::Endpoint endpoint;
  std::string database;
  LeaseOptions options;
  spdlog::logger& log;
  std::stop_token stop;
  LeaseRow own;
  bool had_to_wait = false;
  bool is_written = false;  // others may see it
  std::string told_of;      // the holder that the log told of last, and when
  milliseconds told_at{};
  std::atomic<milliseconds> last_beat{};  // uptime() before it was sent
  std::atomic<bool> is_lost = false;      // it was late, and another may have taken the tables
  std::jthread beating;

  ~State();
  void acquire();
  void give_up_after(milliseconds waited, const LeaseRow& holder);
  std::vector<LeaseRow> blockers(LeaseTable& table) const;
  void write(LeaseTable& table, LeaseState state);
  void tell_of(const LeaseRow& holder, milliseconds waited);
  void beat(const std::stop_token& ended);
  milliseconds silence() const { return uptime() - last_beat.load(); }
  bool may_have_expired() const { return is_lost || silence() > options.expiry / 2; }
};

Lease::State::~State() {
  if (beating.joinable()) {
    beating.request_stop();
    beating.join();
  }
  if (!is_written) return;
  try {
    LeaseTable table(clickhouse::impatient(endpoint, kReleasePatienceSeconds), database, {});
    write(table, LeaseState::kReleased);
  } catch (const base::Error& error) {
    log.warn("the claim on this run's tables was not given back and has to expire: {}",
             error.what());
  }
}

void Lease::State::write(LeaseTable& table, LeaseState state) {
  const milliseconds before = uptime();
  is_written = true;  // even if we are not told so
  ++own.sequence;     // a row on its way that comes late does not count any more
  own.state = state;
  table.write(own);
  last_beat = before;
  is_written = state != LeaseState::kReleased;
}

// Leases that stand in the way: those held, and those that have been wanted for longer.
std::vector<LeaseRow> Lease::State::blockers(LeaseTable& table) const {
  std::vector<LeaseRow> rows = table.live();
  std::erase_if(rows, [&](const LeaseRow& row) {
    return row.lease_id == own.lease_id || common_tables(row, own).empty() ||
           has_ended_here(row, own.machine) ||
           (row.state != LeaseState::kHeld && !is_older(row, own));
  });
  return rows;
}

// Nobody goes on but who has written that it holds the tables and then looked and seen no other
// that does: of two that do so at once, at least one sees the other. The younger one steps back
// then and lets the older one look again. So leases are served in the order of their age, and who
// waits writes nothing but its heartbeat.
void Lease::State::acquire() {
  LeaseTable table(endpoint, database, stop);
  table.create();
  own.started = table.now();
  std::minstd_rand random{std::random_device{}()};
  const milliseconds begin = uptime();
  milliseconds pause = kFirstLook;
  std::size_t last_count = 0;
  while (true) {
    if (is_written && silence() >= options.heartbeat) write(table, own.state);
    const std::vector<LeaseRow> seen = blockers(table);
    if (seen.empty()) {
      if (own.state == LeaseState::kHeld && !may_have_expired()) break;
      write(table, LeaseState::kHeld);
      continue;
    }
    had_to_wait = true;
    give_up_after(uptime() - begin, seen.front());
    const bool steps_back = own.state == LeaseState::kHeld && is_older(seen.front(), own);
    if (steps_back || !is_written) write(table, LeaseState::kWanted);
    tell_of(seen.front(), uptime() - begin);
    pause = seen.size() == last_count ? std::min(pause * 2, kLastLook) : kFirstLook;
    last_count = seen.size();
    const auto shortest = pause.count() / 2;
    const milliseconds delay(shortest + static_cast<long>(random()) % (shortest + 1));
    if (!base::pause_for(delay, stop)) throw base::Cancelled("stopped while waiting for a claim");
  }
  try {
    table.drop_old();
  } catch (const base::ServerError& error) {
    log.debug("old claims stay: {}", error.what());
  }
}

void Lease::State::give_up_after(milliseconds waited, const LeaseRow& holder) {
  if (waited < options.patience) return;
  throw base::ServerError(
      fmt::format("another pipeline loads into the same tables: {}; waited {} s for it. Run again "
                  "when it has ended; if it is dead, its claim ends {} s after its last heartbeat",
                  described(holder, own), waited.count() / 1'000, holder.expiry),
      0);
}

void Lease::State::tell_of(const LeaseRow& holder, milliseconds waited) {
  if (holder.lease_id == told_of && waited - told_at < kTellAgain) return;
  told_of = holder.lease_id;
  told_at = waited;
  log.warn("waiting for another pipeline: {}", described(holder, own));
}

void Lease::State::beat(const std::stop_token& ended) {
  milliseconds pause = options.heartbeat;
  while (base::pause_for(pause, ended)) {
    const milliseconds expires = last_beat.load() + options.expiry;
    try {
      // An expired lease must not come to life again beside its successor.
      if (uptime() <= expires) {
        // Short enough to fail before the lease expires.
        LeaseTable table(clickhouse::impatient(endpoint, options.expiry.count() / 4), database,
                         ended);
        write(table, own.state);
      }
      pause = options.heartbeat;
    } catch (const base::Error& error) {
      log.debug("a heartbeat failed: {}", error.what());
      pause = std::min<milliseconds>(kBeatAgain, options.heartbeat);
    }
    if (uptime() > expires) {
      is_lost = true;
      return;
    }
  }
}

Lease::Lease(const clickhouse::Endpoint& endpoint, const std::string& database,
             const std::set<std::string>& tables, const std::string& run_id,
             const LeaseOptions& options, spdlog::logger& log, std::stop_token stop)
    : state_(new State{.endpoint = endpoint,
                       .database = database,
                       .options = options,
                       .log = log,
                       .stop = std::move(stop),
                       .own = new_row(tables, run_id, options)}) {
  if (tables.empty()) return;
  state_->acquire();
  state_->beating =
      std::jthread([state = state_.get()](const std::stop_token& ended) { state->beat(ended); });
}

Lease::~Lease() = default;

bool Lease::had_to_wait() const { return state_->had_to_wait; }

void Lease::check() const {
  if (state_->own.tables.empty() || !state_->may_have_expired()) return;
  throw base::ServerError(
      fmt::format(
          "this run's claim on its tables may have expired: no heartbeat reached ClickHouse "
          "for {} s of {}; nothing is committed, run again",
          state_->silence().count() / 1'000, state_->options.expiry.count()),
      0);
}

std::set<std::string> leased_tables(const clickhouse::Endpoint& endpoint,
                                    const std::string& database, const std::stop_token& stop) {
  LeaseTable table(endpoint, database, stop);
  table.create();
  const std::string machine = this_machine();
  std::set<std::string> leased;
  for (const LeaseRow& row : table.live()) {
    if (row.state != LeaseState::kHeld || has_ended_here(row, machine)) continue;
    leased.insert(row.tables.begin(), row.tables.end());
  }
  return leased;
}

LeaseTable::LeaseTable(const clickhouse::Endpoint& endpoint, const std::string& database,
                       std::stop_token stop)
    : connection_(endpoint, std::move(stop)),
      database_(database),
      name_(clickhouse::qualified(database, std::string(kLeaseTable))) {}

// A partition a day: dropping one is how rows go away on every server.
void LeaseTable::create() {
  const clickhouse::Dialect& dialect = connection_.endpoint().dialect;
  clickhouse::refuse_local_table(connection_, database_, kLeaseTable);
  connection_.query(fmt::format(
      "CREATE TABLE IF NOT EXISTS {}{} (claim String, sequence UInt64, state UInt8, "
      "beat DateTime, started DateTime, expiry UInt32, tables Array(String), "
      "run_id String, host String, machine String, pid UInt32, pid_start UInt64) "
      "ENGINE = {} PARTITION BY toYYYYMMDD(beat) ORDER BY claim",
      name_, dialect.replication.on_cluster(),
      clickhouse::engine_for("ReplacingMergeTree(sequence)", dialect, database_, kLeaseTable)));
}

std::uint32_t LeaseTable::now() {
  return read_one<std::uint32_t>(connection_.query("SELECT toUInt32(now()) FORMAT RowBinary"));
}

void LeaseTable::write(const LeaseRow& row) {
  std::string tables;
  for (const std::string& table : row.tables) {
    tables += (tables.empty() ? "" : ", ") + clickhouse::quote_literal(table);
  }
  const auto text = clickhouse::quote_literal;
  connection_.query(fmt::format(
      "INSERT INTO {} (claim, sequence, state, beat, started, expiry, tables, run_id, host, "
      "machine, pid, pid_start) SELECT {}, {}, {}, now(), toDateTime({}), {}, [{}], {}, {}, {}, "
      "{}, {}",
      name_, text(row.lease_id), row.sequence, static_cast<unsigned>(row.state), row.started,
      row.expiry, tables, text(row.run_id), text(row.host), text(row.machine), row.pid,
      row.pid_start));
}

std::vector<LeaseRow> LeaseTable::live() {
  // A replicated or shared table must show what any other run has been told is written.
  const std::string answer = connection_.query(
      fmt::format("SELECT claim, sequence, state, toUInt32(started), expiry, tables, run_id, host, "
                  "machine, pid, pid_start, toInt64(toUInt32(now())) - toInt64(toUInt32(beat)) AS "
                  "silent FROM {} FINAL WHERE state != 0 AND silent <= expiry "
                  "ORDER BY started, claim FORMAT RowBinary",
                  name_),
      {{"select_sequential_consistency", "1"}});
  std::vector<LeaseRow> rows;
  for (tracking::RowReader reader(answer); !reader.done();) {
    LeaseRow& row = rows.emplace_back();
    reader(row.lease_id);
    reader(row.sequence);
    std::uint8_t state = 0;
    reader(state);
    row.state = static_cast<LeaseState>(state);
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

void LeaseTable::drop_old() {
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

}  // namespace qvdhouse::claim
