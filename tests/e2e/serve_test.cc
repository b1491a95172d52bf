// `qvdhouse serve` and the commands that speak with it, as an operator uses them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "serve/test_client.h"
#include "tests/e2e/command_line.h"
#include "tests/support/eventually.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

// What systemd would be told.
class Manager {
 public:
  explicit Manager(const std::filesystem::path& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    is_bound_ = bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const timeval patience{.tv_sec = 120, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Manager() { ::close(fd_); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  bool is_bound() const { return is_bound_; }
  // Waits for that message; all that came before it, a line each.
  std::string until(std::string_view message) {
    std::string before;
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
      if (size < 0) return before + "(nothing more came)";
      const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
      if (text == message) return before;
      before += std::string(text) + "\n";
    }
  }

 private:
  int fd_;
  bool is_bound_ = false;
};

class Serve : public EngineCommandLine {
 protected:
  void configure(const std::string& settings) const {
    write_text("qvdhouse.toml",
               fmt::format("source = \"qvds\"\n{}\n[serve]\nport = {}\n", settings, port));
  }

  void start(const Environment& environment = {}) {
    service =
        std::make_unique<Process>(binary(), std::vector<std::string>{"serve"}, environment, folder);
  }

  bool has_ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(service->pid()), &info, WEXITED | WNOHANG | WNOWAIT) ==
               0 &&
           info.si_pid != 0;
  }

  Finished stop() const {
    ::kill(service->pid(), SIGTERM);
    return service->wait();
  }

  // An answer as JSON; null while there is none, or another status than `status`.
  Json get(const std::string& path, long status = 200) const {
    const serve::Reply reply = serve::call(port, path);
    return reply.status == status ? Json::parse(reply.body, nullptr, false) : Json();
  }

  bool is_ready() const { return !get("/ready").is_null(); }

  std::uint16_t port = free_port();
  std::unique_ptr<Process> service;
};

TEST_F(Serve, ABackfillRunsOnceAndItsWindowIsInTheHistory) {
  for (const char* month : {"202401", "202402", "202403"}) {
    write_qvd(fmt::format("Sales_{}.qvd", month));
  }
  configure(
      "schedule = \"@never\"\n[[table]]\nmatch = \"Sales_{month:6 digits}.qvd\"\nname = \"Sales\"");
  start();
  ASSERT_TRUE(eventually([&] { return is_ready(); }));
  EXPECT_EQ(qvdhouse({"workflow", "backfill"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"workflow", "run", "--since", "2024"}).exit_code, 1);
  EXPECT_THAT(qvdhouse({"workflow", "backfill", "--since", "2024", "--by", "mnth"}).err,
              HasSubstr("did you mean month?"));
  const auto backfilled = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"workflow", "backfill", "default", "--by", "month"});
    const std::string run = json(flags)["run_id"];
    EXPECT_TRUE(eventually([&] { return !get("/api/runs/" + run)["finished_at"].is_null(); }));
    return get("/api/runs/" + run);
  };
  const Json first = backfilled({"--since", "2024-02", "--until", "2024-03", "--limit", "1"});
  EXPECT_EQ(first["files_loaded"], 1);
  EXPECT_EQ(first["files_skipped"], 2);
  EXPECT_EQ(first["trigger"], "backfill");
  EXPECT_EQ(first["asked_for"], "since 2024-02 until 2024-03, by month, at most 1 file");
  EXPECT_EQ(first["files"][0]["file_name"], "Sales_202402.qvd");
  const Json again = backfilled({"--until", "2024-02-10", "--full"});
  EXPECT_EQ(again["files_loaded"], 2);
  EXPECT_THAT(qvdhouse({"workflow", "history"}).out, HasSubstr("2024-02-10, by month, full"));
}

TEST_F(Serve, TakesCommandsAndEndsWhenToldTo) {
  write_qvd("Items of \"März\".qvd");
  write_broken_qvd("Broken.qvd");
  configure("schedule = \"@never\"");
  EXPECT_EQ(qvdhouse({"workflow", "list"}).exit_code, 4);  // nobody answers yet
  start();
  ASSERT_TRUE(eventually([&] { return is_ready(); }));
  EXPECT_EQ(serve::call(port, "/").headers["content-type"], "text/html; charset=utf-8");

  EXPECT_EQ(json({"workflow", "list"})[0]["name"], "default");
  const std::string run = json({"workflow", "run"})["run_id"];
  ASSERT_TRUE(eventually([&] { return !get("/api/runs/" + run)["finished_at"].is_null(); }));

  const Json status = get("/consumption/qvd_status");
  EXPECT_EQ(status["summary"]["total_files"], 2);
  EXPECT_EQ(status["summary"]["current_failures"], 1);
  EXPECT_EQ(status["summary"]["total_rows_processed"], 3);
  const Json history = json({"workflow", "history"});
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0]["run_id"], run);
  EXPECT_EQ(history[0]["status"], "partial");
  EXPECT_THAT(qvdhouse({"workflow", "status"}).out, HasSubstr("partial"));
  EXPECT_THAT(qvdhouse({"status"}).out, HasSubstr("Items of"));  // beside the service

  const Finished paused = qvdhouse({"workflow", "pause"});
  EXPECT_EQ(paused.exit_code, 0) << paused.err;
  EXPECT_EQ(json({"workflow", "list"})[0]["paused"], true);
  EXPECT_EQ(qvdhouse({"workflow", "unpause"}).exit_code, 0);
  EXPECT_EQ(json({"workflow", "list"})[0]["paused"], false);
  EXPECT_EQ(qvdhouse({"workflow", "cancel"}).exit_code, 1);  // no run is under way
  EXPECT_THAT(qvdhouse({"workflow", "run", "nonsense"}).err, HasSubstr("default"));

  const Finished logs = qvdhouse({"logs", "--filter", "Broken.qvd", "--level", "error", "--json"});
  EXPECT_EQ(logs.exit_code, 0) << logs.err;
  const Json line = Json::parse(logs.out.substr(0, logs.out.find('\n')), nullptr, false);
  EXPECT_EQ(line["run_id"], run) << logs.out;

  const Finished ended = stop();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("Broken.qvd"));
  if (HasFailure()) std::cout << ended.err;
}

