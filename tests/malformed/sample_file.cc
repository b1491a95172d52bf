#include "tests/malformed/sample_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "base/error.h"
#include "qvd/header.h"
#include "qvd/rows.h"
#include "qvd/symbols.h"

namespace qvdhouse::malformed {
namespace {

using qvd::SymbolTable;
using qvd::Value;

std::string cell(const SymbolTable& symbols, std::uint32_t code) {
  if (code == 0) return "NULL";
  const std::size_t symbol = code - 1;
  std::string text;
  if (symbols.has_text(symbol)) text = fmt::format("'{}'", symbols.text(symbol));
  if (!symbols.has_number(symbol)) return text;
  const std::string number = fmt::format("{}", symbols.number(symbol));
  return text.empty() ? number : text + "=" + number;
}

// All cells, a line a row; what was odd goes to `warnings`. Throws InputError.
std::string read_cells(const std::string& file, std::vector<std::string>& warnings) {
  const base::MemorySource source(std::as_bytes(std::span(file)));
  qvd::TableHeader header = qvd::read_header(source);
  qvd::check_complete(header);
  warnings = header.warnings;
  std::vector<std::string> lines(header.record_count);
  const qvd::RowDecoder decoder(header);
  std::vector<std::byte> records;
  qvd::read_records(source, header, 0, header.record_count, records);
  std::vector<std::uint32_t> codes(header.record_count);
  for (std::size_t field = 0; field < header.fields.size(); ++field) {
    const SymbolTable symbols = qvd::read_symbols(source, header, field);
    decoder.decode(field, records.data(), 0, codes);
    for (std::size_t row = 0; row < codes.size(); ++row) {
      lines[row] += (field == 0 ? "" : " | ") + cell(symbols, codes[row]);
    }
  }
  std::string cells;
  for (const std::string& line : lines) cells += line + "\n";
  return cells;
}

}  // namespace

qvd::TableData sample_table() {
  qvd::TableData table{.name = "Sample", .row_count = 5};
  table.fields = {
      {.name = "Id",
       .values = {Value::of(1), Value::of(2), Value::of(3), Value::of(4), Value::of(5)},
       .codes = {1, 2, 3, 4, 5}},
      {.name = "Name",
       .values = {Value::of("Ann"), Value::of(""), Value::of("Jürgen")},
       .codes = {1, 2, 3, 1, 2}},
      {.name = "Amount", .values = {Value::of(12.5), Value::of(7)}, .codes = {1, 0, 2, 0, 1}},
      {.name = "Month",
       .values = {Value::dual(1, "Jan"), Value::dual(2, "Feb")},
       .codes = {1, 1, 2, 2, 1},
       .tags = {"$numeric"}},
      {.name = "Const", .values = {Value::of("x")}, .codes = {1, 1, 1, 1, 1}},
  };
  return table;
}

std::string file_of(const qvd::TableData& table) {
  const std::vector<std::byte> bytes = write_qvd(table);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string sample_file() { return file_of(sample_table()); }

std::string replaced(std::string file, std::string_view from, std::string_view to) {
  const std::size_t at = file.find(from);
  EXPECT_NE(at, std::string::npos) << "not in the file: " << from;
  if (at == std::string::npos) return file;
  EXPECT_EQ(file.find(from, at + 1), std::string::npos) << "more than once: " << from;
  return file.replace(at, from.size(), to);
}

std::string with_element(std::string file, std::string_view field, std::string_view tag,
                         std::string_view content) {
  const std::string part =
      field.empty() ? "</Fields>" : fmt::format("<FieldName>{}</FieldName>", field);
  const std::string open = fmt::format("<{}>", tag);
  const std::size_t begin = file.find(open, file.find(part));
  const std::size_t end = file.find(fmt::format("</{}>", tag), begin);
  EXPECT_NE(end, std::string::npos) << "no " << open << " behind " << part;
  if (end == std::string::npos) return file;
  return file.replace(begin + open.size(), end - begin - open.size(), content);
}

std::size_t body_of(const std::string& file) { return file.find('\0') + 1; }

std::string with_body_byte(std::string file, std::size_t offset, unsigned char byte) {
  file.at(body_of(file) + offset) = static_cast<char>(byte);
  return file;
}

std::string outcome_of(const std::string& file) {
  std::vector<std::string> warnings;
  std::string outcome;
  try {
    const std::string cells = read_cells(file, warnings);
    std::vector<std::string> ignored;
    outcome = cells == read_cells(sample_file(), ignored) ? "reads the same\n" : cells;
  } catch (const base::InputError& error) {
    return std::string(error.what()) + "\n";
  }
  for (const std::string& warning : warnings) outcome += "warning: " + warning + "\n";
  return outcome;
}

}  // namespace qvdhouse::malformed
