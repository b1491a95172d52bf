// Alerts against a real HTTP receiver.
#include "serve/alerts.h"

#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "serve/http_server.h"

namespace qvdhouse::serve {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kSecret = "T0P-SECRET";

class AlertsTest : public testing::Test {
 protected:
  AlertsTest() {
    std::filesystem::create_directories(folder_);
    HttpOptions options;
    options.ports = {0};
    receiver_ = std::make_unique<HttpServer>(
        options, [this](const HttpRequest& request) { return take(request); }, log_);
  }
  ~AlertsTest() override {
    receiver_.reset();
    std::filesystem::remove_all(folder_);
  }

  AlertOptions options() const {
    AlertOptions made;
    made.url = "http://127.0.0.1:" + std::to_string(receiver_->ports().front()) + "/" + kSecret;
    made.state_file = folder_ / "alerts.json";
    made.first_pause = milliseconds(5);
    return made;
  }

  HttpResponse take(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    HttpResponse response;
    response.status = 200;
    ++tries_;
    if (failures_ > 0) {
      --failures_;
      response.status = failure_status_;
    } else {
      taken_.push_back(nlohmann::json::parse(request.body));
    }
    changed_.notify_all();
    return response;
  }

  // Waits until the receiver has taken so many, and says which they are.
  std::vector<nlohmann::json> taken(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(60), [&] { return taken_.size() >= count; }));
    return taken_;
  }

  static void wait_for(const Alerts& alerts, std::uint64_t delivered, std::uint64_t failed) {
    for (int i = 0; i < 6'000; ++i) {
      const Alerts::Counts counts = alerts.counts();
      if (counts.delivered >= delivered && counts.failed >= failed) return;
      usleep(10'000);
    }
    ADD_FAILURE() << "the alerts did not end";
  }

  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) /
                                  ("alerts-" + std::to_string(getpid()) + "-" +
                                   testing::UnitTest::GetInstance()->current_test_info()->name());
  std::ostringstream said_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said_)};
  std::unique_ptr<HttpServer> receiver_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<nlohmann::json> taken_;
  int failures_ = 0;
  int failure_status_ = 503;
  int tries_ = 0;
};

Event run(const std::string& workflow, const std::string& status, int failing = 0) {
  Event event;
  event.type = "run_finished";
  event.data = {{"run_id", "r1"},
                {"workflow", workflow},
                {"status", status},
                {"failing_files", failing},
                {"error", status == "failed" ? "source gone" : ""}};
  return event;
}

Event failed_file(const std::string& path) {
  Event event;
  event.type = "file_finished";
  event.data = {{"run_id", "r1"},     {"workflow", "lake"},    {"file_path", path},
                {"status", "failed"}, {"error", "bad symbol"}, {"error_class", "input"}};
  return event;
}

TEST_F(AlertsTest, ChangesOfColumnsAreToldWhereThatIsAskedFor) {
  Event changed = failed_file("/lake/a.qvd");
  changed.data["status"] = "loaded";
  changed.data["table_name"] = "Sales";
  changed.data["schema_changes"] = {
      {{"column", "day"}, {"kind", "text"}, {"from", "Date32"}, {"to", "String"}},
      {{"column", "new"}, {"kind", "added"}, {"from", ""}, {"to", "Int64"}}};
  Event end = run("lake", "completed");
  end.data["schema_changes"] = 2;
  {
    Alerts alerts(options(), log_);
    alerts.add(changed);
    alerts.add(end);
    alerts.add(run("lake", "failed", 1));
    EXPECT_EQ(taken(1)[0]["event"], "failed");
  }
  AlertOptions asked = options();
  asked.on_schema_change = true;
  Alerts alerts(asked, log_);
  alerts.add(changed);
  alerts.add(end);
  const nlohmann::json told = taken(3)[1];
  EXPECT_EQ(told["event"], "schema_changed");
  EXPECT_EQ(told["workflow"], "lake");
  EXPECT_EQ(told["text"],
            "qvdhouse: lake changed 2 columns of tables in use\n• Sales.day: Date32 → String "
            "(/lake/a.qvd)\n• Sales.new: not there → Int64 (/lake/a.qvd)");
  EXPECT_EQ(told["changes"][1]["table_name"], "Sales");
  EXPECT_EQ(taken(3)[2]["event"], "recovered");  // no incident was opened
}

TEST_F(AlertsTest, AFileThatIsNotAsUsualIsToldOnceUntilItIsOddInAnotherWay) {
  Event held = failed_file("/lake/a.qvd");
  held.data["status"] = "waiting";
  held.data["anomaly"] = "10 rows, 90.0 % fewer";
  Event end = run("lake", "completed");
  end.data["anomalies"] = 1;
  Alerts alerts(options(), log_);
  for (int i = 0; i < 3; ++i) {
    alerts.add(held);
    alerts.add(end);
  }
  held.data["anomaly"] = "1 row, 99.0 % fewer";
  alerts.add(held);
  alerts.add(end);
  alerts.add(run("lake", "failed", 1));
  const std::vector<nlohmann::json> told = taken(3);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0]["event"], "anomaly");
  EXPECT_EQ(told[0]["text"],
            "qvdhouse: lake found 1 file not as usual\n• /lake/a.qvd (waiting): 10 rows, 90.0 % "
            "fewer");
  EXPECT_EQ(told[0]["files"][0]["anomaly"], "10 rows, 90.0 % fewer");
  EXPECT_EQ(told[1]["files"][0]["anomaly"], "1 row, 99.0 % fewer");
  EXPECT_EQ(told[2]["event"], "failed");
}

