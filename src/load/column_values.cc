#include "load/column_values.h"

#include <xxhash.h>

namespace qvdhouse::load {

std::uint64_t ColumnValues::hash(std::size_t slot) const {
  if (dictionary.is_null(slot)) return 0;
  const std::size_t width = dictionary.type().value_bytes();
  if (width != 0) return XXH3_64bits(dictionary.fixed().data() + slot * width, width);
  const std::string_view text = dictionary.text(slot);
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace qvdhouse::load
