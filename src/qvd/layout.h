// Do the sizes and places that a header claims fit together? Everything that can be known without
// reading one byte of the body. Defined by docs/qvd-format.md, sections 2 to 4.
#pragma once

#include "qvd/header.h"

namespace qvdhouse::qvd {

// Throws InputError, with the field where there is one, when a claimed size exceeds base/limits.h,
// when record size and row count contradict the row block's length, when a bit field leaves the
// record or two overlap, or when a symbol table leaves its place, overlaps another or cannot hold
// its symbols. Nothing overflows, whatever the numbers are.
void check_layout(const TableHeader& header);

}  // namespace qvdhouse::qvd
