// The rows once more, read bit by bit as docs/qvd-format.md, sections 4 and 5, puts it and without
// any thought of speed. Tests and benches compare the real decoder (qvd/rows.h) with it; it shares
// no code with that one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "qvd/header.h"

namespace qvdhouse::qvd {

// One cell: the symbol's number, or nothing for NULL.
using ReferenceCell = std::optional<std::uint64_t>;

// The cell of one field in the record that begins at record[0]. Throws InputError when the index
// lies outside the symbol table.
ReferenceCell reference_cell(const TableHeader& header, std::size_t field_index,
                             std::span<const std::byte> record, bool foreign_null = false);

// The whole table out of `rows`, the bytes of all its records: cells[row][field].
std::vector<std::vector<ReferenceCell>> reference_rows(const TableHeader& header,
                                                       std::span<const std::byte> rows,
                                                       bool foreign_null = false);

}  // namespace qvdhouse::qvd
