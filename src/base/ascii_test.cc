#include "base/ascii.h"

#include <gtest/gtest.h>

namespace qvdhouse::base {
namespace {

TEST(Ascii, KnowsLettersAndDigitsOfAsciiAlone) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    EXPECT_EQ(is_digit(c), byte >= 0x30 && byte <= 0x39) << byte;
    EXPECT_EQ(is_upper(c), byte >= 0x41 && byte <= 0x5A) << byte;
    EXPECT_EQ(is_lower(c), byte >= 0x61 && byte <= 0x7A) << byte;
    EXPECT_EQ(to_upper(to_lower(c)), is_lower(c) ? to_upper(c) : c) << byte;
    EXPECT_EQ(to_lower(c) != c, is_upper(c)) << byte;
  }
}

TEST(Ascii, LeavesOtherBytesAlone) {
  EXPECT_EQ(to_lower("Größe ÄB 1@[`{"), "größe Äb 1@[`{");
  EXPECT_TRUE(equal_ignoring_case("Content-Length", "content-lENGTH"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("Ä", "ä"));
}

}  // namespace
}  // namespace qvdhouse::base
