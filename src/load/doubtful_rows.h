// Rows that look as if they had never been written: a copy that sets the file's size first leaves
// zero bytes, or a hole of the file system, where the rest is to come. As rows they are valid, so
// that nothing else finds them.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/byte_source.h"
#include "qvd/header.h"

namespace qvdhouse::load {

// What becomes of a file with such rows.
enum class ZeroTail {
  kWarn,   // it is loaded, with a warning that counts them
  kError,  // it fails
};

struct DoubtfulRows {
  std::uint64_t zero_tail = 0;  // rows of zero bytes at the end, more than the others make likely
  std::uint64_t in_holes = 0;   // rows before those that lie in a hole, or reach into one
  bool empty() const { return zero_tail == 0 && in_holes == 0; }
};

// The doubtful rows of a complete file. Rows that could not be anything but zero are never
// doubtful. Reads the end of the rows and, only where that is zero, up to 8 MiB of the others.
// Holes at the end are counted without being read. Throws IoError,
// ChangedError, Cancelled.
DoubtfulRows find_doubtful_rows(const base::ByteSource& source, const qvd::TableHeader& header,
                                const std::stop_token& stop = {});

// "the last 12 of 100 rows are zero bytes, …"; empty where no row is doubtful.
std::string text_of(const DoubtfulRows& rows, const qvd::TableHeader& header);

// What is to be said of the doubtful rows of a complete file, which are `taken` ("loaded") all the
// same; empty where no row is doubtful. Throws InputError where `zero_tail` refuses them, and what
// find_doubtful_rows() throws.
std::string check_written(const base::ByteSource& source, const qvd::TableHeader& header,
                          ZeroTail zero_tail, std::string_view taken,
                          const std::stop_token& stop = {});

}  // namespace qvdhouse::load
