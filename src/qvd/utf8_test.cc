#include "qvd/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace qvdhouse::qvd {
namespace {

TEST(Utf8, AcceptsTheEdgesOfEveryLength) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, "a"sv, "\x7F"sv, "\0"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv,
        "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv, "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv,
        "\xF4\x8F\xBF\xBF"sv, "twenty plain letters"sv, "eight by\xC3\xA4 more"sv}) {
    EXPECT_FALSE(find_invalid_utf8(text)) << text;
  }
}

TEST(Utf8, FindsTheFirstByteOfAFaultySequence) {
  using namespace std::string_view_literals;
  for (const std::string_view faulty :
       {"\x80"sv, "\xBF"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xC2"sv, "\xC2\x41"sv, "\xE0\x9F\xBF"sv,
        "\xE1\x80"sv, "\xE1\x80\x41"sv, "\xED\xA0\x80"sv, "\xF0\x8F\xBF\xBF"sv, "\xF0\x90\x80"sv,
        "\xF1\x80\x80\x41"sv, "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xFF"sv, "\xFE"sv}) {
    for (const std::size_t before : {0U, 3U, 8U, 13U}) {
      const std::string text = std::string(before, 'x') + std::string(faulty);
      EXPECT_EQ(before, find_invalid_utf8(text).value_or(999)) << testing::PrintToString(text);
    }
  }
}

// Every code point that UTF-8 can hold, in its only form; surrogates have none.
TEST(Utf8, AcceptsEveryCodePointButSurrogates) {
  const auto tail = [](std::uint32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    std::string text;
    if (code < 0x80) {
      text = {static_cast<char>(code)};
    } else if (code < 0x800) {
      text = {static_cast<char>(0xC0 | (code >> 6)), tail(code)};
    } else if (code < 0x10000) {
      text = {static_cast<char>(0xE0 | (code >> 12)), tail(code >> 6), tail(code)};
    } else {
      text = {static_cast<char>(0xF0 | (code >> 18)), tail(code >> 12), tail(code >> 6),
              tail(code)};
    }
    const bool is_surrogate = code >= 0xD800 && code < 0xE000;
    ASSERT_EQ(is_surrogate, find_invalid_utf8(text).has_value()) << code;
  }
}

}  // namespace
}  // namespace qvdhouse::qvd
