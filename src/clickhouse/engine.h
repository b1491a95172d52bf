// The embedded ClickHouse: a genuine server out of libchdb, run as a child process of its own
// (`qvdhouse-engine`) over one data directory. docs/clickhouse.md, "One way in: HTTP".
//
// Lifetime: every process that uses the engine holds a shared flock on DATA/engine.lock; the engine
// waits for the exclusive one, which it gets when the last user is gone, however it died. It then
// stays for the time in DATA/engine.linger, which that user wrote, and ends itself unless another
// one has come. So commands attach to an engine that runs already, whoever started it, through
// DATA/engine.json (mode 0600: pid, start time, ports, users, passwords, and the folder that it is
// of).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

struct EngineOptions {
  std::filesystem::path data_dir;
  std::uint16_t http_port = 0;  // 0: any free one
  std::uint16_t tcp_port = 0;   // 0: none, or any free one when native clients are wanted
  bool native_clients = false;  // a port of the native protocol is wanted, as a tcp_port says too
  std::string user = "qvdhouse";
  std::string password;                  // empty: a random one for this start
  std::string reader_user = "reader";    // a second user, who can read tables and nothing else
  std::string reader_password;           // as password
  std::uint64_t memory_bytes = 0;        // max_server_memory_usage; 0: 60 % of the machine's
  std::filesystem::path engine_binary;   // empty: beside this executable
  std::filesystem::path engine_library;  // libchdb.so; empty: the usual places
  std::chrono::milliseconds start_timeout{120'000};
  // How long the engine stays after its last user, unless a later one says otherwise; see
  // engine_linger.h.
  std::chrono::seconds linger{0};
};

// What engine.json says of a running engine.
struct EngineInfo {
  int pid = 0;
  std::uint64_t pid_start_time = 0;  // field 22 of /proc/PID/stat
  std::uint16_t http_port = 0;
  std::uint16_t tcp_port = 0;  // 0: none
  std::string user;
  std::string password;
  std::string reader_user;  // empty: an older program started it, which knows no reader
  std::string reader_password;
  std::string nonce;  // GET /qvdhouse-nonce answers it, before any password is sent
  // What it was started with: the folder, and the options of these names.
  std::filesystem::path data_dir;
  std::uint64_t memory_bytes = 0;
  std::string library;
  std::string binary;
};

class Engine {
 public:
  // Attaches to the engine that runs on options.data_dir, or starts one. Throws ConfigError
  // (library or binary not found, ports of an engine in use that differ or that it lacks), IoError
  // (it did not start; with the last lines of its log). A start that a signal ends is tried once
  // more.
  static Engine attach_or_start(const EngineOptions& options);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  const EngineInfo& info() const;
  bool started_here() const;
  // Whether its process lives: nobody but the system or another program ends it under a user.
  bool is_running() const;
  // An endpoint with the engine's own user; set `database` as wanted.
  Endpoint endpoint(std::string database) const;
  // The same with the user who can only read; nothing where the engine has none.
  std::optional<Endpoint> reader_endpoint(std::string database) const;

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What to do where libchdb.so is not there, as the end of "Fix: …".
inline constexpr std::string_view kGetEngineLibrary =
    "get it with `install.sh --with-engine` or `apt install qvdhouse-engine` (a build has it after "
    "`./dev build`), or set where it is; a ClickHouse server (CLICKHOUSE_HOST) needs none";
// Where libchdb.so and qvdhouse-engine are looked for, in order; `doctor` shows it.
std::vector<std::filesystem::path> engine_library_candidates(const EngineOptions& options);
std::vector<std::filesystem::path> engine_binary_candidates(const EngineOptions& options);

}  // namespace qvdhouse::clickhouse
