// Alerts against a real HTTP receiver.
#include "serve/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "serve/http_server.h"
#include "serve/test_time.h"

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
    made.grouping = seconds(0);
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

Event run(const std::string& workflow, const std::string& status) {
  Event event;
  event.type = "run_finished";
  event.data = {{"run_id", "r1"}, {"workflow", workflow}, {"status", status}, {"error", ""}};
  return event;
}

Event file_event(const std::string& path) {
  Event event;
  event.type = "file_finished";
  event.data = {{"run_id", "r1"}, {"workflow", "lake"}, {"file_path", path}, {"status", "loaded"}};
  return event;
}

const Time kNow = at("2026-11-23 12:00");

// What stands, as the service would say it.
struct Standing {
  VerdictFacts facts;

  Standing() {
    facts.now = kNow;
    facts.target.is_tried = true;
    facts.is_tracking_known = true;
    for (const char* name : {"lake", "sales"}) {
      facts.workflows.push_back(
          {.name = name, .title = name, .last_look = kNow, .stale_after = hours(2)});
    }
  }
  Standing& file(const std::string& path, const std::string& error = "bad symbol") {
    BrokenFact fact{.workflow = "lake"};
    fact.broken.file.file_path = path;
    fact.broken.file.file_name = path.substr(path.rfind('/') + 1);
    fact.broken.file.table_name = "T";
    fact.broken.file.error_message = error;
    fact.broken.file.error_class = tracking::ErrorClass::kInput;
    fact.broken.since_us = kNow.time_since_epoch().count() * 1'000'000;
    facts.broken_files.push_back(fact);
    ++facts.failed_files;
    return *this;
  }
  Standing& source(std::size_t index = 0) {
    facts.workflows[index].problem = RunProblem{
        .error = "source gone", .error_class = tracking::ErrorClass::kIo, .since = kNow, .runs = 1};
    return *this;
  }
  Standing& target() {
    facts.target.problem = "connection refused";
    facts.target.silent_since = kNow;
    facts.is_tracking_known = false;
    facts.broken_files.clear();
    facts.failed_files = 0;
    return *this;
  }
  Standing& later(std::chrono::seconds by) {
    facts.now += by;
    for (WorkflowFacts& workflow : facts.workflows) workflow.last_look = facts.now;
    return *this;
  }
  void shown_to(Alerts& alerts) const { alerts.look(facts, judge(facts)); }
};

std::vector<std::string> kinds(const std::vector<nlohmann::json>& alerts) {
  std::vector<std::string> list;
  for (const nlohmann::json& alert : alerts) list.push_back(alert["event"]);
  return list;
}

TEST_F(AlertsTest, ChangesOfColumnsAreToldWhereThatIsAskedFor) {
  Event changed = file_event("/lake/a.qvd");
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
    Standing().source().shown_to(alerts);
    EXPECT_EQ(taken(1)[0]["event"], "failed");
    wait_for(alerts, 1, 0);
  }
  AlertOptions asked = options();
  asked.on_schema_change = true;
  Alerts alerts(asked, log_);
  alerts.add(changed);
  alerts.add(end);
  Standing().shown_to(alerts);
  const nlohmann::json told = taken(3)[1];
  EXPECT_EQ(told["event"], "schema_changed");
  EXPECT_EQ(told["workflow"], "lake");
  EXPECT_EQ(told["text"],
            "qvdhouse: lake changed 2 columns of tables in use\n• Sales.day: Date32 → String "
            "(/lake/a.qvd)\n• Sales.new: not there → Int64 (/lake/a.qvd)");
  EXPECT_EQ(told["changes"][1]["table_name"], "Sales");
  EXPECT_EQ(taken(3)[2]["event"], "recovered");  // it opened no incident
}

