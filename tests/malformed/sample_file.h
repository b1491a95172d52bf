// A small whole QVD file and the ways to damage it. Files are strings of bytes here.
#pragma once

#include <string>
#include <string_view>

#include "qvd/writer.h"

namespace qvdhouse::malformed {

// Five rows; fields Id (ints, no NULL), Name (texts, one empty), Amount (int and double, two
// NULLs), Month (duals), Const (one value, no bits). Laid out as Qlik does it.
qvd::TableData sample_table();

std::string file_of(const qvd::TableData& table);
std::string sample_file();  // file_of(sample_table())

// `file` with the one occurrence of `from` replaced. Fails the test when there is none or another.
std::string replaced(std::string file, std::string_view from, std::string_view to);

// `file` with the content of <tag> replaced: in the header of `field`, or, where that is empty, in
// the table's own part behind </Fields>.
std::string with_element(std::string file, std::string_view field, std::string_view tag,
                         std::string_view content);

// Where the body begins.
std::size_t body_of(const std::string& file);

// `file` with one byte of its body changed.
std::string with_body_byte(std::string file, std::size_t offset, unsigned char byte);

// What reading all of `file` gives: the error's message, or "reads the same" when all cells are
// those of sample_file(), or the cells; then a line for each warning.
std::string outcome_of(const std::string& file);

}  // namespace qvdhouse::malformed
