// How files and attempts look in answers.
#pragma once

#include <string>
#include <vector>

#include "serve/problem.h"
#include "tracking/tracking.h"

namespace qvdhouse::serve {

// The keys of the original's answer first, then ours. `workflow`: null when empty.
Json file_json(const tracking::FileRecord& file, const std::string& workflow);
Json attempt_json(const tracking::Attempt& attempt);
// An entry of `history` in the original's answer.
Json history_json(const tracking::Attempt& attempt);
// An entry of `failures` in the original's answer.
Json failure_json(const tracking::FileRecord& file);

Json text_or_null(const std::string& text);

}  // namespace qvdhouse::serve
