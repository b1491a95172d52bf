#include "sync/pipeline_claim.h"

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
#include "sync/pipeline_claim_table.h"

namespace qvdhouse::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstLook{50};
constexpr milliseconds kLastLook{250};
constexpr milliseconds kBeatAgain{1'000};  // after a heartbeat that failed
constexpr seconds kTellAgain{60};
// A claim that cannot be given back within this expires.
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

ClaimRow new_row(const std::set<std::string>& tables, const std::string& run_id,
                 const ClaimOptions& options) {
  return {.claim = run_id + "_" + clickhouse::random_hex(8),
          .expiry = static_cast<std::uint32_t>(options.expiry.count()),
          .tables = {tables.begin(), tables.end()},
          .run_id = run_id,
          .host = host_name(),
          .machine = this_machine(),
          .pid = static_cast<std::uint32_t>(::getpid()),
          .pid_start = clickhouse::process_start_time(::getpid()).value_or(0)};
}

bool has_ended_here(const ClaimRow& holder, const ClaimRow& own) {
  return !own.machine.empty() && holder.machine == own.machine &&
         clickhouse::process_start_time(static_cast<int>(holder.pid)) != holder.pid_start;
}

std::vector<std::string> common_tables(const ClaimRow& a, const ClaimRow& b) {
  std::vector<std::string> both;
  std::ranges::set_intersection(a.tables, b.tables, std::back_inserter(both));
  return both;
}

// live() has the same order.
bool is_older(const ClaimRow& a, const ClaimRow& b) {
  return std::pair(a.started, a.claim) < std::pair(b.started, b.claim);
}

std::string described(const ClaimRow& holder, const ClaimRow& own) {
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

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "(unknown)";
}

struct PipelineClaim::State {
  clickhouse::Endpoint endpoint;
  std::string database;
  ClaimOptions options;
  spdlog::logger& log;
  std::stop_token stop;
  ClaimRow own;
  bool had_to_wait = false;
  bool is_written = false;  // others may see it
  std::string told_of;      // the holder that the log told of last, and when
  milliseconds told_at{};
  std::atomic<milliseconds> last_beat{};  // uptime() before it was sent
  std::atomic<bool> is_lost = false;      // it was late, and another may have taken the tables
  std::jthread beating;

  ~State();
  void acquire();
  void give_up_after(milliseconds waited, const ClaimRow& holder);
  std::vector<ClaimRow> blockers(ClaimTable& table) const;
  void write(ClaimTable& table, ClaimState state);
  void tell_of(const ClaimRow& holder, milliseconds waited);
  void beat(const std::stop_token& ended);
  milliseconds silence() const { return uptime() - last_beat.load(); }
  bool may_have_expired() const { return is_lost || silence() > options.expiry / 2; }
};

PipelineClaim::State::~State() {
  if (beating.joinable()) {
    beating.request_stop();
    beating.join();
  }
  if (!is_written) return;
  try {
    ClaimTable table(clickhouse::impatient(endpoint, kReleasePatienceSeconds), database, {});
    write(table, ClaimState::kReleased);
  } catch (const base::Error& error) {
    log.warn("the claim on this run's tables was not given back and has to expire: {}",
             error.what());
  }
}

void PipelineClaim::State::write(ClaimTable& table, ClaimState state) {
  const milliseconds before = uptime();
  is_written = true;  // even if we are not told so
  ++own.sequence;     // a row on its way that comes late does not count any more
  own.state = state;
  table.write(own);
  last_beat = before;
  is_written = state != ClaimState::kReleased;
}

// Claims that stand in the way: those held, and those that have been wanted for longer.
std::vector<ClaimRow> PipelineClaim::State::blockers(ClaimTable& table) const {
  std::vector<ClaimRow> rows = table.live();
  std::erase_if(rows, [&](const ClaimRow& row) {
    return row.claim == own.claim || common_tables(row, own).empty() || has_ended_here(row, own) ||
           (row.state != ClaimState::kHeld && !is_older(row, own));
  });
  return rows;
}

// Nobody goes on but who has written that it holds the tables and then looked and seen no other
// that does: of two that do so at once, at least one sees the other. The younger one steps back
// then and lets the older one look again. So claims are served in the order of their age, and who
// waits writes nothing but its heartbeat.
void PipelineClaim::State::acquire() {
  ClaimTable table(endpoint, database, stop);
  table.create();
  own.started = table.now();
  std::minstd_rand random{std::random_device{}()};
  const milliseconds begin = uptime();
  milliseconds pause = kFirstLook;
  std::size_t last_count = 0;
  while (true) {
    if (is_written && silence() >= options.heartbeat) write(table, own.state);
    const std::vector<ClaimRow> seen = blockers(table);
    if (seen.empty()) {
      if (own.state == ClaimState::kHeld && !may_have_expired()) break;
      write(table, ClaimState::kHeld);
      continue;
    }
    had_to_wait = true;
    give_up_after(uptime() - begin, seen.front());
    const bool steps_back = own.state == ClaimState::kHeld && is_older(seen.front(), own);
    if (steps_back || !is_written) write(table, ClaimState::kWanted);
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

void PipelineClaim::State::give_up_after(milliseconds waited, const ClaimRow& holder) {
  if (waited < options.patience) return;
  throw base::ServerError(
      fmt::format("another pipeline loads into the same tables: {}; waited {} s for it. Run again "
                  "when it has ended; if it is dead, its claim ends {} s after its last heartbeat",
                  described(holder, own), waited.count() / 1'000, holder.expiry),
      0);
}

void PipelineClaim::State::tell_of(const ClaimRow& holder, milliseconds waited) {
  if (holder.claim == told_of && waited - told_at < kTellAgain) return;
  told_of = holder.claim;
  told_at = waited;
  log.warn("waiting for another pipeline: {}", described(holder, own));
}

void PipelineClaim::State::beat(const std::stop_token& ended) {
  milliseconds pause = options.heartbeat;
  while (base::pause_for(pause, ended)) {
    const milliseconds expires = last_beat.load() + options.expiry;
    try {
      // An expired claim must not come to life again beside its successor.
      if (uptime() <= expires) {
        // Short enough to fail before the claim expires.
        ClaimTable table(clickhouse::impatient(endpoint, options.expiry.count() / 4), database,
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

PipelineClaim::PipelineClaim(const clickhouse::Endpoint& endpoint, const std::string& database,
                             const std::set<std::string>& tables, const std::string& run_id,
                             const ClaimOptions& options, spdlog::logger& log, std::stop_token stop)
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

PipelineClaim::~PipelineClaim() = default;

bool PipelineClaim::had_to_wait() const { return state_->had_to_wait; }

void PipelineClaim::check() const {
  if (state_->own.tables.empty() || !state_->may_have_expired()) return;
  throw base::ServerError(
      fmt::format(
          "this run's claim on its tables may have expired: no heartbeat reached ClickHouse "
          "for {} s of {}; nothing is committed, run again",
          state_->silence().count() / 1'000, state_->options.expiry.count()),
      0);
}

}  // namespace qvdhouse::sync
