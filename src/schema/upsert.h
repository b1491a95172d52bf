// Tables of which readers see the newest row of each key (LoadMode::kUpsert): which row of a key is
// the newer one, and which says that its key is gone. Both are columns of the rows, so that what
// readers see does not depend on the order in which files were loaded.
#pragma once

#include <cstdint>
#include <stop_token>

#include "clickhouse/dictionary.h"
#include "qvd/header.h"
#include "qvd/symbols.h"
#include "schema/plan.h"
#include "schema/table_rules.h"

namespace qvdhouse::schema {

// The time of a file, to be compared with that of others: CreateUtcTime of the header, in seconds,
// or the modification time where it has none; of files made within one second, the one is newer
// that was written to later. `modified_us`: since 1970-01-01 UTC.
std::uint64_t file_time(const qvd::TableHeader& header, std::int64_t modified_us);

// `_qvd_order`: the value of rules.version, and for equal values, or without one, the time of the
// file. Throws SchemaError when there is no such field.
ColumnPlan order_column(const TablePlan& plan, const qvd::TableHeader& header,
                        const TableRules& rules, std::uint64_t file_time);
// `_qvd_deleted`, by rules.deleted and rules.is_deletes. Throws SchemaError when there is no such
// field.
ColumnPlan deleted_column(const TablePlan& plan, const qvd::TableHeader& header,
                          const TableRules& rules);

// The values of such a column: slot 0 for NULL, slot i + 1 for symbol i; of one without a field
// slot 0 alone. Throws SchemaError for a version that is neither a number, a date nor a timestamp,
// and Cancelled when a stop is asked for.
clickhouse::Dictionary cast_order(const qvd::SymbolTable& symbols, const ColumnPlan& column,
                                  const std::stop_token& stop = {});
clickhouse::Dictionary cast_deleted(const qvd::SymbolTable& symbols, const ColumnPlan& column,
                                    const std::stop_token& stop = {});

// The columns of rules.key, as the plan's order_by names them, must be there and, by rules.
// null_keys, without NULL. Throws SchemaError.
void check_key(const TablePlan& plan, const TableRules& rules);

}  // namespace qvdhouse::schema
