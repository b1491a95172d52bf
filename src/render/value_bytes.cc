#include "render/value_bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "schema/value_text.h"

namespace qvdhouse::render {
namespace {

using clickhouse::TypeKind;

// Text, and what CSV and JSON quote like it.
bool is_quoted(TypeKind kind) {
  switch (kind) {
    case TypeKind::kString:
    case TypeKind::kDate:
    case TypeKind::kDateTime:
    case TypeKind::kDate32:
    case TypeKind::kDateTime64:
    case TypeKind::kTime64:
      return true;
    default:
      return false;
  }
}

bool is_finite(const clickhouse::Dictionary& values, std::size_t slot) {
  if (values.type().kind != TypeKind::kFloat64) return true;
  double number = 0;
  std::memcpy(&number, values.fixed().data() + slot * sizeof(number), sizeof(number));
  return std::isfinite(number);
}

void append_csv(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

// The letter that stands for a character after a backslash; 0: the character stands for itself.
char letter_of(char c) {
  switch (c) {
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

void append_tsv(std::string_view text, std::string& out) {
  for (const char c : text) {
    const char letter = c == '\0' ? '0' : c == '\'' ? '\'' : letter_of(c);
    if (letter != 0) out += '\\';
    out += letter != 0 ? letter : c;
  }
}

void append_markdown(std::string_view text, std::string& out) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('|', begin), text.size());
    append_tsv(text.substr(begin, end - begin), out);
    if (end < text.size()) out += "\\|";
    begin = end + 1;
  }
}

// Bytes that are not UTF-8 stay as they are.
void append_json(std::string_view text, std::string& out) {
  // U+2028 and U+2029, which end a line in JavaScript.
  constexpr std::string_view kLineEnds = "\xE2\x80";
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '/') {
      out += '\\';
      out += c;
    } else if (const char letter = letter_of(c); letter != 0) {
      out += '\\';
      out += letter;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else if (text.substr(i, 2) == kLineEnds && i + 2 < text.size() &&
               (text[i + 2] == '\xA8' || text[i + 2] == '\xA9')) {
      out += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_text(Format format, std::string_view text, std::string& out) {
  switch (format) {
    case Format::kCsv:
      return append_csv(text, out);
    case Format::kJsonEachRow:
      return append_json(text, out);
    case Format::kMarkdown:
      return append_markdown(text, out);
    default:
      return append_tsv(text, out);
  }
}

}  // namespace

void append_value(Format format, const clickhouse::Dictionary& values, std::size_t slot,
                  std::string& out) {
  const bool is_json = format == Format::kJsonEachRow;
  const TypeKind kind = values.type().kind;
  if ((values.type().nullable && values.is_null(slot)) || (is_json && !is_finite(values, slot))) {
    out += is_json ? "null" : "\\N";
  } else if (kind == TypeKind::kString) {
    append_text(format, values.text(slot), out);
  } else if (is_quoted(kind) && (is_json || format == Format::kCsv)) {
    out += '"';
    out += schema::value_text(values, slot);
    out += '"';
  } else {
    out += schema::value_text(values, slot);
  }
}

void append_name(Format format, std::string_view name, std::string& out) {
  append_text(format, name, out);
}

bool stands_right(const clickhouse::ColumnType& type) {
  return type.kind != TypeKind::kString && type.kind != TypeKind::kBool &&
         type.kind != TypeKind::kTime64;
}

ReadyValues::ReadyValues(Format format, const clickhouse::Dictionary& values,
                         std::string_view after) {
  const std::size_t count = values.slot_count();
  bytes_.reserve(values.bytes().size() + count * (after.size() + 2) + kSlackBytes);
  offsets_.reserve(count + 1);
  offsets_.push_back(0);
  for (std::size_t slot = 0; slot < count; ++slot) {
    append_value(format, values, slot, bytes_);
    bytes_ += after;
    offsets_.push_back(bytes_.size());
  }
  bytes_.append(kSlackBytes, '\0');
}

}  // namespace qvdhouse::render