TEST_F(AlertsTest, AFileThatIsNotAsUsualIsToldOnceUntilItIsOddInAnotherWay) {
  Event held = file_event("/lake/a.qvd");
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
  Standing().source().shown_to(alerts);
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
  alerts.add(run("lake", "partial"));
  Standing().shown_to(alerts);
  for (int i = 0; i < 3; ++i) Standing().file("/lake/a.qvd").shown_to(alerts);
  Standing().shown_to(alerts);
  Standing().shown_to(alerts);
  const std::vector<nlohmann::json> got = taken(2);
  wait_for(alerts, 2, 0);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0]["event"], "failed");
  EXPECT_EQ(got[0]["workflow"], "lake");
  EXPECT_EQ(got[0]["run"]["run_id"], "r1");
  EXPECT_EQ(got[0]["at"], "2026-11-23T12:00:00Z");
  EXPECT_EQ(got[0]["files"][0]["file_path"], "/lake/a.qvd");
  EXPECT_EQ(got[0]["incidents"][0]["id"], "file:/lake/a.qvd");
  EXPECT_EQ(got[0]["text"],
            "qvdhouse: a.qvd is broken (table T) in lake, since 2026-11-23T12:00:00Z: bad symbol\n"
            "• /lake/a.qvd");
  EXPECT_EQ(got[1]["event"], "recovered");
  EXPECT_EQ(got[1]["incidents"][0]["id"], "file:/lake/a.qvd");
  EXPECT_EQ(got[1]["text"],
            "qvdhouse: recovered: a.qvd is broken (table T), since 2026-11-23T12:00:00Z, is over");
}

TEST_F(AlertsTest, ANewCauseIsToldWhileAnotherOneStands) {
  Alerts alerts(options(), log_);
  Standing().file("/lake/a.qvd").shown_to(alerts);
  Standing().file("/lake/a.qvd").file("/lake/b.qvd", "cut off").shown_to(alerts);
  Standing().file("/lake/b.qvd", "cut off").shown_to(alerts);
  const std::vector<nlohmann::json> got = taken(3);
  EXPECT_EQ(kinds(got), (std::vector<std::string>{"failed", "failed", "recovered"}));
  EXPECT_EQ(got[1]["incidents"].size(), 1U);
  EXPECT_EQ(got[1]["files"][0]["error"], "cut off");
  EXPECT_EQ(got[2]["incidents"][0]["id"], "file:/lake/a.qvd");
}

TEST_F(AlertsTest, CausesThatBeginTogetherAreOneAlertFromWhomAndWithALink) {
  AlertOptions named = options();
  named.instance = "prod";
  named.host = "host-1";
  named.page = "https://qvd.example/";
  Alerts alerts(named, log_);
  Standing().source(1).file("/lake/a.qvd").file("/lake/b.qvd").shown_to(alerts);
  const nlohmann::json got = taken(1)[0];
  EXPECT_EQ(got["text"],
            "qvdhouse prod (host-1): 1 source not looked at, 2 files broken, since "
            "2026-11-23T12:00:00Z: source gone\n• source sales cannot be read\n• /lake/a.qvd\n• "
            "/lake/b.qvd\nhttps://qvd.example/");
  EXPECT_EQ(got["instance"], "prod");
  EXPECT_EQ(got["host"], "host-1");
  EXPECT_EQ(got["url"], "https://qvd.example/");
  EXPECT_EQ(got["count"], 3);
  EXPECT_TRUE(got["workflow"].is_null());
}

TEST_F(AlertsTest, WhatComesAndGoesWithinTheGroupingIsNotTold) {
  AlertOptions grouped = options();
  grouped.grouping = seconds(30);
  Alerts alerts(grouped, log_);
  Standing().target().shown_to(alerts);
  Standing().later(seconds(20)).shown_to(alerts);
  Standing().file("/lake/a.qvd").later(seconds(40)).shown_to(alerts);
  Standing().file("/lake/a.qvd").file("/lake/b.qvd").later(seconds(69)).shown_to(alerts);
  Standing().file("/lake/a.qvd").file("/lake/b.qvd").later(seconds(70)).shown_to(alerts);
  const std::vector<nlohmann::json> got = taken(1);
  wait_for(alerts, 1, 0);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0]["count"], 2);
}

