#include <gtest/gtest.h>

#include <string>
#include <string_view>

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

// What the stars stand for, with a line between.
std::string stars(std::string_view name, std::string_view pattern) {
  const auto found = match_stars(name, pattern);
  if (!found) return "no match";
  std::string text;
  for (std::size_t i = 0; i < found->size(); ++i) {
    text.append(i == 0 ? "" : "|").append((*found)[i]);
  }
  return text;
}

TEST(Patterns, StarsOfAPattern) {
  EXPECT_EQ(stars("SAP_VBELN", "SAP_*"), "VBELN");
  EXPECT_EQ(stars("SAP_", "SAP_*"), "");
  EXPECT_EQ(stars("a_old", "*_old"), "a");
  EXPECT_EQ(stars("aXb", "a*b"), "X");
  EXPECT_EQ(stars("ab", "abc*"), "no match");
  EXPECT_EQ(stars("aa", "aa*a"), "no match");
  EXPECT_EQ(stars("a", "a"), "");
  EXPECT_EQ(stars("a-b-c", "*-*"), "a|b-c");
  EXPECT_EQ(stars("a-b-c", "*-*-*"), "a|b|c");
  EXPECT_EQ(stars("abcab", "*b*ab"), "a|c");
  EXPECT_EQ(stars("abab", "*ab"), "ab");
  EXPECT_EQ(stars("", "**"), "|");
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
