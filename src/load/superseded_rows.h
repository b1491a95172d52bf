// Rows of a file that give way to a later row of the same key (DuplicateKeys::kLast).
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "load/column_values.h"
#include "load/row_rules.h"
#include "qvd/header.h"
#include "qvd/rows.h"

namespace qvdhouse::load {

// Their numbers, from 0, in ascending order. `key`: names of some of the columns. Two rows have the
// same key where the values of all of these are the same, NULL being a value. `rules`: rows that
// they take out supersede none, and are superseded by none. Reads all rows, and holds 24 bytes a
// row meanwhile; throws InputError, IoError, and Cancelled when a stop is asked for.
std::vector<std::uint64_t> superseded_rows(const base::ByteSource& source,
                                           const qvd::TableHeader& header,
                                           const qvd::RowDecoder& decoder,
                                           std::span<const ColumnValues> columns,
                                           const std::vector<std::string>& key,
                                           const RowRules& rules, const std::stop_token& stop = {});

}  // namespace qvdhouse::load
