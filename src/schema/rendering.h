// All display texts of a field against its numbers: is the text only a rendering of the number, so
// that a column of numbers (or dates, or times) loses nothing, or does it carry information?
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>

#include "qvd/header.h"
#include "qvd/symbols.h"

namespace qvdhouse::schema {

// How many display texts are not a rendering under one reading, and the first that is not.
struct Misfits {
  std::uint64_t count = 0;
  std::size_t first_symbol = 0;
  void add(std::size_t symbol) {
    if (count++ == 0) first_symbol = symbol;
  }
};

struct DisplayTexts {
  std::uint64_t dual_count = 0;
  std::size_t first_dual = 0;
  std::uint64_t not_plain_count = 0;  // other than the number's shortest text
  std::size_t first_not_plain = 0;

  Misfits as_number;      // thousands, percent, one currency throughout, …
  Misfits as_whole_date;  // every text shows year, month and day
  Misfits as_date;        // shows at least part of the date; for fields that the header calls dates
  Misfits as_time;        // shows the time of day, the number being within one day
  Misfits as_interval;    // shows hours, minutes, seconds of the whole number

  std::uint64_t whole_date_count = 0;
  std::uint64_t stamp_count = 0;  // of those, with a time of day
  std::uint64_t partial_date_count = 0;
  std::size_t first_partial = 0;
  std::uint64_t time_count = 0;
};

// Throws Cancelled when a stop is asked for.
DisplayTexts classify_texts(const qvd::SymbolTable& symbols, const qvd::NumberFormat& format,
                            const std::stop_token& stop);

}  // namespace qvdhouse::schema
