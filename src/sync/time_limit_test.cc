#include <gtest/gtest.h>

#include "base/pause.h"
#include "sync/failure.h"

namespace qvdhouse::sync {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(TimeLimit, StopsWhenTheTimeIsOver) {
  const TimeLimit limit(seconds(1), {});
  EXPECT_FALSE(base::pause_for(seconds(300), limit.token()));
  EXPECT_TRUE(limit.is_over());
  try {
    limit.throw_if_over();
    FAIL() << "the time is over";
  } catch (const base::TimedOut& error) {
    EXPECT_STREQ(error.what(), "it took longer than file_timeout allows (1 s)");
    EXPECT_EQ(describe_failure(error).error_class, tracking::ErrorClass::kTimeout);
    EXPECT_TRUE(describe_failure(error).try_later);
  }
}

TEST(TimeLimit, StopsWithTheOuterStopAndSaysThatItWasNotTheTime) {
  std::stop_source outer;
  const TimeLimit none(seconds(0), outer.get_token());
  const TimeLimit long_one(hours(1), outer.get_token());
  EXPECT_FALSE(none.token().stop_requested());
  outer.request_stop();
  EXPECT_TRUE(none.token().stop_requested());
  EXPECT_TRUE(long_one.token().stop_requested());
  EXPECT_FALSE(long_one.is_over());
  EXPECT_NO_THROW(long_one.throw_if_over());
  EXPECT_TRUE(TimeLimit(seconds(0), outer.get_token()).token().stop_requested());
}

}  // namespace
}  // namespace qvdhouse::sync