TEST_F(Serve, TellsSystemdHowItIs) {
  write_qvd("a.qvd");
  configure("schedule = \"@never\"");
  Manager manager(folder / "notify");
  ASSERT_TRUE(manager.is_bound());
  start({{"NOTIFY_SOCKET", (folder / "notify").string()}, {"WATCHDOG_USEC", "1500000"}});
  const std::string before = manager.until("READY=1");
  EXPECT_THAT(before, testing::StartsWith("STATUS=not ready: ")) << before;
  EXPECT_THAT(before, testing::EndsWith("STATUS=ready\n"));
  EXPECT_TRUE(is_ready());
  EXPECT_EQ(manager.until("WATCHDOG=1"), "");
  EXPECT_EQ(manager.until("WATCHDOG=1"), "STATUS=ready\n") << "again, by itself";
  ::kill(service->pid(), SIGTERM);
  manager.until("STOPPING=1\nSTATUS=stopping");
  EXPECT_EQ(service->wait().exit_code, 0);
}

TEST_F(Serve, WrongSettingsEndTheStart) {
  struct Case {
    std::string settings;  // after those that are right
    Environment environment;
    std::string said;
  };
  const std::vector<Case> cases = {
      {"", {{"QVD_SCHEDULE", "61 * * * *"}}, "61 * * * *"},
      {"", {{"QVD_PORT", "99999"}}, "99999"},
      {"tokenhash = \"sha256:0\"\n", {}, "serve.tokenhash"},
      {"token_hash = \"sha256:0\"\n", {}, "serve.token_hash"},
      {"token = \"\"\n", {}, "serve.token"},
      {"metrics_token = \"short\"\n", {}, "serve.metrics_token"},
      {"token = \"a token of a good length\"\nmetrics_token = \"a token of a good length\"\n",
       {},
       "the same as serve.token"},
      {"adress = \"127.0.0.1\"\n", {}, "serve.adress"},
      {"[serve.access]\ntoken = \"a token of a good length\"\n", {}, "serve.access"},
      {"tls_key = \"key.pem\"\n", {}, "serve.tls_certificate"},
      {"[[table]]\nmatch = \"a.qvd\"\nmode = \"now and then\"\n", {}, "now and then"},
      {"", {{"QVD_TOKENHASH", "sha256:0"}}, "QVD_TOKENHASH"},
      {"", {{"QVD_SERVE_TOKEN", "a token of a good length"}}, "QVD_SERVE_TOKEN"},
      {"", {{"QVD_SERVE_ADDRESS", "0.0.0.0"}}, "no token is set"},
      {"", {{"QVD_FILE_PATTERN", "[x"}}, "[x"},
      {"", {{"QVD_FILE_PATTERN", "../*"}}, "../*"},
      {"", {{"QVD_INCLUDE_FILES", "[x"}}, "[x"},
      {"", {{"QVD_SOURCE", "nosuch://s"}}, "nosuch://"},
      {"", {{"QVD_TIMEZONE", "Mars/X"}}, "time zone"}};
  for (const Case& one : cases) {
    write_text("qvdhouse.toml",
               fmt::format("source = \"qvds\"\n[serve]\nport = {}\n{}", port, one.settings));
    start(one.environment);
    EXPECT_TRUE(eventually([&] { return has_ended() || !get("/health").is_null(); }));
    const Finished ended = stop();
    EXPECT_EQ(ended.exit_code, 2) << one.said << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(one.said));
  }
}

