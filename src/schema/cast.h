// Casts a field's symbols into a column's values: the one place where a Qlik value becomes a
// ClickHouse value.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "clickhouse/dictionary.h"
#include "qvd/symbols.h"
#include "schema/plan.h"

namespace qvdhouse::schema {

// Slot 0 is NULL (or the default), slot k + 1 the cast of symbol k. Throws SchemaError naming the
// column, the symbol's value and its number when one cannot be cast exactly (only an override can
// cause that; plan_field has looked at every symbol). Throws Cancelled when a stop is asked for.
clickhouse::Dictionary cast_symbols(const qvd::SymbolTable& symbols, const ColumnPlan& column,
                                    const std::stop_token& stop = {});

// By code (slot): 1 for each symbol that has no exact value of the type, where the column leaves
// such to the rules of its table (ColumnPlan::leaves_misfits). Throws Cancelled.
std::vector<std::uint8_t> find_misfits(const qvd::SymbolTable& symbols, const ColumnPlan& column,
                                       const std::stop_token& stop = {});

// A symbol as the file shows it: its text, else the date or time that the column is of, else the
// shortest exact decimal form.
std::string symbol_text(const qvd::SymbolTable& symbols, std::size_t symbol,
                        const ColumnPlan& column);

// Whether a column of this part (kDate, kDateTime) takes the text for a day or a timestamp.
bool shows_clock_value(std::string_view text, Part part);

// In a kConstant: slot 0 as above, slot 1 the value that ColumnPlan::constant says. In a kMissing:
// slot 0 alone. Throws SchemaError when the text is not exactly a value of the type.
clickhouse::Dictionary cast_constant(const ColumnPlan& column);

}  // namespace qvdhouse::schema
