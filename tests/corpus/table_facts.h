// What ClickHouse says of a loaded table, column by column, in the terms of EXPECTED.tsv: dates and
// times are turned back into serial numbers by SQL, sums of numbers are exact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "schema/plan.h"
#include "tests/corpus/expected.h"

namespace qvdhouse::corpus {

struct ColumnFacts {
  std::uint64_t value_count = 0;  // cells that are not NULL
  std::uint64_t null_count = 0;
  std::uint64_t distinct_count = 0;
  std::uint64_t text_bytes = 0;  // of columns of text
  double sum = 0;                // the rest of columns of numbers; the sum is rounded once
  double min = 0;
  double max = 0;
  // Distinct pairs of this column and the next one, where this is a text and the next its number.
  std::uint64_t pair_count = 0;
};

struct TableFacts {
  std::uint64_t row_count = 0;
  std::vector<ColumnFacts> columns;  // as planned
};

bool is_text(const schema::ColumnPlan& column);
// Whether columns[i + 1] holds the number of the text in columns[i].
bool has_number_beside(const std::vector<schema::ColumnPlan>& columns, std::size_t i);

// `fields` only tell how large the numbers are, to place the sums. Throws IoError, ServerError.
TableFacts measure_table(clickhouse::Connection& connection, const schema::TablePlan& plan,
                         const std::vector<ExpectedField>& fields);

}  // namespace qvdhouse::corpus
