// The load modes on every kind of server: each row of each file is there once after repeated loads,
// whatever the file is called, and what a server of old lacks is replaced by what it has.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "clickhouse/quote.h"
#include "load/load.h"
#include "qvd/writer.h"
#include "tests/servers/clickhouse.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace {

using schema::LoadMode;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

// Rows with an id from 0, a region, a number that is NULL now and then.
std::vector<std::byte> sales(std::uint32_t rows, const std::string& region = "EU") {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData place{.name = "region", .values = {qvd::Value::of(region)}};
  qvd::FieldData amount{.name = "amount", .values = {qvd::Value::of(1.5), qvd::Value::of(2.25)}};
  for (std::uint32_t row = 0; row < rows; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row)));
    id.codes.push_back(row + 1);
    place.codes.push_back(1);
    amount.codes.push_back(row % 3);
  }
  return qvd::write_qvd({.name = "Sales", .fields = {id, place, amount}, .row_count = rows});
}

class ServerModes : public ::testing::TestWithParam<ServerKind> {
 protected:
  void SetUp() override try {
    work_ = fs::canonical(fs::temp_directory_path()) / fmt::format("qvdhouse_modes_{}", ::getpid());
    server_ = std::make_unique<ClickHouseServer>(GetParam(), work_);
    clickhouse::Connection connection(server_->endpoint("default"));
    connection.query("CREATE DATABASE tested");
    endpoint_ = server_->endpoint("tested");
    endpoint_.dialect = clickhouse::ask_dialect(connection);
    options_.policy.dialect = endpoint_.dialect;
    options_.run_id = "r1";
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }
  void TearDown() override {
    server_.reset();
    fs::remove_all(work_);
  }

  static load::Target into(LoadMode mode, std::string file_key, std::uint64_t version = 1) {
    return {.table = "Sales",
            .number = 1,
            .mode = mode,
            .file_key = std::move(file_key),
            .version = version};
  }
  void load(const std::vector<std::byte>& bytes, const load::Target& target) {
    load::Progress progress;
    load::Result result;
    load::load_file(base::MemorySource(bytes), "Sales.qvd", endpoint_, options_, target, progress,
                    result);
  }
  std::vector<std::string> verify(const std::vector<std::byte>& bytes, const load::Target& target) {
    return load::verify_table(base::MemorySource(bytes), "Sales.qvd", endpoint_, options_, target);
  }
  std::string ask(const std::string& sql) {
    std::string answer = clickhouse::Connection(endpoint_).query(sql);
    if (answer.ends_with('\n')) answer.pop_back();
    return answer;
  }
  std::string tables() {
    return ask(
        "SELECT arrayStringConcat(arraySort(groupArray(name)), ' ') FROM system.tables WHERE "
        "database = 'tested'");
  }

  fs::path work_;
  std::unique_ptr<ClickHouseServer> server_;
  clickhouse::Endpoint endpoint_;
  load::Options options_;
};

TEST_P(ServerModes, EachRowIsThereOnce) {
  for (const std::uint32_t rows : {500u, 300u, 300u}) {
    load(sales(rows), into(LoadMode::kReplace, "a"));
    EXPECT_EQ(ask("SELECT count(), uniqExact(id) FROM Sales"), fmt::format("{0}\t{0}", rows));
    EXPECT_EQ(tables(), "Sales");
  }
  EXPECT_THAT(verify(sales(300), into(LoadMode::kReplace, "a")), IsEmpty());

  ask("DROP TABLE Sales");
  for (const std::uint32_t rows : {500u, 300u, 300u}) {
    load(sales(rows), into(LoadMode::kReplaceByFile, "a"));
    load(sales(100), into(LoadMode::kReplaceByFile, "b"));
    EXPECT_EQ(ask("SELECT countIf(_file = 'a'), countIf(_file = 'b'), count() FROM Sales"),
              fmt::format("{}\t100\t{}", rows, rows + 100));
    EXPECT_EQ(tables(), "Sales");
  }
  EXPECT_THAT(verify(sales(300), into(LoadMode::kReplaceByFile, "a")), IsEmpty());

  ask("DROP TABLE Sales");
  for (const std::uint64_t version : {1u, 1u, 2u, 2u, 1u}) {
    load(sales(100 * static_cast<std::uint32_t>(version)), into(LoadMode::kAppend, "a", version));
  }
  EXPECT_EQ(ask("SELECT count() FROM Sales"), "300");
  clickhouse::Connection connection(endpoint_);
  EXPECT_TRUE(load::delete_file({&connection, 1}, 0, "Sales", "a", "Sales__aside"));
  EXPECT_FALSE(load::delete_file({&connection, 1}, 0, "Sales", "a", "Sales__aside"));
  EXPECT_EQ(ask("SELECT count() FROM Sales"), "0");
  EXPECT_EQ(tables(), "Sales");
}

