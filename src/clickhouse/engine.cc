#include "clickhouse/engine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "clickhouse/engine_files.h"
#include "clickhouse/engine_process.h"

namespace qvdhouse::clickhouse {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kLibraryName = "libchdb.so";
constexpr const char* kBinaryName = "qvdhouse-engine";
constexpr int kStartAttempts = 3;
// How long an engine whose process lives may leave the nonce unanswered.
constexpr milliseconds kAttachPatience{5'000};
constexpr milliseconds kPoll{2};

// The last query keeps the engine's main thread, at no cost; a single long sleep would end by
// itself. The port of native clients is opened later, by open_to_users().
constexpr const char* kStartQueries =
    "SYSTEM START LISTEN HTTP; "
    "SELECT sleepEachRow(2) FROM system.numbers FORMAT Null "
    "SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0";

fs::path own_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

fs::path first_existing(const std::vector<fs::path>& candidates, std::string_view what,
                        std::string_view fix) {
  std::vector<std::string> looked_at;
  for (const auto& candidate : candidates) {
    std::error_code missing;
    if (fs::is_regular_file(candidate, missing)) return fs::absolute(candidate);
    looked_at.push_back(candidate.string());
  }
  throw base::ConfigError(
      fmt::format("{} not found at {}; {}", what, fmt::join(looked_at, ", "), fix));
}

Endpoint endpoint_of(const EngineInfo& info, std::string user, std::string database) {
  return {.url = fmt::format("http://127.0.0.1:{}", info.http_port),
          .user = std::move(user),
          .password = info.password,
          .database = std::move(database)};
}

Endpoint reader_endpoint_of(const EngineInfo& info, std::string database) {
  Endpoint endpoint = endpoint_of(info, info.reader_user, std::move(database));
  endpoint.password = info.reader_password;
  return endpoint;
}

// Fails to log in as `default`, which has no password, until its quota of failures is used up: from
// then on every login of it is refused. True once one was refused for that reason.
bool is_default_closed(const EngineInfo& info) {
  constexpr int kQuotaExceeded = 201;
  constexpr int kLogins = 4;  // two are enough
  Connection stranger(endpoint_of(info, "default", "system"));
  for (int i = 0; i != kLogins; ++i) {
    try {
      stranger.query("SELECT 1");
    } catch (const base::ServerError& error) {
      if (error.code() == kQuotaExceeded) return true;
    }
  }
  return false;
}

// Whether the reader is let in: the gate of an older qvdhouse-engine does not know it.
bool is_reader_let_in(const EngineInfo& info) try {
  Connection(reader_endpoint_of(info, "system")).query("SELECT 1");
  return true;
} catch (const base::ServerError&) {
  return false;
}

// The last steps of a start, once HTTP answers. Why the engine is not for use; nothing when it is.
std::optional<std::string> open_to_users(const EngineInfo& info) try {
  if (!is_default_closed(info)) return "its user \"default\" could not be closed to strangers";
  if (info.tcp_port != 0) {
    Connection(endpoint_of(info, info.user, "system")).query("SYSTEM START LISTEN TCP");
  }
  return std::nullopt;
} catch (const base::Error& error) {
  return error.what();
}

bool is_alive(const EngineInfo& info) {
  return process_start_time(info.pid) == std::optional(info.pid_start_time);
}

// The engine that engine.json tells of, if it runs and is the one.
std::optional<EngineInfo> running_engine(const fs::path& data_dir) {
  auto info = read_engine_info(data_dir);
  if (!info) return std::nullopt;
  const auto deadline = steady_clock::now() + kAttachPatience;
  while (is_alive(*info)) {
    if (answers_nonce(info->http_port, info->nonce)) return info;
    if (steady_clock::now() >= deadline) {
      throw base::IoError(fmt::format(
          "the engine of {} runs (pid {}) but does not answer on 127.0.0.1:{}: wait until it "
          "does, or end it with \"kill {}\"",
          data_dir.string(), info->pid, info->http_port, info->pid));
    }
    std::this_thread::sleep_for(kPoll);
  }
  return std::nullopt;
}

std::optional<std::string> wrong_port(std::string_view which, std::uint16_t wanted,
                                      std::uint16_t found, const EngineInfo& info) {
  if (wanted == 0 || wanted == found) return std::nullopt;
  return fmt::format(
      "{} {} is wanted, but the engine that runs already (pid {}) listens on {}: use that, or end "
      "the commands that use it first",
      which, wanted, info.pid, found);
}

// Whether it would be started in the same way now, but for what a user asks of it.
bool is_as_set(const EngineOptions& options, const EngineInfo& info) {
  return info.memory_bytes == options.memory_bytes &&
         info.library == options.engine_library.string() &&
         info.binary == options.engine_binary.string();
}

// Whether the engine's paths lead to nothing, or to another folder, any more.
bool was_moved(const EngineInfo& info, const fs::path& data_dir) {
  std::error_code missing;
  return !fs::equivalent(info.data_dir, data_dir, missing);
}

bool wants_native(const EngineOptions& options) {
  return options.native_clients || options.tcp_port != 0;
}

// Why a running engine is not the one that is wanted; nothing when it is.
std::optional<std::string> why_not_wanted(const EngineOptions& options, const EngineInfo& info) {
  if (auto wrong = wrong_port("HTTP port", options.http_port, info.http_port, info)) return wrong;
  if (wants_native(options) && info.tcp_port == 0) {
    return fmt::format(
        "the engine that runs already (pid {}) has no TCP port for native clients: start the "
        "command that keeps it running with --tcp-port PORT (or QVD_TCP_PORT), or end the commands "
        "that use it and run \"qvdhouse client --keep\"; HTTP clients can use "
        "http://127.0.0.1:{} as it is",
        info.pid, info.http_port);
  }
  if (auto wrong = wrong_port("TCP port", options.tcp_port, info.tcp_port, info)) return wrong;
  const EngineOptions usual;
  const auto is_other = [](const std::string& wanted, const std::string& by_default,
                           const std::string& found) {
    return wanted != by_default && wanted != found;
  };
  std::string_view other;
  if (is_other(options.reader_password, usual.reader_password, info.reader_password)) {
    other = "reader_password";
  }
  if (is_other(options.reader_user, usual.reader_user, info.reader_user)) other = "reader_user";
  if (is_other(options.password, usual.password, info.password)) other = "password";
  if (is_other(options.user, usual.user, info.user)) other = "user";
  if (other.empty()) return std::nullopt;
  return fmt::format(
      "the engine that runs already (pid {}) was started with another {}: use that, or end the "
      "commands that use it first",
      info.pid, other);
}

EngineInfo fresh_info(const EngineOptions& options) {
  EngineInfo info;
  info.http_port = options.http_port != 0 ? options.http_port : free_port();
  info.tcp_port = options.tcp_port;
  while (wants_native(options) &&
         (info.tcp_port == 0 || (options.tcp_port == 0 && info.tcp_port == info.http_port))) {
    info.tcp_port = free_port();
  }
  info.user = options.user;
  info.password = options.password.empty() ? random_hex(24) : options.password;
  info.reader_user = options.reader_user;
  info.reader_password = options.reader_password.empty() ? random_hex(24) : options.reader_password;
  info.nonce = random_hex(16);
  info.data_dir = fs::absolute(options.data_dir);
  info.memory_bytes = options.memory_bytes;
  info.library = options.engine_library.string();
  info.binary = options.engine_binary.string();
  return info;
}

// What a failed start printed, with what to do where that is known.
std::string explained(const fs::path& data_dir, const EngineInfo& info, const std::string& log) {
  if (log.find("Cannot lock file") != std::string::npos) {
    return fmt::format("another ClickHouse uses this folder; end it first. It says of itself:\n{}",
                       last_lines(data_dir / "status", 3));
  }
  if (log.find("Address already in use") != std::string::npos) {
    if (info.tcp_port == 0) {
      return fmt::format("port {} of 127.0.0.1 is in use: choose another", info.http_port);
    }
    return fmt::format("port {} or {} of 127.0.0.1 is in use: choose others", info.http_port,
                       info.tcp_port);
  }
  return "its log ends with:\n" + log;
}

}  // namespace

struct Engine::State {
  // How a try to start ended, when not well.
  struct Failure {
    std::string log;         // what the engine printed, and how it ended
    bool by_signal = false;  // of its own: not killed by us
  };

