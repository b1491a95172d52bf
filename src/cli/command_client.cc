// qvdhouse client: clickhouse-client on the same data, as a command to copy or run at once.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/error.h"
#include "base/pause.h"
#include "base/shell.h"
#include "cli/child.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/target.h"

namespace qvdhouse::cli {
namespace {

struct ClientArguments {
  bool exec = false;
  bool keep = false;
  bool write = false;
};

// Who logs in, and where.
struct Login {
  std::string user;
  std::string password;
  std::uint16_t http_port = 0;
  std::uint16_t tcp_port = 0;
  std::string database;
};

// Throws ConfigError where the engine has no reader and none but a reader may log in.
Login login_of(const clickhouse::EngineInfo& info, bool write, const std::string& database) {
  if (!write && info.reader_user.empty()) {
    throw base::ConfigError(fmt::format(
        "the engine that runs already (pid {}) was started by an older program and has no reader: "
        "end the commands that use it and try again, or add --write to log in as {}, who may "
        "change data",
        info.pid, info.user));
  }
  const bool as_reader = !write;
  return {.user = as_reader ? info.reader_user : info.user,
          .password = as_reader ? info.reader_password : info.password,
          .http_port = info.http_port,
          .tcp_port = info.tcp_port,
          .database = database};
}

// Without the password: other users of the machine can read a command line.
std::vector<std::string> client_call(const Login& login) {
  return {"clickhouse-client",
          "--host",
          "127.0.0.1",
          "--port",
          fmt::to_string(login.tcp_port),
          "--user",
          login.user,
          "--database",
          login.database};
}

std::string shell_call(const Login& login) {
  std::string line = "CLICKHOUSE_PASSWORD=" + base::shell_quoted(login.password);
  for (const std::string& word : client_call(login)) line += " " + base::shell_quoted(word);
  return line;
}

// What to tell another program, but for the password: it stands in an error.
std::string connection_strings(const Login& login) {
  return fmt::format(
      "  native  {}\n"
      "  HTTP    http://127.0.0.1:{}, user {}, database {}\n"
      "  JDBC    jdbc:clickhouse://127.0.0.1:{}/{}?user={}\n"
      "`qvdhouse client --keep` keeps the engine running and prints the password; "
      "engine.http_port, "
      "engine.tcp_port and engine.reader_password make address and password lasting",
      fmt::join(client_call(login), " "), login.http_port, login.user, login.database,
      login.http_port, base::encode_component(login.database), base::encode_component(login.user));
}

// The words that begin the call of an installed client. Throws TargetError, with what else there is
// to do, where none is installed or its version is below the oldest that talks to this engine.
std::vector<std::string> installed_client(const Login& login, const std::stop_token& stop) {
  constexpr int kOldestMajor = 20;
  const std::string instead = fmt::format(
      "Install a newer one (https://clickhouse.com/docs/install), ask with `qvdhouse query`, or "
      "connect another tool (docs/connect.md) to:\n{}",
      connection_strings(login));
  std::vector<std::string> words = {find_program("clickhouse-client")};
  if (words[0].empty()) words = {find_program("clickhouse"), "client"};
  if (words[0].empty()) {
    throw TargetError("neither clickhouse-client nor clickhouse is on PATH. " + instead);
  }
  std::vector<std::string> asked(words.begin() + 1, words.end());
  asked.emplace_back("--version");
  const std::string answer = run_child(words[0], asked, config::process_environment(), stop).output;
  const std::string version =
      answer.substr(std::min(answer.find_first_of("0123456789"), answer.size()));
  int major = kOldestMajor;  // of a text that is no version
  std::from_chars(version.data(), version.data() + version.size(), major);
  if (major < kOldestMajor) {
    throw TargetError(fmt::format("{} is version {}, too old for this engine. {}", words[0],
                                  version.substr(0, version.find_first_not_of("0123456789.")),
                                  instead));
  }
  return words;
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
      posix_spawn(&child, arguments[0], nullptr, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    throw TargetError(fmt::format("{} cannot be run: {}", call[0], std::strerror(failed)));
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
  const Login login =
      login_of(target.engine()->info(), arguments.write, context.config.sync.database);
  if (arguments.exec) {
    std::vector<std::string> call = installed_client(login, context.stop);
    const std::vector<std::string> words = client_call(login);
    call.insert(call.end(), words.begin() + 1, words.end());
    return run_client_program(call, login.password);
  }
  print(shell_call(login) + "\n");
  flush_output();
  if (arguments.keep) {
    context.display.line(
        fmt::format("The engine runs until Ctrl-C (HTTP: http://127.0.0.1:{})", login.http_port));
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
  o.flag("--write", a.write, "as the user who may change data, not as a reader");
  CLI::Option* exec = o.flag("--exec", a.exec, "run it instead of printing the call");
  o.flag("--keep", a.keep, "keep the engine running until Ctrl-C")->excludes(exec);
}

}  // namespace qvdhouse::cli
