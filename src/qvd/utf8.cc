#include "qvd/utf8.h"

#include <cstdint>
#include <cstring>

namespace qvdhouse::qvd {
namespace {

// Bytes of the sequence that begins at `text`, or 0 when it is faulty or cut.
std::size_t sequence_bytes(const unsigned char* text, std::size_t available) noexcept {
  const unsigned char lead = text[0];
  std::size_t bytes = 0;
  // The second byte is the one whose range depends on the lead: this excludes overlong forms
  // (E0, F0), surrogates (ED) and everything above U+10FFFF (F4).
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
  if (lead < 0x80) {
    return 1;
  } else if (lead >= 0xC2 && lead <= 0xDF) {
    bytes = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    bytes = 3;
    if (lead == 0xE0) second_min = 0xA0;
    if (lead == 0xED) second_max = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    bytes = 4;
    if (lead == 0xF0) second_min = 0x90;
    if (lead == 0xF4) second_max = 0x8F;
  } else {
    return 0;
  }
  if (bytes > available || text[1] < second_min || text[1] > second_max) return 0;
  for (std::size_t i = 2; i < bytes; ++i) {
    if ((text[i] & 0xC0) != 0x80) return 0;
  }
  return bytes;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t i = 0;
  while (i < text.size()) {
    while (text.size() - i >= sizeof(std::uint64_t)) {
      std::uint64_t word;
      std::memcpy(&word, bytes + i, sizeof word);
      if ((word & 0x8080808080808080) != 0) break;
      i += sizeof word;
    }
    if (i == text.size()) break;
    const std::size_t step = sequence_bytes(bytes + i, text.size() - i);
    if (step == 0) return i;
    i += step;
  }
  return std::nullopt;
}

}  // namespace qvdhouse::qvd
