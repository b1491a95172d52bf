// Any text as a literal of a language, and as what may stand within one: the only place that puts
// texts of files into code. Whatever bytes a name holds, what comes out is one token (or a part of
// one) of printable characters, without a line end.
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::models {

enum class Language { kSql, kPython, kCpp, kJson };

// Within a literal, whichever mark encloses it, and within a comment. A byte that is not UTF-8 is
// a byte in SQL and C++, the surrogate that os.fsdecode() would make of it in Python, and U+FFFD in
// JSON, which knows no such thing.
std::string escaped(Language language, std::string_view text);

// For people to read, in a comment of any of the languages: only what would end it is escaped.
std::string comment(std::string_view text);

// 'text' in SQL, "text" in the others.
std::string literal(Language language, std::string_view text);

}  // namespace qvdhouse::models
