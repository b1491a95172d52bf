// Times as tests of schedules write them.
#pragma once

#include <date/date.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "serve/schedule.h"

namespace qvdhouse::serve {

// "2026-11-20 06:00" or with seconds, UTC.
inline Time at(const std::string& text) {
  std::istringstream stream(text.size() == 16 ? text + ":00" : text);
  Time time;
  stream >> date::parse("%F %T", time);
  EXPECT_FALSE(stream.fail()) << text;
  return time;
}

}  // namespace qvdhouse::serve
