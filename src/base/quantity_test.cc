#include "base/quantity.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace qvdhouse::base {
namespace {

TEST(Quantity, GroupsThreeDigits) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
  EXPECT_EQ(format_count(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(Quantity, OnlyOneIsSingular) {
  EXPECT_EQ(format_quantity(0, "file"), "0 files");
  EXPECT_EQ(format_quantity(1, "file"), "1 file");
  EXPECT_EQ(format_quantity(1001, "row"), "1,001 rows");
}

}  // namespace
}  // namespace qvdhouse::base
