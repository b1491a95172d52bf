#include "base/characters.h"

#include <cstddef>
#include <cstdint>

namespace qvdhouse::base {
namespace {

// Bytes of the valid UTF-8 sequence at the start of `text`; 0 when there is none.
std::size_t sequence_bytes(std::string_view text, char32_t& character) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  const std::size_t bytes = lead < 0x80         ? 1
                            : lead >> 5 == 0x6  ? 2
                            : lead >> 4 == 0xE  ? 3
                            : lead >> 3 == 0x1E ? 4
                                                : 0;
  if (bytes == 0 || bytes > text.size()) return 0;
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  character = bytes == 1 ? lead : lead & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if (byte(i) >> 6 != 0x2) return 0;
    character = character << 6 | (byte(i) & 0x3FU);
  }
  const bool surrogate = character >= 0xD800 && character < 0xE000;
  return character < kSmallest[bytes] || character >= kStrayByte || surrogate ? 0 : bytes;
}

}  // namespace

char32_t take_character(std::string_view& text) {
  char32_t character = 0;
  std::size_t bytes = sequence_bytes(text, character);
  if (bytes == 0) {
    character = kStrayByte + static_cast<std::uint8_t>(text.front());
    bytes = 1;
  }
  text.remove_prefix(bytes);
  return character;
}

std::u32string decode_characters(std::string_view text) {
  std::u32string characters;
  characters.reserve(text.size());
  while (!text.empty()) characters += take_character(text);
  return characters;
}

void append_character(char32_t character, std::string& text) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (character >= kStrayByte) {
    put(character - kStrayByte);
  } else if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0 | character >> 6);
    put(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    put(0xE0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  } else {
    put(0xF0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3F));
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  }
}

}  // namespace qvdhouse::base