  fs::path data_dir;
  base::FileLock in_use;  // held as long as this lives: the engine runs on
  EngineInfo info;
  std::optional<ChildProcess> child;  // when started here
  std::chrono::seconds linger{0};

  void start(const EngineOptions& options);
  std::optional<Failure> try_start(const EngineOptions& options, const fs::path& binary,
                                   const fs::path& library);
  // Waits until the engine that was just started answers.
  std::optional<std::string> wait_for_answer(milliseconds patience);
  // Ends the running engine if nobody else uses it. Whether it has ended.
  bool end_unused();
  void use() {
    in_use = lock_within(kAttachPatience, data_dir / "engine.lock", base::FileLock::Kind::kShared,
                         "the engine that ran here is still ending; try again");
  }
  // Lets the engine notice that nobody uses it, and that it is to end then.
  void leave() {
    write_linger(data_dir, std::chrono::seconds(0));
    in_use = base::FileLock();
  }
};

bool Engine::State::end_unused() {
  // The engine itself takes the lock for a moment each time it looks.
  constexpr int kTries = 10;
  for (int i = 0; !in_use.try_lock(base::FileLock::Kind::kExclusive); ++i) {
    if (i == kTries) {
      use();
      return !is_alive(info);
    }
    std::this_thread::sleep_for(kPoll);
  }
  leave();
  const auto deadline = steady_clock::now() + kAttachPatience;
  while (is_alive(info) && steady_clock::now() < deadline) std::this_thread::sleep_for(kPoll);
  use();
  return !is_alive(info);
}

std::optional<std::string> Engine::State::wait_for_answer(milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  while (!answers_nonce(info.http_port, info.nonce)) {
    if (child->ended()) return "";
    if (steady_clock::now() >= deadline) {
      return fmt::format("no answer on 127.0.0.1:{} within {} ms", info.http_port,
                         patience.count());
    }
    std::this_thread::sleep_for(kPoll);
  }
  return std::nullopt;
}

std::optional<Engine::State::Failure> Engine::State::try_start(const EngineOptions& options,
                                                               const fs::path& binary,
                                                               const fs::path& library) {
  // What dies under our requests needs a moment to be dead.
  constexpr milliseconds kDying{1'000};
  info = fresh_info(options);
  const auto files = write_engine_config(options, info);
  const auto log = data_dir / "engine-stderr.log";
  child.emplace(std::vector<std::string>{binary.string(), library.string(),
                                         (data_dir / "engine.lock").string(),
                                         (data_dir / kLingerFile).string(), files.gate.string(),
                                         "--config-file=" + files.config.string(),
                                         std::string("--query=") + kStartQueries},
                data_dir, log);
  info.pid = child->pid();
  info.pid_start_time = process_start_time(info.pid).value_or(0);

  auto failure = wait_for_answer(options.start_timeout);
  if (!failure) {
    failure = open_to_users(info);
    if (!failure) {
      if (!is_reader_let_in(info)) info.reader_user.clear();
      return std::nullopt;
    }
    child->wait_for(kDying);
  }
  const bool by_signal = child->is_ended_by_signal();
  if (child->ended()) {
    failure = *child->ended();
  } else {
    child->kill();
  }
  return Failure{.log = fmt::format("{}\n({})", last_lines(log, 12), *failure),
                 .by_signal = by_signal};
}

void Engine::State::start(const EngineOptions& options) {
  const auto binary = first_existing(engine_binary_candidates(options), kBinaryName,
                                     "build it beside this program, or set where it is");
  const auto library =
      first_existing(engine_library_candidates(options), kLibraryName, kGetEngineLibrary);
  make_subfolders_private(data_dir);
  // Until engine.json tells of it: nobody could find it.
  write_linger(data_dir, std::chrono::seconds(0));
  const bool any_port = options.http_port == 0 || (wants_native(options) && options.tcp_port == 0);
  bool was_ended_by_signal = false;
  for (int attempt = 1;; ++attempt) {
    const auto failure = try_start(options, binary, library);
    if (!failure) break;
    const bool port_taken = failure->log.find("Address already in use") != std::string::npos;
    const bool folder_taken = failure->log.find("Cannot lock file") != std::string::npos;
    const bool may_pass = failure->by_signal && !std::exchange(was_ended_by_signal, true);
    const bool worthwhile = folder_taken || may_pass || (port_taken && any_port);
    if (!worthwhile || attempt == kStartAttempts) {
      throw base::IoError(fmt::format("the engine did not start on {}: {}", data_dir.string(),
                                      explained(data_dir, info, failure->log)));
    }
    if (folder_taken) {
      // Perhaps an engine whose starter died before it wrote engine.json: left alone by us for a
      // moment, it ends itself.
      leave();
      std::this_thread::sleep_for(milliseconds(100));
      use();
    }
  }
  write_engine_info(data_dir, info);
}

Engine Engine::attach_or_start(const EngineOptions& options) {
  auto state = std::make_unique<State>();
  std::error_code exists;
  if (fs::create_directories(options.data_dir, exists)) {
    fs::permissions(options.data_dir, fs::perms::owner_all);
  }
  state->data_dir = fs::absolute(options.data_dir);

  // One after the other: whoever comes second finds the engine that the first one started. The
  // lock that keeps an engine alive is taken only then, so that nobody keeps one that no
  // engine.json tells of.
  const base::FileLock starting =
      lock_within(options.start_timeout, state->data_dir / "engine.start.lock",
                  base::FileLock::Kind::kExclusive,
                  "another command has been starting the engine for too long; end it");
  state->use();
  auto info = running_engine(state->data_dir);
  if (info) {
    state->info = *info;
    const auto reason = why_not_wanted(options, *info);
    const bool is_ended =
        (reason || was_moved(*info, state->data_dir) || !is_as_set(options, *info)) &&
        state->end_unused();
    if (is_ended) {
      info.reset();
    } else if (reason) {
      throw base::ConfigError(*reason);
    }
  }
  if (!info) state->start(options);
  write_linger(state->data_dir, options.linger);
  state->linger = options.linger;
  return Engine(std::move(state));
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}

Engine::~Engine() {
  if (!state_) return;
  state_->in_use = base::FileLock();
  // If we were the last, it ends at once, and leaves no zombie.
  constexpr milliseconds kEnding{100};
  if (state_->child && state_->linger == std::chrono::seconds(0)) state_->child->wait_for(kEnding);
}

Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

const EngineInfo& Engine::info() const { return state_->info; }
bool Engine::started_here() const { return state_->child.has_value(); }
bool Engine::is_running() const { return is_alive(state_->info); }

Endpoint Engine::endpoint(std::string database) const {
  return endpoint_of(state_->info, state_->info.user, std::move(database));
}

std::optional<Endpoint> Engine::reader_endpoint(std::string database) const {
  if (state_->info.reader_user.empty()) return std::nullopt;
  return reader_endpoint_of(state_->info, std::move(database));
}

std::vector<fs::path> engine_binary_candidates(const EngineOptions& options) {
  if (!options.engine_binary.empty()) return {options.engine_binary};
  const auto folder = own_folder();
  return {folder / kBinaryName, folder / "../lib/qvdhouse" / kBinaryName};
}

std::vector<fs::path> engine_library_candidates(const EngineOptions& options) {
  if (!options.engine_library.empty()) return {options.engine_library};
  const auto folder = own_folder();
  std::vector<fs::path> candidates{folder / kLibraryName,
                                   folder / "../lib/qvdhouse" / kLibraryName};
  // A build tree lies within the source tree, where npm has put the library.
  for (auto above = folder; above.has_relative_path(); above = above.parent_path()) {
    candidates.push_back(above / "packaging/engine/node_modules/@chdb/lib-linux-x64-gnu" /
                         kLibraryName);
  }
  return candidates;
}

}  // namespace qvdhouse::clickhouse
