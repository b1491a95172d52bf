#include "clickhouse/dictionary.h"

#include <cstring>

#include "clickhouse/native.h"

namespace qvdhouse::clickhouse {

void Dictionary::reserve(std::size_t slots, std::size_t text_bytes) {
  is_null_.reserve(slots);
  if (type_.kind == TypeKind::kString) {
    offsets_.reserve(slots + 1);
    values_.reserve(text_bytes + 2 * slots);
  } else {
    values_.reserve(slots * type_.value_bytes());
  }
}

void Dictionary::add_null() {
  if (type_.kind == TypeKind::kString) {
    add_text({});
  } else {
    values_.resize(values_.size() + type_.value_bytes());
    is_null_.push_back(0);
  }
  is_null_.back() = 1;
  if (is_null_.size() > 1) has_nulls_ = true;
}

void Dictionary::add_text(std::string_view value) {
  if (offsets_.empty()) offsets_.push_back(0);
  append_varuint(values_, value.size());
  const auto* bytes = reinterpret_cast<const std::byte*>(value.data());
  values_.insert(values_.end(), bytes, bytes + value.size());
  offsets_.push_back(values_.size());
  is_null_.push_back(0);
}

void Dictionary::add_fixed(const void* value) {
  const auto* bytes = static_cast<const std::byte*>(value);
  values_.insert(values_.end(), bytes, bytes + type_.value_bytes());
  is_null_.push_back(0);
}

std::string_view Dictionary::text(std::size_t slot) const {
  auto entry = encoded(slot);
  std::size_t skip = 0;
  while ((std::to_integer<unsigned>(entry[skip]) & 0x80u) != 0) ++skip;
  entry = entry.subspan(skip + 1);
  return {reinterpret_cast<const char*>(entry.data()), entry.size()};
}

}  // namespace qvdhouse::clickhouse
