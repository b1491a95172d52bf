#include "base/pause.h"

#include <gtest/gtest.h>

#include <thread>

namespace qvdhouse::base {
namespace {

constexpr std::chrono::hours kLong{1};  // a test that waits so long has failed

TEST(Pause, EndsByItself) { EXPECT_TRUE(pause_for(std::chrono::milliseconds(1), {})); }

TEST(Pause, AStopBeforeItLeavesNoWait) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(pause_for(kLong, stop.get_token()));
}

TEST(Pause, AStopMeanwhileEndsIt) {
  std::stop_source stop;
  std::jthread other([&] { stop.request_stop(); });
  EXPECT_FALSE(pause_for(kLong, stop.get_token()));
}

}  // namespace
}  // namespace qvdhouse::base
