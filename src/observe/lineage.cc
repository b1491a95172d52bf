#include "observe/lineage.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "observe/dataset.h"
#include "observe/ids.h"
#include "qvd/header.h"

namespace qvdhouse::observe {
namespace {

using Json = nlohmann::ordered_json;
using sync::Decision;
using sync::FileOutcome;
using sync::Outcome;

constexpr std::string_view kSpec = "https://openlineage.io/spec/2-0-2/OpenLineage.json";
constexpr std::size_t kMostStatementBytes = 64 << 10;  // of one statement; the rest is cut
constexpr std::size_t kMostStatements = 100;
constexpr std::size_t kMostHeaderBytes = std::size_t{1} << 20U;  // of all; the others are left out

std::string time_of(std::int64_t time_us) {
  constexpr std::int64_t kMicroseconds = 1'000'000;
  return fmt::format("{:%FT%T}.{:06}Z", fmt::gmtime(time_us / kMicroseconds),
                     time_us % kMicroseconds);
}

std::string uri_of(const Producer& producer) { return "urn:qvdhouse:" + producer.version; }

// `schema`: "1-0-1/SQLJobFacet", of the specification.
Json facet(const Producer& producer, std::string_view schema, const Json& members) {
  const std::string_view name = schema.substr(schema.find('/') + 1);
  Json json{{"_producer", uri_of(producer)},
            {"_schemaURL",
             fmt::format("https://openlineage.io/spec/facets/{}.json#/$defs/{}", schema, name)}};
  json.update(members);
  return json;
}

std::string run_of_load(const ToldRun& told, const Decision& decision) {
  return uuid_of("load " + told.run.run_id + '\n' + decision.file.path);
}

Json run_of(const Producer& producer, const ToldRun& told, const Decision& decision) {
  const Json parent{{"run", {{"runId", uuid_of("run " + told.run.run_id)}}},
                    {"job", {{"namespace", producer.job_namespace}, {"name", told.run.workflow}}}};
  const Json engine{{"version", producer.version}, {"name", "qvdhouse"}};
  return {{"runId", run_of_load(told, decision)},
          {"facets",
           {{"parent", facet(producer, "1-0-1/ParentRunFacet", parent)},
            {"processing_engine", facet(producer, "1-1-0/ProcessingEngineRunFacet", engine)}}}};
}

Json job_of(const Producer& producer, const Decision& decision) {
  const Json type{{"processingType", "BATCH"}, {"integration", "QVDHOUSE"}, {"jobType", "LOAD"}};
  return {{"namespace", producer.job_namespace},
          {"name", decision.table},
          {"facets", {{"jobType", facet(producer, "2-0-3/JobTypeJobFacet", type)}}}};
}

Json dataset(const Dataset& named) {
  return {{"namespace", named.name_space}, {"name", named.name}};
}

Json output_of(const ToldRun& told, const Decision& decision) {
  return dataset({told.target, told.database + "." + decision.table});
}

Json event(const Producer& producer, const ToldRun& told, const Decision& decision,
           std::string_view type, std::int64_t time_us) {
  return {{"eventType", type},
          {"eventTime", time_of(time_us)},
          {"producer", uri_of(producer)},
          {"schemaURL", fmt::format("{}#/$defs/RunEvent", kSpec)},
          {"run", run_of(producer, told, decision)},
          {"job", job_of(producer, decision)},
          {"inputs", Json::array({dataset(dataset_of_file(decision.file.path))})},
          {"outputs", Json::array({output_of(told, decision)})}};
}

std::string cut(const std::string& statement) { return statement.substr(0, kMostStatementBytes); }

// What the header says of where the file came from, in a facet of our own, secrets as stars.
Json header_facet(const Producer& producer, const std::vector<qvd::Lineage>& lineage) {
  Json list = Json::array();
  std::size_t bytes = 0;
  for (const qvd::Lineage& part : lineage) {
    std::string discriminator = cut(part.discriminator);
    std::string statement = cut(part.statement);
    bytes += discriminator.size() + statement.size();
    if (list.size() == kMostStatements || bytes > kMostHeaderBytes) break;
    list.push_back(
        {{"discriminator", std::move(discriminator)}, {"statement", std::move(statement)}});
  }
  return {{"_producer", uri_of(producer)},
          {"_schemaURL", "urn:qvdhouse:facets:header_lineage:1"},
          {"lineage", std::move(list)}};
}

// The tables that the file was selected from, where that is plain, by connection and name; and the
// statements that say so, for the sql facet.
void add_selects(const Producer& producer, const std::vector<qvd::Lineage>& lineage, Json& json) {
  std::set<std::pair<std::string, std::string>> tables;
  std::string query;
  for (const qvd::Lineage& part : lineage) {
    const auto table = table_of_select(part.statement);
    if (!table || part.discriminator.empty() || tables.size() == kMostStatements) continue;
    if (tables.emplace(part.discriminator, *table).second) {
      json["inputs"].push_back(dataset({part.discriminator, *table}));
    }
    const std::string statement = cut(part.statement);
    if (query.size() + statement.size() > kMostHeaderBytes) continue;
    query += (query.empty() ? "" : ";\n") + statement;
  }
  if (query.empty()) return;
  json["job"]["facets"]["sql"] = facet(producer, "1-0-1/SQLJobFacet", {{"query", query}});
}

void add_result(const Producer& producer, const FileOutcome& file, Json& json) {
  const load::Result& result = file.result;
  Json& input = json["inputs"][0];
  Json& output = json["outputs"][0];
  if (!result.lineage.empty()) {
    input["facets"]["qvdhouse_headerLineage"] = header_facet(producer, result.lineage);
    add_selects(producer, result.lineage, json);
  }
  if (!result.columns.empty()) {
    Json fields = Json::array();
    for (const auto& [name, type] : result.columns) {
      fields.push_back({{"name", name}, {"type", type}});
    }
    output["facets"]["schema"] =
        facet(producer, "1-0-0/SchemaDatasetFacet", {{"fields", std::move(fields)}});
  }
  if (file.outcome != Outcome::kLoaded) return;
  const std::uint64_t rows =
      result.row_count + result.rows_quarantined + result.rows_dropped + result.rows_filtered;
  // `json` may have got more inputs: the file is the first of them.
  json["inputs"][0]["inputFacets"]["inputStatistics"] =
      facet(producer, "1-0-0/InputStatisticsInputDatasetFacet",
            {{"rowCount", rows}, {"size", file.decision.file.size}});
  output["outputFacets"]["outputStatistics"] =
      facet(producer, "1-0-1/OutputStatisticsOutputDatasetFacet",
            {{"rowCount", result.row_count}, {"size", result.bytes_sent}});
}

std::string_view type_of(Outcome outcome) {
  if (outcome == Outcome::kLoaded) return "COMPLETE";
  return outcome == Outcome::kFailed ? "FAIL" : "ABORT";
}

}  // namespace

std::string start_event(const Producer& producer, const ToldRun& told, const Decision& decision,
                        std::int64_t now_us) {
  return text_of(event(producer, told, decision, "START", now_us));
}

std::string end_event(const Producer& producer, const ToldRun& told, const FileOutcome& file,
                      std::int64_t now_us) {
  const std::int64_t time_us = file.ended_at_us == 0 ? now_us : file.ended_at_us;
  Json json = event(producer, told, file.decision, type_of(file.outcome), time_us);
  add_result(producer, file, json);
  if (!file.error.empty()) {
    const Json message{{"message", file.error}, {"programmingLanguage", "C++"}};
    json["run"]["facets"]["errorMessage"] = facet(producer, "1-0-0/ErrorMessageRunFacet", message);
  }
  return text_of(json);
}

std::string abort_event(const Producer& producer, const ToldRun& told, const Decision& decision,
                        std::int64_t now_us) {
  return text_of(event(producer, told, decision, "ABORT", now_us));
}

}  // namespace qvdhouse::observe
