#include "base/did_you_mean.h"

#include <gtest/gtest.h>

namespace qvdhouse::base {
namespace {

TEST(DidYouMean, OnlyForSlips) {
  EXPECT_EQ(nearest("statsu", {"status", "sync"}), "status");
  EXPECT_EQ(nearest("snyc", {"status", "sync"}), "sync");
  EXPECT_EQ(nearest("SYNC", {"status", "sync"}), "sync");
  EXPECT_EQ(nearest("banana", {"status", "sync"}), "");
}

}  // namespace
}  // namespace qvdhouse::base
