#include "base/characters.h"

#include <gtest/gtest.h>

namespace qvdhouse::base {
namespace {

TEST(Characters, Utf8IsDecoded) {
  EXPECT_EQ(decode_characters("aß在💥"), U"aß在💥");
  EXPECT_EQ(decode_characters(""), U"");
}

TEST(Characters, OtherBytesStandForThemselves) {
  for (const std::string_view text :
       {"\x80", "a\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    const std::u32string characters = decode_characters(text);
    EXPECT_EQ(characters.back(), kStrayByte + static_cast<unsigned char>(text.back()));
    EXPECT_EQ(characters.size(), text.size());  // each byte for itself
  }
}

TEST(Characters, EveryBytePairComesBack) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      std::string back;
      for (const char32_t character : decode_characters(text)) append_character(character, back);
      EXPECT_EQ(back, text);
    }
  }
}

}  // namespace
}  // namespace qvdhouse::base
