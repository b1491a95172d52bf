#include <gtest/gtest.h>

#include "schema/names.h"

namespace qvdhouse::schema {
namespace {

TEST(Patterns, StarsStandForAnything) {
  EXPECT_TRUE(matches_pattern("SAP_VBELN", "SAP_*"));
  EXPECT_TRUE(matches_pattern("SAP_", "SAP_*"));
  EXPECT_TRUE(matches_pattern("%KEY_x", "%*"));
  EXPECT_TRUE(matches_pattern("abcabc", "*b*c"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_TRUE(matches_pattern("", ""));
  EXPECT_TRUE(matches_pattern("a", "**a**"));
}

TEST(Patterns, AllElseStandsForItself) {
  EXPECT_FALSE(matches_pattern("sap_x", "SAP_*"));
  EXPECT_FALSE(matches_pattern("abcab", "*b*c"));
  EXPECT_FALSE(matches_pattern("a", ""));
  EXPECT_FALSE(matches_pattern("", "a"));
  EXPECT_FALSE(matches_pattern("ab", "a?"));
  EXPECT_TRUE(matches_pattern("a?[b]", "a?[b]"));
}

// Each star tried at each place would take years.
TEST(Patterns, ManyStarsAreNoTrap) {
  const std::string name(2000, 'a');
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  EXPECT_TRUE(matches_pattern(name, pattern));
  EXPECT_FALSE(matches_pattern(name, pattern + "b"));
}

TEST(Patterns, StarOfAPattern) {
  EXPECT_EQ(match_star("SAP_VBELN", "SAP_*"), "VBELN");
  EXPECT_EQ(match_star("SAP_", "SAP_*"), "");
  EXPECT_EQ(match_star("a_old", "*_old"), "a");
  EXPECT_EQ(match_star("aXb", "a*b"), "X");
  EXPECT_EQ(match_star("ab", "abc*"), std::nullopt);
  EXPECT_EQ(match_star("aa", "aa*a"), std::nullopt);
  EXPECT_EQ(match_star("a", "a"), std::nullopt);
}

TEST(Patterns, TheExactNameThenTheLongestPattern) {
  const std::map<std::string, std::string> settings = {{"*", "1"}, {"A*", "2"}, {"Ab", "3"}};
  EXPECT_EQ(*find_setting(settings, "Ab"), "3");
  EXPECT_EQ(*find_setting(settings, "Ac"), "2");
  EXPECT_EQ(*find_setting(settings, "x"), "1");
  EXPECT_EQ(find_setting<std::string>({{"A*", "2"}}, "x"), nullptr);
}

}  // namespace
}  // namespace qvdhouse::schema
