// Names of types, taken apart: "Nullable(Decimal(9, 2))" is Decimal(9, 2) within Nullable.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/ascii.h"

namespace qvdhouse::clickhouse {

// What stands in the brackets of "NAME(…)", without blanks around it; empty when `type` is
// something else.
inline std::optional<std::string_view> within(std::string_view type, std::string_view name) {
  const std::size_t brackets = 2;
  if (type.size() < name.size() + brackets || !type.starts_with(name) || type[name.size()] != '(' ||
      !type.ends_with(')')) {
    return std::nullopt;
  }
  return base::trimmed(type.substr(name.size() + 1, type.size() - name.size() - brackets));
}

}  // namespace qvdhouse::clickhouse
