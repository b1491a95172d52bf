#include "qvd/profile.h"

#include <algorithm>
#include <cmath>

namespace qvdhouse::qvd {
namespace {

void count_kind(SymbolKind kind, FieldProfile& profile) {
  switch (kind) {
    case SymbolKind::kInt:
      ++profile.int_count;
      break;
    case SymbolKind::kDouble:
      ++profile.double_count;
      break;
    case SymbolKind::kText:
      ++profile.text_count;
      break;
    case SymbolKind::kDualInt:
      ++profile.dual_int_count;
      break;
    case SymbolKind::kDualDouble:
      ++profile.dual_double_count;
      break;
  }
}

// Doubles from -2^63 up to, but without, 2^63 convert to Int64.
bool is_int64(double number) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  return number >= -kTwoTo63 && number < kTwoTo63 && std::trunc(number) == number;
}

void add_number(double number, FieldProfile& profile) {
  profile.all_integral = profile.all_integral && is_int64(number);
  if (!std::isfinite(number)) {
    ++profile.non_finite_count;
    return;
  }
  profile.min_number = std::min(profile.min_number.value_or(number), number);
  profile.max_number = std::max(profile.max_number.value_or(number), number);
}

}  // namespace

FieldProfile profile_field(const SymbolTable& symbols) {
  FieldProfile profile;
  profile.symbol_count = symbols.size();
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    const SymbolKind kind = symbols.kind(symbol);
    count_kind(kind, profile);
    if (symbols.has_number(symbol)) add_number(symbols.number(symbol), profile);
    if (!symbols.has_text(symbol)) continue;
    const std::string_view text = symbols.text(symbol);
    profile.text_bytes += text.size();
    profile.max_text_bytes = std::max<std::uint64_t>(profile.max_text_bytes, text.size());
    if (kind == SymbolKind::kText && text.find_first_not_of(' ') == std::string_view::npos) {
      ++profile.blank_text_count;
    }
  }
  return profile;
}

}  // namespace qvdhouse::qvd
