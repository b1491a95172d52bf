// Rules of columns in loads into the real engine: each row of a file is in its table, in the
// quarantine, or counted as dropped, also after a load that was broken off between its commits.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "clickhouse/test_engine.h"
#include "load/load.h"
#include "load/quarantine.h"
#include "load/row_rules.h"
#include "load/test_source.h"
#include "qvd/writer.h"

namespace qvdhouse::load {
namespace {

using schema::ColumnRule;
using schema::LoadMode;
using schema::RuleAction;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Ids 0, 1, 2, …; an amount of row % 100 where `bad` does not name the row, and -1 where it does.
std::vector<std::byte> amounts(std::uint32_t rows, const std::vector<std::uint32_t>& bad) {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData amount{.name = "amount"};
  for (int i = 0; i < 100; ++i) amount.values.push_back(qvd::Value::of(i));
  if (!bad.empty()) amount.values.push_back(qvd::Value::of(-1));
  for (std::uint32_t row = 0; row < rows; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row)));
    id.codes.push_back(row + 1);
    amount.codes.push_back(std::ranges::find(bad, row) == bad.end() ? row % 100 + 1 : 101);
  }
  return qvd::write_qvd({.name = "T", .fields = {id, amount}, .row_count = rows});
}

class Rules : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (!IsSkipped()) query(fmt::format("CREATE DATABASE {}", kDatabase));
  }

  static Target with(std::vector<ColumnRule> rules, LoadMode mode = LoadMode::kReplace,
                     const std::string& file_key = "/f.qvd", std::uint64_t version = 1) {
    Target target{.table = "T", .mode = mode, .file_key = file_key, .version = version};
    target.rules.column_rules = std::move(rules);
    target.rules.with_row = true;
    return target;
  }
  static Result load(const base::ByteSource& source, const Target& target,
                     const std::string& run_id = "r1") {
    Progress progress;
    Result result;
    load_file(source, "T.qvd", endpoint(), {.run_id = run_id}, target, progress, result);
    return result;
  }
  static std::unique_ptr<StagedFile> stage(const std::vector<std::byte>& bytes,
                                           const Target& target, const std::string& run_id) {
    Progress progress;
    Result result;
    return stage_file(base::MemorySource(bytes), "T.qvd", endpoint(), {.run_id = run_id}, target,
                      progress, result);
  }
  static std::vector<std::string> verify(const std::vector<std::byte>& bytes,
                                         const Target& target) {
    return verify_table(base::MemorySource(bytes), "T.qvd", endpoint(), {}, target);
  }
  static std::string ask(const std::string& what) { return query(fmt::format("SELECT {}", what)); }
  static std::string quarantined() {
    return ask(
        "arrayStringConcat(arraySort(groupArray(concat(_file, ' ', toString(row), ' ', "
        "column, ' ', rule, ' ', value, ' ', cells['id']))), ', ') FROM "
        "tested.T__quarantine");
  }
  static std::string tables() {
    return ask(
        "arrayStringConcat(arraySort(groupArray(name)), ' ') FROM system.tables WHERE "
        "database = 'tested'");
  }
};

const ColumnRule kNotNegative{.columns = "amount", .min = "0", .action = RuleAction::kQuarantine};

TEST_F(Rules, QuarantinedRowsAreBesideTheOthers) {
  const auto bytes = amounts(5'000, {0, 7, 4'999});
  const Target target = with({kNotNegative});
  const Result result = load(base::MemorySource(bytes), target);
  EXPECT_EQ(result.row_count, 4'997U);
  EXPECT_EQ(result.rows_quarantined, 3U);
  EXPECT_THAT(result.alerts,
              ElementsAre("3 rows break the rule \"amount\" min = 0, the first of them row 1 with "
                          "'-1': in T__quarantine"));
  EXPECT_EQ(quarantined(),
            "/f.qvd 1 amount min = 0 -1 0, /f.qvd 5000 amount min = 0 -1 4999, /f.qvd 8 amount min "
            "= 0 -1 7");
  // The numbers of the rows that stay are those that they have in the file.
  EXPECT_EQ(ask("count(), countIf(id != _row), min(amount) FROM tested.T"), "4997\t0\t0");
  EXPECT_THAT(verify(bytes, target), IsEmpty());
  EXPECT_EQ(tables(), "T T__quarantine");
}

