#include "models/literal.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "base/characters.h"

namespace qvdhouse::models {
namespace {

constexpr Language kAll[] = {Language::kSql, Language::kPython, Language::kCpp, Language::kJson};

TEST(Literal, LooksAsPeopleWouldWriteIt) {
  EXPECT_EQ(literal(Language::kPython, "Item's \"No\" \\ Größe"), R"("Item's \"No\" \\ Größe")");
  EXPECT_EQ(literal(Language::kCpp, "Остаток на складе"), "\"Остаток на складе\"");
  EXPECT_EQ(literal(Language::kJson, "a\nb"), R"("a\u000ab")");
  EXPECT_EQ(literal(Language::kSql, "it's"), R"('it\'s')");
}

TEST(Literal, LineEndsAndInvisibleCharactersAreSpelledOut) {
  EXPECT_EQ(literal(Language::kPython, "a\r\n\x01\u2028\u202e\U000e0001"),
            "\"a\\x0d\\x0a\\x01\\u2028\\u202e\\U000e0001\"");
  EXPECT_EQ(literal(Language::kCpp, "\n1"), R"("\0121")");
  EXPECT_EQ(literal(Language::kCpp, "\u202e"), R"("\342\200\256")");
  EXPECT_EQ(literal(Language::kJson, "\ufeff"), R"("\ufeff")");
  EXPECT_EQ(literal(Language::kSql, "\n"), R"('\n')");
}

TEST(Literal, BytesThatAreNotUtf8StayOneThing) {
  EXPECT_EQ(literal(Language::kPython, "a\xff"), R"("a\udcff")");
  EXPECT_EQ(literal(Language::kCpp, "a\xff"), R"("a\377")");
  EXPECT_EQ(literal(Language::kJson, "a\xff"), R"("a\ufffd")");
}

// What {{name}} becomes in a template, between whichever marks it stands.
TEST(Escaped, HoldsNothingThatEndsALiteralOrAComment) {
  std::mt19937 random(20261123);
  constexpr std::string_view kNasty = "\"'`\\\n\r\t*/?#-{}$%;a1\x80";
  for (int i = 0; i < 2'000; ++i) {
    std::string text;
    while (random() % 8 != 0) text += kNasty[random() % kNasty.size()];
    for (const Language language : kAll) {
      const std::string out = escaped(language, text);
      EXPECT_EQ(out.find_first_of("\"\n\r"), std::string::npos) << out;
      EXPECT_EQ(out.find_first_of("'`"), std::string::npos) << out;
      EXPECT_EQ(out.find("*/"), std::string::npos) << out;
      EXPECT_EQ(out.find("?"
                         "?/"),
                std::string::npos)
          << out;
    }
    const std::string remark = comment(text);
    EXPECT_EQ(remark.find_first_of("\n\r"), std::string::npos) << remark;
    EXPECT_EQ(remark.find("*/"), std::string::npos) << remark;
    EXPECT_FALSE(remark.ends_with('\\')) << remark;
  }
}

TEST(Escaped, JsonComesBackAsItWas) {
  for (const std::string text : {"", "plain", "q\"b\\s/", "\n\t\x01\x7f", "ä😀\u2028", "*/"}) {
    EXPECT_EQ(nlohmann::json::parse("\"" + escaped(Language::kJson, text) + "\""), text);
    EXPECT_EQ(nlohmann::json::parse(literal(Language::kJson, text)), text);
  }
}

}  // namespace
}  // namespace qvdhouse::models
