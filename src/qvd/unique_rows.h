// Whether the values of some fields tell the rows of a file apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>

#include "base/byte_source.h"
#include "qvd/header.h"

namespace qvdhouse::qvd {

// Longer files are not compared: 8 bytes a row are held.
inline constexpr std::uint64_t kMostRowsCompared = 20'000'000;

// Whether no two rows have the same values of all `fields` (indexes), NULL being a value. Nothing
// when that cannot be told: too many rows, or values of more than 64 bits in all. Reads all rows;
// throws InputError, IoError, and Cancelled when a stop is asked for.
std::optional<bool> are_rows_unique(const base::ByteSource& source, const TableHeader& header,
                                    std::span<const std::size_t> fields,
                                    const std::stop_token& stop = {});

}  // namespace qvdhouse::qvd