TEST_F(AlertsTest, WhatARunFindsIsToldAtItsEndUnlessItHangs) {
  Alerts alerts(options(), log_);
  Standing busy = Standing().file("/lake/a.qvd");
  busy.facts.workflows[0].busy_since = kNow;
  busy.shown_to(alerts);
  busy.later(hours(2)).shown_to(alerts);
  Standing().source(1).shown_to(alerts);  // the file was loaded at last
  busy.later(seconds(1)).shown_to(alerts);
  EXPECT_EQ(taken(3)[0]["workflow"], "sales");
  EXPECT_EQ(kinds(taken(3)), (std::vector<std::string>{"failed", "recovered", "failed"}));
}

// A look never finds the workflow idle.
TEST_F(AlertsTest, RunsThatFollowEachOtherAtOnceHoldNothingBack) {
  AlertOptions grouped = options();
  grouped.grouping = seconds(30);
  Alerts alerts(grouped, log_);
  Standing broken = Standing().file("/lake/a.qvd");
  broken.facts.workflows[0].busy_since = kNow;
  broken.shown_to(alerts);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(alerts.is_idle());
    broken.later(seconds(10));
    broken.facts.workflows[0].busy_since = broken.facts.now - seconds(5);
    broken.shown_to(alerts);
  }
  EXPECT_EQ(taken(1)[0]["incidents"][0]["id"], "file:/lake/a.qvd");
  wait_for(alerts, 1, 0);
  Standing mended = Standing().later(seconds(50));
  mended.facts.workflows[0].busy_since = kNow + seconds(45);
  mended.shown_to(alerts);
  EXPECT_TRUE(alerts.is_idle()) << "the run under way mended it";
  mended.later(seconds(10));
  mended.facts.workflows[0].busy_since = kNow + seconds(55);
  mended.shown_to(alerts);
  EXPECT_EQ(kinds(taken(2)), (std::vector<std::string>{"failed", "recovered"}));
}

// A run under way may look at last.
TEST_F(AlertsTest, ASourceThatIsOverdueIsNotToldWhileARunLooksAtIt) {
  Alerts alerts(options(), log_);
  Standing old;
  old.facts.now += hours(3);
  old.facts.workflows[0].busy_since = old.facts.now - seconds(5);
  old.shown_to(alerts);
  EXPECT_EQ(taken(1)[0]["workflow"], "sales");
  wait_for(alerts, 1, 0);
  old.facts.workflows[0].busy_since.reset();
  old.shown_to(alerts);
  EXPECT_EQ(taken(2)[1]["workflow"], "lake");
}

TEST_F(AlertsTest, WithoutClickHouseFilesNeitherBreakNorRecover) {
  Alerts alerts(options(), log_);
  Standing().file("/lake/a.qvd").shown_to(alerts);
  Standing().target().shown_to(alerts);
  Standing starting = Standing().target();
  starting.facts.target.is_tried = false;  // a start
  starting.shown_to(alerts);
  Standing().file("/lake/a.qvd").shown_to(alerts);
  Standing().shown_to(alerts);
  const std::vector<nlohmann::json> got = taken(4);
  EXPECT_EQ(kinds(got), (std::vector<std::string>{"failed", "failed", "recovered", "recovered"}));
  EXPECT_EQ(got[1]["incidents"][0]["cause"], "target");
  EXPECT_EQ(got[2]["incidents"][0]["cause"], "target");
  EXPECT_EQ(got[3]["incidents"][0]["cause"], "file");
}

TEST_F(AlertsTest, FilesThatAreTooManyToNameAreNotOver) {
  Alerts alerts(options(), log_);
  Standing().file("/lake/a.qvd").shown_to(alerts);
  Standing many = Standing().file("/lake/b.qvd");
  many.facts.failed_files = 2'000;
  many.shown_to(alerts);
  Standing().file("/lake/b.qvd").shown_to(alerts);
  EXPECT_EQ(kinds(taken(3)), (std::vector<std::string>{"failed", "failed", "recovered"}));
}

