// One case of tests/golden/types: input.json describes a file's fields, symbols and the policy;
// the report is what qvdhouse makes of them, as text to be compared with expected.txt.
#pragma once

#include <filesystem>
#include <string>

namespace qvdhouse::golden {

// Columns with types, reasons, warnings and cast values, ORDER BY and DDL; or the error's message.
//
// input.json: {"file", "creator", "created", "comment", "policy": {…}, "fields": [{"name", "null",
// "format": {"type", "nDec", "fmt", "dec", "thou"}, "comment", "tags", "symbols": […]}]}. A symbol
// is
//   12            an int32          1.5, 3e9    a double
//   "text"        text              {"double": 1 or "nan", "inf", "-inf", "-0"}  a double for sure
//   {"number": 1 or 1.5, "text": "Jan"}         a dual
std::string report(const std::filesystem::path& input);

}  // namespace qvdhouse::golden
