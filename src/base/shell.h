// Words of command lines that people copy.
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::base {

// `word` as a shell takes it, in single quotes where it needs them. shell_text() is what stands
// between such quotes.
std::string shell_quoted(std::string_view word);
std::string shell_text(std::string_view text);

}  // namespace qvdhouse::base
