// The members that the specification requires (OpenLineage 2-0-2 and its facets) are checked here
// by hand: no package has its schemas.
#include "observe/lineage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/ids.h"
#include "observe/test_told.h"

namespace qvdhouse::observe {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::MatchesRegex;

constexpr const char* kUuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

// Each facet says who made it and where it is described.
void check_facets(const json& holder) {
  for (const char* member : {"facets", "inputFacets", "outputFacets"}) {
    if (!holder.contains(member)) continue;
    for (const auto& [name, facet] : holder[member].items()) {
      EXPECT_TRUE(facet["_producer"].is_string()) << name;
      EXPECT_TRUE(facet["_schemaURL"].is_string()) << name;
    }
  }
}

void check_event(const json& event) {
  EXPECT_THAT(event["eventTime"].get<std::string>(),
              MatchesRegex("2026-07-12T10:15:0[0-9].[0-9]{6}Z"));
  EXPECT_EQ(event["producer"], "urn:qvdhouse:1.2.3");
  EXPECT_THAT(event["schemaURL"].get<std::string>(), EndsWith("#/$defs/RunEvent"));
  EXPECT_THAT(event["run"]["runId"].get<std::string>(), MatchesRegex(kUuid));
  EXPECT_EQ(event["job"]["namespace"], "ours");
  EXPECT_EQ(event["job"]["name"], "QvdSales");
  check_facets(event["run"]);
  check_facets(event["job"]);
  for (const char* list : {"inputs", "outputs"}) {
    for (const json& dataset : event[list]) {
      EXPECT_TRUE(dataset["namespace"].is_string() && dataset["name"].is_string());
      check_facets(dataset);
    }
  }
}

class LineageEvents : public testing::Test {
 protected:
  json start(const sync::FileOutcome& file) {
    return json::parse(start_event(producer, told, file.decision, kStart));
  }
  json end(const sync::FileOutcome& file) {
    return json::parse(end_event(producer, told, file, kStart));
  }
  Producer producer{.version = "1.2.3", .job_namespace = "ours"};
  ToldRun told = told_of_test();
};

TEST_F(LineageEvents, TheStartNamesFileTableAndRun) {
  const json event = start(loaded_file());
  check_event(event);
  EXPECT_EQ(event["eventType"], "START");
  EXPECT_EQ(event["inputs"][0]["namespace"], "s3://lake");
  EXPECT_EQ(event["inputs"][0]["name"], "qvd/sales.qvd");
  EXPECT_EQ(event["outputs"][0]["namespace"], "clickhouse://ch:8123");
  EXPECT_EQ(event["outputs"][0]["name"], "shop.QvdSales");
  const json& parent = event["run"]["facets"]["parent"];
  EXPECT_EQ(parent["run"]["runId"], uuid_of("run " + told.run.run_id));
  EXPECT_EQ(parent["job"]["namespace"], "ours");
  EXPECT_EQ(parent["job"]["name"], "lake");
}

TEST_F(LineageEvents, ALoadIsCompleteWithColumnsRowsAndBytes) {
  const sync::FileOutcome file = loaded_file();
  const json event = end(file);
  check_event(event);
  EXPECT_EQ(event["eventType"], "COMPLETE");
  EXPECT_EQ(event["eventTime"], "2026-07-12T10:15:00.020000Z");
  EXPECT_EQ(event["run"]["runId"], start(file)["run"]["runId"]);
  const json& output = event["outputs"][0];
  EXPECT_EQ(
      output["facets"]["schema"]["fields"],
      json::parse(R"([{"name": "id", "type": "UInt32"}, {"name": "day", "type": "Date32"}])"));
  EXPECT_EQ(output["outputFacets"]["outputStatistics"]["rowCount"], 90);
  EXPECT_EQ(output["outputFacets"]["outputStatistics"]["size"], 500);
  EXPECT_EQ(event["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"], 100);
  EXPECT_EQ(event["inputs"][0]["inputFacets"]["inputStatistics"]["size"], 1'000);
  EXPECT_FALSE(event["run"]["facets"].contains("errorMessage"));
}

TEST_F(LineageEvents, AFailureSaysWhyAndAStopIsAnAbort) {
  sync::FileOutcome file = loaded_file();
  file.outcome = sync::Outcome::kFailed;
  file.error = "bad symbol";
  const json event = end(file);
  check_event(event);
  EXPECT_EQ(event["eventType"], "FAIL");
  EXPECT_EQ(event["run"]["facets"]["errorMessage"]["message"], "bad symbol");
  EXPECT_EQ(event["run"]["facets"]["errorMessage"]["programmingLanguage"], "C++");
  EXPECT_FALSE(event["outputs"][0].contains("outputFacets"));
  for (const sync::Outcome outcome : {sync::Outcome::kCancelled, sync::Outcome::kWaiting}) {
    file.outcome = outcome;
    EXPECT_EQ(end(file)["eventType"], "ABORT");
  }
  EXPECT_EQ(json::parse(abort_event(producer, told, file.decision, kStart))["eventType"], "ABORT");
}

TEST_F(LineageEvents, ATableIsAnInputWhereTheHeaderSaysPlainlyThatTheFileWasSelectedFromIt) {
  sync::FileOutcome file = loaded_file();
  file.result.lineage = {
      {.discriminator = "Provider=X;Data Source=erp;Password=***",
       .statement = "SELECT * FROM s.t"},
      {.discriminator = "Provider=X;Data Source=erp;Password=***",
       .statement = "SELECT a FROM s.t"},
      {.discriminator = "lib://other/x.qvd", .statement = ""},
      {.discriminator = "DSN=y", .statement = "SELECT * FROM a JOIN b ON 1 = 1"}};
  const json event = end(file);
  check_event(event);
  ASSERT_EQ(event["inputs"].size(), 2U);
  EXPECT_EQ(event["inputs"][1]["namespace"], "Provider=X;Data Source=erp;Password=***");
  EXPECT_EQ(event["inputs"][1]["name"], "s.t");
  EXPECT_EQ(event["job"]["facets"]["sql"]["query"], "SELECT * FROM s.t;\nSELECT a FROM s.t");
  const json& header = event["inputs"][0]["facets"]["qvdhouse_headerLineage"]["lineage"];
  ASSERT_EQ(header.size(), 4U);
  EXPECT_EQ(header[3]["statement"], "SELECT * FROM a JOIN b ON 1 = 1");
}

TEST_F(LineageEvents, LongStatementsAreCutAndNamesMayHoldAnyBytes) {
  sync::FileOutcome file = loaded_file();
  file.result.lineage = {{.discriminator = "\xff", .statement = std::string(1'000'000, 'x')}};
  file.result.columns = {{"\xfe", "String"}};
  const std::string text = end_event(producer, told, file, kStart);
  EXPECT_LT(text.size(), 100'000U);
  EXPECT_TRUE(json::accept(text));
}

TEST_F(LineageEvents, ManyLongStatementsAreLeftOutFromAMebibyteOn) {
  const std::string select = "SELECT " + std::string(50'000, 'a') + " FROM t";
  sync::FileOutcome file = loaded_file();
  file.result.lineage.assign(90, {.discriminator = "erp", .statement = select});
  const json event = end(file);
  EXPECT_EQ(event["inputs"][0]["facets"]["qvdhouse_headerLineage"]["lineage"].size(), 20U);
  const std::string query = event["job"]["facets"]["sql"]["query"];
  EXPECT_GT(query.size(), 1'000'000U);
  EXPECT_LE(query.size(), 1U << 20U);
  EXPECT_LT(event.dump().size(), 2'200'000U);
}

TEST(LineageOfTarget, AServerIsKnownByItsAddressAndTheEmbeddedOneByItsFolder) {
  EXPECT_EQ(server_namespace("http://ch:8123"), "clickhouse://ch:8123");
  EXPECT_EQ(server_namespace("https://user@ch/prefix"), "clickhouse://ch:443");
  EXPECT_EQ(embedded_namespace("here", "/var/lib/qvd/./data"),
            "clickhouse://here/var/lib/qvd/data");
}

}  // namespace
}  // namespace qvdhouse::observe
