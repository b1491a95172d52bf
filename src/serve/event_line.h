// What the log says of an event.
#pragma once

#include "serve/events.h"
#include "serve/log_book.h"

namespace qvdhouse::serve {

// All but the time. An empty message: nothing is said of it.
LogLine line_of(const Event& event);

}  // namespace qvdhouse::serve
