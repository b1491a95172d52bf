#include "models/literal.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/characters.h"
#include "clickhouse/quote.h"

namespace qvdhouse::models {
namespace {

using base::kStrayByte;

// For languages without escapes of code points: the character byte by byte.
template <class Escape>
std::string byte_escapes(char32_t character, const Escape& escape_byte) {
  std::string bytes;
  base::append_character(character, bytes);
  std::string text;
  for (const char c : bytes) text += escape_byte(static_cast<unsigned char>(c));
  return text;
}

std::string in_sql(char32_t character) {
  return byte_escapes(character, [](unsigned byte) { return fmt::format("\\x{:02X}", byte); });
}

// Three digits, so that what follows is never taken for one more.
std::string in_cpp(char32_t character) {
  return byte_escapes(character, [](unsigned byte) { return fmt::format("\\{:03o}", byte); });
}

// JSON has code units of UTF-16 only.
std::string in_json(char32_t character) {
  if (character >= kStrayByte) return "\\ufffd";
  const auto value = static_cast<unsigned>(character);
  if (value < 0x10000) return fmt::format("\\u{:04x}", value);
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((value - 0x10000) >> 10),
                     0xDC00 + ((value - 0x10000) & 0x3FF));
}

std::string in_python(char32_t character) {
  if (character >= kStrayByte) {
    return fmt::format("\\u{:04x}", 0xDC00 + static_cast<unsigned>(character - kStrayByte));
  }
  const auto value = static_cast<unsigned>(character);
  return value < 0x100     ? fmt::format("\\x{:02x}", value)
         : value < 0x10000 ? fmt::format("\\u{:04x}", value)
                           : fmt::format("\\U{:08x}", value);
}

std::string escape(Language language, char32_t character) {
  switch (language) {
    case Language::kSql:
      return in_sql(character);
    case Language::kPython:
      return in_python(character);
    case Language::kCpp:
      return in_cpp(character);
    case Language::kJson:
      return in_json(character);
  }
  return {};
}

bool is_invisible(char32_t c) {
  return c == 0xAD || (c >= 0x200B && c <= 0x200D) || (c >= 0x2060 && c <= 0x2064) || c == 0xFEFF ||
         (c >= 0xE0000 && c <= 0xE007F);
}

// What ends a line or may not stand in a source at all. A backslash at the end of a line would join
// the next one to it in C++, "*/" ends a comment there and in SQL. `next`: what follows, 0 at the
// end.
bool breaks_comment(char32_t character, char32_t next) {
  if (base::is_control(character) || character >= kStrayByte) return true;
  if (character == U'*') return next == U'/' || next == 0;
  // Invisible, and compilers warn of some.
  if (is_invisible(character)) return true;
  if (character >= 0xFDD0 && character <= 0xFDEF) return true;  // no characters for ever
  if ((character & 0xFFFE) == 0xFFFE) return true;              // nor these
  return character == U'\\';
}

// What ends a literal too. "??/" was a backslash in C++ once.
bool needs_escape(Language language, char32_t character, char32_t next) {
  if (breaks_comment(character, next) || character == U'"') return true;
  // JSON's escapes are JavaScript's, whose templates begin so.
  if (language == Language::kJson && character == U'$') return next == U'{' || next == 0;
  return (character == U'\'' || character == U'`' || (character == U'?' && next == U'?'));
}

template <class NeedsEscape>
std::string escape_where(std::string_view text, Language language, const NeedsEscape& needs) {
  const std::u32string characters = base::decode_characters(text);
  std::string out;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    const char32_t next = i + 1 < characters.size() ? characters[i + 1] : 0;
    if (needs(characters[i], next)) {
      out += escape(language, characters[i]);
    } else {
      base::append_character(characters[i], out);
    }
  }
  return out;
}

}  // namespace

std::string escaped(Language language, std::string_view text) {
  return escape_where(text, language, [language](char32_t character, char32_t next) {
    return needs_escape(language, character, next);
  });
}

std::string comment(std::string_view text) {
  return escape_where(text, Language::kPython, breaks_comment);
}

std::string literal(Language language, std::string_view text) {
  if (language == Language::kSql) return clickhouse::quote_literal(text);
  // Where the mark is known, the escapes that people expect.
  std::string out(1, '"');
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find_first_of("\\\"'`"), text.size());
    out += escaped(language, text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (text[0] == '\\' || text[0] == '"') out += '\\';
    out += text[0];
    text.remove_prefix(1);
  }
  return out + '"';
}

}  // namespace qvdhouse::models
