// Names of tables and columns on every kind of target: as long as the server can hold them, of any
// characters, and those that it keeps for itself.
#include "clickhouse/names.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "load/staging.h"
#include "tests/e2e/target_fixture.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;
using qvd::Value;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string times(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

std::vector<TestField> one_field(const std::string& name, int value) {
  return {{.name = name, .cells = {Value::of(value)}}};
}

class Names : public TargetCommandLine, public ::testing::WithParamInterface<TargetKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(GetParam());
  }
  bool is_oldest() const { return GetParam() == TargetKind::kOldest; }
  // Bytes of the longest table name.
  std::size_t longest() const {
    return is_oldest() ? 247 : 255 - 42 - clickhouse::stored_length(database);
  }
  std::string file_of(const std::string& table) const {
    return query(
        fmt::format("SELECT file_name FROM QvdFileTracking FINAL WHERE table_name = '{}'", table));
  }
  void make_like_item(const std::string& table) const {
    query(fmt::format("CREATE TABLE `{}` AS QvdItem ENGINE = MergeTree ORDER BY tuple(){}", table,
                      is_oldest() ? "" : " COMMENT 'qvdhouse: item.qvd'"));
  }
  std::string temporary_tables() const {
    return query(
        "SELECT arrayStringConcat(arraySort(groupArray(name)), ' ') FROM system.tables WHERE "
        "database = currentDatabase() AND position(name, '__s') != 0");
  }
};

TEST_P(Names, OfTablesMayBeAsLongAsTheServerCanHoldThem) {
  const std::string longest_ascii(longest() - 3, 'A');  // after "Qvd"
  const std::vector<std::string> stems = {times(30, "Я"), times(20, "漢"), times(33, "я"),
                                          longest_ascii, "it's \"so\" `far`  x"};
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = \"it's*.qvd\"\nname = \"it's \\\"so\\\" `far`  x\"\n");
  for (int round = 1; round <= 2; ++round) {
    for (const std::string& stem : stems) write_table(qvd(stem + ".qvd"), one_field("id", round));
    EXPECT_EQ(sync()["loaded"], stems.size()) << round;
  }
  EXPECT_EQ(query(fmt::format("SELECT id FROM `Qvd{}`", longest_ascii)), "2");
  EXPECT_EQ(query("SELECT id FROM `it's \"so\" \\`far\\`  x`"), "2");
  EXPECT_EQ(query(fmt::format("SELECT id FROM `Qvd{}`", times(30, "Я"))), "2");
  expect_all_is_well();
}

TEST_P(Names, OfTablesThatAreTooLongAreRefusedOnce) {
  const std::string stem(longest() - 2, 'a');
  write_table(qvd(stem + ".qvd"), one_field("id", 1));
  const auto is_clear =
      AllOf(HasSubstr(fmt::format("takes {} bytes", longest() + 1)),
            HasSubstr(fmt::format("at most {}", longest())), HasSubstr("[[table]]"));
  const Finished planned = on_target({"plan", "qvds"});
  EXPECT_EQ(planned.exit_code, 3) << planned.out << planned.err;
  EXPECT_THAT(planned.out, is_clear);
  for (int round = 1; round <= 2; ++round) {
    EXPECT_EQ(sync(3)["failed"], 1);
    EXPECT_EQ(query("SELECT error_class, failure_count, toUInt8(retry_at <= processed_at) FROM "
                    "QvdFileTracking FINAL"),
              "schema\t1\t1");
  }
  EXPECT_THAT(query("SELECT error_message FROM QvdFileTracking FINAL"), is_clear);
  // The fix that the message names.
  write_text("qvdhouse.toml", "[[table]]\nmatch = \"aaa*.qvd\"\nname = \"Short\"\n");
  EXPECT_EQ(sync()["loaded"], 1);
  fs::remove(qvd(stem + ".qvd"));
  for (const std::string& name : {times(60, "я"), times(60, "漢")}) {
    write_table(qvd(name + ".qvd"), one_field("id", 1));
    const Finished wide = on_target({"plan", qvd(name + ".qvd")});
    EXPECT_EQ(wide.exit_code, 3) << wide.out << wide.err;
    EXPECT_THAT(wide.out, HasSubstr(fmt::format("at most {}", longest())));
  }
}