TEST_F(AlertsTest, OneAnIncidentAndOneWhenItIsOver) {
  Alerts alerts(options(), log_);
  alerts.add(run("lake", "completed"));
  alerts.add(failed_file("/lake/a.qvd"));
  alerts.add(run("lake", "partial", 1));
  alerts.add(run("lake", "failed", 1));
  alerts.add(run("lake", "cancelled", 0));
  alerts.add(run("lake", "completed", 1));  // a retry of another file
  alerts.add(run("lake", "completed"));
  alerts.add(run("lake", "completed"));
  const std::vector<nlohmann::json> got = taken(2);
  wait_for(alerts, 2, 0);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0]["event"], "failed");
  EXPECT_EQ(got[0]["workflow"], "lake");
  EXPECT_EQ(got[0]["run"]["run_id"], "r1");
  EXPECT_EQ(got[0]["files"][0]["file_path"], "/lake/a.qvd");
  EXPECT_EQ(got[0]["text"], "qvdhouse: lake failed\n• /lake/a.qvd: bad symbol");
  EXPECT_EQ(got[1]["event"], "recovered");
}

TEST_F(AlertsTest, AReceiverThatFailsFirstIsAskedAgain) {
  failures_ = 3;
  Alerts alerts(options(), log_);
  alerts.add(run("lake", "failed"));
  EXPECT_EQ(taken(1)[0]["text"], "qvdhouse: lake failed: source gone");
  wait_for(alerts, 1, 0);
  EXPECT_EQ(tries_, 4);
}

TEST_F(AlertsTest, GivesUpAtLastAndTellsNoSecret) {
  failures_ = 1'000;
  AlertOptions some = options();
  some.attempts = 2;
  Alerts alerts(some, log_);
  alerts.add(run("lake", "failed"));
  wait_for(alerts, 0, 1);
  EXPECT_EQ(tries_, 2);
  {
    const std::lock_guard lock(mutex_);
    failure_status_ = 404;  // refused: it would be again
  }
  alerts.add(run("lake", "completed"));
  wait_for(alerts, 0, 2);
  EXPECT_EQ(tries_, 3);
  EXPECT_NE(said_.str().find("503"), std::string::npos);
  EXPECT_EQ(said_.str().find(kSecret), std::string::npos);
}

TEST_F(AlertsTest, ARestartRepeatsNothingAndLosesNothing) {
  {
    Alerts alerts(options(), log_);
    alerts.add(run("lake", "failed"));
    wait_for(alerts, 1, 0);
  }
  {
    Alerts alerts(options(), log_);
    alerts.add(run("lake", "failed"));
    alerts.add(run("lake", "completed"));
    wait_for(alerts, 1, 0);
    EXPECT_EQ(taken(2).size(), 2U);
    // Ends while the receiver does not answer well: not told, so told after the next start.
    const std::lock_guard lock(mutex_);
    failures_ = 1'000'000;
  }
  {
    AlertOptions slow = options();
    slow.first_pause = milliseconds(60'000);
    Alerts alerts(slow, log_);
    alerts.add(run("sales", "failed"));
  }
  {
    const std::lock_guard lock(mutex_);
    failures_ = 0;
  }
  Alerts alerts(options(), log_);
  alerts.add(run("sales", "failed"));
  EXPECT_EQ(taken(3)[2]["workflow"], "sales");
}

TEST_F(AlertsTest, StaleOnceUntilFresh) {
  Alerts alerts(options(), log_);
  const Time now{seconds(1'795'405'211)};
  Freshness lake;
  lake.workflow = "lake";
  lake.stale_after = hours(2);
  alerts.look({lake}, now);  // never ran: nothing is known
  lake.last_good = now - hours(1);
  alerts.look({lake}, now);
  lake.last_good = now - hours(3);
  lake.is_paused = true;
  alerts.look({lake}, now);
  lake.is_paused = false;
  alerts.look({lake}, now);
  alerts.look({lake}, now);
  lake.last_good = now;
  alerts.look({lake}, now);
  const std::vector<nlohmann::json> got = taken(2);
  wait_for(alerts, 2, 0);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0]["event"], "stale");
  EXPECT_EQ(got[0]["stale_after_seconds"], 7'200);
  EXPECT_EQ(got[1]["event"], "recovered");
}

TEST_F(AlertsTest, SlackTakesATextOnly) {
  AlertOptions slack = options();
  slack.form = "slack";
  Alerts alerts(slack, log_);
  alerts.add(run("lake", "failed"));
  EXPECT_EQ(taken(1)[0], nlohmann::json({{"text", "qvdhouse: lake failed: source gone"}}));
}

TEST_F(AlertsTest, WantsAWebUrlOrNone) {
  AlertOptions wrong;
  wrong.url = "file:///etc/passwd";
  EXPECT_THROW(Alerts(wrong, log_), base::ConfigError);
  Alerts none({}, log_);
  none.add(run("lake", "failed"));
  EXPECT_EQ(none.counts().delivered, 0U);
}

}  // namespace
}  // namespace qvdhouse::serve
