// A day of a service, told in advance: 200 files, what breaks, what stays broken, what is mended,
// under a clock that the test turns. What the service should say at each step is written here by
// hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <sstream>

#include "serve/alerts.h"
#include "serve/api.h"
#include "serve/http_server.h"
#include "serve/judge.h"
#include "serve/metrics.h"
#include "serve/test_relay.h"
#include "serve/test_service.h"
#include "serve/test_time.h"

namespace qvdhouse::serve {
namespace {

constexpr int kFiles = 200;
constexpr std::uint32_t kRows = 3;
constexpr const char* kAll = "All 200 tables current";
constexpr const char* kButOne = "199 of 200 tables current";
constexpr const char* kGarbage = "this is no QVD";

// What is to be seen at one moment.
struct Seen {
  std::string level;
  std::string title;
  std::string incidents;  // ids, without the folder
  std::string tables;     // tables / current / stale / broken files; "unknown"
  std::string summary;    // the seven numbers; "none"
  std::string ready;      // status, HTTP status, number of problems
  std::string alerts;     // all that were sent since the step before
  std::string metrics;    // ready, engine up, failed files of tables, alerts delivered
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << "\n  {" << seen.level << " | " << seen.title << " | " << seen.incidents << " | "
             << seen.tables << " | " << seen.summary << " | " << seen.ready << " | " << seen.alerts
             << " | " << seen.metrics << "}";
}

class DayTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    if (IsSkipped()) return;
    now_s_ = at("2031-03-10 06:00").time_since_epoch().count();
    clock_ = [this] { return now_s_ * 1'000'000 + ticks_++ % 900'000; };
    run_attempts_ = 1;
    const std::string url = endpoint().url;
    relay_ = std::make_unique<Relay>(
        static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1))));
    through_ = [this](clickhouse::Endpoint made) {
      made.url = fmt::format("http://127.0.0.1:{}", relay_->port());
      return made;
    };
    HttpOptions http;
    http.ports = {0};
    receiver_ = std::make_unique<HttpServer>(
        http, [this](const HttpRequest& request) { return take(request); }, log_);
    for (int i = 0; i < kFiles; ++i) put(fmt::format("t{:03}.qvd", i), sync::qvd_bytes(kRows));
  }
  void TearDown() override {
    end_service();
    receiver_.reset();
    relay_.reset();
    ServiceTest::TearDown();
  }

  HttpResponse take(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    taken_.push_back(nlohmann::json::parse(request.body));
    HttpResponse response;
    response.status = 200;
    return response;
  }

  // The service, and what looks at it; all but the threads.
  void make() {
    make_service();
    AlertOptions alerts;
    alerts.url = fmt::format("http://127.0.0.1:{}/", receiver_->ports().front());
    alerts.state_file = folder() / "alerts.json";
    alerts.grouping = std::chrono::seconds(0);
    alerts_ = std::make_unique<Alerts>(alerts, log_);
    metrics_ = std::make_unique<Metrics>(MetricsOptions{.version = "1.2.3"});
    listening_ = service_->events().listen([this](const Event& event) {
      alerts_->add(event);
      metrics_->add(event);
    });
    api_ = std::make_unique<Api>(*service_, ApiOptions{}, log_);
  }
  void end_service() {
    api_.reset();
    if (service_) service_->stop();
    listening_ = {};
    service_.reset();
    metrics_.reset();
    alerts_.reset();
  }
  void turn_to(const std::string& time) { now_s_ = at(time).time_since_epoch().count(); }
  // Whether the run that was due then has ended.
  bool has_run(const std::string& due) {
    const std::int64_t due_us = at(due).time_since_epoch().count() * 1'000'000;
    return eventually([&] {
      const std::vector<tracking::RunRecord> runs = ended();
      return std::ranges::find(runs, due_us, &tracking::RunRecord::scheduled_at_us) != runs.end() &&
             service_->live().empty();
    });
  }
  bool has_run_at(const std::string& due) {
    turn_to(due);
    return has_run(due);
  }
  void break_file(const std::string& name, int age_s) { put(name, kGarbage, age_s); }

  Json get(const std::string& path, int& status) {
    HttpRequest request;
    request.method = "GET";
    request.path = path;
    request.headers = {{"Host", "localhost:4000"}};
    const HttpResponse response = api_->handle(request);
    status = response.status;
    return Json::parse(response.body);
  }

  static std::string summary_text(const Json& summary) {
    if (summary.is_null()) return "none";
    const std::string last = summary["last_sync_at"].is_null()
                                 ? "never"
                                 : summary["last_sync_at"].get<std::string>().substr(0, 16);
    return fmt::format(
        "{} files {} syncs {} today {} rows {} failed {} loading, last {}",
        summary["total_files"].get<int>(), summary["total_syncs_all_time"].get<int>(),
        summary["syncs_today"].get<int>(), summary["total_rows_processed"].get<int>(),
        summary["current_failures"].get<int>(), summary["currently_processing"].get<int>(), last);
  }
  // "file:t007.qvd file:t008.qvd", sorted.
  std::string ids_text(const nlohmann::json& incidents) const {
    std::set<std::string> ids;
    for (const nlohmann::json& one : incidents) {
      std::string id = one["id"];
      const std::string folder = source_.string() + "/";
      if (const auto place = id.find(folder); place != std::string::npos) {
        id.erase(place, folder.size());
      }
      ids.insert(id);
    }
    return fmt::format("{}", fmt::join(ids, " "));
  }
  double metric(const std::string& text, const std::string& name) const {
    double sum = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + " ") || line.starts_with(name + "{")) {
        sum += std::stod(line.substr(line.rfind(' ') + 1));
      }
    }
    return sum;
  }

  // What the service says now.
  Seen look() {
    const VerdictFacts facts = ask_facts(*service_);
    alerts_->look(facts, judge(facts));
    // All that it has put into its queue goes out before the next one is told.
    std::string told;
    EXPECT_TRUE(eventually([&] { return alerts_->is_idle(); }));
    {
      const std::lock_guard lock(mutex_);
      for (const nlohmann::json& alert : taken_) {
        if (!told.empty()) told += "; ";
        told +=
            fmt::format("{} {}", alert["event"].get<std::string>(), ids_text(alert["incidents"]));
      }
      taken_.clear();
    }
    metrics_->look(*service_, alerts_->counts(), service_->now(), {});
    const std::string metrics = metrics_->text();
    int status = 0;
    const Json ready = get("/ready", status);
    int overview_status = 0;
    const Json overview = get("/api/overview", overview_status);
    EXPECT_EQ(overview_status, 200) << overview.dump();
    const Json& verdict = overview["verdict"];
    Seen seen;
    seen.level = verdict["level"];
    seen.title = verdict["title"];
    seen.incidents = ids_text(nlohmann::json(overview["incidents"]));
    seen.tables = verdict["tables"].is_null()
                      ? "unknown"
                      : fmt::format("{}/{}/{}/{}", verdict["tables"].get<int>(),
                                    verdict["current"].get<int>(), verdict["stale"].get<int>(),
                                    verdict["broken_files"].get<int>());
    seen.summary = summary_text(overview["summary"]);
    seen.ready = fmt::format("{} {} {}", ready["status"].get<std::string>(), status,
                             ready.contains("problems") ? ready["problems"].size() : 0);
    seen.alerts = told;
    seen.metrics = fmt::format("{}/{}/{}/{}", metric(metrics, "qvdhouse_ready"),
                               metric(metrics, "qvdhouse_engine_up"), failed_files(metrics),
                               metric(metrics, "qvdhouse_alerts_total{outcome=\"delivered\"}"));
    // What is stale is listed with its reason, and nothing else is.
    std::size_t stale = 0;
    for (const Json& table : overview["freshness"]) {
      if (table["stale"].get<bool>()) ++stale;
      EXPECT_EQ(table["stale"].get<bool>(), !table["stale_reason"].is_null());
    }
    if (!verdict["stale"].is_null()) {
      EXPECT_EQ(stale, verdict["stale"].get<std::size_t>());
    }
    return seen;
  }
  static double failed_files(const std::string& metrics) {
    double sum = 0;
    std::istringstream lines(metrics);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("qvdhouse_table_files{") &&
          line.find("state=\"failed\"") != std::string::npos) {
        sum += std::stod(line.substr(line.rfind(' ') + 1));
      }
    }
    return sum;
  }

  // The steps, in their order.
  void begin_the_day();
  void break_files();
  void lose_the_source();
  void lose_clickhouse();
  void kill_the_service();
  void sleep_over_night();

  std::unique_ptr<Relay> relay_;
  std::unique_ptr<HttpServer> receiver_;
  std::unique_ptr<Alerts> alerts_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Api> api_;
  Listening listening_;
  std::atomic<std::int64_t> ticks_ = 0;
  std::mutex mutex_;
  std::vector<nlohmann::json> taken_;
};

