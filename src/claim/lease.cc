#include "claim/lease.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "clickhouse/ddl.h"
#include "clickhouse/engine_files.h"
#include "clickhouse/engine_process.h"
#include "clickhouse/error_code.h"
#include "clickhouse/names.h"
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
constexpr seconds kLeastExpiry{2};
// Between looks at who waits; longer where many runs look, each of which reads the rows of all.
constexpr milliseconds kBetweenLooks{1'000};
constexpr milliseconds kBetweenLooksARun{100};
// A lease that cannot be given back within this time expires.
constexpr long kReleasePatienceSeconds = 5;
constexpr std::string_view kKeeperMap = "KeeperMap";
// A partition a day: dropping one is how rows go away on every server.
constexpr const char* kMergeTree =
    "ReplacingMergeTree(sequence) PARTITION BY toYYYYMMDD(beat) ORDER BY claim";

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

LeaseRow new_row(const std::string& run_id, const LeaseOptions& options) {
  return {.lease_id = run_id + "_" + clickhouse::random_hex(8),
          .expiry = static_cast<std::uint32_t>(std::max(options.expiry, kLeastExpiry).count()),
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

// Units of a lease that stand in the way of those of another one.
std::set<std::string> units_in_the_way(const LeaseRow& holder, const LeaseRow& own) {
  UnitSet wanted;
  for (const std::string& unit : own.tables) wanted.add(unit);
  std::set<std::string> found;
  for (const std::string& unit : holder.tables) {
    if (wanted.blocks(unit)) found.insert(unit);
  }
  return found;
}

// live() has the same order.
bool is_older(const LeaseRow& a, const LeaseRow& b) {
  return std::pair(a.started, a.lease_id) < std::pair(b.started, b.lease_id);
}

std::string described(const LeaseRow& holder, const LeaseRow& own) {
  return fmt::format(
      "{} claimed by process {} on host {} (run {}, since {:%Y-%m-%d %H:%M:%S} UTC, last heartbeat "
      "{} s ago)",
      said_of(units_in_the_way(holder, own)), holder.pid, holder.host, holder.run_id,
      fmt::gmtime(static_cast<std::time_t>(holder.started)), holder.silent_seconds);
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

namespace {

std::set<std::string> all_of(const std::vector<TableGroup>& groups) {
  std::set<std::string> all;
  for (const TableGroup& group : groups) all.insert(group.begin(), group.end());
  return all;
}

// The first of the groups, so many as a row takes, and one at least.
void keep_what_fits(std::vector<TableGroup>& groups) {
  std::size_t bytes = 0;
  const auto end = std::ranges::find_if(groups, [&](const TableGroup& group) {
    for (const std::string& name : group) bytes += name.size();
    return bytes > kMostUnitBytes;
  });
  groups.erase(end == groups.begin() && end != groups.end() ? std::next(end) : end, groups.end());
}

// Not the same for all who wait: half of `pause` at least.
void pause_about(milliseconds pause, std::minstd_rand& random, const std::stop_token& stop) {
  const auto shortest = pause.count() / 2;
  const milliseconds delay(shortest + static_cast<long>(random()) % (shortest + 1));
  if (!base::pause_for(delay, stop)) throw base::Cancelled("stopped while waiting for a claim");
}

// Others may see it.
bool is_visible(const LeaseRow& row) {
  return row.sequence > 0 && row.state != LeaseState::kReleased;
}

}  // namespace

struct Lease::State {
  clickhouse::Endpoint endpoint;
  std::string database;
  LeaseOptions options;
  spdlog::logger& log;
  std::stop_token stop;
  LeaseRow own;
  LeaseRow wish{};  // what a run that has no work waits for
  bool had_to_wait = false;
  std::mutex mutex;  // guards the rows, and the members up to the next blank line
  std::map<std::string, LeaseRow> seen{};  // runs that held what was wanted, by id
  std::vector<LeaseRow> blocking{};        // those that did at the last look
  milliseconds look_again_at{};            // others_waiting()
  std::vector<LeaseRow> waiting{};         // what was seen then

  std::string told_of;  // the holder that the log told of last, and when
  milliseconds told_at{};
  std::atomic<milliseconds> last_beat{};  // uptime() before it was sent
  // From uptime() to the server's time: a second too little at most when it was taken.
  std::atomic<std::chrono::microseconds> to_server{};
  std::atomic<bool> is_lost = false;     // it was late, and another may have taken the tables
  std::atomic<bool> is_holding = false;  // any table
  std::jthread beating;

  ~State();
  void acquire();
  // Before the first look at what others hold.
  void begin(LeaseTable& table);
  // `waiting_row`: the own row, with the tables that are waited for.
  void give_up_after(milliseconds waited, const LeaseRow& holder, const LeaseRow& waiting_row);
  std::vector<LeaseRow> blockers(LeaseTable& table);
  void write(LeaseTable& table, LeaseRow& row, LeaseState state);
  void set_wish(LeaseTable& table, std::vector<TableGroup> groups);
  std::vector<LeaseRow> others(LeaseTable& table);
  UnitSet look(LeaseTable& table, const std::vector<Want>& wanted, std::set<std::string>& runs);
  void hold(LeaseTable& table, const std::set<std::string>& units);
  std::set<std::string> take_free(LeaseTable& table, const std::vector<Want>& wanted);
  std::vector<TableGroup> share_of(std::vector<TableGroup> free, std::size_t runs) const;
  void start_beating();
  void drop_old(LeaseTable& table) const;
  void tell_of(const LeaseRow& holder, const LeaseRow& waiting_row, milliseconds waited);
  void beat(const std::stop_token& ended);
  // A request there fails before the lease expires.
  clickhouse::Endpoint renewing() const {
    return clickhouse::impatient(endpoint, options.expiry.count() / 4);
  }
  milliseconds silence() const { return uptime() - last_beat.load(); }
  bool may_have_expired() const { return is_lost || silence() > options.expiry / 2; }
};

Lease::State::~State() {
  if (beating.joinable()) {
    beating.request_stop();
    beating.join();
  }
  try {
    LeaseTable table(clickhouse::impatient(endpoint, kReleasePatienceSeconds), database, {});
    for (LeaseRow* row : {&own, &wish}) {
      if (is_visible(*row)) write(table, *row, LeaseState::kReleased);
    }
  } catch (const base::Error& error) {
    log.warn("the claim on this run's tables was not given back and has to expire: {}",
             error.what());
  }
}

void Lease::State::write(LeaseTable& table, LeaseRow& row, LeaseState state) {
  const milliseconds before = uptime();
  ++row.sequence;  // a row on its way that comes late does not count any more
  row.state = state;
  table.write(row);
  last_beat = before;
  is_holding = own.state != LeaseState::kReleased;
}

// Rows of other runs that may be alive. What is held is among all rows: that tells the server's
// time at a moment when it was held already.
std::vector<LeaseRow> Lease::State::others(LeaseTable& table) {
  std::vector<LeaseRow> rows = table.live();
  const auto held = std::ranges::find_if(rows, [&](const LeaseRow& row) {
    return row.lease_id == own.lease_id && row.state == LeaseState::kHeld;
  });
  if (held != rows.end()) to_server = seconds(held->read_at) - uptime();
  std::erase_if(rows, [&](const LeaseRow& row) {
    return row.lease_id == own.lease_id || row.lease_id == wish.lease_id ||
           has_ended_here(row, own.machine);
  });
  return rows;
}

// Leases that stand in the way: those held, and those that have been wanted for longer.
std::vector<LeaseRow> Lease::State::blockers(LeaseTable& table) {
  std::vector<LeaseRow> rows = others(table);
  std::erase_if(rows, [&](const LeaseRow& row) {
    return units_in_the_way(row, own).empty() ||
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
    if (is_visible(own) && silence() >= options.heartbeat) write(table, own, own.state);
    const std::vector<LeaseRow> seen = blockers(table);
    if (seen.empty()) {
      if (own.state == LeaseState::kHeld && !may_have_expired()) break;
      write(table, own, LeaseState::kHeld);
      continue;
    }
    had_to_wait = true;
    give_up_after(uptime() - begin, seen.front(), own);
    const bool steps_back = own.state == LeaseState::kHeld && is_older(seen.front(), own);
    if (steps_back || !is_visible(own)) write(table, own, LeaseState::kWanted);
    tell_of(seen.front(), own, uptime() - begin);
    pause = seen.size() == last_count ? std::min(pause * 2, kLastLook) : kFirstLook;
    last_count = seen.size();
    pause_about(pause, random, stop);
  }
  drop_old(table);
}

void Lease::State::begin(LeaseTable& table) {
  if (own.started != 0) return;
  table.create();
  own.started = wish.started = table.now();
  drop_old(table);
}

void Lease::State::drop_old(LeaseTable& table) const {
  try {
    table.drop_old();
  } catch (const base::ServerError& error) {
    log.debug("old claims stay: {}", error.what());
  }
}

void Lease::State::give_up_after(milliseconds waited, const LeaseRow& holder,
                                 const LeaseRow& waiting_row) {
  if (waited < options.patience) return;
  throw base::ServerError(
      fmt::format("another pipeline loads into the same tables: {}; waited {} s for it. Run again "
                  "when it has ended; if it is dead, its claim ends {} s after its last heartbeat",
                  described(holder, waiting_row), waited.count() / 1'000, holder.expiry),
      0);
}

void Lease::State::tell_of(const LeaseRow& holder, const LeaseRow& waiting_row,
                           milliseconds waited) {
  if (holder.lease_id == told_of && waited - told_at < kTellAgain) return;
  told_of = holder.lease_id;
  told_at = waited;
  log.warn("waiting for another pipeline: {}", described(holder, waiting_row));
}

void Lease::State::start_beating() {
  if (beating.joinable() && !is_lost) return;
  is_lost = false;
  beating = std::jthread([this](const std::stop_token& ended) { beat(ended); });
}

// A fair part of what is free, in an order of this run's own, so that runs seldom want the same.
std::vector<TableGroup> Lease::State::share_of(std::vector<TableGroup> free,
                                               std::size_t runs) const {
  const std::size_t most = (free.size() + runs - 1) / runs;
  const auto rank = [&](const TableGroup& group) {
    return clickhouse::table_hash(own.lease_id, *group.begin());
  };
  if (most < free.size()) {
    std::ranges::sort(free, {}, rank);
    free.resize(most);
  }
  keep_what_fits(free);
  return free;
}

// What others hold of the tables that are wanted. `runs` gets those that work there or want to.
UnitSet Lease::State::look(LeaseTable& table, const std::vector<Want>& wanted,
                           std::set<std::string>& runs) {
  std::set<std::string_view> tables;
  for (const Want& want : wanted) {
    for (const std::string& unit : want.tables) tables.insert(table_of(unit));
  }
  UnitSet held;
  blocking.clear();
  for (LeaseRow& row : others(table)) {
    bool is_of_them = false;
    for (const std::string& unit : row.tables) {
      if (!tables.contains(table_of(unit))) continue;
      is_of_them = true;
      if (row.state == LeaseState::kHeld) held.add(unit);
    }
    if (!is_of_them) continue;
    runs.insert(row.run_id);
    if (row.state != LeaseState::kHeld) continue;
    seen.insert_or_assign(row.run_id, row);
    blocking.push_back(std::move(row));
  }
  return held;
}

void Lease::State::hold(LeaseTable& table, const std::set<std::string>& units) {
  own.tables.assign(units.begin(), units.end());
  write(table, own, own.tables.empty() ? LeaseState::kReleased : LeaseState::kHeld);
}

// As in acquire(), nobody goes on but who has written that it holds a unit and then looked and seen
// no other that stands in the way. Of two that do so at once, at least one steps back, and tries
// again later.
std::set<std::string> Lease::State::take_free(LeaseTable& table, const std::vector<Want>& wanted) {
  std::set<std::string> runs = {own.run_id};
  const auto is_free = [](const UnitSet& held, const TableGroup& group) {
    return std::ranges::none_of(group, [&](const auto& unit) { return held.blocks(unit); });
  };
  UnitSet held = look(table, wanted, runs);
  std::vector<TableGroup> free;
  for (const Want& want : wanted) {
    if (is_free(held, want.tables)) {
      free.push_back(want.tables);
      continue;
    }
    for (const std::string& file : want.files) {
      const TableGroup group = {file_unit(*want.tables.begin(), file)};
      if (is_free(held, group)) free.push_back(group);
    }
  }
  if (free.empty()) return {};
  const std::set<std::string> before(own.tables.begin(), own.tables.end());
  const auto hold_too = [&](const std::vector<TableGroup>& groups) {
    std::set<std::string> all = all_of(groups);
    all.insert(before.begin(), before.end());
    hold(table, all);
  };
  std::vector<TableGroup> share = share_of(std::move(free), runs.size());
  hold_too(share);
  held = look(table, wanted, runs);
  if (std::erase_if(share, [&](const TableGroup& group) { return !is_free(held, group); }) > 0) {
    hold_too(share);
  }
  return all_of(share);
}

void Lease::State::set_wish(LeaseTable& table, std::vector<TableGroup> groups) {
  if (groups.empty()) {
    if (is_visible(wish)) write(table, wish, LeaseState::kReleased);
    return;
  }
  keep_what_fits(groups);
  const std::set<std::string> all = all_of(groups);
  std::vector<std::string> names(all.begin(), all.end());
  if (is_visible(wish) && wish.tables == names) return;
  wish.tables = std::move(names);
  write(table, wish, LeaseState::kWanted);
}

void Lease::State::beat(const std::stop_token& ended) {
  const milliseconds usual = std::min<milliseconds>(options.heartbeat, options.expiry / 6);
  milliseconds pause = usual;
  while (base::pause_for(pause, ended)) {
    const milliseconds expires = last_beat.load() + options.expiry;
    try {
      // An expired lease must not come to life again beside its successor.
      if (uptime() <= expires) {
        LeaseTable table(renewing(), database, ended);
        const std::lock_guard lock(mutex);
        for (LeaseRow* row : {&own, &wish}) {
          if (is_visible(*row)) write(table, *row, row->state);
        }
        // Nothing to renew: it cannot expire.
        if (!is_visible(own) && !is_visible(wish)) last_beat = uptime();
      }
      pause = usual;
    } catch (const base::Error& error) {
      log.debug("a heartbeat failed: {}", error.what());
      pause = std::min(kBeatAgain, usual);
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
    : Lease(endpoint, database, run_id, options, log, std::move(stop)) {
  if (tables.empty()) return;
  state_->own.tables.assign(tables.begin(), tables.end());
  state_->acquire();
  state_->start_beating();
}

Lease::Lease(const clickhouse::Endpoint& endpoint, const std::string& database,
             const std::string& run_id, const LeaseOptions& options, spdlog::logger& log,
             std::stop_token stop)
    : state_(new State{.endpoint = endpoint,
                       .database = database,
                       .options = options,
                       .log = log,
                       .stop = std::move(stop),
                       .own = new_row(run_id, options),
                       .wish = new_row(run_id, options)}) {
  state_->options.expiry = std::max(options.expiry, kLeastExpiry);
}

Lease::~Lease() = default;

std::set<std::string> Lease::take(const std::vector<Want>& wanted, const std::stop_token& ends) {
  State& state = *state_;
  LeaseTable table(state.endpoint, state.database, state.stop);
  state.begin(table);
  std::vector<TableGroup> wishes;
  for (const Want& want : wanted) {
    wishes.push_back(want.tables);
    if (!want.files.empty()) wishes.back().insert(any_file_of(*want.tables.begin()));
  }
  std::stop_source over;
  const auto end_wait = [&] { over.request_stop(); };
  const std::stop_callback on_stop(state.stop, end_wait);
  const std::stop_callback on_end(ends, end_wait);
  std::minstd_rand random{std::random_device{}()};
  const milliseconds begin = uptime();
  for (milliseconds pause = kFirstLook;; pause = std::min(pause * 2, kLastLook)) {
    {
      const std::lock_guard lock(state.mutex);
      check();
      std::set<std::string> taken = state.take_free(table, wanted);
      state.set_wish(table, taken.empty() ? wishes : std::vector<TableGroup>());
      state.start_beating();
      const auto is_file = [](const std::string& unit) { return table_of(unit) != unit; };
      if (taken.empty() || std::ranges::any_of(taken, is_file)) state.had_to_wait = true;
      if (!taken.empty()) return taken;
      const LeaseRow& holder = state.blocking.front();
      state.give_up_after(uptime() - begin, holder, state.wish);
      state.tell_of(holder, state.wish, uptime() - begin);
    }
    pause_about(pause, random, over.get_token());
  }
}

std::set<std::string> Lease::try_take(const std::set<std::string>& units) {
  State& state = *state_;
  LeaseTable table(state.endpoint, state.database, state.stop);
  state.begin(table);
  std::vector<Want> wanted;
  for (const std::string& unit : units) wanted.push_back({.tables = {unit}});
  const std::lock_guard lock(state.mutex);
  check();
  std::set<std::string> taken = state.take_free(table, wanted);
  state.start_beating();
  return taken;
}

void Lease::give_back(const std::set<std::string>& units, const std::set<std::string>& instead) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  std::set<std::string> left = instead;
  std::ranges::copy_if(state.own.tables, std::inserter(left, left.end()),
                       [&](const std::string& unit) { return !units.contains(unit); });
  // As a heartbeat, this renews what is left, which must not have expired before.
  if (!left.empty()) check();
  LeaseTable table(state.renewing(), state.database, state.stop);
  state.hold(table, left);
}

std::size_t Lease::others_waiting(const std::function<bool(const std::string& unit)>& is_to_give) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  if (const milliseconds now = uptime(); now >= state.look_again_at) {
    LeaseTable table(state.endpoint, state.database, state.stop);
    std::vector<LeaseRow> rows = state.others(table);
    state.look_again_at = now + kBetweenLooks + rows.size() * kBetweenLooksARun;
    std::erase_if(rows, [](const LeaseRow& row) { return row.state != LeaseState::kWanted; });
    state.waiting = std::move(rows);
  }
  return static_cast<std::size_t>(std::ranges::count_if(state.waiting, [&](const LeaseRow& row) {
    return std::ranges::any_of(row.tables, is_to_give);
  }));
}

std::string Lease::who_is(const std::string& run_id) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->seen.find(run_id);
  if (found == state_->seen.end()) return "";
  const LeaseRow& row = found->second;
  return fmt::format("host {} (process {}, run {})", row.host, row.pid, row.run_id);
}

bool Lease::had_to_wait() const { return state_->had_to_wait; }

bool Lease::may_have_expired() const { return state_->is_holding && state_->may_have_expired(); }

std::int64_t Lease::clock_us() const {
  const std::chrono::microseconds to_server = state_->to_server.load();
  if (to_server.count() == 0) return 0;
  // Another run takes the units `expiry` after the last heartbeat at the earliest.
  const auto at = std::min<std::chrono::microseconds>(
      uptime(), state_->last_beat.load() + state_->options.expiry / 2);
  return (at + to_server).count();
}

void Lease::check() const {
  if (!may_have_expired()) return;
  throw base::ServerError(
      fmt::format(
          "this run's claim on its tables may have expired: no heartbeat reached ClickHouse "
          "for {} s of {}; nothing is committed, run again",
          state_->silence().count() / 1'000, state_->options.expiry.count()),
      0);
}

std::vector<LeaseRow> living_leases(const clickhouse::Endpoint& endpoint,
                                    const std::string& database, const std::stop_token& stop) {
  std::vector<LeaseRow> rows = LeaseTable(endpoint, database, stop).live();
  std::erase_if(rows, [machine = this_machine()](const LeaseRow& row) {
    return has_ended_here(row, machine);
  });
  return rows;
}

std::map<std::string, std::set<std::string>> leased_tables(const clickhouse::Endpoint& endpoint,
                                                           const std::string& database,
                                                           const std::stop_token& stop) {
  LeaseTable(endpoint, database, stop).create();
  std::map<std::string, std::set<std::string>> leased;
  for (const LeaseRow& row : living_leases(endpoint, database, stop)) {
    if (row.state != LeaseState::kHeld) continue;
    for (const std::string& unit : row.tables) {
      leased[std::string(table_of(unit))].insert(row.run_id);
    }
  }
  return leased;
}

LeaseTable::LeaseTable(const clickhouse::Endpoint& endpoint, const std::string& database,
                       std::stop_token stop)
    : connection_(endpoint, std::move(stop)),
      database_(database),
      name_(clickhouse::qualified(database, std::string(kLeaseTable))) {}

void LeaseTable::create() {
  const clickhouse::Dialect& dialect = connection_.endpoint().dialect;
  if (!dialect.replication.is_on) return create_as(kMergeTree);
  clickhouse::refuse_local_table(connection_, database_, kLeaseTable);
  if (!clickhouse::engine_of(connection_, database_, kLeaseTable).empty()) return;
  try {
    // The path is this table's alone, on whichever Keeper, and the same on all replicas.
    create_as(
        fmt::format("KeeperMap({}) PRIMARY KEY claim",
                    clickhouse::quote_literal("/qvdhouse_claims_" + clickhouse::random_hex(16))));
  } catch (const base::ServerError&) {
    create_as(kMergeTree);
  }
}

void LeaseTable::create_as(const std::string& engine) {
  const clickhouse::Dialect& dialect = connection_.endpoint().dialect;
  connection_.query(
      fmt::format("CREATE TABLE IF NOT EXISTS {}{} (claim String, sequence UInt64, state UInt8, "
                  "beat DateTime, started DateTime, expiry UInt32, tables Array(String), "
                  "run_id String, host String, machine String, pid UInt32, pid_start UInt64) "
                  "ENGINE = {}",
                  name_, dialect.replication.on_cluster(),
                  clickhouse::engine_for(engine, dialect, database_, kLeaseTable)));
}

bool LeaseTable::is_in_keeper() {
  return connection_.endpoint().dialect.replication.is_on &&
         clickhouse::engine_of(connection_, database_, kLeaseTable) == kKeeperMap;
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
  // Any other run that has been told that its row is written must be seen.
  if (!is_in_keeper() && !clickhouse::catch_up(connection_, database_, kLeaseTable)) {
    throw base::ServerError(
        fmt::format("the claims of other runs cannot be read now: this replica of {} lacks what "
                    "another one has acknowledged, or the user lacks the grant SYSTEM SYNC REPLICA",
                    name_),
        clickhouse::error_code::kTimeoutExceeded);
  }
  const std::string answer = connection_.query(
      fmt::format(
          "SELECT * FROM (SELECT claim, sequence, state, toUInt32(started) AS started, expiry, "
          "tables, run_id, host, machine, pid, pid_start, toInt64(toUInt32(now())) - "
          "toInt64(toUInt32(beat)) AS silent, toUInt32(now()) AS read_at FROM {} ORDER BY sequence "
          "DESC LIMIT 1 BY "
          "claim) WHERE state != 0 AND silent <= expiry ORDER BY started, claim FORMAT "
          "RowBinary",
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
    reader(row.read_at);
  }
  return rows;
}

void LeaseTable::drop_old() {
  if (is_in_keeper()) {
    connection_.query(fmt::format(
        "ALTER TABLE {} DELETE WHERE (state = 0 AND beat < now() - 600) OR beat < today() - 1",
        name_));
    return;
  }
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
