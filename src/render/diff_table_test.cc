// What differs between a file and a table that the engine holds.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/words.h"
#include "clickhouse/column_type.h"
#include "clickhouse/ddl.h"
#include "clickhouse/test_engine.h"
#include "load/load.h"
#include "qvd/writer.h"
#include "render/diff.h"
#include "render/test_every_type.h"
#include "render/test_examples.h"
#include "render/test_made_files.h"
#include "schema/plan.h"

namespace qvdhouse::render {
namespace {

using qvd::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class DiffWithTable : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (!IsSkipped()) query(fmt::format("CREATE DATABASE {}", kDatabase));
  }
  static void run(const std::string& sql) { clickhouse::Connection(endpoint()).query(sql); }

  static Table table(const std::string& name) {
    Table table{.name = name,
                .endpoint = endpoint(),
                .from = fmt::format("`{}`.`{}`", kDatabase, name),
                .shape = {},
                .other_columns = {}};
    clickhouse::Connection connection(endpoint());
    for (const auto& column : clickhouse::describe_table(connection, kDatabase, name)) {
      const auto type = clickhouse::parse_column_type(column.type);
      if (column.name.starts_with('_')) continue;
      if (!type) {
        table.other_columns.emplace(column.name, column.type);
        continue;
      }
      table.shape.push_back({.name = column.name,
                             .type = *type,
                             .text_style = schema::text_style_in(column.comment)});
    }
    return table;
  }
  static Diff diff_of(MadeFiles& made, const std::string& name, const DiffRequest& request = {},
                      Request rows = {}) {
    const Table second = table(name);
    rows.beside = &second.shape;
    Files files(made.files, rows, {});
    return diff(files, second, request);
  }
  static std::string load(const File& file) {
    load::Progress progress;
    load::Result result;
    load::load_file(*file.open(), file.name, endpoint(), file.options, file.target, progress,
                    result);
    return result.table;
  }
};

// 1 a, 2 b, 3 NULL, 3 NULL
qvd::TableData numbered() {
  qvd::FieldData id{.name = "Id", .values = {}, .codes = {1, 2, 3, 3}};
  for (const int number : {1, 2, 3}) id.values.push_back(Value::of(number));
  qvd::FieldData text{.name = "Text", .values = {}, .codes = {1, 2, 0, 0}};
  for (const char* letter : {"a", "b"}) text.values.push_back(Value::of(std::string_view(letter)));
  return {.name = "T", .fields = {id, text}, .row_count = 4};
}

TEST_F(DiffWithTable, ALoadedFileIsEqualInEveryType) {
  MadeFiles made;
  const EveryType every;
  File& file = made.add(every.table);
  file.options.policy.overrides = every.types;
  file.options.invalid_utf8 = every.invalid_utf8;
  const std::string name = load(file);
  const Diff same = diff_of(made, name);
  EXPECT_TRUE(same.is_equal());
  EXPECT_EQ(same.second_rows, 40u);
  // Each value as both write it, from two sources of texts.
  run(
      fmt::format("CREATE TABLE twice ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM {0} "
                  "UNION ALL SELECT * FROM {0}",
                  name));
  const Diff more = diff_of(made, "twice", {.most_examples = 100});
  EXPECT_EQ(more.only_second, 40u);
  EXPECT_EQ(more.examples.size(), 40u);
}

TEST_F(DiffWithTable, RowsAreCountedAndShown) {
  MadeFiles made;
  made.add(numbered());
  run("CREATE TABLE other (Id Int64, Text Nullable(String)) ENGINE = MergeTree ORDER BY tuple()");
  run("INSERT INTO other VALUES (3, NULL), (1, 'a'), (2, 'B'), (4, 'd'), (4, 'd')");
  const Diff plain = diff_of(made, "other");
  EXPECT_THAT(plain.different_columns, ElementsAre("Id", "Text"));
  EXPECT_EQ(plain.only_first, 2u);
  EXPECT_EQ(plain.only_second, 3u);
  EXPECT_THAT(examples(plain),
              UnorderedElementsAre("-Id=2 Text=b", "-Id=3 Text=NULL", "+Id=2 Text=B",
                                   "+Id=4 Text=d", "+Id=4 Text=d"));
  const Diff keyed = diff_of(made, "other", {.key = {"Id"}});
  EXPECT_EQ(keyed.changed, 1u);
  EXPECT_EQ(keyed.only_second, 2u);
  EXPECT_THAT(examples(keyed), UnorderedElementsAre("~Id=2 Text=b>B", "-Id=3 Text=NULL",
                                                    "+Id=4 Text=d", "+Id=4 Text=d"));
  for (const std::uint64_t memory : {std::uint64_t{256} << 20, std::uint64_t{48}}) {
    EXPECT_EQ(diff_of(made, "other", {.memory_bytes = memory}).only_second, 3u);
  }
}

