#include "catalog/file_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "qvd/writer.h"

namespace qvdhouse::catalog {
namespace {

namespace fs = std::filesystem;
using qvd::Value;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class DescribeFile : public testing::Test {
 protected:
  DescribeFile() { fs::create_directories(folder_); }
  ~DescribeFile() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::vector<std::byte>& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  FileRow describe(const std::string& name, const Destination& destination = {}) {
    const auto listed = storage_.list((folder_ / name).string(), {.pattern = "*"});
    EXPECT_EQ(listed.size(), 1U) << name;
    return describe_file(listed.at(0), storage_, destination);
  }

  const fs::path folder_ = fs::canonical(fs::temp_directory_path()) /
                           ("qvdhouse_describe_file_" + std::to_string(::getpid()));
  source::Storage storage_;
};

qvd::TableData sales() {
  qvd::TableData table{.name = "Sales", .row_count = 3};
  qvd::FieldData id{.name = "id",
                    .values = {Value::of(1), Value::of(2), Value::of(7)},
                    .codes = {1, 2, 3},
                    .number_format = {.type = "INTEGER", .decimals = 2, .format = "#,##0"},
                    .comment = "key; Password=hunter2",
                    .tags = {"$key", "$numeric"}};
  qvd::FieldData state{.name = "state",
                       .values = {Value::dual(1, "open"), Value::dual(2, "closed"), Value::of("")},
                       .codes = {1, 0, 3}};
  table.fields = {id, state};
  table.comment = "all sales";
  table.creator_document = "C:/apps/sales.qvw";
  table.created_at = "2024-05-06 07:08:09";
  table.lineage = {{"Provider=SQLOLEDB;Password=hunter2;Data Source=erp", "SELECT * FROM sales"},
                   {"lib://raw/sales.csv", ""}};
  return table;
}

TEST_F(DescribeFile, TellsHeaderSymbolsAndPlan) {
  write("sales.qvd", qvd::write_qvd(sales()));
  Destination destination{.mode = "replace"};
  destination.target.table = "QvdSales";
  const FileRow row = describe("sales.qvd", destination);
  EXPECT_EQ(row.error, "");
  EXPECT_EQ(row.file_name, "sales.qvd");
  EXPECT_EQ(row.file_path, (folder_ / "sales.qvd").string());
  EXPECT_EQ(row.file_size, fs::file_size(folder_ / "sales.qvd"));
  EXPECT_TRUE(row.file_mtime_us);
  EXPECT_EQ(row.table_name, "QvdSales");
  EXPECT_EQ(row.load_mode, "replace");
  EXPECT_EQ(row.qvd_table_name, "Sales");
  EXPECT_EQ(row.record_count, 3U);
  EXPECT_EQ(row.creator_document, "C:/apps/sales.qvw");
  EXPECT_EQ(row.created_at_us, 1'714'979'289'000'000);
  EXPECT_EQ(row.comment, "all sales");
  EXPECT_THAT(row.lineage_discriminators,
              ElementsAre("Provider=SQLOLEDB;Password=***;Data Source=erp", "lib://raw/sales.csv"));
  EXPECT_THAT(row.lineage_statements, ElementsAre("SELECT * FROM sales", ""));

  ASSERT_EQ(row.fields.size(), 2U);
  const FieldRow& id = row.fields[0];
  EXPECT_EQ(id.position, 1U);
  EXPECT_EQ(id.name, "id");
  EXPECT_THAT(id.comment, Not(HasSubstr("hunter2")));
  EXPECT_THAT(id.tags, ElementsAre("$key", "$numeric"));
  EXPECT_THAT(id.columns, ElementsAre("id"));
  EXPECT_THAT(id.types, ElementsAre("Int64"));
  EXPECT_THAT(id.reasons, ElementsAre(Not(IsEmpty())));
  EXPECT_EQ(id.symbol_count, 3U);
  EXPECT_EQ(id.int_count, 3U);
  EXPECT_EQ(id.min_number, 1);
  EXPECT_EQ(id.max_number, 7);
  EXPECT_EQ(id.may_be_null, false);
  EXPECT_EQ(id.number_format.type, "INTEGER");
  const FieldRow& state = row.fields[1];
  EXPECT_EQ(state.dual_int_count, 2U);
  EXPECT_EQ(state.text_count, 1U);
  EXPECT_EQ(state.blank_text_count, 1U);
  EXPECT_EQ(state.may_be_null, true);
  EXPECT_EQ(state.bias, -2);
  EXPECT_GT(state.symbol_bytes, 0U);
  EXPECT_EQ(row.symbol_bytes, id.symbol_bytes + state.symbol_bytes);
}

TEST_F(DescribeFile, AFileThatIsCutTellsItsHeader) {
  auto bytes = qvd::write_qvd(sales());
  bytes.resize(bytes.size() - 1);
  write("cut.qvd", bytes);
  const FileRow row = describe("cut.qvd");
  EXPECT_EQ(row.error_class, tracking::ErrorClass::kInput);
  EXPECT_THAT(row.error, HasSubstr("bytes"));
  EXPECT_EQ(row.record_count, 3U);
  ASSERT_EQ(row.fields.size(), 2U);
  EXPECT_THAT(row.fields[0].columns, IsEmpty());
  EXPECT_EQ(row.fields[0].symbol_count, 3U);
  EXPECT_FALSE(row.fields[0].int_count);
  EXPECT_FALSE(row.fields[0].may_be_null);
}

TEST_F(DescribeFile, WhatIsNoQvdTellsWhy) {
  write("text.qvd", std::vector<std::byte>(300, std::byte{'x'}));
  const FileRow row = describe("text.qvd");
  EXPECT_EQ(row.error_class, tracking::ErrorClass::kInput);
  EXPECT_NE(row.error, "");
  EXPECT_THAT(row.fields, IsEmpty());
}

TEST_F(DescribeFile, AFileThatIsGoneTellsWhy) {
  write("sales.qvd", qvd::write_qvd(sales()));
  const auto listed = storage_.list((folder_ / "sales.qvd").string(), {.pattern = "*"});
  fs::remove(folder_ / "sales.qvd");
  EXPECT_EQ(describe_file(listed.at(0), storage_, {}).error_class, tracking::ErrorClass::kIo);
}

TEST_F(DescribeFile, AFileThatCanHaveNoTableTellsItsHeader) {
  write("sales.qvd", qvd::write_qvd(sales()));
  const FileRow row = describe("sales.qvd", {.error = "it can have no table"});
  EXPECT_EQ(row.error, "it can have no table");
  EXPECT_EQ(row.error_class, tracking::ErrorClass::kSchema);
  EXPECT_EQ(row.fields.size(), 2U);
}

TEST_F(DescribeFile, AFieldThatIsLeftOutHasNoColumns) {
  write("sales.qvd", qvd::write_qvd(sales()));
  Destination destination;
  destination.options.policy.exclude = {"state"};
  const FileRow row = describe("sales.qvd", destination);
  EXPECT_EQ(row.error, "");
  EXPECT_THAT(row.fields[1].columns, IsEmpty());
  EXPECT_EQ(row.fields[1].symbol_count, 3U);
  EXPECT_FALSE(row.fields[1].text_count);
}

TEST_F(DescribeFile, AWrongTimeIsSaid) {
  qvd::TableData table = sales();
  table.created_at = "yesterday";
  write("sales.qvd", qvd::write_qvd(table));
  const FileRow row = describe("sales.qvd");
  EXPECT_FALSE(row.created_at_us);
  EXPECT_THAT(row.warnings, ElementsAre(HasSubstr("\"yesterday\"")));
}

TEST(ParseTime, TakesTimesOnly) {
  EXPECT_EQ(parse_time("1970-01-01 00:00:01"), 1'000'000);
  EXPECT_EQ(parse_time("1969-12-31 23:59:59"), -1'000'000);
  for (const char* text : {"", "2024-05-06", "2024-13-06 07:08:09", "2023-02-29 00:00:00",
                           "2024-05-06 24:00:00", "2024-05-06T07:08:09", "0000-00-00 00:00:00",
                           "1899-12-31 23:59:59", "2300-01-01 00:00:00", "2024-05-06 07:08:0x"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

}  // namespace
}  // namespace qvdhouse::catalog
