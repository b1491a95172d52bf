// What people and programs read: text tables that fit a terminal, JSON, numbers in words, and
// standard output that notices when it cannot be written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.h"
#include "cli/text_width.h"

namespace qvdhouse::cli {

// Keys stay in the order in which they were added.
using Json = nlohmann::ordered_json;

// Writes to standard output. When its reader is gone (`| head`) the rest is dropped without a word;
// throws IoError when it cannot be written otherwise (disk full).
void print(std::string_view text);
// False once the reader of standard output is gone.
bool output_is_open();
// Prints indented JSON and a line end; bytes that are not UTF-8 come out as U+FFFD.
void print_json(const Json& json);
// Hands buffered output to the system; the last call of a program. Throws IoError.
void flush_output();

bool stdout_is_terminal();
// Columns of the terminal, 80 when there is none.
std::size_t terminal_width();

// A table with aligned columns. Cells may hold any bytes.
struct Column {
  std::string title;
  bool right = false;     // numbers
  bool flexible = false;  // may be cut when the table is too wide
};
// At most `width` columns wide if its flexible columns allow (0: as wide as needed). Ends in a line
// end.
std::string format_table(const std::vector<Column>& columns,
                         const std::vector<std::vector<std::string>>& rows, std::size_t width);
// Prints a table in the terminal's width, uncut when standard output is not a terminal.
void print_table(const std::vector<Column>& columns,
                 const std::vector<std::vector<std::string>>& rows);

// Prints a paragraph() and a line end, wrapped when standard output is a terminal.
void print_paragraph(std::string_view title, std::string_view text, std::size_t indent);

using base::format_count;
using base::format_quantity;

// "12.3 MB", "0.84 s" or "2:05 min", "2024-05-01 10:00:00" (UTC; "–" for 0).
std::string format_bytes(std::uint64_t bytes);
std::string format_seconds(double seconds);
std::string format_time(std::int64_t microseconds_since_1970);
// The time in a QVD header, "2024-05-01 10:00:00", as RFC 3339; null for another text.
Json created_json(const std::string& header_time);

// The rows that are not in the table, as ", 5 quarantined, 2 dropped, 3 filtered": those that break
// rules, and those that a filter leaves out. Empty when all rows are in it.
std::string left_out(std::uint64_t quarantined, std::uint64_t dropped, std::uint64_t filtered = 0);

}  // namespace qvdhouse::cli
