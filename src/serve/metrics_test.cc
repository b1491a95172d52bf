#include "serve/metrics.h"

#include <date/date.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <spdlog/logger.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "base/error.h"
#include "qvd/writer.h"
#include "serve/target_metrics.h"
#include "serve/test_service.h"

namespace qvdhouse::serve {
namespace {

Event file_finished(const std::string& status) {
  Event event;
  event.type = "file_finished";
  event.data = {{"run_id", "r1"},
                {"workflow", "lake"},
                {"anomaly", status == "loaded" ? "10 rows, 90.0 % fewer" : ""},
                {"table_name", "Qvd\"Sales\n"},
                {"status", status},
                {"attempts", 3},
                {"rows", 1'000},
                {"rows_quarantined", 5},
                {"rows_filtered", 3},
                {"rows_dropped", 0},
                {"file_size_bytes", 5'000},
                {"bytes_sent", 700},
                {"duration_seconds", 0.7},
                {"qvd_created_at", "2026-07-12 10:15:00"},
                {"steps", {{{"name", "insert"}, {"seconds", 0.6}}}},
                {"schema_changes", {{{"column", "d"}, {"kind", "text"}}}},
                {"error_class", status == "failed" ? "input" : ""}};
  return event;
}

Event run_finished(const std::string& status) {
  Event event;
  event.type = "run_finished";
  event.data = {{"run_id", "r1"}, {"workflow", "lake"}, {"status", status},
                {"attempt", 2},   {"files_skipped", 7}, {"duration_seconds", 2.5}};
  return event;
}

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

// A service that has not begun: it knows nothing and reaches nothing.
struct IdleService {
  spdlog::logger log{"test"};
  Service service{options(), log};

  static ServiceOptions options() {
    ServiceOptions made;
    made.load_configuration = []() -> Configuration { throw base::ConfigError("none"); };
    made.open_target = []() -> TargetAccess { throw base::IoError("none"); };
    made.now = [] { return Time(); };
    return made;
  }
};

TEST(Metrics, CountersFollowWhatWasCommitted) {
  Metrics metrics({.version = "1.2.3", .commit = "0123456789ab"});
  metrics.add(file_finished("loaded"));
  metrics.add(file_finished("failed"));
  metrics.add(run_finished("partial"));
  metrics.add(run_finished("skipped"));
  const std::string text = metrics.text();
  EXPECT_TRUE(has(text, "qvdhouse_build_info{commit=\"0123456789ab\",version=\"1.2.3\"} 1"))
      << text;
  EXPECT_TRUE(has(text, "qvdhouse_rows_total{workflow=\"lake\"} 1000")) << text;
  EXPECT_TRUE(
      has(text, "qvdhouse_rows_left_out_total{action=\"quarantined\",workflow=\"lake\"} 5"));
  EXPECT_TRUE(has(text, "qvdhouse_rows_left_out_total{action=\"filtered\",workflow=\"lake\"} 3"));
  EXPECT_EQ(text.find("action=\"dropped\""), std::string::npos);
  EXPECT_TRUE(has(text, "qvdhouse_file_bytes_total{workflow=\"lake\"} 5000"));
  EXPECT_TRUE(has(text, "qvdhouse_sent_bytes_total{workflow=\"lake\"} 700"));
  EXPECT_TRUE(has(text, "qvdhouse_file_retries_total{workflow=\"lake\"} 4"));
  EXPECT_TRUE(has(text, "qvdhouse_file_failures_total{class=\"input\",workflow=\"lake\"} 1"));
  EXPECT_TRUE(has(text, "qvdhouse_files_total{outcome=\"loaded\",workflow=\"lake\"} 1"));
  EXPECT_TRUE(has(text, "qvdhouse_files_total{outcome=\"skipped\",workflow=\"lake\"} 7"));
  EXPECT_TRUE(has(text, "qvdhouse_runs_total{status=\"partial\",workflow=\"lake\"} 1"));
  EXPECT_TRUE(has(text, "qvdhouse_runs_total{status=\"skipped\",workflow=\"lake\"} 1"));
  EXPECT_TRUE(has(text, "qvdhouse_run_retries_total{workflow=\"lake\"} 1"));
  EXPECT_TRUE(has(text, "qvdhouse_file_anomalies_total{outcome=\"loaded\",workflow=\"lake\"} 1"));
  // Those of a file that failed are made all the same.
  EXPECT_TRUE(has(text, "qvdhouse_schema_changes_total{kind=\"text\",workflow=\"lake\"} 2"));
  EXPECT_TRUE(has(text, "qvdhouse_step_duration_seconds_count{step=\"insert\"} 1"));
  EXPECT_NE(text.find("qvdhouse_table_freshness_seconds{table=\"Qvd\\\"Sales\\n\"}"),
            std::string::npos);
}

TEST(Metrics, ALookSaysHowThingsAre) {
  IdleService idle;
  Metrics metrics({.version = "1"});
  Alerts::Counts alerts;
  alerts.delivered = 2;
  metrics.look(idle.service, alerts, Time());
  const std::string text = metrics.text();
  EXPECT_TRUE(has(text, "qvdhouse_engine_up 0")) << text;
  EXPECT_TRUE(has(text, "qvdhouse_active_runs 0"));
  EXPECT_TRUE(has(text, "qvdhouse_queue_runs 0"));
  EXPECT_TRUE(has(text, "qvdhouse_alerts_total{outcome=\"delivered\"} 2"));
  EXPECT_NE(text.find("process_resident_memory_bytes"), std::string::npos);
}

// The first value of this series; negative: there is none.
double value_of(const std::string& text, const std::string& series) {
  const std::size_t at = ("\n" + text).find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size()));
}

// $PROMTOOL, the one of ./dev test, or one that is installed; empty: there is none.
std::string promtool() {
  const char* named = std::getenv("PROMTOOL");
  if (named != nullptr) return named;
  const std::string unpacked =
      std::string(QVDHOUSE_SOURCE_DIR) + "/build/servers/root/usr/bin/promtool";
  if (std::filesystem::exists(unpacked)) return unpacked;
  return std::system("command -v promtool >/dev/null") == 0 ? "promtool" : "";
}

// Whether promtool has nothing to say to this text.
bool is_clean(const std::string& tool, const std::string& text) {
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / ("metrics-" + std::to_string(getpid()) + ".txt");
  std::ofstream(file) << text;
  const int status = std::system((tool + " check metrics < " + file.string()).c_str());
  std::filesystem::remove(file);
  return status == 0;
}

class MetricsOfService : public ServiceTest {
 protected:
  // As Qlik writes them, a day ago by their own account.
  void put_created(const std::string& name) {
    qvd::FieldData id{.name = "id", .values = {qvd::Value::of(1)}, .codes = {1}};
    const auto a_day_ago = date::floor<std::chrono::seconds>(std::chrono::system_clock::now()) -
                           std::chrono::hours(24);
    qvd::TableData table{.name = "T", .fields = {id}, .row_count = 1};
    table.created_at = date::format("%F %T", a_day_ago);
    put(name, sync::as_text(qvd::write_qvd(table)));
  }
  // The freshness of the table, as a service that has just begun says it.
  double freshness(const std::string& table) {
    Metrics metrics({.version = "1"});
    metrics.look(*service_, {}, Time());
    metrics.look(*service_, {}, Time());
    return value_of(metrics.text(), "qvdhouse_table_freshness_seconds{table=\"" + table + "\"}");
  }
};

TEST_F(MetricsOfService, FreshnessIsKnownAfterARestart) {
  put_created("a.qvd");
  put_created("b.qvd");
  start();
  ASSERT_TRUE(have_ended(1));
  for (const char* table : {"QvdA", "QvdB"}) {
    EXPECT_GE(freshness(table), 24 * 3'600 - 1) << table;
    EXPECT_LT(freshness(table), 25 * 3'600) << table;
  }
  // The rows stay those of the load that completed while a newer file is wrong.
  put("b.qvd", "this is no QVD", 3'000);
  run_now();
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kPartial);
  EXPECT_GE(freshness("QvdB"), 24 * 3'600 - 1);
  EXPECT_LT(freshness("QvdC"), 0);
}

TEST_F(MetricsOfService, ATableThatIsForgottenLeavesNoFreshness) {
  put_created("a.qvd");
  start();
  ASSERT_TRUE(have_ended(1));
  Metrics metrics({.version = "1"});
  metrics.look(*service_, {}, Time());
  EXPECT_NE(metrics.text().find("freshness_seconds{"), std::string::npos);
  query("TRUNCATE TABLE tested.QvdFileTracking");
  metrics.look(*service_, {}, Time());
  EXPECT_EQ(metrics.text().find("freshness_seconds{"), std::string::npos);
}

TEST_F(MetricsOfService, WhatClickHouseAndTheMachineSay) {
  put_created("a.qvd");
  put("b.qvd", "this is no QVD");
  start();
  ASSERT_TRUE(have_ended(1));
  Metrics metrics({.version = "1", .data_dir = "."});
  const Time now = date::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  metrics.look(*service_, {}, now);
  const std::string text = metrics.text();
  EXPECT_TRUE(has(text, "qvdhouse_failed_files{class=\"input\",workflow=\"default\"} 1")) << text;
  EXPECT_NE(text.find("qvdhouse_engine_info{kind=\"embedded\",version=\"26."), std::string::npos);
  EXPECT_GT(value_of(text, "qvdhouse_engine_memory_bytes"), 0);
  EXPECT_GT(value_of(text, "qvdhouse_data_directory_bytes"), 0);
  EXPECT_GT(value_of(text, "qvdhouse_data_directory_free_bytes"), 0);
  EXPECT_GT(value_of(text, "process_max_fds"), 0);
  EXPECT_GE(value_of(text, "qvdhouse_table_data_age_seconds{table=\"QvdA\"}"), 24 * 3'600);
  const std::string tool = promtool();
  EXPECT_TRUE(tool.empty() || is_clean(tool, text));
  // A file that is right again is not failed any more.
  put_created("b.qvd");
  run_now();
  ASSERT_TRUE(have_ended(2));
  metrics.look(*service_, {}, now);
  EXPECT_EQ(metrics.text().find("qvdhouse_failed_files{"), std::string::npos) << metrics.text();
}

TEST_F(MetricsOfService, WhatAServerSays) {
  put_created("a.qvd");
  start();
  ASSERT_TRUE(have_ended(1));
  std::optional<TargetAccess> server = service_->target();
  ASSERT_TRUE(server);
  server->is_embedded = false;
  server->endpoint.dialect.replication.is_on = true;
  prometheus::Registry registry;
  TargetMetrics(".").show(registry, server, service_->configuration(), Time(), {});
  const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  EXPECT_GT(value_of(text, "qvdhouse_disk_free_bytes{disk=\"default\"}"), 0) << text;
  EXPECT_GT(value_of(text, "qvdhouse_disk_bytes{disk=\"default\"}"),
            value_of(text, "qvdhouse_disk_free_bytes{disk=\"default\"}"));
  EXPECT_EQ(value_of(text, "qvdhouse_replica_lag_seconds"), 0);
  EXPECT_EQ(value_of(text, "qvdhouse_replica_queue_entries"), 0);
  EXPECT_NE(text.find("qvdhouse_engine_info{kind=\"server\",version=\"26."), std::string::npos);
  EXPECT_GE(value_of(text, "qvdhouse_workers"), 0);
  EXPECT_EQ(text.find("qvdhouse_data_directory"), std::string::npos);
}

TEST_F(MetricsOfService, OnlySoManyTablesHaveSeries) {
  put_created("a.qvd");
  put_created("b.qvd");
  start();
  ASSERT_TRUE(have_ended(1));
  for (const std::size_t most : {0U, 1U, 2U}) {
    Metrics metrics({.version = "1", .most_tables = most});
    metrics.look(*service_, {}, Time());
    const std::string text = metrics.text();
    for (const std::string series : {"rows", "data_age_seconds", "freshness_seconds"}) {
      const std::string of = "qvdhouse_table_" + series + "{table=";
      EXPECT_EQ(text.find(of + "\"QvdA\"}") != std::string::npos, most >= 1) << text;
      EXPECT_EQ(text.find(of + "\"QvdB\"}") != std::string::npos, most >= 2) << text;
    }
  }
}

TEST(Metrics, PromtoolFindsNothingToSay) {
  const std::string tool = promtool();
  if (tool.empty()) GTEST_SKIP() << "promtool (Debian's package prometheus) is not there";
  IdleService idle;
  Metrics metrics({.version = "1.2.3", .commit = "0123456789ab"});
  metrics.add(file_finished("loaded"));
  metrics.add(file_finished("failed"));
  metrics.add(run_finished("partial"));
  metrics.look(idle.service, {}, Time());
  EXPECT_TRUE(is_clean(tool, metrics.text()));
}

}  // namespace
}  // namespace qvdhouse::serve
