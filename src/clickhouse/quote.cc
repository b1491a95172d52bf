#include "clickhouse/quote.h"

#include "base/characters.h"

namespace qvdhouse::clickhouse {
namespace {

// ClickHouse reads the same backslash escapes between backticks and between single quotes, and
// knows none for code points: these are written byte by byte. Control characters are escaped too,
// though most could stand as they are: a statement then stays one line in logs, reads in the order
// in which it runs, and a NUL does not end it. So are bytes that are not UTF-8.
std::string quote(std::string_view text, char mark) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string quoted(1, mark);
  quoted.reserve(text.size() + 2);
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t character = base::take_character(text);
    const std::string_view bytes = before.substr(0, before.size() - text.size());
    if (bytes[0] == mark || bytes[0] == '\\') {
      quoted += '\\';
      quoted += bytes;
    } else if (bytes[0] == '\n') {
      quoted += "\\n";
    } else if (bytes[0] == '\r') {
      quoted += "\\r";
    } else if (bytes[0] == '\t') {
      quoted += "\\t";
    } else if (base::is_control(character) || character >= base::kStrayByte) {
      for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        quoted += "\\x";
        quoted += kHex[byte >> 4];
        quoted += kHex[byte & 15];
      }
    } else {
      quoted += bytes;
    }
  }
  quoted += mark;
  return quoted;
}

}  // namespace

std::string quote_identifier(std::string_view name) { return quote(name, '`'); }

std::string quote_literal(std::string_view text) { return quote(text, '\''); }

std::string qualified(std::string_view database, std::string_view table) {
  return quote_identifier(database) + "." + quote_identifier(table);
}

}  // namespace qvdhouse::clickhouse
