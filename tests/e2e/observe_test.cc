// What collectors are told of real runs, and files that are not as usual.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "base/files.h"
#include "qvd/writer.h"
#include "tests/e2e/command_line.h"
#include "tests/support/collector.h"
#include "tests/support/eventually.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class Observe : public EngineCommandLine {
 protected:
  // It has so many rows, selected from a table as its header says.
  void write_rows(const std::string& name, std::uint32_t rows) const {
    qvd::FieldData id{.name = "id"};
    for (std::uint32_t row = 0; row < rows; ++row) {
      id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row + 1)));
      id.codes.push_back(row + 1);
    }
    const auto bytes = qvd::write_qvd({.name = "T",
                                       .fields = {id},
                                       .row_count = rows,
                                       .lineage = {{"Provider=X;Password=hunter2;Data Source=erp",
                                                    "SELECT id FROM shop.orders"}}});
    std::ofstream(folder / "qvds" / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }

  static Environment told(const std::string& url) {
    return {{"OTEL_EXPORTER_OTLP_ENDPOINT", url},
            {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=k%20x"},
            {"OPENLINEAGE_URL", url},
            {"OPENLINEAGE_API_KEY", "l1neage-key"}};
  }

  // All spans that came, by name.
  static std::multimap<std::string, Json> spans_of(const Collector& collector) {
    std::multimap<std::string, Json> spans;
    for (const Collector::Post& post : collector.posts()) {
      if (post.path != "/v1/traces") continue;
      const Json body = Json::parse(post.body);
      for (const Json& span : body["resourceSpans"][0]["scopeSpans"][0]["spans"]) {
        spans.emplace(span["name"], span);
      }
    }
    return spans;
  }
  static std::vector<Json> events_of(const Collector& collector) {
    std::vector<Json> events;
    for (const Collector::Post& post : collector.posts()) {
      if (post.path == "/api/v1/lineage") events.push_back(Json::parse(post.body));
    }
    return events;
  }

  std::string count_of(const std::string& table) const {
    return qvdhouse({"query", "SELECT count() FROM " + table}).out;
  }
};

