#include "catalog/catalog.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

#include "catalog/tables.h"
#include "clickhouse/ddl.h"
#include "clickhouse/test_engine.h"

namespace qvdhouse::catalog {
namespace {

using testing::HasSubstr;

FieldRow field(const std::string& name) {
  FieldRow field{.position = 1, .name = name};
  field.tags = {"$text"};
  field.columns = {name};
  field.types = {"String"};
  field.reasons = {"text"};
  field.symbol_count = 5;
  return field;
}

FileRow file(const std::string& source, const std::string& name,
             const std::vector<std::string>& fields) {
  FileRow row{.source = source, .file_path = "/qvds/" + name, .file_name = name};
  for (const std::string& text : fields) row.fields.push_back(field(text));
  return row;
}

class Catalogue : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (IsSkipped()) return;
    query("CREATE DATABASE tested");
  }
  void write(const std::string& source, const std::vector<FileRow>& rows,
             clickhouse::Dialect dialect = {}) {
    clickhouse::Endpoint own = endpoint();
    own.dialect = std::move(dialect);
    SourceCatalog catalogue(own, source, fmt::format("20260101T000000_{:08x}", ++runs_));
    for (const FileRow& row : rows) catalogue.add(row);
    catalogue.commit();
  }
  static std::string ask(const std::string& select) {
    return clickhouse::Connection(endpoint()).query(select + " FORMAT TSVRaw");
  }
  static std::string files() {
    return ask("SELECT source, file_name FROM QvdCatalogFiles ORDER BY source, file_name");
  }
  int runs_ = 0;
};

TEST_F(Catalogue, SaysAllOfAFile) {
  FileRow row = file("lake", "a.qvd", {"x", "y"});
  row.file_mtime_us = 1'714'979'289'123'456;
  row.created_at_us = -1'000'000;
  row.lineage_discriminators = {"erp", "lib"};
  row.lineage_statements = {"SELECT 1", ""};
  row.fields[0].min_number = -1.5;
  row.fields[1].may_be_null = true;
  row.fields[1].number_format.use_thousands = true;
  row.fields[1].bias = -2;
  write("lake", {row});
  EXPECT_EQ(ask("SELECT file_mtime, created_at, lineage.discriminator, lineage.statement, "
                "field_count FROM QvdCatalogFiles"),
            "2024-05-06 07:08:09.123456\t1969-12-31 23:59:59.000000\t['erp','lib']\t"
            "['SELECT 1','']\t2\n");
  EXPECT_EQ(ask("SELECT file_path, field_name, column_types, min_number, may_be_null, "
                "format_thousands, bias, field_tags FROM QvdCatalogFields ORDER BY field_name"),
            "/qvds/a.qvd\tx\t['String']\t-1.5\t\\N\tfalse\t0\t['$text']\n"
            "/qvds/a.qvd\ty\t['String']\t\\N\ttrue\ttrue\t-2\t['$text']\n");
}

TEST_F(Catalogue, ARunReplacesItsSourceOnly) {
  write("a", {file("a", "1.qvd", {"x"}), file("a", "2.qvd", {})});
  write("b", {file("b", "1.qvd", {"x"})});
  EXPECT_EQ(files(), "a\t1.qvd\na\t2.qvd\nb\t1.qvd\n");
  write("a", {file("a", "2.qvd", {}), file("a", "3.qvd", {"y", "z"})});
  EXPECT_EQ(files(), "a\t2.qvd\na\t3.qvd\nb\t1.qvd\n");
  EXPECT_EQ(ask("SELECT source, field_name FROM QvdCatalogFields ORDER BY source, field_name"),
            "a\ty\na\tz\nb\tx\n");
  write("a", {});
  EXPECT_EQ(files(), "b\t1.qvd\n");
}

TEST_F(Catalogue, AServerThatMayHavePartsBackGetsANewTable) {
  clickhouse::Dialect old;
  old.has_covering_parts = false;
  old.has_exchange = false;
  write("a", {file("a", "1.qvd", {"x"}), file("a", "2.qvd", {})}, old);
  write("b", {file("b", "1.qvd", {"x"})}, old);
  write("a", {file("a", "3.qvd", {"y"})}, old);
  EXPECT_EQ(files(), "a\t3.qvd\nb\t1.qvd\n");
  write("a", {}, old);
  EXPECT_EQ(files(), "b\t1.qvd\n");
  EXPECT_EQ(ask("SHOW TABLES"), "QvdCatalogFields\nQvdCatalogFiles\n");
}

TEST_F(Catalogue, WhatIsNotCommittedIsGone) {
  write("a", {file("a", "1.qvd", {"x"})});
  {
    SourceCatalog catalogue(endpoint(), "a", "20260101T000000_ffffffff");
    catalogue.add(file("a", "2.qvd", {"x"}));
  }
  EXPECT_EQ(files(), "a\t1.qvd\n");
  EXPECT_EQ(ask("SHOW TABLES"), "QvdCatalogFields\nQvdCatalogFiles\n");
}

