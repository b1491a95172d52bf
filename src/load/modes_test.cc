// The load modes against the real engine: after every load, first or repeated, whole or broken off
// between its halves, a table holds each row of each of its files once.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "clickhouse/test_engine.h"
#include "load/load.h"
#include "qvd/writer.h"
#include "schema/drift.h"

namespace qvdhouse::load {
namespace {

using schema::LoadMode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Sales of `rows` rows: ids from `first`, a region, a day, a note now and then.
std::vector<std::byte> sales(std::uint32_t rows, int first = 0, const std::string& region = "EU") {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData place{.name = "region", .values = {qvd::Value::of(region)}};
  qvd::FieldData day{.name = "day"};
  day.number_format.type = "DATE";
  for (int i = 0; i < 30; ++i) day.values.push_back(qvd::Value::of(45'000 + i));
  qvd::FieldData note{.name = "note", .values = {qvd::Value::of("a note")}};
  for (std::uint32_t row = 0; row < rows; ++row) {
    note.codes.push_back(row % 2);  // NULL or the note
    id.values.push_back(qvd::Value::of(first + static_cast<std::int32_t>(row)));
    id.codes.push_back(row + 1);
    place.codes.push_back(1);
    day.codes.push_back(row % 30 + 1);
  }
  return qvd::write_qvd({.name = "Sales", .fields = {id, place, day, note}, .row_count = rows});
}

class Modes : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (!IsSkipped()) query(fmt::format("CREATE DATABASE {}", kDatabase));
  }
  static Target into(LoadMode mode, std::string file_key, std::uint64_t version = 1) {
    return {.table = "Sales",
            .number = 1,
            .mode = mode,
            .file_key = std::move(file_key),
            .version = version};
  }
  static Result load(const std::vector<std::byte>& bytes, const Target& target) {
    Progress progress;
    Result result;
    load_file(base::MemorySource(bytes), "Sales.qvd", endpoint(), kOptions, target, progress,
              result);
    return result;
  }
  static std::unique_ptr<StagedFile> stage(const std::vector<std::byte>& bytes,
                                           const Target& target) {
    Progress progress;
    Result result;
    return stage_file(base::MemorySource(bytes), "Sales.qvd", endpoint(), kOptions, target,
                      progress, result);
  }
  static bool commit(StagedFile& file, const Target& target) {
    Progress progress;
    Result result;
    return commit_file(file, endpoint(), target, progress, result);
  }
  static std::vector<std::string> verify(const std::vector<std::byte>& bytes,
                                         const Target& target) {
    return verify_table(base::MemorySource(bytes), "Sales.qvd", endpoint(), kOptions, target);
  }
  static bool remove(const std::string& file_key) {
    clickhouse::Connection connection(endpoint());
    return delete_file({&connection, 1}, 0, "Sales", file_key,
                       staging_table(kDatabase, "Sales", "r1"));
  }
  // The columns that come from fields.
  static schema::Shape live_shape() {
    schema::Shape shape;
    clickhouse::Connection connection(endpoint());
    for (const auto& column : clickhouse::describe_table(connection, kDatabase, "Sales")) {
      if (schema::is_own_column(column.name)) continue;
      shape.push_back({.name = column.name, .type = *clickhouse::parse_column_type(column.type)});
    }
    return shape;
  }
  static std::string ask(const std::string& what) {
    return query(fmt::format("SELECT {} FROM {}.Sales", what, kDatabase));
  }
  static std::string tables() {
    return query(
        fmt::format("SELECT arrayStringConcat(arraySort(groupArray(name)), ' ') FROM "
                    "system.tables WHERE database = '{}' FORMAT TSVRaw",
                    kDatabase));
  }

  static const Options kOptions;
};

const Options Modes::kOptions{.run_id = "r1"};

TEST_F(Modes, ReplaceHoldsTheLastLoadOnly) {
  for (const std::uint32_t rows : {500u, 300u, 300u}) {
    load(sales(rows), into(LoadMode::kReplace, "a"));
    EXPECT_EQ(ask("count(), uniqExact(id)"), fmt::format("{0}\t{0}", rows));
    EXPECT_EQ(tables(), "Sales");
  }
}

// A run that sleeps past the end of its claim comes back to find that its successor has dropped
// what it staged, and has committed the file itself.
TEST_F(Modes, RowsWhoseStagingTableIsGoneTakeNothingAway) {
  for (const LoadMode mode : {LoadMode::kReplaceByFile, LoadMode::kAppend}) {
    Target target = into(mode, "a");
    load(sales(100), target);
    target.shape = live_shape();
    for (const std::uint32_t rows : {50u, 0u}) {
      const auto staged = stage(sales(rows), target);
      query(fmt::format("DROP TABLE {}.`{}` SYNC", kDatabase, staged->rows().staging));
      EXPECT_THROW(commit(*staged, target), base::ServerError) << rows;
      EXPECT_EQ(ask("count()"), "100") << rows;
    }
    query(fmt::format("DROP TABLE {}.Sales SYNC", kDatabase));
  }
}

TEST_F(Modes, ReplaceByFileHoldsTheLastLoadOfEachFile) {
  for (const std::uint32_t rows : {500u, 300u, 300u}) {
    load(sales(rows), into(LoadMode::kReplaceByFile, "a"));
    load(sales(100, 1000), into(LoadMode::kReplaceByFile, "b"));
    EXPECT_EQ(ask("countIf(_file = 'a'), countIf(_file = 'b'), count(), uniqExact(id)"),
              fmt::format("{0}\t100\t{1}\t{1}", rows, rows + 100));
    EXPECT_EQ(tables(), "Sales");
  }
  EXPECT_THAT(verify(sales(300), into(LoadMode::kReplaceByFile, "a")), IsEmpty());
  query(
      fmt::format("ALTER TABLE {}.Sales UPDATE note = 'other' WHERE id = 17 AND _file = 'a' "
                  "SETTINGS mutations_sync = 1",
                  kDatabase));
  EXPECT_THAT(
      fmt::format("{}", fmt::join(verify(sales(300), into(LoadMode::kReplaceByFile, "a")), ";")),
      HasSubstr("column \"note\""));
  EXPECT_THAT(verify(sales(100, 1000), into(LoadMode::kReplaceByFile, "b")), IsEmpty());
}

TEST_F(Modes, AppendAddsEachVersionOnce) {
  for (const std::uint64_t version : {1u, 1u, 2u, 3u, 3u, 1u}) {
    load(sales(100 * static_cast<std::uint32_t>(version)), into(LoadMode::kAppend, "a", version));
    load(sales(10), into(LoadMode::kAppend, "b", 9));
  }
  EXPECT_EQ(ask("count(), countIf(_file = 'a'), countIf(_file = 'a' AND _version = 2)"),
            "610\t600\t200");
  EXPECT_THAT(verify(sales(200), into(LoadMode::kAppend, "a", 2)), IsEmpty());
  EXPECT_TRUE(remove("a"));
  EXPECT_EQ(ask("count()"), "10");
  EXPECT_EQ(tables(), "Sales");
}

TEST_F(Modes, WhatIsStagedIsSeenByNobodyAndACommitMayBeRepeated) {
  for (const LoadMode mode : {LoadMode::kReplaceByFile, LoadMode::kAppend}) {
    query(fmt::format("DROP TABLE IF EXISTS {}.Sales SYNC", kDatabase));
    load(sales(50), into(mode, "a"));
    stage(sales(70), into(mode, "b"));  // thrown away
    EXPECT_EQ(ask("count()"), "50");
    EXPECT_EQ(tables(), "Sales");
    const auto file = stage(sales(70), into(mode, "b"));
    EXPECT_EQ(ask("count()"), "50");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(commit(*file, into(mode, "b")));
    EXPECT_EQ(ask("count()"), "120");
  }
}

TEST_F(Modes, FilesOfAnyNameKeepApart) {
  const std::vector<std::string> keys = {"it's.qvd",
                                         "a\\b\\.qvd",
                                         "a\nb.qvd",
                                         "tab\t.qvd",
                                         "\"`.qvd",
                                         "'; DROP TABLE Sales; --",
                                         "😀/é.qvd",
                                         "\xFF\xFE\x80.qvd",
                                         "",
                                         " ",
                                         "{file} {table} %s {}",
                                         std::string("nul\0x", 5),
                                         std::string(5000, 'x')};
  for (int round = 0; round < 2; ++round) {
    std::uint32_t rows = 1;
    for (const std::string& key : keys) load(sales(rows++), into(LoadMode::kReplaceByFile, key));
  }
  EXPECT_EQ(ask("count(), uniqExact(_file)"), fmt::format("{}\t{}", 13 * 14 / 2, keys.size()));
  std::uint32_t rows = 0;
  for (const std::string& key : keys) {
    EXPECT_EQ(ask(fmt::format("countIf(_file = {})", clickhouse::quote_literal(key))),
              std::to_string(++rows));
    EXPECT_THAT(verify(sales(rows), into(LoadMode::kReplaceByFile, key)), IsEmpty()) << key;
  }
  for (const std::string& key : keys) {
    EXPECT_TRUE(remove(key)) << key;
    EXPECT_FALSE(remove(key)) << key;
  }
  EXPECT_EQ(ask("count()"), "0");
}

TEST_F(Modes, AFileWithoutRowsTakesItsOldOnesAway) {
  load(sales(10), into(LoadMode::kReplaceByFile, "a"));
  load(sales(20), into(LoadMode::kReplaceByFile, "b"));
  Target target = into(LoadMode::kReplaceByFile, "a");
  target.shape = live_shape();
  for (int i = 0; i < 2; ++i) load(sales(0), target);
  EXPECT_EQ(ask("count(), uniqExact(_file)"), "20\t1");
}

TEST_F(Modes, APartitionThatVariesWithinAFileIsRefused) {
  Target target = into(LoadMode::kReplaceByFile, "a");
  target.rules.partition_by = "day";
  try {
    load(sales(100), target);
    FAIL() << "rows of one file lie in many partitions";
  } catch (const base::SchemaError& error) {
    EXPECT_THAT(error.what(), HasSubstr("30 values"));
    EXPECT_THAT(error.what(), HasSubstr("day"));
  }
  EXPECT_EQ(tables(), "");
  target.rules.partition_by = "id";  // more than a block may have
  EXPECT_THROW(load(sales(1000), target), base::SchemaError);
  EXPECT_EQ(tables(), "");
}

TEST_F(Modes, AFileWhosePartitionMovedIsReplacedByARebuild) {
  Target a = into(LoadMode::kReplaceByFile, "a");
  Target b = into(LoadMode::kReplaceByFile, "b");
  a.rules.partition_by = b.rules.partition_by = "region";
  load(sales(100, 0, "EU"), a);
  load(sales(50, 1000, "US"), b);
  const auto moved = stage(sales(70, 0, "US"), a);
  EXPECT_FALSE(commit(*moved, a));
  EXPECT_EQ(ask("countIf(region = 'EU'), count()"), "100\t150");
  load(sales(70, 0, "US"), a);
  EXPECT_EQ(ask("countIf(_file = 'a'), countIf(_file = 'b'), countIf(region = 'EU')"), "70\t50\t0");
  EXPECT_EQ(tables(), "Sales");
}

TEST_F(Modes, OwnColumnsHoldFileRowAndNameParts) {
  Target target = into(LoadMode::kReplaceByFile, "x/Sales_202401.qvd");
  target.rules.with_row = true;
  target.rules.with_loaded_at = true;
  target.rules.with_run_id = true;
  target.loaded_at_us = 1'700'000'000'000'000;
  target.name_parts = {{"yyyymm", "202401"}};
  load(sales(5000), target);
  EXPECT_EQ(
      ask("countIf(_row = id), any(_file), any(yyyymm), any(_loaded_at), any(_run_id), count()"),
      "5000\tx/Sales_202401.qvd\t202401\t2023-11-14 22:13:20.000000\tr1\t5000");
  target.loaded_at_us = 0;
  EXPECT_THAT(verify(sales(5000), target), IsEmpty());
  query(
      fmt::format("ALTER TABLE {}.Sales UPDATE _row = if(id = 1, 2, 1) WHERE id IN (1, 2) "
                  "SETTINGS mutations_sync = 1",
                  kDatabase));
  EXPECT_THAT(fmt::format("{}", fmt::join(verify(sales(5000), target), ";")),
              HasSubstr("rows are torn apart"));
}

TEST_F(Modes, ColumnsThatAFileLacksAreNullInItsRows) {
  const auto bytes = sales(10);
  Target target = into(LoadMode::kReplace, "a");
  target.shape = schema::Shape{
      {.name = "extra", .type = *clickhouse::parse_column_type("Nullable(Decimal(9, 2))")},
      {.name = "id", .type = *clickhouse::parse_column_type("Decimal(18, 2)")}};
  load(bytes, target);
  EXPECT_EQ(query(fmt::format("SELECT groupArray(concat(name, ' ', type)) FROM system.columns "
                              "WHERE database = '{}' AND table = 'Sales'",
                              kDatabase)),
            "['extra Nullable(Decimal(9, 2))','id Decimal(21, 2)','region "
            "LowCardinality(String)','day Date32','note LowCardinality(Nullable(String))']");
  EXPECT_EQ(ask("countIf(isNull(extra)), sum(id)"), "10\t45");
  EXPECT_THAT(verify(bytes, target), IsEmpty());
}

TEST_F(Modes, RowsThatTheServerLosesStopTheLoadUnseen) {
  // Blocks of the same rows, which the server takes for one insert that was repeated.
  const auto same_rows = [](std::uint32_t rows) {
    qvd::FieldData region{.name = "region", .values = {qvd::Value::of(std::string_view("EU"))}};
    region.codes.assign(rows, 1);
    return qvd::write_qvd({.name = "Sales", .fields = {region}, .row_count = rows});
  };
  const auto many = same_rows(1 << 22);
  for (const LoadMode mode : {LoadMode::kReplace, LoadMode::kReplaceByFile}) {
    Target target = into(mode, "a");
    target.table = mode == LoadMode::kReplace ? "Alone" : "Many";
    target.rules.settings = {{"non_replicated_deduplication_window", "100"}};
    load(same_rows(1000), target);
    const std::string before = tables();
    try {
      load(many, target);
      ADD_FAILURE() << "a load that lost rows was committed";
    } catch (const base::VerifyError& error) {
      EXPECT_THAT(error.what(), HasSubstr("4194304"));
    }
    EXPECT_EQ(query(fmt::format("SELECT count() FROM {}.{}", kDatabase, target.table)), "1000");
    EXPECT_EQ(tables(), before);
  }
}

TEST_F(Modes, RowsThatExpireAtOnceAreVerifiedFirst) {
  Target target = into(LoadMode::kReplaceByFile, "a");
  target.rules.ttl = "toDate(day) + INTERVAL 1 DAY";
  EXPECT_EQ(load(sales(2000), target).row_count, 2000u);
  EXPECT_EQ(load(sales(2000), target).row_count, 2000u);
  target = into(LoadMode::kReplace, "a");
  target.table = "Alone";
  target.rules.ttl = "toDate(day) + INTERVAL 1 DAY";
  EXPECT_EQ(load(sales(2000), target).row_count, 2000u);
  EXPECT_THAT(query(fmt::format("SHOW CREATE TABLE {}.Alone", kDatabase)), HasSubstr("TTL"));
}

TEST_F(Modes, LargeFilesOfASetKeepNothingOfTheVerification) {
  constexpr std::uint32_t kRows = kSmallTableRows + 1000;
  for (int round = 0; round < 2; ++round) {
    load(sales(kRows), into(LoadMode::kReplaceByFile, "a"));
    load(sales(10), into(LoadMode::kReplaceByFile, "b"));
  }
  EXPECT_EQ(ask("count()"), std::to_string(kRows + 10));
  EXPECT_EQ(query(fmt::format("SELECT count() FROM system.projection_parts WHERE database = '{}' "
                              "AND table = 'Sales' AND active",
                              kDatabase)),
            "0");
  EXPECT_THAT(verify(sales(kRows), into(LoadMode::kReplaceByFile, "a")), IsEmpty());
}

TEST_F(Modes, SqlRunsBeforeAndAfter) {
  query(fmt::format("CREATE TABLE {}.notes (note String) ENGINE = Memory", kDatabase));
  Target target = into(LoadMode::kReplaceByFile, "it's");
  target.rules.pre_sql = {
      fmt::format("INSERT INTO {}.notes SELECT concat('before ', {{file}})", kDatabase)};
  target.rules.post_sql = {
      fmt::format("INSERT INTO {}.notes SELECT concat('after ', toString(count())) FROM {{table}} "
                  "WHERE _file = {{file}}",
                  kDatabase)};
  load(sales(10), target);
  EXPECT_EQ(query(fmt::format("SELECT arraySort(groupArray(note)) FROM {}.notes", kDatabase)),
            "['after 10','before it\\'s']");
}

TEST_F(Modes, AReaderSeesWholeStatesOnly) {
  load(sales(1000), into(LoadMode::kReplaceByFile, "a"));
  std::atomic<bool> done = false;
  std::string odd;
  std::thread reader([&] {
    clickhouse::Connection connection(endpoint());
    while (!done) {
      const std::string seen = connection.query("SELECT count(), max(id) FROM Sales");
      if (seen != "1000\t999\n" && seen != "2000\t1999\n") odd = seen;
    }
  });
  for (int round = 0; round < 10; ++round) {
    load(sales(round % 2 == 0 ? 2000 : 1000), into(LoadMode::kReplaceByFile, "a"));
  }
  done = true;
  reader.join();
  EXPECT_EQ(odd, "");
}

}  // namespace
}  // namespace qvdhouse::load
