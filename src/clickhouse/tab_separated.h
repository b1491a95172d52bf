// Values of a row in ClickHouse's TabSeparated format.
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::clickhouse {

// The value at the front of a row, unescaped; `row` moves past it and its tab.
std::string take_tsv_value(std::string_view& row);

}  // namespace qvdhouse::clickhouse
