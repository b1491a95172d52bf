#include "observe/spans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/test_told.h"

namespace qvdhouse::observe {
namespace {

using nlohmann::json;
using testing::IsEmpty;

// The value of a span's attribute; null: it has none.
json value_of(const json& span, const std::string& key) {
  for (const json& one : span["attributes"]) {
    if (one["key"] == key) return one["value"].begin().value();
  }
  return nullptr;
}

class Spans : public testing::Test {
 protected:
  std::vector<json> spans_of(const sync::FileOutcome& file) {
    std::vector<json> parsed;
    for (const std::string& span : file_spans(trace, told, file, kStart + 99)) {
      parsed.push_back(json::parse(span));
    }
    return parsed;
  }
  json run(tracking::RunState status) {
    tracking::RunRecord record = told.run;
    record.status = status;
    record.finished_at_us = kStart + 1'000'000;
    record.error = "one file failed";
    record.files_loaded = 2;
    record.rows = 90;
    return json::parse(run_span(trace, told, record));
  }

  ToldRun told = told_of_test();
  TraceContext trace = trace_of(told.run.run_id, std::nullopt);
};

TEST_F(Spans, ARunIsTheRootAndItsFilesAndTheirStepsAreBelow) {
  const json root = run(tracking::RunState::kCompleted);
  EXPECT_EQ(root["traceId"], trace.trace_id);
  EXPECT_FALSE(root.contains("parentSpanId"));
  EXPECT_EQ(root["name"], "run lake");
  EXPECT_EQ(root["startTimeUnixNano"], "1783851300000000000");
  EXPECT_EQ(root["endTimeUnixNano"], "1783851301000000000");
  EXPECT_EQ(value_of(root, "qvdhouse.files_loaded"), "2");
  EXPECT_EQ(value_of(root, "qvdhouse.trigger"), "command");

  const std::vector<json> spans = spans_of(loaded_file());
  ASSERT_EQ(spans.size(), 4U);
  EXPECT_EQ(spans[0]["parentSpanId"], root["spanId"]);
  EXPECT_EQ(spans[0]["name"], "file QvdSales");
  EXPECT_EQ(value_of(spans[0], "qvdhouse.file.path"), "s3://lake/qvd/sales.qvd");
  EXPECT_EQ(value_of(spans[0], "qvdhouse.rows"), "90");
  EXPECT_EQ(value_of(spans[0], "qvdhouse.reason"), "changed");
  EXPECT_EQ(value_of(spans[0], "qvdhouse.outcome"), "loaded");
  for (std::size_t i = 1; i < spans.size(); ++i) {
    EXPECT_EQ(spans[i]["parentSpanId"], spans[0]["spanId"]);
    EXPECT_EQ(spans[i]["traceId"], trace.trace_id);
  }
  EXPECT_EQ(spans[1]["name"], "plan");
  EXPECT_EQ(spans[1]["startTimeUnixNano"], "1783851300010000000");
  EXPECT_EQ(spans[1]["endTimeUnixNano"], "1783851300011000000");
  EXPECT_EQ(spans[2]["startTimeUnixNano"], "1783851300011000000");
  // It waited for the other files of its table.
  EXPECT_EQ(spans[3]["startTimeUnixNano"], "1783851300019500000");
  EXPECT_EQ(spans[3]["endTimeUnixNano"], "1783851300020000000");
}

TEST_F(Spans, StatusSaysWhatFailedAndWhy) {
  EXPECT_EQ(run(tracking::RunState::kCompleted)["status"], json::parse(R"({"code": 1})"));
  EXPECT_EQ(run(tracking::RunState::kPartial)["status"],
            json::parse(R"({"code": 2, "message": "one file failed"})"));
  sync::FileOutcome file = loaded_file();
  EXPECT_EQ(spans_of(file)[0]["status"]["code"], 1);
  file.outcome = sync::Outcome::kFailed;
  file.error = "bad symbol \xff";
  file.error_class = tracking::ErrorClass::kInput;
  EXPECT_EQ(spans_of(file)[0]["status"]["code"], 2);
  EXPECT_EQ(spans_of(file)[0]["status"]["message"], "bad symbol \xef\xbf\xbd");
  EXPECT_EQ(value_of(spans_of(file)[0], "error.type"), "input");
}

TEST_F(Spans, AFileThatWaitsHasNoLengthAndOneThatWasLeftAloneNoSpan) {
  sync::FileOutcome file;
  file.decision.file.path = "/x.qvd";
  file.decision.file.name = "x.qvd";
  EXPECT_THAT(spans_of(file), IsEmpty());
  file.outcome = sync::Outcome::kWaiting;
  const std::vector<json> spans = spans_of(file);
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0]["name"], "file x.qvd");
  EXPECT_EQ(spans[0]["startTimeUnixNano"], spans[0]["endTimeUnixNano"]);
  EXPECT_EQ(spans[0]["status"], json::object());
}

TEST_F(Spans, TheCallersSpanIsTheParentOfTheRun) {
  trace = *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "v=1");
  const json root = run(tracking::RunState::kCompleted);
  EXPECT_EQ(root["traceId"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(root["parentSpanId"], "b7ad6b7169203331");
  EXPECT_EQ(root["traceState"], "v=1");
}

TEST_F(Spans, TheEnvelopeMakesARequestOfThem) {
  const auto request = [](const TraceOptions& options) {
    const Envelope envelope = envelope_of(options, "1.2.3", "here");
    return json::parse(envelope.prefix + R"({"a":1},{"a":2})" + envelope.suffix);
  };
  const json plain = request({});
  const json& part = plain["resourceSpans"][0];
  EXPECT_EQ(part["scopeSpans"][0]["spans"].size(), 2U);
  EXPECT_EQ(part["scopeSpans"][0]["scope"]["name"], "qvdhouse");
  EXPECT_EQ(value_of(part["resource"], "service.name"), "qvdhouse");
  EXPECT_EQ(value_of(part["resource"], "service.version"), "1.2.3");
  EXPECT_EQ(value_of(part["resource"], "host.name"), "here");
  const TraceOptions named{.resource = {{"service.name", "other"}, {"deployment", "prod"}}};
  EXPECT_EQ(value_of(request(named)["resourceSpans"][0]["resource"], "service.name"), "other");
  EXPECT_EQ(value_of(request(named)["resourceSpans"][0]["resource"], "deployment"), "prod");
  TraceOptions both = named;
  both.service_name = "mine";
  EXPECT_EQ(value_of(request(both)["resourceSpans"][0]["resource"], "service.name"), "mine");
}

}  // namespace
}  // namespace qvdhouse::observe