TEST_P(Names, OfTemporaryTablesTellWhoseTheyAre) {
  write_table(qvd("item.qvd"), one_field("id", 1));
  EXPECT_EQ(sync()["loaded"], 1);
  make_like_item(load::staging_table(database, "QvdItem", "r"));
  make_like_item(load::staging_table(database, "QvdGone", "r", 7));
  make_like_item("QvdItem__staging_20240101T000000_0123abcd");
  make_like_item("QvdGone__staging_20240101T000000_0123abcd_12");
  make_like_item("QvdItem__staging_mine");
  const std::string only_rows = load::swapped_out_table(database, "QvdGone");
  make_like_item(only_rows);
  if (is_oldest()) {
    make_like_item(load::swapped_out_table(database, "QvdItem"));
    make_like_item("QvdItem__swapped_out_18c2e4b5");
  }
  EXPECT_EQ(sync()["skipped"], 1);
  EXPECT_EQ(temporary_tables(), "QvdItem__staging_mine " + only_rows);
}

TEST_P(Names, OfColumnsThatTheServerKeepsForItselfAreRefused) {
  std::vector<std::string> reserved = {"_part", "_part_index", "_partition_id", "_sample_factor"};
  std::string free = "_row_exists";
  if (is_oldest()) {
    // It answers for tables that are there only.
    write_table(qvd("item.qvd"), one_field("id", 1));
    EXPECT_EQ(sync()["loaded"], 1);
    fs::remove(qvd("item.qvd"));
  } else {
    reserved.insert(reserved.end(), {"_row_exists", "_block_number", "_table", "_database"});
    free = "_mine";
  }
  for (const std::string& name : reserved) {
    write_table(qvd("x.qvd"), one_field(name, 1));
    const auto is_clear =
        AllOf(HasSubstr(fmt::format("field \"{}\"", name)),
              HasSubstr(fmt::format("rename = {{ \"{}\" = \"{}\" }}", name, name.substr(1))));
    const Finished planned = on_target({"plan", qvd("x.qvd")});
    EXPECT_EQ(planned.exit_code, 3) << planned.out << planned.err;
    EXPECT_THAT(planned.out, is_clear);
    const Finished synced = on_target({"sync", qvd("x.qvd")});
    EXPECT_EQ(synced.exit_code, 3) << synced.out << synced.err;
    EXPECT_THAT(synced.err, is_clear);
  }
  EXPECT_EQ(query("EXISTS TABLE QvdX"), "0");
  EXPECT_EQ(temporary_tables(), "");
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = \"Set_*.qvd\"\nname = \"AllOfSet\"\n\n"
             "[table.QvdX]\nrename = { \"_part\" = \"part\" }\n");
  write_table(qvd("x.qvd"), {{.name = "_part", .cells = {Value::of(5)}},
                             {.name = free, .cells = {Value::of(6)}}});
  EXPECT_EQ(on_target({"sync", qvd("x.qvd")}).exit_code, 0);
  EXPECT_EQ(query(fmt::format("SELECT part, {} FROM QvdX", free)), "5\t6");
  fs::remove(qvd("x.qvd"));
  // In a set, the other files are loaded.
  write_table(qvd("Set_1.qvd"), one_field("id", 1));
  write_table(qvd("Set_2.qvd"), {{.name = "id", .cells = {Value::of(2)}},
                                 {.name = "_partition_id", .cells = {Value::of(3)}}});
  for (int round = 1; round <= 2; ++round) {
    EXPECT_EQ(on_target({"sync", "qvds", "--json"}).exit_code, 7);
    EXPECT_EQ(query("SELECT sum(id) FROM AllOfSet"), "1");
    EXPECT_EQ(query("SELECT error_class, failure_count FROM QvdFileTracking FINAL WHERE file_name "
                    "= 'Set_2.qvd'"),
              "schema\t1");
  }
}

TEST_P(Names, OfColumnsMayBeAsLongAsTheServerCanHoldThem) {
  const auto table = [&](const std::string& number, const std::string& text) {
    write_table(qvd("x.qvd"), {{.name = number, .cells = {Value::of(1), Value::of(2)}},
                               {.name = text, .cells = {Value::of("a"), Value::of("b")}}});
  };
  const std::string number(251, 'n');
  const std::string text = times(41, "я");  // 246 bytes
  table(number, text);
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(query(fmt::format("SELECT sum({}), max(`{}`) FROM QvdX", number, text)), "3\tb");
  expect_all_is_well();
  for (const auto& [longer, other] :
       {std::pair(number + "n", text), std::pair(number, text + "x")}) {
    table(longer, other);
    const Finished planned = on_target({"plan", "qvds"});
    EXPECT_EQ(planned.exit_code, is_oldest() ? 3 : 0) << planned.err;
    EXPECT_EQ(planned.out.find("rename = {") != std::string::npos, is_oldest()) << planned.out;
    EXPECT_EQ(on_target({"sync", "qvds"}).exit_code, is_oldest() ? 3 : 0);
    if (!is_oldest()) expect_all_is_well();
  }
}

INSTANTIATE_TEST_SUITE_P(On, Names,
                         ::testing::Values(TargetKind::kEmbedded, TargetKind::kNewest,
                                           TargetKind::kOldest),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
