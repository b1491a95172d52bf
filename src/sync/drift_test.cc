// A table against files of another schema, in whole runs into the real engine: what its drift
// policy forbids never happens, and a type that gives up is never silent.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clickhouse/connection.h"
#include "sync/planned_table.h"
#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

using schema::DriftPolicy;
using schema::LoadMode;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

// Two rows of whole numbers in each of the fields.
std::string numbers(const std::vector<std::string>& names) {
  qvd::TableData table{.name = "T", .fields = {}, .row_count = 2};
  for (const std::string& name : names) {
    table.fields.push_back(
        {.name = name, .values = {qvd::Value::of(1), qvd::Value::of(2)}, .codes = {1, 2}});
  }
  return as_text(qvd::write_qvd(table));
}

// A field ValidTo with a number format of DATE, and id.
std::string dates(const std::vector<std::int32_t>& serials) {
  qvd::FieldData field{.name = "ValidTo", .values = {}, .codes = {}};
  field.number_format = {.type = "DATE", .format = "YYYY-MM-DD"};
  qvd::FieldData id{.name = "id", .values = {}, .codes = {}};
  for (std::size_t i = 0; i < serials.size(); ++i) {
    field.values.push_back(qvd::Value::of(serials[i]));
    field.codes.push_back(static_cast<std::uint32_t>(i + 1));
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(i)));
    id.codes.push_back(static_cast<std::uint32_t>(i + 1));
  }
  return as_text(qvd::write_qvd({.name = "T", .fields = {id, field}, .row_count = serials.size()}));
}

// The same with the display texts that Qlik writes, and texts without a number.
std::string shown_dates(const std::vector<std::pair<std::int32_t, std::string>>& serials,
                        const std::vector<std::string>& texts = {}) {
  qvd::FieldData field{.name = "ValidTo", .values = {}, .codes = {}};
  field.number_format = {.type = "DATE", .format = "M/D/YYYY"};
  for (const auto& [serial, text] : serials) field.values.push_back(qvd::Value::dual(serial, text));
  for (const std::string& text : texts)
    field.values.push_back(qvd::Value::of(std::string_view(text)));
  for (std::uint32_t code = 1; code <= field.values.size(); ++code) field.codes.push_back(code);
  const std::size_t row_count = field.codes.size();
  return as_text(
      qvd::write_qvd({.name = "T", .fields = {std::move(field)}, .row_count = row_count}));
}

class DriftSyncTest : public SyncTest {
 protected:
  void use(LoadMode mode, DriftPolicy drift) {
    schema::TableRules rules{.match = "Sales_*.qvd", .name = "Sales", .where = "test"};
    rules.mode = mode;
    rules.drift = drift;
    options_.tables = {rules};
  }
  static std::string columns(const std::string& table = "Sales") {
    return query(
        "SELECT arrayStringConcat(groupArray(concat(name, ' ', type)), ', ') FROM system.columns "
        "WHERE database = 'tested' AND table = '" +
        table + "' AND name NOT LIKE '\\\\_%'");
  }
  // What `plan` would say of the only file.
  PlannedTable planned() {
    clickhouse::Endpoint where = endpoint();
    where.database = kDatabase;
    tracking::Tracking tracking(where, kDatabase);
    const std::vector<tracking::FileRecord> tracked = tracking.files();
    const std::vector<Decision> decisions = decide(options_, storage_, tracked, tracking.tables());
    clickhouse::Connection connection(where);
    std::vector<PlannedTable> tables = plan_tables(
        decisions,
        {.options = options_, .storage = storage_, .tracked = tracked, .connection = &connection});
    for (PlannedFile& file : tables.at(0).files) file.decision = nullptr;
    return std::move(tables.at(0));
  }
  // The run refuses the file, as plan says, and the table stays.
  void expect_refused(const std::string& code) {
    const std::string before = columns();
    const PlannedTable plan = planned();
    ASSERT_EQ(plan.files.size(), 1U) << code;
    EXPECT_EQ(plan.files[0].failure.error_class, tracking::ErrorClass::kSchema) << code;
    EXPECT_THAT(plan.files[0].failure.message, HasSubstr("qvdhouse reset --table")) << code;
    const Summary summary = sync();
    EXPECT_THAT(fates(summary), ElementsAre(Pair("Sales_1.qvd", "FAILED " + code)));
    EXPECT_EQ(summary.files[0].error_class, tracking::ErrorClass::kSchema) << code;
    EXPECT_THAT(summary.files[0].error, HasSubstr("qvdhouse reset --table")) << code;
    EXPECT_EQ(columns(), before) << code;
    EXPECT_EQ(query("SELECT count() FROM tested.Sales"), "2") << code;
  }
};

