#include "clickhouse/quote.h"

#include <gtest/gtest.h>

namespace qvdhouse::clickhouse {
namespace {

using namespace std::string_view_literals;

TEST(Quote, PlainNames) {
  EXPECT_EQ(quote_identifier("Item Description"), "`Item Description`");
  EXPECT_EQ(quote_identifier("%KEY_Item"), "`%KEY_Item`");
  EXPECT_EQ(quote_identifier(""), "``");
  EXPECT_EQ(quote_literal("abc"), "'abc'");
  EXPECT_EQ(qualified("local", "Qvd`x"), "`local`.`Qvd\\`x`");
}

TEST(Quote, OnlyTheOwnMarkIsEscaped) {
  EXPECT_EQ(quote_identifier("a`b'c\"d"), "`a\\`b'c\"d`");
  EXPECT_EQ(quote_literal("a`b'c\"d"), "'a`b\\'c\"d'");
}

TEST(Quote, Backslash) {
  EXPECT_EQ(quote_literal("a\\"), "'a\\\\'");
  EXPECT_EQ(quote_literal("\\'; DROP TABLE t --"), "'\\\\\\'; DROP TABLE t --'");
  EXPECT_EQ(quote_identifier("\\`"), "`\\\\\\``");
}

TEST(Quote, ControlBytesStayOnOneLine) {
  EXPECT_EQ(quote_literal("a\nb\rc\td"), "'a\\nb\\rc\\td'");
  EXPECT_EQ(quote_literal("a\0b"sv), "'a\\x00b'");
  EXPECT_EQ(quote_identifier("\x01\x1F\x7F"), "`\\x01\\x1F\\x7F`");
}

TEST(Quote, TextAboveAsciiIsKept) { EXPECT_EQ(quote_identifier("Größe 😀"), "`Größe 😀`"); }

TEST(Quote, WhatDoesNotShowIsSpelledOut) {
  EXPECT_EQ(quote_literal("\xFF\xC3"), R"('\xFF\xC3')");  // not UTF-8, still exact
  EXPECT_EQ(quote_identifier("a\u202Eb"), R"(`a\xE2\x80\xAEb`)");
}

}  // namespace
}  // namespace qvdhouse::clickhouse