TEST_F(Observe, AGoodAndABrokenFileAreToldToBothCollectors) {
  Collector collector;
  write_rows("good.qvd", 3);
  write_broken_qvd("broken.qvd");
  Environment environment = told(collector.url());
  environment.emplace_back("TRACEPARENT",
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  const Finished done = qvdhouse({"sync", "qvds"}, environment);
  EXPECT_EQ(done.exit_code, 7) << done.err;
  EXPECT_THAT(done.err, Not(HasSubstr("could not be sent")));

  const auto spans = spans_of(collector);
  ASSERT_EQ(spans.count("run default"), 1U);
  const Json& run = spans.find("run default")->second;
  EXPECT_EQ(run["traceId"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(run["parentSpanId"], "b7ad6b7169203331");
  EXPECT_EQ(run["status"]["code"], 2);
  for (const std::string table : {"QvdGood", "QvdBroken"}) {
    ASSERT_EQ(spans.count("file " + table), 1U) << table;
    const Json& file = spans.find("file " + table)->second;
    EXPECT_EQ(file["parentSpanId"], run["spanId"]);
    EXPECT_EQ(file["traceId"], run["traceId"]);
    EXPECT_EQ(file["status"]["code"], table == "QvdGood" ? 1 : 2);
  }
  const Json& good = spans.find("file QvdGood")->second;
  ASSERT_EQ(spans.count("swap"), 1U);
  EXPECT_EQ(spans.find("swap")->second["parentSpanId"], good["spanId"]);
  EXPECT_EQ(collector.posts()[0].head.header(
                collector.posts()[0].path == "/v1/traces" ? "api-key" : "Authorization"),
            collector.posts()[0].path == "/v1/traces" ? "k x" : "Bearer l1neage-key");

  std::map<std::string, std::string> states;  // by job, in their order
  for (const Json& event : events_of(collector)) {
    states[event["job"]["name"]] += event["eventType"].get<std::string>() + " ";
    EXPECT_EQ(event["outputs"][0]["name"], "local." + event["job"]["name"].get<std::string>());
    if (event["eventType"] != "COMPLETE") continue;
    EXPECT_EQ(event["inputs"][0]["namespace"], "file");
    EXPECT_EQ(event["inputs"][0]["name"], (folder / "qvds/good.qvd").string());
    EXPECT_EQ(event["inputs"][1]["name"], "shop.orders");
    EXPECT_EQ(event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"], 3);
    EXPECT_EQ(event["outputs"][0]["facets"]["schema"]["fields"][0]["name"], "id");
  }
  EXPECT_EQ(states, (std::map<std::string, std::string>{{"QvdBroken", "START FAIL "},
                                                        {"QvdGood", "START COMPLETE "}}));
  for (const Collector::Post& post : collector.posts()) {
    EXPECT_THAT(post.body, Not(HasSubstr("hunter2")));
  }
}

TEST_F(Observe, ACollectorThatIsGoneOrStallsChangesNothing) {
  write_rows("a.qvd", 3);
  const Finished gone = qvdhouse({"sync", "qvds"}, told("http://127.0.0.1:1"));
  EXPECT_EQ(gone.exit_code, 0) << gone.err;
  EXPECT_THAT(gone.err, ContainsRegex("lineage events? could not be sent to 127\\.0\\.0\\.1:1"));
  EXPECT_THAT(gone.err, ContainsRegex("spans? could not be sent to 127\\.0\\.0\\.1:1"));
  Collector stalled([](std::size_t) { return std::string(); });
  const Finished slow = qvdhouse({"sync", "qvds", "--full"}, told(stalled.url()));
  EXPECT_EQ(slow.exit_code, 0) << slow.err;
  EXPECT_THAT(slow.err, ContainsRegex("spans? could not be sent to"));
  EXPECT_THAT(slow.err, Not(HasSubstr("l1neage-key")));
  Collector broken([](std::size_t) { return http_answer("500 Internal Server Error"); });
  EXPECT_EQ(qvdhouse({"sync", "qvds", "--full"}, told(broken.url())).exit_code, 0);
  EXPECT_EQ(count_of("QvdA"), "3\n");
}

TEST_F(Observe, NobodyIsToldWhatIsNotWanted) {
  Collector collector;
  write_rows("a.qvd", 3);
  Environment off = told(collector.url());
  off.emplace_back("OTEL_SDK_DISABLED", "true");
  off.emplace_back("OPENLINEAGE_DISABLED", "true");
  EXPECT_EQ(qvdhouse({"sync", "qvds"}, off).exit_code, 0);
  const Environment unsampled = {
      {"OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()},
      {"TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}};
  EXPECT_EQ(qvdhouse({"sync", "qvds", "--full"}, unsampled).exit_code, 0);
  EXPECT_TRUE(collector.posts().empty());
}

TEST_F(Observe, EventsMayGoIntoAFile) {
  write_rows("a.qvd", 3);
  write_text("qvdhouse.toml", fmt::format("source = \"qvds\"\nopenlineage_url = \"file://{}\"\n"
                                          "openlineage_namespace = \"dwh\"\n",
                                          (folder / "events.ndjson").string()));
  const Finished done = qvdhouse({"sync"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  std::istringstream lines(base::read_text(folder / "events.ndjson").value_or(""));
  std::vector<Json> events;
  for (std::string line; std::getline(lines, line);) events.push_back(Json::parse(line));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["eventType"], "START");
  EXPECT_EQ(events[1]["eventType"], "COMPLETE");
  EXPECT_EQ(events[1]["job"]["namespace"], "dwh");
  // The folder outlives the engine and its port.
  EXPECT_THAT(events[1]["outputs"][0]["namespace"].get<std::string>(),
              EndsWith((folder / "qvdhouse-data").string()));
}

TEST_F(Observe, RunsOfTheServiceAreToldToo) {
  Collector collector;
  write_rows("a.qvd", 3);
  Environment environment = told(collector.url());
  environment.emplace_back("QVD_PORT", std::to_string(free_port()));
  environment.emplace_back("TRACEPARENT",
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  const Process service(binary(), {"serve", "qvds"}, environment, folder);
  ASSERT_TRUE(eventually([&] {
    return spans_of(collector).count("run default") > 0 && events_of(collector).size() == 2;
  })) << service.errors_so_far();
  // It outlives who started it.
  const auto spans = spans_of(collector);
  EXPECT_FALSE(spans.find("run default")->second.contains("parentSpanId"));
  EXPECT_EQ(spans.count("file QvdA"), 1U);
  EXPECT_EQ(events_of(collector)[1]["eventType"], "COMPLETE");
}

class Anomalies : public Observe {
 protected:
  void load_thrice() const {
    write_rows("sales.qvd", 100);
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(qvdhouse({"sync", "qvds", "--full"}).exit_code, 0);
    }
  }
  Json sync(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "sync");
    return json(arguments);
  }
};

TEST_F(Anomalies, AFileIsHeldUntilSomebodyLetsItThrough) {
  load_thrice();
  write_rows("sales.qvd", 10);
  const std::vector<std::string> hold = {"qvds", "--anomaly", "hold"};
  const Json planned = sync({"qvds", "--anomaly", "hold", "--dry-run"});
  EXPECT_EQ(planned[0]["action"], "wait");
  for (int run = 0; run < 2; ++run) {
    const Json held = sync(hold);
    EXPECT_EQ(held["waiting"], 1);
    EXPECT_EQ(held["anomalies"], 1);
    EXPECT_EQ(held["files"][0]["outcome"], "waiting");
    EXPECT_EQ(held["files"][0]["reason_code"], "anomaly");
    EXPECT_THAT(held["files"][0]["reason"].get<std::string>(),
                HasSubstr("10 rows, 90.0 % fewer than the median of its last 3 loads (100 rows)"));
    EXPECT_EQ(count_of("QvdSales"), "100\n");
  }
  // Tracking goes on to tell of the rows that are in the table.
  EXPECT_EQ(qvdhouse({"query", "SELECT status, row_count FROM QvdFileTracking FINAL"}).out,
            "completed\t100\n");
  EXPECT_EQ(qvdhouse({"query",
                      "SELECT anomalies, status FROM QvdRunHistory FINAL ORDER BY "
                      "started_at DESC LIMIT 1"})
                .out,
            "1\tcompleted\n");
  const Json let = sync({"qvds/sales.qvd", "--anomaly", "hold", "--full"});
  EXPECT_EQ(let["loaded"], 1);
  EXPECT_EQ(count_of("QvdSales"), "10\n");
  // That is how it is from now on.
  write_rows("sales.qvd", 11);
  EXPECT_EQ(sync(hold)["loaded"], 1);
  EXPECT_EQ(count_of("QvdSales"), "11\n");
}

TEST_F(Anomalies, AFileIsLoadedWithAWarningUnlessNobodyWantsOne) {
  load_thrice();
  write_rows("sales.qvd", 10);
  const Finished warned = qvdhouse({"sync", "qvds"});
  EXPECT_EQ(warned.exit_code, 0);
  EXPECT_THAT(warned.out, HasSubstr("warning: it is not as usual: 10 rows, 90.0 % fewer"));
  EXPECT_EQ(count_of("QvdSales"), "10\n");
  EXPECT_EQ(qvdhouse({"query",
                      "SELECT has(arrayMap(x -> startsWith(x, 'it is not as usual'), "
                      "warnings), 1) FROM QvdFileTracking FINAL"})
                .out,
            "1\n");
  write_rows("sales.qvd", 1'000);
  const Json off = sync({"qvds", "--anomaly", "off"});
  EXPECT_EQ(off["anomalies"], 0);
  EXPECT_EQ(off["loaded"], 1);
}

TEST_F(Anomalies, ATableMayHaveItsOwnBound) {
  load_thrice();
  write_rows("sales.qvd", 10);
  write_text("qvdhouse.toml",
             "source = \"qvds\"\nanomaly = \"hold\"\n[table.QvdSales]\nanomaly_ratio = 0.95\n");
  EXPECT_EQ(json({"sync"})["loaded"], 1);
}

}  // namespace
}  // namespace qvdhouse::tests