TEST_F(AlertsTest, FailedAndStaleOfOneCauseAreOneIncident) {
  Alerts alerts(options(), log_);
  Standing gone = Standing().source();
  gone.shown_to(alerts);
  gone.facts.now += hours(3);
  gone.facts.workflows[1].last_look = gone.facts.now;
  gone.shown_to(alerts);
  Standing().later(hours(4)).shown_to(alerts);
  const std::vector<nlohmann::json> got = taken(2);
  wait_for(alerts, 2, 0);
  EXPECT_EQ(kinds(got), (std::vector<std::string>{"failed", "recovered"}));
  EXPECT_EQ(got[1]["incidents"][0]["title"], "source lake cannot be read");
}

TEST_F(AlertsTest, StaleOnceUntilItIsLookedAt) {
  Alerts alerts(options(), log_);
  Standing old;
  old.facts.now += hours(3);
  old.facts.workflows[1].is_paused = true;
  old.shown_to(alerts);
  old.shown_to(alerts);
  Standing().shown_to(alerts);
  const std::vector<nlohmann::json> got = taken(2);
  wait_for(alerts, 2, 0);
  EXPECT_EQ(kinds(got), (std::vector<std::string>{"stale", "recovered"}));
  EXPECT_EQ(got[0]["workflow"], "lake");
  EXPECT_EQ(got[0]["text"],
            "qvdhouse: source lake was not looked at since 2026-11-23 12:00:00 UTC, since "
            "2026-11-23T14:00:00Z");
}

TEST_F(AlertsTest, WhatLastsIsToldAgainWhereThatIsAskedFor) {
  AlertOptions asked = options();
  asked.reminder = hours(24);
  Alerts alerts(asked, log_);
  Standing stands = Standing().file("/lake/a.qvd");
  stands.shown_to(alerts);
  stands.later(hours(23)).shown_to(alerts);
  stands.later(hours(1)).shown_to(alerts);
  stands.later(hours(23)).shown_to(alerts);
  stands.later(hours(1)).shown_to(alerts);
  const std::vector<nlohmann::json> got = taken(3);
  wait_for(alerts, 3, 0);
  EXPECT_EQ(kinds(got), (std::vector<std::string>{"failed", "reminder", "reminder"}));
  EXPECT_THAT(got[1]["text"].get<std::string>(), testing::HasSubstr("qvdhouse: still: a.qvd"));
}

TEST_F(AlertsTest, AReceiverThatFailsFirstIsAskedAgain) {
  failures_ = 3;
  Alerts alerts(options(), log_);
  Standing().source().shown_to(alerts);
  EXPECT_EQ(taken(1)[0]["event"], "failed");
  wait_for(alerts, 1, 0);
  EXPECT_EQ(tries_, 4);
}

TEST_F(AlertsTest, GivesUpAndTellsAgainAMinuteLaterWithoutTheSecret) {
  failures_ = 1'000;
  AlertOptions some = options();
  some.attempts = 2;
  Alerts alerts(some, log_);
  Standing().source().shown_to(alerts);
  wait_for(alerts, 0, 1);
  EXPECT_EQ(tries_, 2);
  {
    const std::lock_guard lock(mutex_);
    failure_status_ = 404;  // refused: it would be again
  }
  Standing().source().later(seconds(59)).shown_to(alerts);
  EXPECT_TRUE(alerts.is_idle());
  Standing().source().later(seconds(60)).shown_to(alerts);
  wait_for(alerts, 0, 2);
  EXPECT_EQ(tries_, 3);
  {
    const std::lock_guard lock(mutex_);
    failures_ = 0;
  }
  Standing().source().later(seconds(120)).shown_to(alerts);
  EXPECT_EQ(taken(1)[0]["incidents"][0]["id"], "source:lake");
  wait_for(alerts, 1, 2);
  {
    const std::lock_guard lock(mutex_);
    failures_ = 1;
  }
  Standing().later(seconds(130)).shown_to(alerts);
  wait_for(alerts, 1, 3);
  Standing().later(seconds(189)).shown_to(alerts);
  EXPECT_TRUE(alerts.is_idle());
  Standing().later(seconds(190)).shown_to(alerts);
  EXPECT_EQ(kinds(taken(2)), (std::vector<std::string>{"failed", "recovered"}));
  EXPECT_NE(said_.str().find("503"), std::string::npos);
  EXPECT_EQ(said_.str().find(kSecret), std::string::npos);
}

