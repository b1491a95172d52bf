// What a field's symbol table says about the field, without reading one row: kinds, ranges, how
// many digits. The facts that `inspect` shows and that src/schema decides types from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "qvd/symbols.h"

namespace qvdhouse::qvd {

struct FieldProfile {
  std::uint64_t symbol_count = 0;
  std::uint64_t int_count = 0;          // kind 01
  std::uint64_t double_count = 0;       // kind 02
  std::uint64_t text_count = 0;         // kind 04
  std::uint64_t dual_int_count = 0;     // kind 05
  std::uint64_t dual_double_count = 0;  // kind 06
  std::uint64_t blank_text_count = 0;   // kind 04, empty or spaces only
  std::uint64_t number_count() const {
    return int_count + double_count + dual_int_count + dual_double_count;
  }
  std::uint64_t dual_count() const { return dual_int_count + dual_double_count; }

  // Over the finite numbers; empty when there are none.
  std::optional<double> min_number;
  std::optional<double> max_number;
  bool all_integral = true;            // every number is whole and within Int64
  std::uint64_t non_finite_count = 0;  // NaN and infinities

  std::uint64_t max_text_bytes = 0;  // of all texts, duals included
  std::uint64_t text_bytes = 0;      // sum over symbols
};

FieldProfile profile_field(const SymbolTable& symbols);

}  // namespace qvdhouse::qvd