TEST_P(ServerModes, ATableIsRebuiltWhereAPartitionMoved) {
  load::Target a = into(LoadMode::kReplaceByFile, "a");
  load::Target b = into(LoadMode::kReplaceByFile, "b");
  a.rules.partition_by = b.rules.partition_by = "region";
  load(sales(100, "EU"), a);
  load(sales(50, "US"), b);
  load(sales(70, "US"), a);
  EXPECT_EQ(ask("SELECT countIf(_file = 'a'), countIf(_file = 'b'), countIf(region = 'EU') FROM "
                "Sales"),
            "70\t50\t0");
  EXPECT_EQ(tables(), "Sales");
  EXPECT_THAT(verify(sales(70, "US"), a), IsEmpty());
}

TEST_P(ServerModes, FilesOfAnyNameKeepApart) {
  const std::vector<std::string> keys = {"it's.qvd",
                                         "a\\b\\.qvd",
                                         "a\nb\t.qvd",
                                         "\"`.qvd",
                                         "'; DROP TABLE Sales; --",
                                         "😀/é.qvd",
                                         "\xFF\xFE\x80.qvd",
                                         std::string("nul\0x", 5)};
  for (int round = 0; round < 2; ++round) {
    std::uint32_t rows = 1;
    for (const std::string& key : keys) load(sales(rows++), into(LoadMode::kReplaceByFile, key));
  }
  EXPECT_EQ(ask("SELECT count(), uniqExact(_file) FROM Sales"), "36\t8");
  std::uint32_t rows = 0;
  for (const std::string& key : keys) {
    EXPECT_EQ(
        ask(fmt::format("SELECT countIf(_file = {}) FROM Sales", clickhouse::quote_literal(key))),
        std::to_string(++rows));
  }
}

TEST_P(ServerModes, ASwapThatTheServerDidNotSurviveIsFinished) {
  load(sales(100), into(LoadMode::kReplace, "a"));
  clickhouse::Connection connection(endpoint_);
  // The second as version 0.1 named it.
  for (const std::string& old :
       {load::swapped_out_table("tested", "Sales"), std::string("Sales__swapped_out_1")}) {
    // EXCHANGE has no steps to die between: there a table of that name is nobody's to rename.
    if (!endpoint_.dialect.has_exchange) ask(fmt::format("RENAME TABLE Sales TO {}", old));
    load::finish_swap(connection, "Sales");
    EXPECT_EQ(ask("SELECT count() FROM Sales"), "100");
    load::finish_swap(connection, "Sales");
    EXPECT_EQ(tables(), "Sales");
  }
  const std::string others = load::swapped_out_table("tested", "Others");
  ask(fmt::format("CREATE TABLE {} AS Sales", others));
  load::finish_swap(connection, "Sales");
  EXPECT_EQ(tables(), "Sales " + others);
}

// 18.16 moves a table's folder first when it renames it: killed before the rest, it leaves one that
// is no table, and refuses to rename anything to its name.
TEST_P(ServerModes, AFolderThatARenameLeftIsNotInTheWay) {
  if (endpoint_.dialect.has_exchange) return;  // its swaps are one step
  load(sales(100), into(LoadMode::kReplace, "a"));
  ask("RENAME TABLE Sales TO Sales__swapped_out_1");
  ask("CREATE TABLE Other AS Sales__swapped_out_1");
  ask("INSERT INTO Other SELECT * FROM Sales__swapped_out_1 LIMIT 7");
  fs::copy(work_ / "data/data/tested/Other", work_ / "data/data/tested/Sales",
           fs::copy_options::recursive);
  ask("DROP TABLE Other");
  clickhouse::Connection connection(endpoint_);
  load::finish_swap(connection, "Sales");
  EXPECT_EQ(ask("SELECT count() FROM Sales"), "100");
  EXPECT_EQ(tables(), "Sales");
  load(sales(50), into(LoadMode::kReplace, "a"));
  EXPECT_EQ(ask("SELECT count() FROM Sales"), "50");
}

INSTANTIATE_TEST_SUITE_P(Server, ServerModes,
                         ::testing::Values(ServerKind::kOldest, ServerKind::kNewest,
                                           ServerKind::kNewestTls),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