TEST_F(Catalogue, AnyBytesComeThrough) {
  const std::string nasty = "it's \"x\" `y` \\ {z} \xff\xfe Остатки 🦆";
  write(nasty, {file(nasty, nasty, {nasty, "", "'"})});
  write(nasty, {file(nasty, nasty, {nasty, "", "'"})});
  EXPECT_EQ(ask("SELECT source, file_name, field_name FROM QvdCatalogFields ORDER BY field_name "
                "LIMIT 2, 1"),
            fmt::format("{0}\t{0}\t{0}\n", nasty));
  EXPECT_EQ(ask("SELECT count() FROM QvdCatalogFiles"), "1\n");
  write(nasty, {});
  EXPECT_EQ(ask("SELECT count() FROM QvdCatalogFiles"), "0\n");
}

TEST_F(Catalogue, ReadersSeeOneRunOrTheOther) {
  std::vector<FileRow> rows;
  for (int i = 0; i < 50; ++i) rows.push_back(file("a", fmt::format("{}.qvd", i), {"x", "y"}));
  write("a", rows);
  std::atomic<bool> is_done = false;
  std::vector<std::string> seen;
  std::jthread reader([&] {
    while (!is_done) {
      const std::string counts =
          ask("SELECT uniqExact(file_name), count() FROM QvdCatalogFields WHERE source = 'a'");
      if (counts != "50\t100\n") seen.push_back(counts);
    }
  });
  for (int i = 0; i < 20; ++i) write("a", rows);
  is_done = true;
  reader.join();
  EXPECT_THAT(seen, testing::IsEmpty());
}

TEST_F(Catalogue, AnotherProgramsTableIsLeftAlone) {
  query("CREATE TABLE tested.QvdCatalogFiles (x UInt8) ENGINE = MergeTree ORDER BY x");
  EXPECT_THROW(write("a", {}), base::ConfigError);
  query("DROP TABLE tested.QvdCatalogFiles");
  query("CREATE VIEW tested.QvdCatalogFields AS SELECT 1 AS x");
  EXPECT_THROW(write("a", {}), base::ConfigError);
  query("DROP VIEW tested.QvdCatalogFields");
  query("CREATE TABLE tested.QvdCatalogFields (x UInt8) ENGINE = MergeTree ORDER BY x");
  EXPECT_THROW(write("a", {}), base::ConfigError);
  EXPECT_EQ(ask("SELECT name, type FROM system.columns WHERE database = 'tested' AND table = "
                "'QvdCatalogFields'"),
            "x\tUInt8\n");
}

TEST_F(Catalogue, TablesOfAnOlderVersionAreBroughtUpToDate) {
  write("a", {file("a", "1.qvd", {"x"})});
  query("ALTER TABLE tested.QvdCatalogFiles DROP COLUMN record_bytes, DROP COLUMN `fields.bias`");
  query("DROP VIEW tested.QvdCatalogFields");
  query(
      "CREATE VIEW tested.QvdCatalogFields AS SELECT file_name FROM tested.QvdCatalogFiles "
      "COMMENT 'qvdhouse: older'");
  write("b", {file("b", "1.qvd", {"x", "y"})});
  EXPECT_EQ(ask("SELECT source, bias FROM QvdCatalogFields ORDER BY source"), "a\t0\nb\t0\nb\t0\n");
}

// docs/catalog.md has one row a column.
TEST(CatalogTables, AreInTheDocument) {
  std::ifstream file(QVDHOUSE_SOURCE_DIR "/docs/catalog.md");
  const std::string document{std::istreambuf_iterator<char>(file), {}};
  std::string rows = "\n";
  const auto add = [&](const clickhouse::ColumnDefinition& column) {
    if (column.name.starts_with("fields.")) return;
    rows += fmt::format("| `{}` | {} | {} |\n", column.name, column.type, column.comment);
  };
  std::ranges::for_each(file_columns({}), add);
  EXPECT_NE(document.find(rows), std::string::npos) << "put this into docs/catalog.md:\n" << rows;
  rows = "\n";
  std::ranges::for_each(field_columns({}), add);
  EXPECT_NE(document.find(rows), std::string::npos) << "put this into docs/catalog.md:\n" << rows;
}

TEST_F(Catalogue, EveryColumnSaysWhatItIs) {
  write("a", {});
  EXPECT_EQ(
      ask("SELECT table, name FROM system.columns WHERE database = 'tested' AND comment = ''"), "");
  clickhouse::Connection connection(endpoint());
  EXPECT_THAT(*clickhouse::table_comment(connection, "tested", kFieldView),
              HasSubstr("a row a field"));
}

}  // namespace
}  // namespace qvdhouse::catalog
