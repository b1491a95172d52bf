#include "base/length_of_time.h"

#include <gtest/gtest.h>

namespace qvdhouse::base {
namespace {

using std::chrono::seconds;

TEST(LengthOfTime, AddsUpItsParts) {
  EXPECT_EQ(parse_length_of_time("30s"), seconds(30));
  EXPECT_EQ(parse_length_of_time("1h30m"), seconds(5'400));
  EXPECT_EQ(parse_length_of_time("2d"), seconds(172'800));
}

TEST(LengthOfTime, TakesNothingElse) {
  for (const char* text :
       {"", "5", "0s", "-1d", "1h-30m", "1w", "d", "1 d", "15000d", "99999999999999999999d"}) {
    EXPECT_EQ(parse_length_of_time(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace qvdhouse::base
