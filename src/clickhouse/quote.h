// The only place that turns names and values into SQL text.
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::clickhouse {

// `name` in backticks, whatever bytes it holds.
std::string quote_identifier(std::string_view name);
// 'text', whatever bytes it holds.
std::string quote_literal(std::string_view text);
// `database`.`table`
std::string qualified(std::string_view database, std::string_view table);

}  // namespace qvdhouse::clickhouse
