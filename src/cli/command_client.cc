// qvdhouse client: clickhouse-client on the same data, as a command to copy or run at once.
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/pause.h"
#include "base/shell.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/target.h"

namespace qvdhouse::cli {
namespace {

struct ClientArguments {
  bool exec = false;
  bool keep = false;
};

// Without the password: other users of the machine can read a command line.
std::vector<std::string> client_call(const clickhouse::EngineInfo& info,
                                     const std::string& database) {
  return {"clickhouse-client",
          "--host",
          "127.0.0.1",
          "--port",
          fmt::to_string(info.tcp_port),
          "--user",
          info.user,
          "--database",
          database};
}

std::string shell_call(const clickhouse::EngineInfo& info, const std::string& database) {
  std::string line = "CLICKHOUSE_PASSWORD=" + base::shell_quoted(info.password);
  for (const std::string& word : client_call(info, database))
    line += " " + base::shell_quoted(word);
  return line;
}

// Runs the client on this terminal and waits for it. This process must stay: the engine lives only
// as long as somebody uses it.
int run_client_program(const std::vector<std::string>& call, const std::string& password) {
  std::vector<char*> arguments;
  for (const std::string& word : call) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  setenv("CLICKHOUSE_PASSWORD", password.c_str(), 1);
  // Ctrl-C is the client's business while it runs.
  signal(SIGINT, SIG_IGN);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int failed =
      posix_spawnp(&child, arguments[0], nullptr, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    throw TargetError(
        fmt::format("clickhouse-client cannot be run ({}); install the package "
                    "clickhouse-client, or use qvdhouse query",
                    std::strerror(failed)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? kOk : kClickHouse;
}

// Until the stop. Throws TargetError when the engine ends before it.
void keep_running(const clickhouse::Engine& engine, const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kLook{250};
  while (base::pause_for(kLook, stop)) {
    if (engine.is_running()) continue;
    throw TargetError(fmt::format(
        "the engine (pid {}) has ended; its last words may stand in engine.log and "
        "engine-stderr.log of the data directory. Run `qvdhouse client --keep` again to start "
        "another",
        engine.info().pid));
  }
}

int run_client(const ClientArguments& arguments, const Context& context) {
  if (context.config.endpoint) {
    throw UsageError("client is for the embedded engine; the target is the server " +
                     context.config.endpoint->url + ", which your own tools reach directly");
  }
  const Target target = Target::open(context, arguments.keep, true);
  const clickhouse::EngineInfo& info = target.engine()->info();
  if (arguments.exec) {
    return run_client_program(client_call(info, context.config.sync.database), info.password);
  }
  print(shell_call(info, context.config.sync.database) + "\n");
  flush_output();
  if (arguments.keep) {
    context.display.line(
        fmt::format("The engine runs until Ctrl-C (HTTP: http://127.0.0.1:{})", info.http_port));
    keep_running(*target.engine(), context.stop);
  } else if (target.engine()->started_here()) {
    context.display.line(
        "The engine was started for this command and ends with it. Keep it with "
        "`qvdhouse client --keep`, or run the client at once with `qvdhouse client --exec`.");
  }
  return kOk;
}

}  // namespace

void add_client(CommandLine& line) {
  auto [o, a] = line.add("client", kTables, "clickhouse-client on the embedded engine", run_client);
  o.example("qvdhouse client --exec");
  o.settings({Topic::kEngine});
  CLI::Option* exec = o.flag("--exec", a.exec, "run it instead of printing the call");
  o.flag("--keep", a.keep, "keep the engine running until Ctrl-C")->excludes(exec);
}

}  // namespace qvdhouse::cli
