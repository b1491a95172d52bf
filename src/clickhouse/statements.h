// The statements of an SQL text, as ClickHouse's lexer would part them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace qvdhouse::clickhouse {

struct Statement {
  std::string_view text;        // without blanks around it and the semicolon behind it
  std::size_t line = 1;         // of the whole text, where it begins
  std::string_view first_word;  // empty where it has none
};

// Parts `text` at each semicolon that is not in quotes, a comment or a heredoc; what holds comments
// alone is no statement. An INSERT with its rows behind FORMAT takes all that follows: rows may
// hold any bytes. A text without such a semicolon is its statement to the last byte.
std::vector<Statement> split_statements(std::string_view text);

// False where the bytes of `statement` cannot spell the name of this function: the name is not in
// them, in any case of letters, and neither an escape nor a parameter is.
bool may_name(std::string_view statement, std::string_view function);

// Whether `tree`, the answer to EXPLAIN AST, shows all of a statement and no call of this function,
// which may be an argument, too: arrayMap(file, …). False for what hides expressions: SHOW … WHERE
// and APPLY.
bool shows_no_call(std::string_view tree, std::string_view function);

}  // namespace qvdhouse::clickhouse
