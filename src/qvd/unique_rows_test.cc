#include "qvd/unique_rows.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/byte_source.h"
#include "qvd/writer.h"

namespace qvdhouse::qvd {
namespace {

TEST(UniqueRows, OfOneFieldAndOfSeveral) {
  const std::vector<Value> values = {Value::of(1), Value::of(2), Value::of(3)};
  const auto bytes = write_qvd({.name = "T",
                                .fields = {{.name = "id", .values = values, .codes = {3, 1, 2}},
                                           {.name = "a", .values = values, .codes = {1, 1, 2}},
                                           {.name = "b", .values = values, .codes = {1, 0, 1}},
                                           {.name = "c", .values = values, .codes = {2, 2, 3}}},
                                .row_count = 3});
  const base::MemorySource source(bytes, "t.qvd");
  const TableHeader header = read_header(source);
  const auto unique = [&](const std::vector<std::size_t>& fields) {
    return are_rows_unique(source, header, fields);
  };
  EXPECT_EQ(unique({0}), true);
  EXPECT_EQ(unique({1}), false);
  EXPECT_EQ(unique({2}), false);
  EXPECT_EQ(unique({1, 2}), true) << "NULL is a value";
  EXPECT_EQ(unique({1, 3}), false);
  EXPECT_EQ(unique({}), false) << "three rows of nothing";
}

}  // namespace
}  // namespace qvdhouse::qvd
