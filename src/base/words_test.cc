#include "base/words.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

namespace qvdhouse::base {
namespace {

enum class Fruit { kApple, kPear };
constexpr auto words(Fruit) { return std::to_array<std::string_view>({"apple", "sweet pear"}); }

TEST(Words, EachValueHasItsWordAndComesBackFromIt) {
  EXPECT_EQ(to_string(Fruit::kApple), "apple");
  EXPECT_EQ(fmt::format("{:>12}", Fruit::kPear), "  sweet pear");
  EXPECT_EQ(parse<Fruit>("sweet pear"), Fruit::kPear);
}

TEST(Words, AnyOtherTextIsNoValue) {
  for (const char* text : {"", "Apple", "apple ", "plum"}) EXPECT_FALSE(parse<Fruit>(text)) << text;
}

}  // namespace
}  // namespace qvdhouse::base
