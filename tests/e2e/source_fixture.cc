#include "tests/e2e/source_fixture.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "base/encoding.h"
#include "qvd/writer.h"
#include "source/url.h"

namespace qvdhouse::tests {

namespace fs = std::filesystem;

void SourceCommandLine::SetUp() {
  EngineCommandLine::SetUp();
  tree = folder / "tree";
  std::uint32_t rows = 0;
  for (const std::string path :
       {"Orders.qvd", "Items.qvd", "Customers.QVD", "Regions.qvd", "Empty lines.qvd",
        "year 2024/January.qvd", "year 2024/February.qvd", "year 2024/deep/er/March.qvd",
        "Größe.qvd", kHardName}) {
    write_table(path, ++rows * 10);
  }
}

void SourceCommandLine::TearDown() {
  served = {};
  EngineCommandLine::TearDown();
}

void SourceCommandLine::start(const Scheme& scheme) {
  fs::create_directories(folder / "server");
  if (scheme.serve == serve_smb) {
    fs::rename(tree / hard_name, tree / kHardShareName);
    hard_name = kHardShareName;
  }
  try {
    served = scheme.serve(tree, folder / "server");
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }
  write_text("qvdhouse.toml", "[source]\n" + served.settings);
}

void SourceCommandLine::write_table(const std::string& path, std::uint32_t rows) const {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData name{.name = "Name"};
  qvd::FieldData amount{.name = "Amount"};
  for (const char* text : {"Ähre", "", "čaj", "東京"}) {
    name.values.push_back(qvd::Value::of(std::string_view(text)));
  }
  for (std::uint32_t row = 0; row < rows; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row + 1)));
    id.codes.push_back(row + 1);
    name.codes.push_back(row % 5);
    amount.values.push_back(qvd::Value::of(row * 1.37 + 0.01));
    amount.codes.push_back(row + 1);
  }
  const auto bytes = qvd::write_qvd({.name = "T", .fields = {id, name, amount}, .row_count = rows});
  write_file(tree / path, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::string SourceCommandLine::url_of(const std::string& path) const {
  const bool is_encoded =
      source::has_encoded_path(served.source.substr(0, served.source.find(':')));
  std::string below = path;
  if (is_encoded) {
    // Wildcards stay what they are; a name's own is asked for first.
    below = base::encode_path(path);
    for (std::size_t at = 0; (at = below.find("%2A", at)) != std::string::npos; ++at) {
      below.replace(at, 3, "*");
    }
  }
  return served.source + (served.source.ends_with('/') ? "" : "/") + below;
}

Finished SourceCommandLine::on_source(const std::string& source, const Environment& credentials,
                                      const std::vector<std::string>& arguments) {
  Environment environment = credentials;
  environment.emplace_back("QVD_SOURCE", source);
  environment.emplace_back("QVD_FILE_PATTERN", "**/*.qvd");
  Finished finished = qvdhouse(arguments, environment);
  printed_ += finished.out + finished.err;
  return finished;
}

Finished SourceCommandLine::on_source(const std::vector<std::string>& arguments,
                                      const Environment& more) {
  Environment environment = served.environment;
  environment.insert(environment.end(), more.begin(), more.end());
  return on_source(served.source, environment, arguments);
}

nlohmann::json SourceCommandLine::sync_json(const Environment& more) {
  const Finished finished = on_source({"sync", "--json"}, more);
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  const auto summary = nlohmann::json::parse(finished.out, nullptr, false);
  EXPECT_TRUE(summary.is_object()) << finished.out;
  return summary.is_object() ? summary : nlohmann::json{{"loaded", -1}, {"files", {}}};
}

std::string SourceCommandLine::query(const std::string& sql, const Environment& environment) {
  const Finished finished = qvdhouse({"query", sql}, environment);
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  return finished.out;
}

std::string SourceCommandLine::tables_of(const Environment& environment) {
  std::string columns = query(
      "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() "
      "AND table NOT LIKE 'QvdFile%' AND table NOT LIKE 'QvdLoad%' ORDER BY ALL",
      environment);
  std::string sums;
  const std::string names =
      query("SELECT table_name FROM QvdFileTracking FINAL WHERE status = 'completed' ORDER BY ALL",
            environment);
  std::istringstream lines(names);
  for (std::string name; std::getline(lines, name);) {
    sums += fmt::format("{}SELECT '{}', count(), groupBitXor(cityHash64(*)) FROM `{}`",
                        sums.empty() ? "" : " UNION ALL ", name, name);
  }
  EXPECT_NE(sums, "");
  if (!sums.empty()) columns += query("SELECT * FROM (" + sums + ") ORDER BY ALL", environment);
  return columns;
}

void SourceCommandLine::expect_no_secrets_printed() {
  for (const std::string& secret : served.secrets) {
    EXPECT_THAT(printed_, ::testing::Not(::testing::HasSubstr(secret)));
  }
}

void SourceCommandLine::expect_no_secrets() {
  expect_no_secrets_printed();
  const std::string kept =
      query("SELECT * FROM QvdFileTracking FORMAT JSONEachRow; ") +
      query(
          "SELECT name, comment, create_table_query FROM system.tables WHERE database = "
          "currentDatabase() FORMAT JSONEachRow");
  for (const std::string& secret : served.secrets) {
    EXPECT_THAT(kept, ::testing::Not(::testing::HasSubstr(secret)));
  }
}

}  // namespace qvdhouse::tests
