// A loaded table against EXPECTED.tsv, through the mapping that the plan of its columns states
// (docs/type-mapping.md): blank text in a column of numbers is NULL, a text that only renders its
// number is not stored, a number without text is written out in a column of text.
#pragma once

#include <string>
#include <vector>

#include "base/byte_source.h"
#include "load/load.h"
#include "tests/corpus/expected.h"
#include "tests/corpus/table_facts.h"

namespace qvdhouse::corpus {

// One sentence for each difference; empty when the table is as expected. The file itself is read
// for two things that EXPECTED.tsv does not tell, in fields of mixed kinds alone: how many cells
// are blank text, and what their plain numbers are when written out.
std::vector<std::string> differences(const std::vector<ExpectedField>& expected,
                                     const TableFacts& found, const load::PreparedFile& file,
                                     const base::ByteSource& source);

}  // namespace qvdhouse::corpus
