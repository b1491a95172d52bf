// The nearest known word to a mistyped one, for messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::base {

// The candidate that differs from `word` by the fewest edits, if they are few enough that a slip is
// likely; else empty. Letter case does not count.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "; did you mean X?" or nothing: the end of a message.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace qvdhouse::base
