#include "source/glob.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/error.h"

namespace qvdhouse::source {
namespace {

struct Case {
  const char* pattern;
  const char* path;
  bool matches;
};

class GlobCase : public testing::TestWithParam<Case> {};

TEST_P(GlobCase, Matches) {
  const Case& c = GetParam();
  EXPECT_EQ(Glob(c.pattern).matches(c.path), c.matches) << c.pattern << " on " << c.path;
}

INSTANTIATE_TEST_SUITE_P(
    All, GlobCase,
    testing::Values(
        Case{"*.qvd", "Item.qvd", true}, Case{"*.qvd", "sub/Item.qvd", false},
        Case{"*.qvd", "Item.QVD", true}, Case{"*.QVD", "Item.qvd", true},
        Case{"*.qvd", "item.qvdx", false}, Case{"*.qvd", ".qvd", true},
        Case{"Item.qvd", "Item.qvd", true}, Case{"Item.qvd", "Item.Qvd", true},
        Case{"Item.qvd", "item.qvd", false}, Case{"Item.qvd", "Items.qvd", false},
        // `*` and `?` within one part
        Case{"Sales_2024??.qvd", "Sales_202412.qvd", true},
        Case{"Sales_2024??.qvd", "Sales_20241.qvd", false}, Case{"a*b*c", "aXXbYYbZc", true},
        Case{"a*b*c", "aXXbYYbZ", false}, Case{"*/x.qvd", "a/x.qvd", true},
        Case{"*/x.qvd", "a/b/x.qvd", false}, Case{"?.qvd", "é.qvd", true},
        Case{"?.qvd", "\xff.qvd", true}, Case{"??.qvd", "é.qvd", false},
        // classes
        Case{"[a-c]x", "bx", true}, Case{"[a-c]x", "dx", false}, Case{"[!a-c]x", "dx", true},
        Case{"[^a-c]x", "ax", false}, Case{"[]]x", "]x", true}, Case{"[a-]x", "-x", true},
        Case{"[\\]]x", "]x", true}, Case{"[ä-ö]x", "öx", true}, Case{"[\\\\]x", "\\x", true},
        // alternatives
        Case{"{Item,PO}.qvd", "PO.qvd", true}, Case{"{Item,PO}.qvd", "P.qvd", false},
        Case{"x{1,{2,3}}y", "x3y", true}, Case{"{a/b,c}/*.qvd", "a/b/x.qvd", true},
        Case{"{,old_}x", "x", true}, Case{"{,old_}x", "old_x", true},
        Case{"{a}.qvd", "a.qvd", true},
        // any folders
        Case{"**/*.qvd", "x.qvd", true}, Case{"**/*.qvd", "a/b/c/x.qvd", true},
        Case{"a/**/x.qvd", "a/x.qvd", true}, Case{"a/**/x.qvd", "a/b/c/x.qvd", true},
        Case{"a/**/x.qvd", "b/x.qvd", false}, Case{"a/**", "a/b/c", true}, Case{"**", "x", true},
        Case{"**/b/**/d", "a/b/c/b/d", true}, Case{"**/b/**/d", "a/c/d", false},
        Case{"a**b/x", "aqqb/x", true}, Case{"a**b/x", "a/b/x", false},
        // escapes and oddities
        Case{"\\*.qvd", "*.qvd", true}, Case{"\\*.qvd", "a.qvd", false},
        Case{"\\{a,b\\}", "{a,b}", true}, Case{"./*.qvd", "x.qvd", true}, Case{"a//b", "a/b", true},
        Case{"*", "", false}));

TEST(Glob, ManyStarsStayCheap) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(Glob(pattern + "b").matches(std::string(2'000, 'a')));
  std::string deep;
  for (int i = 0; i < 50; ++i) deep += "**/a/";
  std::string path;
  for (int i = 0; i < 500; ++i) path += "a/";
  EXPECT_FALSE(Glob(deep + "b").matches(path + "c"));
}

TEST(Glob, RefusesWhatItCanNotMean) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "found none"},
      {".", "found none"},
      {"/data/*.qvd", "absolute"},
      {"../*.qvd", "\"..\""},
      {"[a.qvd", "']'"},
      {"{a,b.qvd", "'}'"},
      {"{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "at most 1000 alternatives"},
  };
  for (const auto& [pattern, message] : cases) {
    try {
      const Glob glob(pattern);
      ADD_FAILURE() << pattern << " was accepted";
    } catch (const base::ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find('"' + pattern + '"'), std::string::npos);
    }
  }
}

TEST(Glob, WalkPrunesFoldersBelowWhichNothingMatches) {
  const Glob glob("2024/*/Sales*.qvd");
  EXPECT_TRUE(glob.enter(glob.start(), "2023").empty());
  const Glob::State year = glob.enter(glob.start(), "2024");
  ASSERT_FALSE(year.empty());
  EXPECT_EQ(glob.takes(year, "Sales.qvd"), Glob::Match::kNo);
  const Glob::State month = glob.enter(year, "01");
  EXPECT_EQ(glob.takes(month, "Sales.qvd"), Glob::Match::kYes);
  EXPECT_TRUE(glob.enter(month, "deeper").empty());
}

TEST(Glob, HiddenNamesNeedTheirDotSpelledOut) {
  const Glob all("**/*.qvd");
  EXPECT_EQ(all.takes(all.start(), ".x.qvd"), Glob::Match::kHidden);
  EXPECT_TRUE(all.enter(all.start(), ".snapshot").empty());
  EXPECT_TRUE(all.leaves_hidden(all.start(), ".snapshot"));
  EXPECT_FALSE(all.leaves_hidden(all.start(), "sub"));
  const Glob spelled(".backup/.*.qvd");
  EXPECT_FALSE(spelled.leaves_hidden(spelled.start(), ".backup"));
  const Glob::State backup = spelled.enter(spelled.start(), ".backup");
  EXPECT_EQ(spelled.takes(backup, ".x.qvd"), Glob::Match::kYes);
}

TEST(FoldCase, CoversUnicodeAndKeepsStrayBytes) {
  EXPECT_EQ(fold_case("GRÖSSE.QVD"), "grösse.qvd");
  EXPECT_EQ(fold_case("ΣΑΛΕΣ"), "σαλεσ");
  EXPECT_EQ(fold_case("A\xff\xc3Z"), "a\xff\xc3z");
  EXPECT_EQ(fold_case("\xed\xa0\x80"), "\xed\xa0\x80");  // a surrogate is not a character
}

TEST(HasWildcards, KnowsEscapes) {
  EXPECT_TRUE(has_wildcards("a?"));
  EXPECT_TRUE(has_wildcards("{a,b}"));
  EXPECT_FALSE(has_wildcards("plain.qvd"));
  EXPECT_FALSE(has_wildcards("a\\*"));
}

}  // namespace
}  // namespace qvdhouse::source