TEST_F(Rules, ALoadReplacesWhatTheFileHadInQuarantine) {
  const Target target = with({kNotNegative});
  load(base::MemorySource(amounts(100, {1, 2})), target, "r1");
  load(base::MemorySource(amounts(100, {3})), target, "r2");
  EXPECT_EQ(quarantined(), "/f.qvd 4 amount min = 0 -1 3");
  const auto good = amounts(100, {});
  load(base::MemorySource(good), target, "r3");
  EXPECT_EQ(quarantined(), "");
  EXPECT_THAT(verify(good, target), IsEmpty());
  // Also when there is no rule any more.
  load(base::MemorySource(amounts(100, {3})), target, "r4");
  Target without = with({});
  without.has_quarantine = true;
  EXPECT_EQ(load(base::MemorySource(amounts(100, {3})), without, "r5").row_count, 100U);
  EXPECT_EQ(quarantined(), "");
}

TEST_F(Rules, DroppedRowsAreCountedAndWarnedOnesStay) {
  const auto bytes = amounts(1'000, {5, 6});
  ColumnRule drop = kNotNegative;
  drop.action = RuleAction::kDrop;
  const ColumnRule warn{.columns = "amount", .max = "98", .action = RuleAction::kWarn};
  const Target target = with({drop, warn});
  const Result result = load(base::MemorySource(bytes), target);
  EXPECT_EQ(result.row_count, 998U);
  EXPECT_EQ(result.rows_dropped, 2U);
  EXPECT_EQ(result.rows_warned, 10U);
  EXPECT_THAT(result.alerts, ElementsAre(HasSubstr("row 6 with '-1': dropped"),
                                         HasSubstr("10 rows break the rule \"amount\" max = 98")));
  EXPECT_THAT(verify(bytes, target), IsEmpty());
  EXPECT_EQ(tables(), "T");
}

TEST_F(Rules, ErrorsAndLimitsLeaveTheTableAsItWas) {
  const Target quarantine = with({kNotNegative});
  load(base::MemorySource(amounts(10, {})), quarantine);
  const auto bad = amounts(1'000, {5, 6});
  ColumnRule error = kNotNegative;
  error.action = RuleAction::kError;
  Target target = with({error});
  const auto expect_refused = [&](const std::string& why) {
    for (const bool is_remote : {false, true}) {
      try {
        load(MaybeRemote(bad, is_remote), target, "r2");
        ADD_FAILURE() << why;
      } catch (const base::SchemaError& refused) {
        EXPECT_THAT(refused.what(), HasSubstr(why));
      }
      EXPECT_EQ(ask("count() FROM tested.T"), "10");
      EXPECT_EQ(ask("sum(total_rows) FROM system.tables WHERE database = 'tested'"), "10");
    }
  };
  expect_refused("2 rows break the rule \"amount\" min = 0, the first of them row 6 with '-1'");
  target = with({kNotNegative});
  target.rules.max_errors = 1;
  expect_refused(
      "2 of 1,000 rows break rules (2 quarantined, 0 dropped), more than max_errors = 1");
  target.rules.max_errors.reset();
  target.rules.max_error_ratio = 0.001;
  expect_refused("more than max_error_ratio = 0.001 allows");
  target.rules.max_errors = 2;
  target.rules.max_error_ratio = 0.002;
  EXPECT_EQ(load(base::MemorySource(bad), target, "r3").row_count, 998U);
}

TEST_F(Rules, AllRowsMayBreakThem) {
  std::vector<std::uint32_t> all(3'000);
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  const auto bytes = amounts(3'000, all);
  for (const bool is_remote : {false, true}) {
    const Target target = with({kNotNegative});
    const Result result = load(MaybeRemote(bytes, is_remote), target, is_remote ? "r1" : "r2");
    EXPECT_EQ(result.row_count, 0U);
    EXPECT_EQ(ask("count(), uniqExact(row) FROM tested.T__quarantine"), "3000\t3000");
    EXPECT_THAT(verify(bytes, target), IsEmpty());
  }
}

TEST_F(Rules, ARemoteFileIsJudgedAsItComes) {
  std::vector<std::uint32_t> bad;
  for (std::uint32_t row = 0; row < 700'000; row += 100'003) bad.push_back(row);
  const auto bytes = amounts(700'000, bad);
  const Target target = with({kNotNegative});
  const Result result = load(MaybeRemote(bytes, true), target);
  EXPECT_EQ(result.row_count + bad.size(), 700'000U);
  EXPECT_EQ(ask("count(), countIf(id != _row) FROM tested.T"),
            fmt::format("{}\t0", 700'000 - bad.size()));
  EXPECT_THAT(verify(bytes, target), IsEmpty());
}

TEST_F(Rules, UniqueIsBrokenByEachRowOfAValue) {
  qvd::FieldData id{.name = "id",
                    .values = {qvd::Value::of(1), qvd::Value::dual(2, "two"), qvd::Value::of(2),
                               qvd::Value::of(4)},
                    .codes = {1, 2, 3, 4, 0, 0, 4}};
  const auto bytes = qvd::write_qvd({.name = "T", .fields = {id}, .row_count = 7});
  ColumnRule unique{.columns = "i*", .unique = true, .action = RuleAction::kQuarantine};
  for (const bool is_remote : {false, true}) {
    const Target target = with({unique});
    Options options{.run_id = "r1"};
    options.policy.overrides = {{"id", "Int32"}};
    Progress progress;
    Result result;
    load_file(MaybeRemote(bytes, is_remote), "T.qvd", endpoint(), options, target, progress,
              result);
    EXPECT_EQ(ask("arrayStringConcat(arraySort(groupArray(ifNull(toString(id), '-'))), ' ') FROM "
                  "tested.T"),
              "- - 1");
    EXPECT_EQ(quarantined(),
              "/f.qvd 2 id unique two two, /f.qvd 3 id unique 2 2, /f.qvd 4 id unique 4 4, /f.qvd "
              "7 id unique 4 4");
    EXPECT_THAT(verify_table(base::MemorySource(bytes), "T.qvd", endpoint(), options, target),
                IsEmpty());
  }
}

// The strictest rule decides; of several of its kind the first.
TEST_F(Rules, ARowThatBreaksSeveralIsInOnePlace) {
  const ColumnRule drop{.columns = "id", .max = "5", .action = RuleAction::kDrop};
  const ColumnRule late{.columns = "*", .max = "7", .action = RuleAction::kQuarantine};
  const Target target = with({drop, kNotNegative, late});
  const auto bytes = amounts(10, {6});
  const Result result = load(base::MemorySource(bytes), target);
  EXPECT_EQ(result.row_count, 6U);
  EXPECT_EQ(result.rows_dropped, 1U);
  EXPECT_EQ(quarantined(),
            "/f.qvd 10 id max = 7 9 9, /f.qvd 7 amount min = 0 -1 6, /f.qvd 9 id max = 7 8 8");
  EXPECT_THAT(verify(bytes, target), IsEmpty());
}

TEST_F(Rules, SetsAndVersionsHaveTheirOwnRows) {
  const auto a = amounts(50, {1});
  const auto b = amounts(60, {2, 3});
  const auto of = [&](const char* file, std::uint64_t version, LoadMode mode) {
    return with({kNotNegative}, mode, file, version);
  };
  // The table of a set is made by whoever plans it.
  query(
      "CREATE TABLE tested.T (id Int64, amount Int64, _file LowCardinality(String), _row UInt64) "
      "ENGINE = MergeTree PARTITION BY _file ORDER BY tuple() COMMENT 'qvdhouse: T'");
  const auto set = LoadMode::kReplaceByFile;
  load(base::MemorySource(a), of("/a", 1, set), "r1");
  load(base::MemorySource(b), of("/b", 1, set), "r1");
  load(base::MemorySource(amounts(50, {4, 5})), of("/a", 1, set), "r2");
  EXPECT_EQ(ask("arrayStringConcat(arraySort(groupArray(concat(_file, toString(row)))), ' ') FROM "
                "tested.T__quarantine"),
            "/a5 /a6 /b3 /b4");
  EXPECT_THAT(verify(b, of("/b", 1, set)), IsEmpty());
  clickhouse::Connection connection(endpoint());
  remove_quarantined(connection, "T__quarantine", "/a");
  EXPECT_EQ(ask("count() FROM tested.T__quarantine"), "2");
  query("DROP TABLE tested.T__quarantine SYNC");
  query("DROP TABLE tested.T SYNC");
  query(
      "CREATE TABLE tested.T (id Int64, amount Int64, _file LowCardinality(String), _version "
      "UInt64, _row UInt64) ENGINE = MergeTree PARTITION BY (_file, _version) ORDER BY tuple() "
      "COMMENT 'qvdhouse: T'");
  const auto append = LoadMode::kAppend;
  load(base::MemorySource(a), of("/a", 1, append), "r1");
  load(base::MemorySource(b), of("/a", 2, append), "r2");
  load(base::MemorySource(b), of("/a", 2, append), "r3");
  EXPECT_EQ(ask("arrayStringConcat(arraySort(groupArray(concat(toString(_version), ' ', "
                "toString(row)))), ', ') FROM tested.T__quarantine"),
            "1 2, 2 3, 2 4");
  EXPECT_THAT(verify(a, of("/a", 1, append)), IsEmpty());
  EXPECT_THAT(verify(b, of("/a", 2, append)), IsEmpty());
}

// Killed between the two commits, or before the first: nothing is missing, and the next load makes
// it exact.
TEST_F(Rules, ALoadThatIsBrokenOffLosesNoRow) {
  const Target target = with({kNotNegative});
  const auto old_bytes = amounts(100, {1, 2});
  const auto bytes = amounts(120, {3});
  load(base::MemorySource(old_bytes), target, "r1");
  // Thrown away before the commit.
  stage(bytes, target, "r2").reset();
  EXPECT_THAT(verify(old_bytes, target), IsEmpty());
  // Died before the commit: the new rows are beside the old ones.
  auto staged = stage(bytes, target, "r3");
  staged->quarantine()->commit_begins();
  staged.reset();
  EXPECT_EQ(ask("count(), countIf(run_id = 'r1') FROM tested.T__quarantine"), "3\t2");
  EXPECT_THAT(verify(old_bytes, target), SizeIs(1));
  // Died after the commit of the table, before the old rows went.
  staged = stage(bytes, target, "r4");
  staged->quarantine()->commit_begins();
  query("EXCHANGE TABLES tested.T AND tested." + fmt::format("`{}`", staged->rows().staging));
  staged.reset();
  EXPECT_EQ(ask("count() FROM tested.T"), "119");
  EXPECT_EQ(ask("countIf(run_id = 'r4') FROM tested.T__quarantine"), "1");
  load(base::MemorySource(bytes), target, "r5");
  EXPECT_EQ(quarantined(), "/f.qvd 4 amount min = 0 -1 3");
  EXPECT_THAT(verify(bytes, target), IsEmpty());
}

TEST_F(Rules, VerifyFindsWhatIsWrongInQuarantine) {
  const Target target = with({kNotNegative});
  const auto bytes = amounts(100, {1, 2});
  load(base::MemorySource(bytes), target);
  query(
      "ALTER TABLE tested.T__quarantine UPDATE cells = mapUpdate(cells, map('id', '9')) WHERE "
      "row = 2 SETTINGS mutations_sync = 2");
  EXPECT_THAT(verify(bytes, target), ElementsAre(HasSubstr("whose content is another")));
  query("DROP TABLE tested.T__quarantine SYNC");
  EXPECT_THAT(verify(bytes, target),
              ElementsAre("quarantine: 2 rows of the file break rules, T__quarantine has 0"));
}

TEST_F(Rules, AnotherTableOfThatNameIsLeftAlone) {
  query("CREATE TABLE tested.T__quarantine (x UInt8) ENGINE = MergeTree ORDER BY x");
  const Target target = with({kNotNegative});
  EXPECT_THROW(load(base::MemorySource(amounts(100, {1})), target), base::SchemaError);
  EXPECT_EQ(load(base::MemorySource(amounts(100, {})), target).row_count, 100U);
  clickhouse::Connection connection(endpoint());
  drop_quarantine(connection, "T");
  EXPECT_EQ(tables(), "T T__quarantine");
}

TEST_F(Rules, PlansSayWhatWouldBecomeOfTheRows) {
  const auto bytes = amounts(1'000, {5, 6});
  const base::MemorySource source(bytes);
  const ColumnRule none{.columns = "nothing", .not_null = true};
  const Target target = with({kNotNegative, {.columns = "id", .unique = true}, none});
  const PreparedFile file = prepare(source, "T.qvd", {}, target);
  EXPECT_THAT(describe_rules(source, file, target.rules, 1),
              ElementsAre("the rules of \"nothing\" are of no column of the file",
                          "rule \"amount\" min = 0 (quarantine): 2 rows break it, the first of "
                          "them row 6 with '-1'",
                          "rule \"id\" unique (error): no row breaks it",
                          "of 1,000 rows, 2 would be quarantined, 0 dropped"));
  const MaybeRemote remote(bytes, true);
  EXPECT_THAT(describe_rules(remote, file, target.rules, 1),
              ElementsAre(HasSubstr("nothing"), HasSubstr("1 of its values break it"),
                          HasSubstr("its rows are counted when it is loaded")));
}

}  // namespace
}  // namespace qvdhouse::load
