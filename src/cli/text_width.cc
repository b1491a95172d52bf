#include "cli/text_width.h"

#include <fmt/format.h>
#include <locale.h>
#include <wchar.h>

#include <algorithm>

#include "base/characters.h"

namespace qvdhouse::cli {
namespace {

using base::take_character;

std::string escaped(std::string_view text, bool keep_lines) {
  std::string out;
  while (!text.empty()) {
    const char32_t c = take_character(text);
    if (c >= base::kStrayByte) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c - base::kStrayByte));
    } else if (c == '\n') {
      out += keep_lines ? "\n" : "\\n";
    } else if (c == '\t') {
      out += keep_lines ? "\t" : "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (base::is_control(c)) {
      out += c < 0x80 ? fmt::format("\\x{:02x}", static_cast<unsigned>(c))
                      : fmt::format("\\u{{{:x}}}", static_cast<unsigned>(c));
    } else {
      base::append_character(c, out);
    }
  }
  return out;
}

// How many bytes at the end of `text` begin a character of UTF-8 that goes on behind it.
std::size_t unfinished_bytes(std::string_view text) {
  constexpr std::size_t kMostBytes = 4;
  for (std::size_t count = 1; count < kMostBytes && count <= text.size(); ++count) {
    const auto byte = static_cast<unsigned char>(text[text.size() - count]);
    if ((byte & 0xC0U) == 0x80U) continue;  // not the first of a character
    const std::size_t whole = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return count < whole ? count : 0;
  }
  return 0;
}

// The C library's widths, in UTF-8 whatever the user's locale is.
class WidthLocale {
 public:
  WidthLocale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) previous_ = uselocale(locale_);
  }
  ~WidthLocale() {
    if (locale_ == nullptr) return;
    uselocale(previous_);
    freelocale(locale_);
  }
  WidthLocale(const WidthLocale&) = delete;
  WidthLocale& operator=(const WidthLocale&) = delete;

 private:
  locale_t locale_;
  locale_t previous_ = nullptr;
};

std::size_t character_width(char32_t c) {
  if (c < 0x80 || c >= base::kStrayByte) return 1;
  const int width = wcwidth(static_cast<wchar_t>(c));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; });
}

}  // namespace

std::string printable(std::string_view text) { return escaped(text, false); }

std::string printable_lines(std::string_view text) { return escaped(text, true); }

std::string PrintableStream::add(std::string_view piece) {
  std::string text = std::exchange(held_, {});
  text += piece;
  held_ = text.substr(text.size() - unfinished_bytes(text));
  text.resize(text.size() - held_.size());
  return printable_lines(text);
}

std::size_t display_width(std::string_view text) {
  if (is_ascii(text)) return text.size();
  const WidthLocale locale;
  std::size_t width = 0;
  while (!text.empty()) {
    width += character_width(take_character(text));
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  const WidthLocale locale;
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const char32_t character = take_character(text);
    const std::size_t next = character_width(character);
    if (used + next > width - 1) break;
    base::append_character(character, out);
    used += next;
  }
  return out + "…";
}

std::vector<std::string> wrap(std::string_view text, std::size_t width, std::size_t first_width) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
    if (word.empty()) continue;
    const std::size_t room = lines.empty() ? first_width : width;
    if (!line.empty() && display_width(line) + 1 + display_width(word) > room) {
      lines.push_back(std::move(line));
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  return wrap(text, width, width);
}

std::string paragraph(std::string_view title, std::string_view text, std::size_t indent,
                      std::size_t width) {
  std::string out = printable(title);
  std::size_t used = display_width(out);
  const std::string next_line = "\n" + std::string(indent, ' ');
  const std::string safe = printable_lines(text);
  std::string_view rest = safe;
  while (true) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    if (width <= indent || used + display_width(line) <= width) {
      out += line;
    } else {
      const std::size_t first_width = width > used ? width - used : 0;
      const char* separator = "";
      for (const std::string& part : wrap(line, width - indent, first_width)) {
        out += separator + part;
        separator = next_line.c_str();
      }
    }
    if (end == std::string_view::npos) return out;
    out += next_line;
    used = indent;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace qvdhouse::cli
