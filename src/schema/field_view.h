// One field as the rules look at it, and small words that all of them use.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/column_type.h"
#include "qvd/header.h"
#include "qvd/profile.h"
#include "qvd/symbols.h"
#include "schema/names.h"
#include "schema/policy.h"

namespace qvdhouse::schema {

struct FieldView {
  const qvd::FieldHeader& header;
  std::size_t index;  // of the field in its file
  bool may_be_null;   // the header lets a cell be NULL
  const qvd::SymbolTable& symbols;
  const qvd::FieldProfile& profile;
  const Policy& policy;
  std::string name;           // of the column
  std::stop_token stop = {};  // ends the planning with Cancelled
  std::vector<std::string> null_texts = {};
  std::uint64_t null_text_count = 0;  // symbols that are one; counted as blank in the profile

  bool means_null(std::string_view text) const;
};

// Qlik's usual "missing": text that is empty or spaces only.
inline bool is_blank(std::string_view text) {
  return text.find_first_not_of(' ') == std::string_view::npos;
}

inline bool FieldView::means_null(std::string_view text) const {
  return is_blank(text) || std::ranges::find(null_texts, text) != null_texts.end();
}

// The texts that mean a missing value in a field, by its name and its column's.
const std::vector<std::string>& null_texts_of(const Policy& policy, std::string_view field,
                                              std::string_view column);

// What `settings` say of the field, by its own name or by its column's, or by a pattern; null:
// nothing.
template <class Value>
const Value* find_setting(const std::map<std::string, Value>& settings, const FieldView& field) {
  const Value* found = find_setting(settings, std::string_view(field.header.name));
  return found != nullptr ? found : find_setting(settings, std::string_view(field.name));
}

// How a message shows a symbol: 12, 'text' or 'text' with 12. Long texts are cut.
std::string show_symbol(const qvd::SymbolTable& symbols, std::size_t symbol);

// String or, up to the policy's limit, LowCardinality(String).
clickhouse::ColumnType text_type(const FieldView& field);

}  // namespace qvdhouse::schema