TEST_F(Serve, ATokenThatIsSetLaterIsAskedForFromThenOn) {
  configure("schedule = \"@never\"");
  start();
  ASSERT_TRUE(eventually([&] { return is_ready(); }));
  const auto status = [&](const std::vector<std::string>& headers) {
    return serve::call(port, "/api/workflows", {.headers = headers}).status;
  };
  EXPECT_EQ(status({}), 200);
  const auto reload = [&](const std::string& settings) {
    write_text("qvdhouse.toml",
               fmt::format("source = \"qvds\"\n[serve]\nport = {}\n{}", port, settings));
    ::kill(service->pid(), SIGHUP);
  };
  reload("token = \"a token of a good length\"\n");
  EXPECT_TRUE(eventually([&] { return status({}) == 401; }));
  const std::vector<std::string> with_token = {"Authorization: Bearer a token of a good length"};
  EXPECT_EQ(status(with_token), 200);

  // What is wrong, or gone, opens nothing.
  reload("tokenhash = \"sha256:0\"\n");
  EXPECT_TRUE(eventually([&] { return !is_ready(); }));
  EXPECT_EQ(status({}), 401);
  reload("");
  EXPECT_TRUE(eventually([&] { return is_ready(); }));
  EXPECT_EQ(status({}), 401);
  EXPECT_EQ(status(with_token), 200);
  EXPECT_EQ(stop().exit_code, 0);
}

TEST_F(Serve, ANormalStartLogsNoErrorAndKnowsTheFreshness) {
  // As Qlik writes it, with the time of its creation.
  std::string file = base::read_text(write_qvd("a.qvd")).value_or("");
  const std::string element = "<CreateUtcTime>";
  ASSERT_NE(file.find(element), std::string::npos);
  write_text("qvds/a.qvd", file.insert(file.find(element) + element.size(), "2026-01-02 03:04:05"));
  configure("schedule = \"@yearly\"");
  const auto has_freshness = [&] {
    return serve::call(port, "/metrics").body.find("qvdhouse_table_freshness_seconds{") !=
           std::string::npos;
  };
  for (int i = 0; i < 2; ++i) {
    start();
    ASSERT_TRUE(eventually([&] { return is_ready() && has_freshness(); }));
    const Finished ended = stop();
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_THAT(ended.err, Not(HasSubstr(" error: ")));
    EXPECT_THAT(ended.err, Not(HasSubstr(" warning: ")));
  }
}

// The levels of the lines, each of which has to be an object; "?" for one that is none.
std::vector<std::string> levels(const std::string& lines) {
  std::vector<std::string> found;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    const Json json = Json::parse(line, nullptr, false);
    const bool is_line = json.is_object() && json.contains("at") && json.contains("message");
    found.push_back(is_line ? json.value("level", "?") : "?");
    EXPECT_NE(found.back(), "?") << line;
  }
  return found;
}

TEST_F(Serve, EveryLineIsJsonWhereThatIsAskedFor) {
  const Environment json = {{"QVD_LOG_FORMAT", "json"}};
  for (const char* wrong : {"schedule = \"61 * * * *\"", "schedule = "}) {
    configure(wrong);
    start(json);
    const Finished ended = service->wait();
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(levels(ended.err), ::testing::ElementsAre("error"));
  }
  configure("schedule = \"@never\"\nlog_format = \"json\"");
  start();
  ASSERT_TRUE(eventually([&] { return is_ready(); }));
  const Finished ended = stop();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(levels(ended.err), ::testing::Each("info"));
  EXPECT_THAT(ended.err, HasSubstr("starting: "));
}

TEST_F(Serve, TheLogLevelHoldsForWhatHappens) {
  write_qvd("a.qvd");
  configure("schedule = \"@yearly\"\nlog_level = \"warning\"\nlog_format = \"json\"");
  start();
  ASSERT_TRUE(eventually([&] {
    const Json overview = get("/api/overview");
    return !overview.is_null() && overview["verdict"]["title"] == "1 table current";
  }));
  const Finished ended = stop();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(levels(ended.err), ::testing::Each("info"));  // that it was told to stop
  EXPECT_THAT(ended.err, Not(HasSubstr("run_")));
}

TEST_F(Serve, HangupReadsTheConfigurationAgain) {
  configure("schedule = \"@never\"");
  start();
  ASSERT_TRUE(eventually([&] { return is_ready(); }));
  const auto schedule = [&] { return get("/api/workflows")["workflows"][0]["schedule"]; };
  EXPECT_EQ(schedule(), "@never");

  configure("schedule = \"@yearly\"");
  ::kill(service->pid(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return schedule() == "@yearly"; }));

  configure("schedule = \"every now and then\"");
  ::kill(service->pid(), SIGHUP);
  EXPECT_TRUE(eventually([&] {
    return get("/ready", 503).dump().find("every now and then") != std::string::npos;
  })) << serve::call(port, "/ready").body;
  EXPECT_EQ(schedule(), "@yearly");

  configure("schedule = \"@monthly\"");
  ::kill(service->pid(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return is_ready() && schedule() == "@monthly"; }));
  EXPECT_EQ(stop().exit_code, 0);
}

TEST_F(Serve, AShortTokenEndsTheStart) {
  configure("");
  const Finished refused = qvdhouse({"serve"}, {{"QVD_TOKEN", "0123456789abcde"}});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("expected at least 16 characters, found 15"));
}

}  // namespace
}  // namespace qvdhouse::tests
