#include "tests/servers/clickhouse.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "clickhouse/engine.h"
#include "clickhouse/engine_process.h"
#include "tests/servers/credentials.h"
#include "tests/servers/daemon.h"
#include "tests/servers/programs.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace fs = std::filesystem;
namespace {

void check_engine_is_there(const clickhouse::EngineOptions& options) {
  const auto places = clickhouse::engine_library_candidates(options);
  if (std::ranges::any_of(places, [](const fs::path& path) { return fs::exists(path); })) return;
  throw NotAvailable("TEST SERVER MISSING: libchdb.so. `./dev test` fetches it from npm");
}

bool is_running(const clickhouse::EngineInfo& engine) {
  return clickhouse::process_start_time(engine.pid) == engine.pid_start_time;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, ServerKind kind) {
  constexpr const char* kNames[] = {"http_18_16", "http_26_7", "https_26_7"};
  return out << kNames[static_cast<int>(kind)];
}

struct ClickHouseServer::State {
  ServerKind kind;
  fs::path work;
  std::uint16_t port = 0;
  std::string url;
  std::unique_ptr<Daemon> front;             // nginx
  std::unique_ptr<Daemon> oldest;            // one of these two
  std::optional<clickhouse::Engine> newest;  // the lock that it holds keeps the server alive

  void start();
  void start_front();
};

void ClickHouseServer::State::start() {
  if (kind == ServerKind::kOldest) {
    oldest = std::make_unique<Daemon>(
        unpacked("/usr/sbin/clickhouse-server"),
        std::vector<std::string>{"--config-file=" + (work / "config.xml").string()},
        unpacked_environment(), work, port);
    return;
  }
  const clickhouse::EngineOptions options{
      .data_dir = work / "data", .http_port = port, .user = kUser, .password = kPassword};
  check_engine_is_there(options);
  newest = clickhouse::Engine::attach_or_start(options);
}

void ClickHouseServer::State::start_front() {
  write_certificates(work);
  const std::uint16_t tls_port = free_port();
  write_configuration(
      "clickhouse_tls.conf", work / "nginx.conf",
      {{"WORK", work}, {"PORT", std::to_string(port)}, {"TLS_PORT", std::to_string(tls_port)}});
  front =
      std::make_unique<Daemon>(unpacked("/usr/sbin/nginx"),
                               std::vector<std::string>{"-e", "stderr", "-c", work / "nginx.conf"},
                               unpacked_environment(), work, tls_port);
  url = fmt::format("https://127.0.0.1:{}", tls_port);
}

ClickHouseServer::ClickHouseServer(ServerKind kind, fs::path work)
    : state_(std::make_unique<State>(State{.kind = kind,
                                           .work = std::move(work),
                                           .port = free_port(),
                                           .url = {},
                                           .front = nullptr,
                                           .oldest = nullptr,
                                           .newest = std::nullopt})) {
  fs::create_directories(state_->work);
  state_->url = fmt::format("http://127.0.0.1:{}", state_->port);
  if (kind == ServerKind::kOldest) {
    write_configuration("clickhouse_18.xml", state_->work / "config.xml",
                        {{"WORK", state_->work},
                         {"PORT", std::to_string(state_->port)},
                         {"USER", kUser},
                         {"READER", kReader},
                         {"PASSWORD", kPassword}});
  }
  state_->start();
  if (kind == ServerKind::kNewestTls) state_->start_front();
}

ClickHouseServer::~ClickHouseServer() = default;

const std::string& ClickHouseServer::url() const { return state_->url; }
std::string ClickHouseServer::user() const { return kUser; }
std::string ClickHouseServer::password() const { return kPassword; }
std::uint16_t ClickHouseServer::http_port() const { return state_->port; }

fs::path ClickHouseServer::ca_file() const {
  return state_->kind == ServerKind::kNewestTls ? state_->work / "ca.crt" : fs::path();
}

clickhouse::Endpoint ClickHouseServer::endpoint(std::string database) const {
  return {.url = url(),
          .user = user(),
          .password = password(),
          .database = std::move(database),
          .ca_file = ca_file()};
}

Environment ClickHouseServer::environment(const std::string& database, std::uint16_t port) const {
  const std::string server = port == 0 ? url() : fmt::format("http://127.0.0.1:{}", port);
  return {{"CLICKHOUSE_URL", server + "/" + database},
          {"CLICKHOUSE_USER", user()},
          {"CLICKHOUSE_PASSWORD", password()},
          {"CLICKHOUSE_CA_FILE", ca_file().string()}};
}

void ClickHouseServer::kill() {
  const pid_t pid = state_->oldest ? state_->oldest->pid() : state_->newest->info().pid;
  ::kill(pid, SIGKILL);
  state_->oldest.reset();
  state_->newest.reset();
}

void ClickHouseServer::restart() {
  if (state_->newest && !is_running(state_->newest->info())) state_->newest.reset();
  if (!state_->oldest && !state_->newest) state_->start();
}

}  // namespace qvdhouse::tests
