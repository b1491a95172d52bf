// The statements of an SQL text, as ClickHouse's lexer would part them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace qvdhouse::clickhouse {

struct Statement {
  std::string_view text;  // without blanks around it and the semicolon behind it
  std::size_t line = 1;   // of the whole text, where it begins
};

// Parts `text` at each semicolon that is not in quotes, a comment or a heredoc; what holds comments
// alone is no statement. An INSERT with its rows behind FORMAT takes all that follows: rows may
// hold any bytes.
std::vector<Statement> split_statements(std::string_view text);

// Whether `name` stands in a statement, in quotes or not, where it may be the name of a function:
// not behind a dot. A quoted name with a code of bytes (\x66) may be any.
bool may_call(std::string_view statement, std::string_view name);

}  // namespace qvdhouse::clickhouse
