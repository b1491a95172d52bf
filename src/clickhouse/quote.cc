#include "clickhouse/quote.h"

namespace qvdhouse::clickhouse {
namespace {

// ClickHouse reads the same backslash escapes between backticks and between single quotes. Control
// bytes are escaped too, though most could stand as they are: a statement then stays one line in
// logs, and a NUL does not end it.
std::string quote(std::string_view text, char mark) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string quoted(1, mark);
  quoted.reserve(text.size() + 2);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == mark || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += "\\x";
      quoted += kHex[byte >> 4];
      quoted += kHex[byte & 15];
    } else {
      quoted += c;
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