void DayTest::begin_the_day() {
  // Six o'clock: all files are new.
  make();
  EXPECT_EQ(look(),
            (Seen{"idle", "Starting", "", "unknown", "none", "starting 503 2", "", "0/0/0/0"}));
  service_->start();
  ASSERT_TRUE(have_ended(1));
  EXPECT_EQ(
      look(),
      (Seen{"good", kAll, "", "200/200/0/0",
            "200 files 200 syncs 200 today 600 rows 0 failed 0 loading, last 2031-03-10T06:00",
            "ready 200 0", "", "1/1/0/0"}));

  // Nothing new.
  ASSERT_TRUE(has_run_at("2031-03-10 07:00"));
  EXPECT_EQ(
      look(),
      (Seen{"good", kAll, "", "200/200/0/0",
            "200 files 200 syncs 200 today 600 rows 0 failed 0 loading, last 2031-03-10T06:00",
            "ready 200 0", "", "1/1/0/0"}));
}

void DayTest::break_files() {
  // A file breaks: its own table is stale, and no other one.
  break_file("t007.qvd", 3'000);
  ASSERT_TRUE(has_run_at("2031-03-10 08:00"));
  EXPECT_EQ(
      look(),
      (Seen{"warn", kButOne, "file:t007.qvd", "200/199/1/1",
            "200 files 200 syncs 200 today 597 rows 1 failed 0 loading, last 2031-03-10T08:00",
            "ready 200 0", "failed file:t007.qvd", "1/1/1/1"}));

  // It stays broken: hours later the other tables are as fresh as ever, and nobody is told again.
  ASSERT_TRUE(has_run_at("2031-03-10 09:00"));
  ASSERT_TRUE(has_run_at("2031-03-10 10:00"));
  ASSERT_TRUE(has_run_at("2031-03-10 11:00"));
  EXPECT_EQ(
      look(),
      (Seen{"warn", kButOne, "file:t007.qvd", "200/199/1/1",
            "200 files 200 syncs 200 today 597 rows 1 failed 0 loading, last 2031-03-10T08:00",
            "ready 200 0", "", "1/1/1/1"}));

  // A second one, which never loaded and so has no table, is news.
  break_file("new.qvd", 3'000);
  ASSERT_TRUE(has_run_at("2031-03-10 12:00"));
  EXPECT_EQ(
      look(),
      (Seen{"warn", kButOne, "file:new.qvd file:t007.qvd", "200/199/1/2",
            "201 files 200 syncs 200 today 597 rows 2 failed 0 loading, last 2031-03-10T12:00",
            "ready 200 0", "failed file:new.qvd", "1/1/2/2"}));
}

void DayTest::lose_the_source() {
  // The source is gone: a cause of its own, and no table is stale for it yet.
  std::filesystem::rename(source_, folder() / "away");
  ASSERT_TRUE(has_run_at("2031-03-10 13:00"));
  EXPECT_EQ(
      look(),
      (Seen{"bad", kButOne, "file:new.qvd file:t007.qvd source:default", "200/199/1/2",
            "201 files 200 syncs 200 today 597 rows 2 failed 0 loading, last 2031-03-10T12:00",
            "broken 503 1", "failed source:default", "0/1/2/3"}));

  // It stays away: after two intervals all of its tables are stale, which is the same incident.
  ASSERT_TRUE(has_run_at("2031-03-10 14:00"));
  ASSERT_TRUE(has_run_at("2031-03-10 15:00"));
  EXPECT_EQ(
      look(),
      (Seen{"bad", "0 of 200 tables current", "file:new.qvd file:t007.qvd source:default",
            "200/0/200/2",
            "201 files 200 syncs 200 today 597 rows 2 failed 0 loading, last 2031-03-10T12:00",
            "broken 503 1", "", "0/1/2/3"}));

  // It is back, with one file mended and the other one deleted: all is over, told once.
  std::filesystem::rename(folder() / "away", source_);
  put("t007.qvd", sync::qvd_bytes(kRows + 1), 2'000);
  std::filesystem::remove(source_ / "new.qvd");
  ASSERT_TRUE(has_run_at("2031-03-10 16:00"));
  EXPECT_EQ(
      look(),
      (Seen{"good", kAll, "", "200/200/0/0",
            "201 files 201 syncs 201 today 601 rows 0 failed 0 loading, last 2031-03-10T16:00",
            "ready 200 0", "recovered file:new.qvd file:t007.qvd source:default", "1/1/0/4"}));
}

void DayTest::lose_clickhouse() {
  // ClickHouse is gone: what was good before is not known to be good now.
  turn_to("2031-03-10 16:30");
  relay_->close();
  ASSERT_TRUE(eventually([&] { return !service_->target(); }));
  EXPECT_EQ(look(), (Seen{"bad", "ClickHouse does not answer", "target", "unknown", "none",
                          "broken 503 1", "failed target", "0/0/0/5"}));
  int status = 0;
  EXPECT_EQ(get("/api/overview", status)["verdict"]["unknown_since"], "2031-03-10T16:30:00.000Z");

  // It stays away for hours, in which runs are missed: still one incident.
  turn_to("2031-03-10 19:30");
  EXPECT_EQ(look(), (Seen{"bad", "ClickHouse does not answer", "target", "unknown", "none",
                          "broken 503 1", "", "0/0/0/5"}));

  // It is back, and the run that was missed is made up for.
  relay_->open();
  ASSERT_TRUE(has_run("2031-03-10 19:00"));
  ASSERT_TRUE(eventually([&] { return service_->health().is_ready(); }));
  EXPECT_EQ(
      look(),
      (Seen{"good", kAll, "", "200/200/0/0",
            "201 files 201 syncs 201 today 601 rows 0 failed 0 loading, last 2031-03-10T16:00",
            "ready 200 0", "recovered target", "1/1/0/6"}));
}

void DayTest::kill_the_service() {
  // A file breaks, and the service is killed and begins again: it knows what was told, and looks at
  // no file that has not changed.
  break_file("t008.qvd", 3'000);
  ASSERT_TRUE(has_run_at("2031-03-10 20:00"));
  EXPECT_EQ(
      look(),
      (Seen{"warn", kButOne, "file:t008.qvd", "200/199/1/1",
            "201 files 201 syncs 201 today 598 rows 1 failed 0 loading, last 2031-03-10T20:00",
            "ready 200 0", "failed file:t008.qvd", "1/1/1/7"}));
  const std::size_t runs = ended().size();
  end_service();
  turn_to("2031-03-10 20:20");
  make();
  service_->start();
  ASSERT_TRUE(is_scheduled());
  ASSERT_TRUE(eventually([&] { return service_->health().is_ready(); }));
  EXPECT_EQ(
      look(),
      (Seen{"warn", kButOne, "file:t008.qvd", "200/199/1/1",
            "201 files 201 syncs 201 today 598 rows 1 failed 0 loading, last 2031-03-10T20:00",
            "ready 200 0", "", "1/1/1/0"}));
  EXPECT_EQ(ended().size(), runs);

  // It is mended.
  put("t008.qvd", sync::qvd_bytes(kRows), 2'000);
  ASSERT_TRUE(has_run_at("2031-03-10 21:00"));
  EXPECT_EQ(
      look(),
      (Seen{"good", kAll, "", "200/200/0/0",
            "201 files 202 syncs 202 today 601 rows 0 failed 0 loading, last 2031-03-10T21:00",
            "ready 200 0", "recovered file:t008.qvd", "1/1/0/1"}));
}

void DayTest::sleep_over_night() {
  // The service sleeps over night. Its first look in the morning finds all as it was.
  end_service();
  turn_to("2031-03-11 05:30");
  make();
  service_->start();
  ASSERT_TRUE(has_run("2031-03-11 05:00"));
  EXPECT_EQ(look(),
            (Seen{"good", kAll, "", "200/200/0/0",
                  "201 files 202 syncs 0 today 601 rows 0 failed 0 loading, last 2031-03-10T21:00",
                  "ready 200 0", "", "1/1/0/0"}));
}

TEST_F(DayTest, WhatIsSaidAtEachStepIsTrue) {
  ASSERT_NO_FATAL_FAILURE(begin_the_day());
  ASSERT_NO_FATAL_FAILURE(break_files());
  ASSERT_NO_FATAL_FAILURE(lose_the_source());
  ASSERT_NO_FATAL_FAILURE(lose_clickhouse());
  ASSERT_NO_FATAL_FAILURE(kill_the_service());
  ASSERT_NO_FATAL_FAILURE(sleep_over_night());
}

}  // namespace
}  // namespace qvdhouse::serve
