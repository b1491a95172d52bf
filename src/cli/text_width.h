// Text on a terminal: what may be shown as it is, what a shell takes, and how wide it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qvdhouse::cli {

// `text` safe to show in one line: control characters, bidirectional overrides and bytes that are
// not UTF-8 come out as \n, \x1b, \u{202e} and the like.
std::string printable(std::string_view text);
// The same, but line ends stay: for messages of several lines.
std::string printable_lines(std::string_view text);

// Makes a text printable that comes in pieces, which may end within a character. Line ends and tabs
// stay.
class PrintableStream {
 public:
  // What may be shown by now.
  std::string add(std::string_view piece);
  // The rest, at the end.
  std::string finish() { return printable_lines(std::exchange(held_, {})); }

 private:
  std::string held_;  // the beginning of a character
};

// Terminal columns that printable UTF-8 text takes.
std::size_t display_width(std::string_view text);
// Cut to `width` columns, the last one "…" if anything was cut.
std::string cut_to_width(std::string_view text, std::size_t width);
// Broken at blanks into lines of at most `width` columns, the first of at most `first_width`.
std::vector<std::string> wrap(std::string_view text, std::size_t width, std::size_t first_width);
std::vector<std::string> wrap(std::string_view text, std::size_t width);
// A message made printable: `title`, then `text` with its lines wrapped at `width` columns (0: not
// at all), those after the first indented by `indent`. Ends without a line end.
std::string paragraph(std::string_view title, std::string_view text, std::size_t indent,
                      std::size_t width);

}  // namespace qvdhouse::cli
