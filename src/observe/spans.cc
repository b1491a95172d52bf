#include "observe/spans.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace qvdhouse::observe {
namespace {

using Json = nlohmann::ordered_json;
using sync::FileOutcome;
using sync::Outcome;
using tracking::RunState;

constexpr int kKindInternal = 1;
enum class Status { kUnset = 0, kOk = 1, kError = 2 };

// Numbers of 64 bits are texts in JSON of Protobuf.
Json attribute(std::string_view key, const std::string& value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}
Json attribute(std::string_view key, std::string_view value) {
  return attribute(key, std::string(value));
}
Json attribute(std::string_view key, std::uint64_t value) {
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}

std::string nanoseconds(std::int64_t time_us) { return std::to_string(time_us) + "000"; }

struct Span {
  std::string id;
  std::string parent;  // empty: none
  std::string name;
  std::int64_t start_us = 0;
  std::int64_t end_us = 0;
  Json attributes = Json::array();
  Status status = Status::kUnset;
  std::string message{};
};

std::string encode(const TraceContext& trace, Span span) {
  Json json{{"traceId", trace.trace_id}, {"spanId", span.id}};
  if (!span.parent.empty()) json["parentSpanId"] = span.parent;
  if (!trace.state.empty()) json["traceState"] = trace.state;
  json["name"] = span.name;
  json["kind"] = kKindInternal;
  json["startTimeUnixNano"] = nanoseconds(span.start_us);
  json["endTimeUnixNano"] = nanoseconds(std::max(span.start_us, span.end_us));
  json["attributes"] = std::move(span.attributes);
  json["status"] = Json::object();
  if (span.status != Status::kUnset) json["status"]["code"] = static_cast<int>(span.status);
  if (span.status == Status::kError) json["status"]["message"] = span.message;
  return text_of(json);
}

std::string id_of_run(const std::string& run_id) { return span_id("run " + run_id); }

Status status_of(RunState state) {
  if (state == RunState::kCompleted) return Status::kOk;
  return state == RunState::kSkipped ? Status::kUnset : Status::kError;
}

Status status_of(Outcome outcome) {
  if (outcome == Outcome::kFailed || outcome == Outcome::kCancelled) return Status::kError;
  return outcome == Outcome::kWaiting ? Status::kUnset : Status::kOk;
}

Json attributes_of(const ToldRun& told, const FileOutcome& file) {
  const sync::Decision& decision = file.decision;
  Json list = Json::array({attribute("qvdhouse.run_id", told.run.run_id),
                           attribute("qvdhouse.file.path", decision.file.path),
                           attribute("qvdhouse.file.bytes", decision.file.size),
                           attribute("qvdhouse.outcome", base::to_string(file.outcome)),
                           attribute("qvdhouse.reason", base::to_string(decision.reason_code)),
                           attribute("qvdhouse.attempts", std::uint64_t{file.attempts}),
                           attribute("qvdhouse.rows", file.result.row_count),
                           attribute("qvdhouse.rows_quarantined", file.result.rows_quarantined),
                           attribute("qvdhouse.rows_dropped", file.result.rows_dropped),
                           attribute("qvdhouse.rows_filtered", file.result.rows_filtered),
                           attribute("qvdhouse.bytes_sent", file.result.bytes_sent),
                           attribute("db.system.name", std::string("clickhouse")),
                           attribute("db.namespace", told.database)});
  if (!decision.table.empty()) list.push_back(attribute("db.collection.name", decision.table));
  if (sync::is_anomaly(file)) list.push_back(attribute("qvdhouse.anomaly", decision.anomaly));
  if (file.error_class != tracking::ErrorClass::kNone) {
    list.push_back(attribute("error.type", base::to_string(file.error_class)));
  }
  return list;
}

}  // namespace

