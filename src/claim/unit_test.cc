#include "claim/unit.h"

#include <gtest/gtest.h>

namespace qvdhouse::claim {
namespace {

TEST(Unit, NamesItsTable) {
  EXPECT_EQ(table_of("Sales"), "Sales");
  EXPECT_EQ(table_of(file_unit("Sales", "/data/a.qvd")), "Sales");
  EXPECT_EQ(table_of(any_file_of("Sales")), "Sales");
  EXPECT_NE(file_unit("A", "b"), file_unit("A", "c"));
}

TEST(Unit, ATableIsAllOfItsFiles) {
  UnitSet held;
  EXPECT_FALSE(held.blocks("Sales"));
  held.add(file_unit("Sales", "a.qvd"));
  EXPECT_TRUE(held.blocks("Sales"));
  EXPECT_TRUE(held.blocks(file_unit("Sales", "a.qvd")));
  EXPECT_FALSE(held.blocks(file_unit("Sales", "b.qvd")));
  EXPECT_FALSE(held.blocks("Sales2"));
  held.add("Sales2");
  EXPECT_TRUE(held.blocks("Sales2"));
  EXPECT_TRUE(held.blocks(file_unit("Sales2", "a.qvd")));
  EXPECT_FALSE(held.blocks(file_unit("Sales", "b.qvd")));
}

TEST(Unit, IsSaidInWords) {
  EXPECT_EQ(said_of({"QvdItem"}), "QvdItem");
  EXPECT_EQ(said_of({"QvdItem", file_unit("Sales", "a"), file_unit("Sales", "b")}),
            "QvdItem, 2 files of Sales");
  EXPECT_EQ(said_of({file_unit("Sales", "a")}), "1 file of Sales");
  EXPECT_EQ(said_of({"A", "B", "C", "D", "E", "F", "G"}), "A, B, C, D, E and 2 more tables");
}

}  // namespace
}  // namespace qvdhouse::claim
