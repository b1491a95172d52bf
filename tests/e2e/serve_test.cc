// `qvdhouse serve` and the commands that speak with it, as an operator uses them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <thread>

#include "serve/test_client.h"
#include "tests/e2e/command_line.h"
#include "tests/servers/loopback.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class Serve : public EngineCommandLine {
 protected:
  void configure(const std::string& settings) const {
    write_text("qvdhouse.toml",
               fmt::format("source = \"qvds\"\n{}\n[serve]\nport = {}\n", settings, port));
  }

  void start() {
    service = std::make_unique<Process>(binary(), std::vector<std::string>{"serve"}, Environment{},
                                        folder);
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