TEST_F(AlertsTest, ARestartRepeatsNothingAndLosesNothing) {
  {
    Alerts alerts(options(), log_);
    Standing().source().shown_to(alerts);
    wait_for(alerts, 1, 0);
  }
  {
    Alerts alerts(options(), log_);
    Standing().source().shown_to(alerts);
    Standing().shown_to(alerts);
    wait_for(alerts, 1, 0);
    EXPECT_EQ(kinds(taken(2)), (std::vector<std::string>{"failed", "recovered"}));
    // Ends while the receiver does not answer well: not told, so told after the next start.
    const std::lock_guard lock(mutex_);
    failures_ = 1'000'000;
  }
  {
    AlertOptions slow = options();
    slow.first_pause = milliseconds(60'000);
    Alerts alerts(slow, log_);
    Standing().source(1).shown_to(alerts);
  }
  {
    const std::lock_guard lock(mutex_);
    failures_ = 0;
  }
  Alerts alerts(options(), log_);
  Standing().source(1).shown_to(alerts);
  EXPECT_EQ(taken(3)[2]["workflow"], "sales");
}

TEST_F(AlertsTest, APathThatIsNotUtf8IsKnownAfterARestart) {
  const std::string path = "/lake/\xFF.qvd";
  {
    Alerts alerts(options(), log_);
    Standing().file(path).shown_to(alerts);
    wait_for(alerts, 1, 0);
  }
  Alerts alerts(options(), log_);
  Standing().file(path).shown_to(alerts);
  EXPECT_TRUE(alerts.is_idle());
  Standing().shown_to(alerts);
  const std::vector<nlohmann::json> got = taken(2);
  EXPECT_EQ(kinds(got), (std::vector<std::string>{"failed", "recovered"}));
  EXPECT_EQ(got[0]["incidents"][0]["id"], "file:%2Flake%2F%FF.qvd");
  EXPECT_EQ(got[1]["incidents"][0]["id"], "file:%2Flake%2F%FF.qvd");
}

// They told of workflows, not of causes.
TEST_F(AlertsTest, WhatEarlierVersionsToldIsKnown) {
  std::ofstream(folder_ / "alerts.json") << R"({"failing": ["lake", "sales"], "stale": []})";
  Alerts alerts(options(), log_);
  Standing().target().shown_to(alerts);  // nothing can be said of them yet
  Standing().file("/lake/a.qvd").shown_to(alerts);
  Standing().file("/lake/a.qvd").file("/lake/b.qvd").shown_to(alerts);
  const std::vector<nlohmann::json> got = taken(4);
  wait_for(alerts, 4, 0);
  EXPECT_EQ(kinds(got), (std::vector<std::string>{"failed", "recovered", "recovered", "failed"}));
  EXPECT_EQ(got[1]["workflow"], "sales");
  EXPECT_EQ(got[2]["incidents"][0]["cause"], "target");
  EXPECT_EQ(got[3]["files"][0]["file_path"], "/lake/b.qvd");
}

TEST_F(AlertsTest, SlackTakesATextOnly) {
  AlertOptions slack = options();
  slack.form = "slack";
  Alerts alerts(slack, log_);
  Standing().source().shown_to(alerts);
  EXPECT_EQ(taken(1)[0],
            nlohmann::json({{"text",
                             "qvdhouse: source lake cannot be read, since 2026-11-23T12:00:00Z: "
                             "source gone"}}));
}

TEST_F(AlertsTest, WantsAWebUrlOrNone) {
  AlertOptions wrong;
  wrong.url = "file:///etc/passwd";
  EXPECT_THROW(Alerts(wrong, log_), base::ConfigError);
  Alerts none({}, log_);
  Standing().source().shown_to(none);
  EXPECT_EQ(none.counts().delivered, 0U);
}

}  // namespace
}  // namespace qvdhouse::serve
