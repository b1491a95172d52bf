// What differs between two files: columns, values, rows, whatever the order of rows, and with a
// memory that holds few of them.
#include "render/diff.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/words.h"
#include "qvd/writer.h"
#include "render/test_examples.h"
#include "render/test_made_files.h"

namespace qvdhouse::render {
namespace {

using qvd::Value;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Rows of a number and a text.
struct Row {
  int id;
  std::string text;
};

qvd::TableData table_of(const std::vector<Row>& rows) {
  qvd::FieldData id{.name = "Id"};
  qvd::FieldData text{.name = "Text"};
  for (const Row& row : rows) {
    id.values.push_back(Value::of(row.id));
    text.values.push_back(Value::of(std::string_view(row.text)));
    id.codes.push_back(static_cast<std::uint32_t>(id.values.size()));
    text.codes.push_back(row.text == "NULL" ? 0 : static_cast<std::uint32_t>(text.values.size()));
  }
  return {.name = "T", .fields = {id, text}, .row_count = rows.size()};
}

Diff diff_of(const qvd::TableData& first, const qvd::TableData& second,
             const DiffRequest& request = {}, const Request& of = {}) {
  MadeFiles made;
  made.add(first, "First.qvd");
  made.add(second, "Second.qvd");
  Files files(made.files, of, {});
  return diff(files, request);
}

const std::vector<Row> kRows = {{1, "a"}, {2, "b"}, {2, "b"}, {3, "NULL"}};

TEST(DiffOfFiles, TheOrderOfRowsAndValuesDoesNotCount) {
  const Diff same = diff_of(table_of(kRows), table_of({kRows.rbegin(), kRows.rend()}));
  EXPECT_TRUE(same.is_equal());
  EXPECT_EQ(same.first_rows, 4u);
  EXPECT_THAT(same.different_columns, IsEmpty());
}

TEST(DiffOfFiles, RowsAreCountedAsOftenAsTheyAreThere) {
  const Diff found = diff_of(table_of(kRows), table_of({{1, "a"}, {2, "b"}, {3, "c"}, {1, "a"}}));
  EXPECT_FALSE(found.is_equal());
  EXPECT_THAT(found.different_columns, ElementsAre("Id", "Text"));
  EXPECT_EQ(found.only_first, 2u);
  EXPECT_EQ(found.only_second, 2u);
  EXPECT_THAT(examples(found), UnorderedElementsAre("-Id=2 Text=b", "-Id=3 Text=NULL",
                                                    "+Id=3 Text=c", "+Id=1 Text=a"));
}

TEST(DiffOfFiles, AKeyTellsChangedRowsFromOthers) {
  const Diff found = diff_of(table_of({{1, "a"}, {2, "b"}, {3, "NULL"}, {4, "d"}}),
                             table_of({{5, "e"}, {3, "c"}, {2, "b"}, {1, "A"}}), {.key = {"Id"}});
  EXPECT_EQ(found.changed, 2u);
  EXPECT_EQ(found.only_first, 1u);
  EXPECT_EQ(found.only_second, 1u);
  EXPECT_THAT(examples(found), UnorderedElementsAre("~Id=1 Text=a>A", "~Id=3 Text=NULL>c",
                                                    "-Id=4 Text=d", "+Id=5 Text=e"));
  EXPECT_THROW(diff_of(table_of(kRows), table_of(kRows), {.key = {"None"}}), base::SchemaError);
}

TEST(DiffOfFiles, TornRowsAreSeen) {
  const Diff found = diff_of(table_of({{1, "a"}, {2, "b"}}), table_of({{1, "b"}, {2, "a"}}));
  EXPECT_THAT(found.different_columns, IsEmpty());
  EXPECT_EQ(found.only_first, 2u);
  EXPECT_EQ(found.only_second, 2u);
}

TEST(DiffOfFiles, ColumnsAreComparedFirst) {
  qvd::TableData second = table_of(kRows);
  second.fields[1].name = "Note";
  for (Value& value : second.fields[0].values) value = Value::of(value.number + 0.5);
  const Diff found = diff_of(table_of(kRows), second);
  std::vector<std::string> changes;
  for (const auto& change : found.columns) {
    changes.push_back(fmt::format("{} {}", base::to_string(change.kind()), change.column));
  }
  EXPECT_THAT(changes, UnorderedElementsAre("removed Text", "added Note", "widened Id"));
  EXPECT_EQ(found.only_first, 4u);
}

TEST(DiffOfFiles, ANumberIsTheSameInAnotherType) {
  qvd::TableData second = table_of(kRows);
  second.fields[0].values.push_back(Value::of(0.5));
  const Diff found = diff_of(table_of(kRows), second);
  EXPECT_EQ(found.columns.size(), 1u);
  EXPECT_THAT(found.different_columns, IsEmpty());
  EXPECT_EQ(found.only_first + found.only_second, 0u);
  EXPECT_FALSE(found.is_equal());
}

TEST(DiffOfFiles, KeysThatDoNotTellRowsApartAreRefused) {
  std::vector<Row> first;
  for (int i = 0; i < 20'000; ++i) first.push_back({i % 2, fmt::format("text {}", i)});
  std::vector<Row> second = first;
  second[777].text = "other";
  try {
    diff_of(table_of(first), table_of(second), {.key = {"Id"}, .memory_bytes = 32 << 10});
    FAIL() << "all rows of a key were kept";
  } catch (const base::SchemaError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("more than 4,096 rows of one file"));
  }
  EXPECT_EQ(diff_of(table_of(first), table_of(second), {.key = {"Id"}}).changed, 1u);
}

TEST(DiffOfFiles, ManyRowsTakeSeveralPasses) {
  std::vector<Row> first;
  for (int i = 0; i < 20'000; ++i) first.push_back({i, fmt::format("text {}", i % 100)});
  std::vector<Row> second = first;
  second[777].text = "other";
  second.erase(second.begin() + 15'000, second.begin() + 15'100);
  for (const std::uint64_t memory : {std::uint64_t{256} << 20, std::uint64_t{1} << 10}) {
    const Diff found = diff_of(table_of(first), table_of(second),
                               {.key = {"Id"}, .most_examples = 3, .memory_bytes = memory});
    EXPECT_EQ(found.changed, 1u);
    EXPECT_EQ(found.only_first, 100u);
    EXPECT_EQ(found.only_second, 0u);
    EXPECT_EQ(found.examples.size(), 4u);
    EXPECT_THAT(examples(found), ::testing::Contains("~Id=777 Text=text 77>other"));
  }
}

TEST(DiffOfFiles, OnlyWhatIsAskedForIsCompared) {
  const qvd::TableData second = table_of({{1, "x"}, {2, "y"}, {2, "z"}, {3, "c"}});
  EXPECT_TRUE(diff_of(table_of(kRows), second, {}, {.columns = {"Id"}}).is_equal());
  const Diff found = diff_of(table_of(kRows), second, {}, {.columns = {}, .where = "Id = 1"});
  EXPECT_EQ(found.first_rows, 1u);
  EXPECT_THAT(examples(found), UnorderedElementsAre("-Id=1 Text=a", "+Id=1 Text=x"));
}

TEST(DiffOfFiles, AFileWithoutRowsIsAFile) {
  const Diff found = diff_of(table_of(kRows), table_of({}));
  EXPECT_EQ(found.only_first, 4u);
  EXPECT_EQ(found.second_rows, 0u);
}

}  // namespace
}  // namespace qvdhouse::render
