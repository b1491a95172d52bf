// Is a file still being written? Qlik writes header first, then symbols and rows, so that a file
// which is shorter than its header says is on its way, or was cut. A program that copies may set
// the size first: then zero bytes or holes are where the rest is to come.
#pragma once

#include <string>

#include "base/byte_source.h"

namespace qvdhouse::sync {

// What is missing of a file that begins like a QVD, as a sentence with numbers; empty when nothing
// is, and for a file that is wrong in another way: loading it says how. Throws IoError.
std::string missing_part(const base::ByteSource& source);

}  // namespace qvdhouse::sync
