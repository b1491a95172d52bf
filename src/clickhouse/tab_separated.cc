#include "clickhouse/tab_separated.h"

#include <algorithm>
#include <cstddef>

namespace qvdhouse::clickhouse {

std::string take_tsv_value(std::string_view& row) {
  std::string value;
  std::size_t at = 0;
  for (; at < row.size() && row[at] != '\t'; ++at) {
    if (row[at] != '\\' || at + 1 == row.size()) {
      value += row[at];
      continue;
    }
    constexpr std::string_view kEscapes = "btnfr0", kMeant("\b\t\n\f\r\0", 6);
    const auto escape = kEscapes.find(row[++at]);
    value += escape == std::string_view::npos ? row[at] : kMeant[escape];
  }
  row.remove_prefix(std::min(at + 1, row.size()));
  return value;
}

}  // namespace qvdhouse::clickhouse
