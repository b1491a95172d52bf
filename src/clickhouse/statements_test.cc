#include "clickhouse/statements.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace qvdhouse::clickhouse {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> texts(std::string_view text) {
  std::vector<std::string> all;
  for (const Statement& statement : split_statements(text)) all.emplace_back(statement.text);
  return all;
}

TEST(Statements, ArePartedAtSemicolons) {
  EXPECT_THAT(texts("SELECT 1"), ElementsAre("SELECT 1"));
  EXPECT_THAT(texts(" SELECT 1 ;\n\nSELECT 2;; ;"), ElementsAre("SELECT 1", "SELECT 2"));
  EXPECT_THAT(texts(""), IsEmpty());
  EXPECT_THAT(texts(" ;\n;-- nothing\n"), IsEmpty());
}

TEST(Statements, SemicolonsOfTextsAndCommentsPartNothing) {
  for (const std::string whole :
       {R"(SELECT 'a;b', 'it''s;', '\';')", R"(SELECT 1 AS "x;\";", 2 AS `y;``;`)",
        "SELECT 1 -- one; two\n, 2", "SELECT 1 /* ; */ + 2", "SELECT 1 # a; b\n + 2",
        "SELECT $$a;b$$, $t$ ; $$ ; $t$"}) {
    EXPECT_THAT(texts(whole + "; SELECT 2"), ElementsAre(whole, "SELECT 2"));
  }
}

TEST(Statements, WhatIsNotClosedGoesToTheEnd) {
  EXPECT_THAT(texts("SELECT 'a; SELECT 2"), ElementsAre("SELECT 'a; SELECT 2"));
  EXPECT_THAT(texts("SELECT 1 /* ; SELECT 2"), ElementsAre("SELECT 1 /* ; SELECT 2"));
  EXPECT_THAT(texts("SELECT '\\"), ElementsAre("SELECT '\\"));
  EXPECT_THAT(texts("SELECT $t; SELECT 2"), ElementsAre("SELECT $t", "SELECT 2"));
}

TEST(Statements, RowsOfAnInsertAreItsOwnToTheLastByte) {
  const std::string rows = "insert into t (a) format TSV\n';\n\t;SELECT 1;\n \n";
  EXPECT_THAT(texts("SELECT 1;" + rows), ElementsAre("SELECT 1", rows));
  EXPECT_THAT(texts("INSERT INTO t VALUES ('a;'), (2); SELECT 1"),
              ElementsAre("INSERT INTO t VALUES ('a;'), (2)", "SELECT 1"));
  EXPECT_THAT(texts("INSERT INTO t SELECT format('{}', 1) FORMAT Null; SELECT 1"),
              ElementsAre("INSERT INTO t SELECT format('{}', 1) FORMAT Null", "SELECT 1"));
  EXPECT_THAT(texts("SELECT 1 FORMAT CSV; SELECT 2"),
              ElementsAre("SELECT 1 FORMAT CSV", "SELECT 2"));
}

TEST(Statements, EachKnowsItsLine) {
  const auto found = split_statements("\nSELECT 1;\n-- two\nSELECT\n2; SELECT 3");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].line, 2U);
  EXPECT_EQ(found[1].line, 3U);
  EXPECT_EQ(found[2].line, 5U);
}

TEST(Statements, TellWhichFunctionTheyMayCall) {
  for (const char* call : {"SELECT file('/etc/passwd')", "SELECT arrayMap(file, x)", "file",
                           "SELECT `file`('a')", "SELECT \"file\" ('a')", R"(SELECT `f\x69le`(1))",
                           "SELECT '.' AS a, file(1)", "SELECT 1./**/ 2 + file(1)"}) {
    EXPECT_TRUE(may_call(call, "file")) << call;
  }
  for (const char* other : {"SELECT 'file'", "SELECT t.file FROM t", "SELECT t . `file` FROM t",
                            "SELECT files, my_file, filesystemCapacity()", "SELECT 1 -- file",
                            "SELECT $$file$$", "SELECT \"a file\"", R"(SELECT '\x66')", "'file"}) {
    EXPECT_FALSE(may_call(other, "file")) << other;
  }
}

}  // namespace
}  // namespace qvdhouse::clickhouse
