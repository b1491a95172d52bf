#include "load/made_types.h"

#include <algorithm>

namespace qvdhouse::load {

bool MadeTypes::has_all(std::span<const ColumnValues> columns) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(columns, [&](const ColumnValues& column) {
    return names_.contains(column.dictionary.type().name());
  });
}

void MadeTypes::add(std::span<const ColumnValues> columns) {
  const std::lock_guard lock(mutex_);
  for (const ColumnValues& column : columns) names_.insert(column.dictionary.type().name());
}

}  // namespace qvdhouse::load