TEST_F(DriftSyncTest, FreezeHoldsWhateverTheFileIsLoadedFor) {
  for (const LoadMode mode : {LoadMode::kReplace, LoadMode::kReplaceByFile, LoadMode::kAppend}) {
    query("DROP DATABASE IF EXISTS tested SYNC");
    options_.load.policy.integers = schema::IntegerPolicy::kWide;
    use(mode, DriftPolicy::kFreeze);
    put("Sales_1.qvd", numbers({"id", "x", "y"}));
    ASSERT_EQ(sync().count(Outcome::kLoaded), 1U);
    put("Sales_1.qvd", numbers({"q"}), 3'000);
    options_.load.policy.low_cardinality_limit = 5;  // another setting
    expect_refused("changed");
    options_.full = true;
    expect_refused("full");
    options_.full = false;
    query("TRUNCATE TABLE tested.QvdFileTracking");
    expect_refused("new");
    options_.load.policy.low_cardinality_limit = 10'000;
  }
}

TEST_F(DriftSyncTest, FreezeHoldsAgainstTheSameFileUnderOtherTypes) {
  use(LoadMode::kReplace, DriftPolicy::kFreeze);
  put("Sales_1.qvd", numbers({"id"}));
  ASSERT_EQ(sync().count(Outcome::kLoaded), 1U);
  options_.tables[0].types["id"] = "String";
  options_.full = true;
  expect_refused("full");
  options_.tables[0].types.clear();
  EXPECT_EQ(sync().count(Outcome::kLoaded), 1U);
}

TEST_F(DriftSyncTest, FreezeHoldsInAnotherMode) {
  for (const auto& [first, second] : {std::pair(LoadMode::kReplace, LoadMode::kReplaceByFile),
                                      std::pair(LoadMode::kReplaceByFile, LoadMode::kAppend),
                                      std::pair(LoadMode::kAppend, LoadMode::kReplace)}) {
    query("DROP DATABASE IF EXISTS tested SYNC");
    use(first, DriftPolicy::kFreeze);
    put("Sales_1.qvd", numbers({"id", "x"}));
    ASSERT_EQ(sync().count(Outcome::kLoaded), 1U);
    const std::string before = columns();
    use(second, DriftPolicy::kFreeze);
    put("Sales_1.qvd", numbers({"q"}), 3'000);
    expect_refused("changed");
    options_.full = true;
    expect_refused("full");
    options_.full = false;
    // The same columns in the new mode are no drift.
    put("Sales_1.qvd", numbers({"id", "x"}), 2'000);
    EXPECT_EQ(sync().count(Outcome::kLoaded), 1U);
    EXPECT_EQ(columns(), before);
    EXPECT_EQ(query("SELECT count() FROM tested.Sales"), "2");
  }
}

TEST_F(DriftSyncTest, DiscardHoldsUnderOtherSettingsToo) {
  for (const LoadMode mode : {LoadMode::kReplace, LoadMode::kReplaceByFile}) {
    query("DROP DATABASE IF EXISTS tested SYNC");
    use(mode, DriftPolicy::kDiscard);
    put("Sales_1.qvd", numbers({"id", "x"}));
    ASSERT_EQ(sync().count(Outcome::kLoaded), 1U);
    put("Sales_1.qvd", numbers({"id", "x", "new"}), 3'000);
    options_.load.policy.low_cardinality_limit = mode == LoadMode::kReplace ? 5 : 6;
    const Summary second = sync();
    ASSERT_EQ(second.count(Outcome::kLoaded), 1U);
    EXPECT_THAT(second.files[0].result.warnings, Contains(HasSubstr("column \"new\"")));
    EXPECT_THAT(columns(), testing::Not(HasSubstr("new")));
  }
}

TEST_F(DriftSyncTest, AnotherSchemaComesAfterTheTableIsDropped) {
  use(LoadMode::kReplace, DriftPolicy::kFreeze);
  put("Sales_1.qvd", numbers({"id"}));
  ASSERT_EQ(sync().count(Outcome::kLoaded), 1U);
  put("Sales_1.qvd", numbers({"q"}), 3'000);
  expect_refused("changed");
  query("DROP TABLE tested.Sales SYNC");  // as reset --with-data does
  query("TRUNCATE TABLE tested.QvdFileTracking");
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Sales_1.qvd", "LOADED new")));
  EXPECT_EQ(columns(), "q Int64");
}

constexpr std::int32_t kDay = 46'010;           // 2025-12-19
constexpr std::int32_t kEndOfTime = 2'958'465;  // 9999-12-31: no Date32, by outsiders = "serial"

TEST_F(DriftSyncTest, ATypeThatGivesUpInASetIsTold) {
  options_.load.policy.outsiders = schema::OutsiderPolicy::kSerial;
  use(LoadMode::kReplaceByFile, DriftPolicy::kEvolve);
  put("Sales_1.qvd", dates({kDay, kDay + 1}));
  EXPECT_THAT(sync().files[0].result.alerts, IsEmpty());
  ASSERT_THAT(columns(), HasSubstr("ValidTo Date32"));
  put("Sales_2.qvd", dates({kDay, kEndOfTime}));
  put("Sales_3.qvd", dates({kDay, kDay + 2}));
  const Summary second = sync();
  ASSERT_THAT(columns(), HasSubstr("ValidTo String"));
  const auto is_told = AllOf(HasSubstr("\"ValidTo\" was Date32"), HasSubstr("is String from"));
  EXPECT_THAT(second.files[1].result.alerts, ElementsAre(is_told));
  EXPECT_THAT(second.files[1].result.warnings, Contains(is_told));
  EXPECT_THAT(second.files[2].result.alerts, IsEmpty());
  EXPECT_THAT(query("SELECT warnings FROM tested.QvdFileTracking FINAL WHERE file_name = "
                    "'Sales_2.qvd'"),
              HasSubstr("was Date32"));
  EXPECT_THAT(query("SELECT warnings FROM tested.QvdFileHistory WHERE file_name = 'Sales_2.qvd'"),
              HasSubstr("was Date32"));
  put("Sales_2.qvd", dates({kDay, kEndOfTime, kDay + 3}), 3'000);
  EXPECT_THAT(sync().files[1].result.alerts, IsEmpty());  // told once
}

TEST_F(DriftSyncTest, ATypeThatGivesUpInATableOfOneFileIsTold) {
  options_.load.policy.outsiders = schema::OutsiderPolicy::kSerial;
  for (const bool is_full_of_other_settings : {false, true}) {
    query("DROP DATABASE IF EXISTS tested SYNC");
    put("a.qvd", dates({kDay, kDay + 1}));
    EXPECT_THAT(sync().files[0].result.alerts, IsEmpty());
    ASSERT_THAT(columns("QvdA"), HasSubstr("ValidTo Date32"));
    put("a.qvd", dates({kDay, kEndOfTime}), 3'000);
    if (is_full_of_other_settings) {
      options_.full = true;
      options_.load.policy.low_cardinality_limit = 5;
    }
    const Summary second = sync();
    EXPECT_THAT(second.files[0].result.alerts, ElementsAre(HasSubstr("\"ValidTo\" was Date32")));
    EXPECT_THAT(tracked("warnings"), HasSubstr("was Date32"));
    EXPECT_THAT(columns("QvdA"), testing::Not(HasSubstr("ValidTo Date32")));
  }
}

// The table is in use, whatever is known of the file.
TEST_F(DriftSyncTest, ATypeThatGivesUpIsToldWithoutARecordOfTheFile) {
  options_.load.policy.outsiders = schema::OutsiderPolicy::kSerial;
  put("a.qvd", dates({kDay, kDay + 1}));
  sync();
  std::filesystem::remove(source_ / "a.qvd");
  put("A.qvd", dates({kDay, kEndOfTime}), 3'000);
  const Summary second = sync();
  std::vector<std::string> alerts;
  for (const FileOutcome& file : second.files) {
    alerts.insert(alerts.end(), file.result.alerts.begin(), file.result.alerts.end());
  }
  EXPECT_THAT(alerts, ElementsAre(HasSubstr("\"ValidTo\" was Date32")));
}

TEST_F(DriftSyncTest, NumbersThatBecomeTextAreTold) {
  put("a.qvd", numbers({"id"}));
  sync();
  qvd::FieldData id{.name = "id",
                    .values = {qvd::Value::of(1), qvd::Value::of(std::string_view("x"))},
                    .codes = {1, 2}};
  put("a.qvd", as_text(qvd::write_qvd({.name = "T", .fields = {id}, .row_count = 2})), 3'000);
  EXPECT_THAT(sync().files[0].result.alerts, ElementsAre(HasSubstr("\"id\" was Int64")));
}

const std::vector<std::string> kNoDates = {"12/19/2025", "none", "open", "soon"};

TEST_F(DriftSyncTest, FilesThatAreLoadedTogetherHaveOneTextForOneValue) {
  use(LoadMode::kReplaceByFile, DriftPolicy::kEvolve);
  put("Sales_1.qvd", shown_dates({{kDay, "12/19/2025"}, {kDay + 1, "12/20/2025"}}));
  put("Sales_2.qvd", shown_dates({}, kNoDates));
  const Summary summary = sync();
  EXPECT_THAT(summary.files[0].result.alerts, IsEmpty());
  EXPECT_THAT(summary.files[1].result.alerts,
              ElementsAre(AllOf(HasSubstr("\"ValidTo\" is text: this file has texts such as "
                                          "'12/19/2025'"),
                                HasSubstr("Date32: 1"))));
  EXPECT_EQ(query("SELECT count() FROM tested.Sales WHERE ValidTo = '12/19/2025'"), "2");
  // Files that come later keep to it.
  put("Sales_3.qvd", shown_dates({{kDay, "12/19/2025"}}));
  EXPECT_THAT(sync().files[2].result.alerts, IsEmpty());
  EXPECT_EQ(query("SELECT count() FROM tested.Sales WHERE ValidTo = '12/19/2025'"), "3");
}

TEST_F(DriftSyncTest, TextsOfATableInUseAreToldWithBothSpellings) {
  use(LoadMode::kReplaceByFile, DriftPolicy::kEvolve);
  put("Sales_1.qvd", shown_dates({{kDay, "12/19/2025"}, {kDay + 1, "12/20/2025"}}));
  sync();
  ASSERT_THAT(columns(), HasSubstr("ValidTo Date32"));
  put("Sales_2.qvd", shown_dates({}, kNoDates));
  EXPECT_THAT(planned().files[0].remarks(), Contains(HasSubstr("read '2025-12-")));
  EXPECT_THAT(sync().files[1].result.alerts,
              ElementsAre(AllOf(HasSubstr("was Date32"), HasSubstr("read '2025-12-"),
                                HasSubstr("those of this file '12/19/2025'"))));
  // Dates that come later are written as those that are there.
  put("Sales_3.qvd", shown_dates({{kDay, "12/19/2025"}}));
  sync();
  EXPECT_EQ(query("SELECT groupUniqArray(ValidTo) FROM tested.Sales WHERE _file LIKE '%_3.qvd'"),
            "['2025-12-19']");
  options_.full = true;
  EXPECT_EQ(sync().count(Outcome::kLoaded), 3U);
  EXPECT_EQ(query("SELECT count() FROM tested.Sales WHERE ValidTo = '12/19/2025'"), "3");
  EXPECT_EQ(query("SELECT count() FROM tested.Sales WHERE ValidTo LIKE '2025%'"), "0");
}

// A table that other rules or settings made keeps its columns until a full run loads all its files.
TEST_F(DriftSyncTest, AFullRunGivesTheColumnsThatTheFilesMakeToday) {
  for (const LoadMode mode : {LoadMode::kReplace, LoadMode::kReplaceByFile}) {
    SCOPED_TRACE(static_cast<int>(mode));
    query("DROP DATABASE IF EXISTS tested SYNC");
    options_.full = false;
    options_.load.policy.outsiders = schema::OutsiderPolicy::kSerial;
    use(mode, DriftPolicy::kEvolve);
    put("Sales_1.qvd", dates({kDay, kDay + 1, kEndOfTime}));
    if (mode == LoadMode::kReplaceByFile) put("Sales_2.qvd", dates({kDay, kDay + 2, kEndOfTime}));
    sync();
    ASSERT_THAT(columns(), HasSubstr("ValidTo Int64"));
    options_.load.policy.outsiders = schema::OutsiderPolicy::kClamp;
    if (mode == LoadMode::kReplaceByFile) {
      put("Sales_2.qvd", dates({kDay, kDay + 3, kEndOfTime}), 4'000);
      sync();
      EXPECT_THAT(columns(), HasSubstr("ValidTo Int64"));
      // The rows of a file that is gone cannot be loaded again.
      std::filesystem::remove(source_ / "Sales_2.qvd");
      options_.full = true;
      sync();
      EXPECT_THAT(columns(), HasSubstr("ValidTo Int64"));
      put("Sales_2.qvd", dates({kDay, kDay + 2, kEndOfTime}));
    }
    options_.full = true;
    EXPECT_EQ(sync().count(Outcome::kFailed), 0U);
    EXPECT_THAT(columns(), HasSubstr("ValidTo Date32, ValidTo__outside"));
  }
}

std::vector<std::string> events(const Summary& summary) {
  std::vector<std::string> events;
  for (const FileOutcome& file : summary.files) {
    for (const schema::ColumnChange& change : file.result.column_changes) {
      events.push_back(fmt::format("{}: {} {}", file.decision.file.name, change.column,
                                   base::to_string(change.kind())));
    }
  }
  return events;
}

TEST_F(DriftSyncTest, AChangeOfASetIsAnEventOfTheFirstFileThatNeedsIt) {
  for (const LoadMode mode : {LoadMode::kReplaceByFile, LoadMode::kAppend}) {
    query("DROP DATABASE IF EXISTS tested SYNC");
    fs::remove_all(source_);
    use(mode, DriftPolicy::kEvolve);
    put("Sales_1.qvd", numbers({"id", "a"}));
    put("Sales_2.qvd", numbers({"id", "a"}));
    const Summary first = sync();
    ASSERT_EQ(first.count(Outcome::kLoaded), 2U);
    EXPECT_THAT(events(first), IsEmpty());  // a first load changes nothing
    put("Sales_3.qvd", numbers({"id", "a"}));
    put("Sales_4.qvd", numbers({"id", "b"}));
    put("Sales_5.qvd", numbers({"id", "a", "b"}));
    const Summary second = sync();
    EXPECT_THAT(events(second), ElementsAre("Sales_4.qvd: a nullable", "Sales_4.qvd: b added"));
    EXPECT_EQ(second.column_changes(), 2U);
    EXPECT_THAT(second.files[3].result.alerts,
                ElementsAre(HasSubstr("\"a\" was Int64 in the table and is Nullable(Int64)"),
                            HasSubstr("\"b\" was not in the table and is Nullable(Int64)")));
    EXPECT_EQ(query("SELECT schema_changes FROM tested.QvdFileHistory WHERE file_name = "
                    "'Sales_4.qvd'"),
              "[{\"column\":\"a\",\"kind\":\"nullable\",\"from\":\"Int64\",\"to\":\"Nullable("
              "Int64)\"},{\"column\":\"b\",\"kind\":\"added\",\"from\":\"\",\"to\":\"Nullable("
              "Int64)\"}]");
    EXPECT_EQ(query("SELECT count() FROM tested.QvdFileHistory WHERE schema_changes != '[]'"), "1");
    EXPECT_THAT(events(sync()), IsEmpty());
  }
}

TEST_F(DriftSyncTest, AChangeOfATableOfOneFileIsAnEventOnceItIsMade) {
  put("a.qvd", numbers({"id", "old"}));
  EXPECT_THAT(events(sync()), IsEmpty());
  std::string cut = numbers({"id", "new"});
  cut.pop_back();
  put("a.qvd", cut, 3'000);
  const Summary failed = sync();
  EXPECT_EQ(failed.count(Outcome::kFailed), 1U);
  EXPECT_THAT(failed.files[0].result.alerts, IsEmpty());
  put("a.qvd", numbers({"id", "new"}), 2'000);
  EXPECT_THAT(events(sync()), ElementsAre("a.qvd: old nullable", "a.qvd: new added"));
}

// Its columns change with the commit.
TEST_F(DriftSyncTest, AChangeByAnotherModeIsAnEvent) {
  use(LoadMode::kReplaceByFile, DriftPolicy::kEvolve);
  put("Sales_1.qvd", numbers({"id", "a"}));
  put("Sales_2.qvd", numbers({"id"}));
  sync();
  use(LoadMode::kAppend, DriftPolicy::kEvolve);
  put("Sales_1.qvd", numbers({"id", "b"}), 3'000);
  EXPECT_THAT(events(sync()), ElementsAre("Sales_1.qvd: a removed", "Sales_1.qvd: b added"));
}

// Its text columns say nothing of how they are written.
TEST_F(DriftSyncTest, ATextColumnOfVersion01IsWrittenAsItWas) {
  use(LoadMode::kReplaceByFile, DriftPolicy::kEvolve);
  options_.load.policy.outsiders = schema::OutsiderPolicy::kSerial;
  put("Sales_1.qvd", dates({kDay, kDay + 1}));
  sync();
  put("Sales_2.qvd", dates({kDay, kEndOfTime}));
  sync();
  options_.load.policy.outsiders = schema::OutsiderPolicy::kClamp;
  const auto third_texts = [&](const std::vector<std::int32_t>& serials) {
    put("Sales_3.qvd", dates(serials));
    sync();
    return query(
        "SELECT arraySort(groupArray(ValidTo)) FROM tested.Sales WHERE _file LIKE '%_3.qvd'");
  };
  EXPECT_EQ(third_texts({kDay, kEndOfTime}), "['2025-12-19','2958465']");
  query("ALTER TABLE tested.Sales COMMENT COLUMN ValidTo ''");
  EXPECT_EQ(third_texts({kDay, kDay + 5, kEndOfTime}), "['2958465','46010','46015']");
}

TEST_F(DriftSyncTest, ARebuildForAnEmptyFileKeepsHowTextsAreWritten) {
  use(LoadMode::kReplaceByFile, DriftPolicy::kEvolve);
  options_.max_file_partitions = 2;
  put("Sales_1.qvd", shown_dates({{kDay, "12/19/2025"}}));
  put("Sales_2.qvd", shown_dates({}, kNoDates));
  sync();
  const std::string comment =
      "SELECT comment FROM system.columns WHERE database = 'tested' AND table = 'Sales' AND name = "
      "'ValidTo'";
  ASSERT_THAT(query(comment), HasSubstr("text as in the file"));
  put("Sales_3.qvd", shown_dates({}));
  ASSERT_THAT(planned().notes, Contains(HasSubstr("rebuilt")));
  EXPECT_EQ(sync().count(Outcome::kFailed), 0U);
  EXPECT_THAT(query(comment), HasSubstr("text as in the file"));
}

}  // namespace
}  // namespace qvdhouse::sync
