// Characters of texts that are UTF-8, or should be: a byte that belongs to no well-formed sequence
// counts as a character of its own, so that nothing is lost and any file name can be taken apart.
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::base {

// A byte that is not UTF-8 is this plus its value: past the last code point.
inline constexpr char32_t kStrayByte = 0x110000;

// Takes the first character off `text`, which is not empty.
char32_t take_character(std::string_view& text);
std::u32string decode_characters(std::string_view text);
// The bytes that take_character() took.
void append_character(char32_t character, std::string& text);

// Characters that would move a cursor, end a line or turn the reading direction.
constexpr bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E ||
         c == 0x200F || c == 0x061C;
}

}  // namespace qvdhouse::base
