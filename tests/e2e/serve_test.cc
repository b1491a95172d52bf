// `qvdhouse serve` and the commands that speak with it, as an operator uses them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <thread>

#include "base/files.h"
#include "serve/test_client.h"
#include "tests/e2e/command_line.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

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

  static bool eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (std::chrono::steady_clock::now() < deadline) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }

  bool is_ready() const { return !get("/ready").is_null(); }

  std::uint16_t port = free_port();
  std::unique_ptr<Process> service;
};

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
