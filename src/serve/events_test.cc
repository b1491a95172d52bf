#include "serve/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace qvdhouse::serve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::uint64_t> ids(const std::vector<Event>& events) {
  std::vector<std::uint64_t> found;
  for (const Event& event : events) found.push_back(event.id);
  return found;
}

TEST(EventLog, IsOneSequence) {
  EventLog log;
  EXPECT_EQ(log.last_id(), 0U);
  EXPECT_THAT(log.after(0), IsEmpty());
  EXPECT_EQ(log.add("run_started", {{"run_id", "a"}}), 1U);
  EXPECT_EQ(log.add("run_finished", {{"run_id", "a"}}), 2U);
  ASSERT_THAT(ids(log.after(0)), ElementsAre(1, 2));
  EXPECT_EQ(log.after(1)[0].type, "run_finished");
  EXPECT_EQ(log.after(1)[0].data["run_id"], "a");
  EXPECT_THAT(log.after(2), IsEmpty());
  EXPECT_THAT(log.after(99), IsEmpty());
}

TEST(EventLog, ForgetsTheOldestAndCountsOn) {
  EventLog log(3);
  for (int i = 0; i < 10; ++i) log.add("log", {});
  EXPECT_THAT(ids(log.after(0)), ElementsAre(8, 9, 10));
  EXPECT_THAT(ids(log.after(8)), ElementsAre(9, 10));
  EXPECT_THAT(ids(log.after(0, 2)), ElementsAre(8, 9));
}

TEST(EventLog, AListenerMayAddEventsItself) {
  EventLog log;
  std::vector<std::uint64_t> heard;
  const Listening listening = log.listen([&](const Event& event) {
    heard.push_back(event.id);
    if (event.type == "run_finished") log.add("log", {});
  });
  log.add("run_finished", {});
  EXPECT_THAT(heard, ElementsAre(1, 2));
}

TEST(EventLog, AListenerThatIsGoneHearsNothing) {
  EventLog log;
  int heard = 0;
  {
    const Listening listening = log.listen([&](const Event&) { ++heard; });
    log.add("log", {});
  }
  log.add("log", {});
  EXPECT_EQ(heard, 1);
}

TEST(EventLog, NumbersAreUniqueAcrossThreads) {
  EventLog log(10'000);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 500; ++k) log.add("log", {});
      });
    }
  }
  EXPECT_EQ(log.last_id(), 2'000U);
  const std::vector<Event> all = log.after(0, 10'000);
  ASSERT_EQ(all.size(), 2'000U);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].id, i + 1);
}

}  // namespace
}  // namespace qvdhouse::serve
