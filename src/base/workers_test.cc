#include "base/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace qvdhouse::base {
namespace {

TEST(Workers, EveryIndexOnce) {
  for (const unsigned threads : {1u, 4u, 100u}) {
    std::vector<std::atomic<int>> seen(50);
    for_each_index(seen.size(), threads, [&](std::size_t i) { ++seen[i]; });
    for (const auto& count : seen) EXPECT_EQ(count, 1);
  }
}

TEST(Workers, NothingToDo) {
  for_each_index(0, 4, [](std::size_t) { FAIL(); });
}

TEST(Workers, TheFirstFailureComesOutAndEndsTheRest) {
  std::atomic<int> begun{0};
  EXPECT_THROW(for_each_index(1'000'000, 2,
                              [&](std::size_t i) {
                                ++begun;
                                if (i == 3) throw std::runtime_error("three");
                              }),
               std::runtime_error);
  EXPECT_LT(begun, 1'000'000);
}

}  // namespace
}  // namespace qvdhouse::base
