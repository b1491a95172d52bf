// Files that come again with more rows: what is sent of them, and that the table is the file
// whatever was there.
#include "load/grown_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "clickhouse/test_engine.h"
#include "load/load.h"
#include "qvd/writer.h"

namespace qvdhouse::load {
namespace {

using ::testing::IsEmpty;

constexpr std::uint64_t kHeldRows = 300'000;
constexpr std::uint64_t kAdded = 3'000;

// Rows [first, first + count) of a table that has no end; `changed`: one that is another than ever.
std::vector<std::byte> rows_from(std::uint64_t first, std::uint64_t count,
                                 std::uint64_t changed = ~std::uint64_t{0}) {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData text{.name = "text"};
  for (int i = 0; i < 100; ++i) text.values.push_back(qvd::Value::of(fmt::format("text {}", i)));
  text.values.push_back(qvd::Value::of(std::string_view("changed")));
  for (std::uint64_t row = first; row < first + count; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<double>(row)));
    id.codes.push_back(static_cast<std::uint32_t>(id.values.size()));
    text.codes.push_back(row == changed ? 101 : static_cast<std::uint32_t>(row % 100 + 1));
  }
  return qvd::write_qvd({.name = "T", .fields = {id, text}, .row_count = count});
}

class Grown : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (!IsSkipped()) query(fmt::format("CREATE DATABASE {}", kDatabase));
  }
  // Loads a file whose last load had the rows `held_`; each load is another run.
  Result load(const std::vector<std::byte>& bytes) {
    options_.run_id = fmt::format("r{}", ++runs_);
    Target target;
    target.rules = rules_;
    target.held = held_;
    Progress progress;
    Result result;
    const base::MemorySource source(bytes);
    load_file(source, "T.qvd", endpoint(), options_, target, progress, result);
    EXPECT_THAT(verify_table(source, "T.qvd", endpoint(), options_, target), IsEmpty());
    EXPECT_EQ(progress.rows_sent, result.row_count - result.rows_kept);
    held_ = RowSums{.row_count = result.row_count, .hash_sum = result.rows_hash};
    return result;
  }
  static std::string tables() {
    return query(fmt::format("SELECT count() FROM system.tables WHERE database = '{}'", kDatabase));
  }

  Options options_;
  schema::TableRules rules_;
  std::optional<RowSums> held_;
  int runs_ = 0;
};

TEST_F(Grown, OnlyRowsBehindThoseOfTheLastLoadAreSent) {
  const Result whole = load(rows_from(0, kHeldRows));
  EXPECT_EQ(whole.rows_kept, 0u);
  const Result grown = load(rows_from(0, kHeldRows + kAdded));
  EXPECT_EQ(grown.rows_kept, kHeldRows);
  EXPECT_EQ(grown.row_count, kHeldRows + kAdded);
  EXPECT_LT(grown.bytes_sent, whole.bytes_sent * 15 / 100);
  EXPECT_EQ(tables(), "1");
}

TEST_F(Grown, AndOnlyThoseBefore) {
  load(rows_from(kAdded, kHeldRows));
  const Result grown = load(rows_from(0, kHeldRows + kAdded));
  EXPECT_EQ(grown.rows_kept, kHeldRows);
  EXPECT_EQ(grown.row_count, kHeldRows + kAdded);
}

TEST_F(Grown, AgainAndAgain) {
  std::uint64_t count = kHeldRows;
  load(rows_from(0, count));
  for (int night = 0; night < 4; ++night) {
    EXPECT_EQ(load(rows_from(0, count + kAdded)).rows_kept, count);
    count += kAdded;
  }
  EXPECT_EQ(query(fmt::format("SELECT count(), uniqExact(id) FROM {}.QvdT", kDatabase)),
            fmt::format("{0}\t{0}", count));
}

TEST_F(Grown, TheSameRowsInAnotherFileAreNotSent) {
  load(rows_from(0, kHeldRows));
  const Result again = load(rows_from(0, kHeldRows));
  EXPECT_EQ(again.rows_kept, kHeldRows);
  EXPECT_EQ(again.row_count, kHeldRows);
}

TEST_F(Grown, ARowThatChangedMeansAllRows) {
  load(rows_from(0, kHeldRows));
  const Result changed = load(rows_from(0, kHeldRows + kAdded, kHeldRows / 2));
  EXPECT_EQ(changed.rows_kept, 0u);
  EXPECT_EQ(query(fmt::format("SELECT count() FROM {}.QvdT WHERE text = 'changed'", kDatabase)),
            "1");
  EXPECT_EQ(load(rows_from(0, kHeldRows - 1)).rows_kept, 0u);
  EXPECT_EQ(load(rows_from(0, 3 * kHeldRows)).rows_kept, 0u);  // less than half is known
}

TEST_F(Grown, HalfOfTheRowsAreEnoughAndNotOneLess) {
  load(rows_from(0, 150'000));
  EXPECT_EQ(load(rows_from(0, 300'001)).rows_kept, 0u);
  load(rows_from(0, 150'000));
  EXPECT_EQ(load(rows_from(0, 300'000)).rows_kept, 150'000u);
}

TEST_F(Grown, ATableThatWasTamperedWithIsMadeAgain) {
  load(rows_from(0, kHeldRows));
  query(
      fmt::format("ALTER TABLE {}.QvdT DELETE WHERE id = 7 SETTINGS "
                  "mutations_sync = 1",
                  kDatabase));
  const Result grown = load(rows_from(0, kHeldRows + kAdded));
  EXPECT_EQ(grown.rows_kept, 0u);
  EXPECT_EQ(grown.row_count, kHeldRows + kAdded);
  query(fmt::format("DROP TABLE {}.QvdT SYNC", kDatabase));
  EXPECT_EQ(load(rows_from(0, kHeldRows + 2 * kAdded)).rows_kept, 0u);
}

TEST_F(Grown, ATableOfAnotherLayoutIsMadeAgain) {
  load(rows_from(0, kHeldRows));
  rules_.order_by = {"text"};
  options_.policy.order_by = {"text"};
  EXPECT_EQ(load(rows_from(0, kHeldRows + kAdded)).rows_kept, 0u);
  EXPECT_EQ(load(rows_from(0, kHeldRows + 2 * kAdded)).rows_kept, kHeldRows + kAdded);
  rules_.partition_by = "id % 3";
  EXPECT_EQ(load(rows_from(0, kHeldRows + 3 * kAdded)).rows_kept, 0u);
  EXPECT_EQ(load(rows_from(0, kHeldRows + 4 * kAdded)).rows_kept, kHeldRows + 3 * kAdded);
}

TEST_F(Grown, NotWhereItIsSwitchedOffOrRowsAreOthers) {
  load(rows_from(0, kHeldRows));
  options_.grown_files = GrownFiles::kSendAll;
  EXPECT_EQ(load(rows_from(0, kHeldRows + kAdded)).rows_kept, 0u);
  options_.grown_files = GrownFiles::kSendNew;
  rules_.with_row = true;
  EXPECT_EQ(load(rows_from(0, kHeldRows + 2 * kAdded)).rows_kept, 0u);
  EXPECT_EQ(load(rows_from(0, kHeldRows + 3 * kAdded)).rows_kept, 0u);
}

}  // namespace
}  // namespace qvdhouse::load
