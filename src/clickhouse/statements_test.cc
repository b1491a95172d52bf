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

TEST(Statements, AreReadAsClickHouseReadsThem) {
  for (const std::string whole :
       {"SELECT 1 // a; b\n + 2", "SELECT 1 #!;\n + 2", "SELECT 1 /* /* ; */ ; */ + 2",
        "SELECT 1 /*/ ; */ + 2", "SELECT \u2018a;b\\\u2019, \u201C;\"\u201D", "SELECT\u00A01\u3000",
        "SELECT 1$t$;$t$"}) {
    EXPECT_THAT(texts(whole + "; SELECT 2"), ElementsAre(whole, "SELECT 2"));
  }
  EXPECT_THAT(texts("SELECT a$t$;SELECT $t$"), ElementsAre("SELECT a$t$", "SELECT $t$"));
  EXPECT_THAT(texts("SELECT $a b$;SELECT $a b$"), ElementsAre("SELECT $a b$", "SELECT $a b$"));
  EXPECT_THAT(texts("SELECT 1 #a;SELECT 2"), ElementsAre("SELECT 1 #a", "SELECT 2"));
  EXPECT_THAT(texts("\u00A0;\u3000"), IsEmpty());
}

TEST(Statements, OneAloneKeepsItsBytes) {
  const std::string whole = "\n-- of one\n SELECT 'a\n\n";
  EXPECT_THAT(texts(whole), ElementsAre(whole));
  EXPECT_EQ(split_statements(whole)[0].line, 2U);
}

TEST(Statements, KnowTheirFirstWord) {
  const auto found = split_statements("/* a */ use x; (SELECT 1); 'a'");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].first_word, "use");
  EXPECT_EQ(found[1].first_word, "SELECT");
  EXPECT_EQ(found[2].first_word, "");
}

TEST(Statements, CannotNameAFunctionWithoutItsLettersOrAnEscape) {
  for (const char* statement : {"SELECT file(1)", "SELECT FILE", "SELECT `f\\x69le`(1)",
                                "SELECT arrayMap({f:Identifier}, ['a'])"}) {
    EXPECT_TRUE(may_name(statement, "file")) << statement;
  }
  EXPECT_FALSE(may_name("SHOW TABLES WHERE name = 'fi' || 'le'", "file"));
}

TEST(Statements, ATreeThatShowsAllSaysWhatIsCalled) {
  const std::string select = "SelectWithUnionQuery (children 1)\n";
  for (const std::string& tree :
       {select + "    Function file (children 1)\n", select + "  Function FILE (alias x)\n",
        select + "  Identifier file", select + "  ColumnsApplyTransformer\n",
        std::string("ShowTables\n"), std::string()}) {
    EXPECT_FALSE(shows_no_call(tree, "file")) << tree;
  }
  for (const char* node : {"Function files (children 1)", "TableIdentifier file",
                           "Identifier t.file", R"(Literal \'file\')"}) {
    EXPECT_TRUE(shows_no_call(select + "  " + node + "\n", "file")) << node;
  }
}

}  // namespace
}  // namespace qvdhouse::clickhouse
