// Which rows of a file are loaded (`where` of a table, docs/privacy.md): conditions on fields,
// judged once a distinct value, on the values as the file has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "qvd/header.h"
#include "qvd/symbols.h"

namespace qvdhouse::schema {

// One comparison: "Region = 'West'".
struct RowCondition {
  enum class Operator {
    kEqual,
    kNotEqual,
    kLess,
    kLessOrEqual,
    kGreater,
    kGreaterOrEqual,
    kIn,
    kNotIn,
    kIsNull,
    kIsNotNull,
    kLike,
    kNotLike,
    kMatches,
  };
  std::string field;
  Operator compares = Operator::kEqual;
  std::vector<std::string>
      values;  // one; of kIn and kNotIn several; of kIsNull and kIsNotNull none
};

// All of them have to hold.
using RowConditions = std::vector<RowCondition>;

// Reads "field op value and …". Returns what is wrong, as the end of "expected …"; empty: nothing.
std::string parse_row_filter(std::string_view text, RowConditions& out);

// The field of the file that a condition names, exactly or, where no field has just that name, but
// for capitals. Throws SchemaError when there is none, or several.
std::size_t field_of(const RowCondition& condition, const qvd::TableHeader& header);

// By code (qvd/rows.h), 1 where a row with that value is not loaded; empty: each row is.
// NULL is less, equal or unlike nothing: only `is null` takes it. NULL are also texts of
// `null_texts`, and blank ones among numbers. Throws Cancelled when a stop is asked for.
std::vector<std::uint8_t> filtered_codes(const RowCondition& condition,
                                         const qvd::SymbolTable& symbols,
                                         const qvd::FieldHeader& field, bool may_be_null,
                                         const std::vector<std::string>& null_texts,
                                         const std::stop_token& stop = {});

}  // namespace qvdhouse::schema