std::string run_span(const TraceContext& trace, const ToldRun& told,
                     const tracking::RunRecord& record) {
  Json list = Json::array(
      {attribute("qvdhouse.run_id", record.run_id), attribute("qvdhouse.workflow", record.workflow),
       attribute("qvdhouse.trigger", base::to_string(record.trigger)),
       attribute("qvdhouse.status", base::to_string(record.status)),
       attribute("qvdhouse.source", told.source),
       attribute("qvdhouse.files_loaded", record.files_loaded),
       attribute("qvdhouse.files_skipped", record.files_skipped),
       attribute("qvdhouse.files_waiting", record.files_waiting),
       attribute("qvdhouse.files_failed", record.files_failed),
       attribute("qvdhouse.rows", record.rows), attribute("qvdhouse.bytes", record.bytes),
       attribute("qvdhouse.anomalies", record.anomalies),
       attribute("db.system.name", std::string("clickhouse")),
       attribute("db.namespace", told.database)});
  if (!record.asked_for.empty()) list.push_back(attribute("qvdhouse.asked_for", record.asked_for));
  if (record.error_class != tracking::ErrorClass::kNone) {
    list.push_back(attribute("error.type", base::to_string(record.error_class)));
  }
  return encode(trace, {.id = id_of_run(record.run_id),
                        .parent = trace.parent_id,
                        .name = "run " + record.workflow,
                        .start_us = record.started_at_us,
                        .end_us = record.finished_at_us,
                        .attributes = std::move(list),
                        .status = status_of(record.status),
                        .message = record.error});
}

std::vector<std::string> file_spans(const TraceContext& trace, const ToldRun& told,
                                    const FileOutcome& file, std::int64_t now_us) {
  if (file.outcome == Outcome::kSkipped) return {};
  const sync::Decision& decision = file.decision;
  const std::int64_t end_us = file.ended_at_us == 0 ? now_us : file.ended_at_us;
  const std::string id = span_id("file " + told.run.run_id + '\n' + decision.file.path);
  std::vector<std::string> spans = {encode(
      trace, {.id = id,
              .parent = id_of_run(told.run.run_id),
              .name = "file " + (decision.table.empty() ? decision.file.name : decision.table),
              .start_us = file.begun_at_us == 0 ? end_us : file.begun_at_us,
              .end_us = end_us,
              .attributes = attributes_of(told, file),
              .status = status_of(file.outcome),
              .message = file.error})};
  std::int64_t start_us = file.attempt_at_us;
  for (std::size_t i = 0; i < file.result.steps.size() && start_us != 0; ++i) {
    const load::Step& step = file.result.steps[i];
    // A commit of many files comes when all of them are staged.
    const bool is_commit = step.name == "swap" && i + 1 == file.result.steps.size();
    if (is_commit) start_us = std::max(start_us, end_us - step.duration.count());
    const std::int64_t step_end_us = start_us + step.duration.count();
    spans.push_back(encode(trace, {.id = span_id(id + std::to_string(i) + step.name),
                                   .parent = id,
                                   .name = step.name,
                                   .start_us = start_us,
                                   .end_us = step_end_us}));
    start_us = step_end_us;
  }
  return spans;
}

Envelope envelope_of(const TraceOptions& options, const std::string& version,
                     const std::string& host) {
  constexpr std::string_view kName = "service.name";
  Json attributes = Json::array();
  std::string service = options.service_name;
  for (const auto& [key, value] : options.resource) {
    if (key != kName) attributes.push_back(attribute(key, value));
    if (key == kName && service.empty()) service = value;
  }
  if (service.empty()) service = "qvdhouse";
  attributes.push_back(attribute(kName, service));
  attributes.push_back(attribute("service.version", version));
  attributes.push_back(attribute("host.name", host));
  const std::string resource = text_of(Json{{"attributes", std::move(attributes)}});
  const std::string scope = text_of(Json{{"name", "qvdhouse"}, {"version", version}});
  return {.prefix = R"({"resourceSpans":[{"resource":)" + resource + R"(,"scopeSpans":[{"scope":)" +
                    scope + R"(,"spans":[)",
          .suffix = "]}]}]}"};
}

}  // namespace qvdhouse::observe
