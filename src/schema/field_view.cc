#include "schema/field_view.h"

#include <fmt/format.h>

#include "schema/decimal.h"

namespace qvdhouse::schema {
namespace {

constexpr std::size_t kShownBytes = 60;

std::string show_text(std::string_view text) {
  if (text.size() <= kShownBytes) return fmt::format("'{}'", text);
  std::size_t end = kShownBytes;
  // Not within a UTF-8 character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return fmt::format("'{}…' ({} bytes)", text.substr(0, end), text.size());
}

}  // namespace

std::string show_symbol(const qvd::SymbolTable& symbols, std::size_t symbol) {
  if (!symbols.has_text(symbol)) return shortest_text(symbols.number(symbol));
  std::string text = show_text(symbols.text(symbol));
  if (!symbols.has_number(symbol)) return text;
  return fmt::format("{} with {}", text, shortest_text(symbols.number(symbol)));
}

const std::vector<std::string>& null_texts_of(const Policy& policy, std::string_view field,
                                              std::string_view column) {
  const auto* own = find_setting(policy.null_texts_of, field);
  if (own == nullptr) own = find_setting(policy.null_texts_of, column);
  return own != nullptr ? *own : policy.null_texts;
}

clickhouse::ColumnType text_type(const FieldView& field) {
  return {.kind = clickhouse::TypeKind::kString,
          .nullable = field.may_be_null,
          .low_cardinality = field.symbols.distinct_count() <= field.policy.low_cardinality_limit};
}

}  // namespace qvdhouse::schema