TEST_F(DiffWithTable, ValuesAreTheSameInAnotherType) {
  MadeFiles made;
  made.add(numbered());
  run("CREATE TABLE texts (Id String, Text LowCardinality(Nullable(String))) ENGINE = MergeTree "
      "ORDER BY tuple()");
  run("INSERT INTO texts VALUES ('1', 'a'), ('2', 'b'), ('3', NULL), ('3', NULL)");
  const Diff found = diff_of(made, "texts");
  EXPECT_EQ(found.columns.size(), 1u);
  EXPECT_EQ(found.columns[0].column, "Id");
  EXPECT_EQ(found.only_first + found.only_second, 0u);
  EXPECT_FALSE(found.is_equal());
  EXPECT_TRUE(diff_of(made, "texts", {}, {.columns = {"Text"}}).is_equal());
}

TEST_F(DiffWithTable, ColumnsOfTypesThatNoFileHasAreDifferences) {
  MadeFiles made;
  made.add(numbered());
  run("CREATE TABLE tagged (Id Int64, Text Nullable(String), Tags Array(String)) ENGINE = "
      "MergeTree ORDER BY tuple() AS SELECT 1 AS Id, 'a' AS Text, ['x'] AS Tags");
  const Diff found = diff_of(made, "tagged");
  EXPECT_THAT(found.other_columns, ElementsAre(Pair("Tags", "Array(String)")));
  EXPECT_EQ(found.only_first, 3u);
  run("CREATE TABLE uncommon (Id UUID, Text String) ENGINE = MergeTree ORDER BY tuple()");
  EXPECT_THAT([&] { diff_of(made, "uncommon"); },
              ::testing::ThrowsMessage<base::SchemaError>(HasSubstr("has the type UUID")));
  EXPECT_EQ(diff_of(made, "uncommon", {}, {.columns = {"Text"}}).only_first, 4u);
}

TEST_F(DiffWithTable, NumbersThatNoCommonTypeHoldsAreRefused) {
  MadeFiles made;
  qvd::TableData halves = numbered();
  halves.fields[0].values[0] = Value::of(0.3);
  made.add(halves);
  run("CREATE TABLE large (Id Int64, Text Nullable(String)) ENGINE = MergeTree ORDER BY tuple()");
  run("INSERT INTO large VALUES (3, NULL)");
  EXPECT_EQ(diff_of(made, "large").only_first, 3u);
  run("INSERT INTO large VALUES (9007199254740993, NULL)");
  EXPECT_THAT([&] { diff_of(made, "large"); },
              ::testing::ThrowsMessage<base::SchemaError>(HasSubstr("has 1 numbers that Float64")));
}

TEST_F(DiffWithTable, ColumnsMayHaveAnyName) {
  MadeFiles made;
  qvd::TableData table = numbered();
  table.fields[0].name = "row_hash";
  table.fields[1].name = "key_hash";
  made.add(table);
  run("CREATE TABLE named (row_hash Int64, key_hash Nullable(String)) ENGINE = MergeTree ORDER BY "
      "tuple()");
  run("INSERT INTO named VALUES (1, 'a'), (2, 'b'), (3, NULL), (3, 'c')");
  const Diff found = diff_of(made, "named");
  EXPECT_EQ(found.only_first, 1u);
  EXPECT_EQ(found.only_second, 1u);
  EXPECT_THAT(examples(found),
              UnorderedElementsAre("-row_hash=3 key_hash=NULL", "+row_hash=3 key_hash=c"));
  EXPECT_EQ(diff_of(made, "named", {.key = {"row_hash"}}).changed, 1u);
}

TEST_F(DiffWithTable, ATableWithoutRowsIsATable) {
  MadeFiles made;
  made.add(numbered());
  run("CREATE TABLE none (Id Int64, Text String) ENGINE = MergeTree ORDER BY tuple()");
  const Diff found = diff_of(made, "none");
  EXPECT_EQ(found.only_first, 4u);
  EXPECT_EQ(found.second_rows, 0u);
}

}  // namespace
}  // namespace qvdhouse::render
