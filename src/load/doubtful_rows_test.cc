#include "load/doubtful_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

#include "base/byte_source.h"
#include "base/error.h"
#include "qvd/header.h"
#include "qvd/writer.h"

namespace qvdhouse::load {
namespace {

using testing::HasSubstr;

// A field whose values are 0 … largest index, each cell's index given; -1 is NULL.
qvd::FieldData field(const std::string& name, const std::vector<std::int32_t>& indexes) {
  qvd::FieldData field{.name = name, .values = {}, .codes = {}};
  std::int32_t largest = -1;
  for (const std::int32_t index : indexes) largest = std::max(largest, index);
  for (std::int32_t value = 0; value <= largest; ++value) {
    field.values.push_back(qvd::Value::of(value));
  }
  for (const std::int32_t index : indexes) {
    field.codes.push_back(static_cast<std::uint32_t>(index + 1));
  }
  return field;
}

std::vector<std::int32_t> counting(std::int32_t rows) {
  std::vector<std::int32_t> indexes;
  for (std::int32_t row = 0; row < rows; ++row) indexes.push_back(row);
  return indexes;
}

struct File {
  explicit File(const std::vector<qvd::FieldData>& fields)
      : bytes(qvd::write_qvd(
            {.name = "T", .fields = fields, .row_count = fields.front().codes.size()})),
        header(qvd::read_header(base::MemorySource(bytes))) {}
  void tear(std::size_t rows) {
    std::fill_n(bytes.rbegin(), rows * header.record_bytes, std::byte{0});
  }
  DoubtfulRows doubtful() const { return find_doubtful_rows(base::MemorySource(bytes), header); }
  std::vector<std::byte> bytes;
  qvd::TableHeader header;
};

// Says that some bytes are holes.
class SparseSource : public base::MemorySource {
 public:
  SparseSource(std::span<const std::byte> bytes, std::vector<base::ByteRange> ranges)
      : MemorySource(bytes), ranges_(std::move(ranges)) {}
  std::vector<base::ByteRange> holes(std::uint64_t, std::uint64_t) const override {
    return ranges_;
  }

 private:
  std::vector<base::ByteRange> ranges_;
};

// Fails the test when a byte of its hole is read.
class UnreadHole : public base::MemorySource {
 public:
  UnreadHole(std::span<const std::byte> bytes, base::ByteRange hole)
      : MemorySource(bytes), hole_(hole) {}
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    EXPECT_TRUE(offset >= hole_.end || offset + out.size() <= hole_.begin) << offset;
    MemorySource::read_at(offset, out);
  }
  std::vector<base::ByteRange> holes(std::uint64_t, std::uint64_t) const override {
    return {hole_};
  }

 private:
  base::ByteRange hole_;
};

TEST(DoubtfulRows, AHoleAtTheEndIsCountedWithoutBeingRead) {
  File file({field("key", counting(100'000))});
  constexpr std::size_t kTorn = 90'000;
  file.tear(kTorn);
  const std::uint64_t end = file.header.expected_file_bytes();
  const UnreadHole source(file.bytes, {end - kTorn * file.header.record_bytes, end});
  EXPECT_EQ(find_doubtful_rows(source, file.header).zero_tail, kTorn);
}

TEST(DoubtfulRows, AStopEndsTheSearch) {
  File file({field("key", counting(1'000))});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(find_doubtful_rows(base::MemorySource(file.bytes), file.header, stop.get_token()),
               base::Cancelled);
}

TEST(DoubtfulRows, ATornEndOfAKeyIsCounted) {
  for (const std::int32_t rows : {100, 10'000, 100'000}) {
    for (const std::int32_t torn : {rows / 2, rows / 4, rows - 2}) {
      File file({field("key", counting(rows))});
      EXPECT_TRUE(file.doubtful().empty()) << rows;
      file.tear(static_cast<std::size_t>(torn));
      EXPECT_EQ(file.doubtful().zero_tail, torn) << rows;
    }
    File file({field("key", counting(rows))});
    file.tear(static_cast<std::size_t>(rows));
    EXPECT_EQ(file.doubtful().zero_tail, rows);
  }
}

TEST(DoubtfulRows, ATornEndOfRandomRowsOfFewValuesIsCounted) {
  std::mt19937 random(7);
  std::vector<std::int32_t> a;
  std::vector<std::int32_t> b;
  for (int row = 0; row < 5'000; ++row) {
    a.push_back(static_cast<std::int32_t>(random() % 3));
    b.push_back(static_cast<std::int32_t>(random() % 4));
  }
  File file({field("a", a), field("b", b)});
  EXPECT_TRUE(file.doubtful().empty());
  file.tear(500);
  EXPECT_GE(file.doubtful().zero_tail, 500U);
  EXPECT_THAT(text_of(file.doubtful(), file.header), HasSubstr("of 5000 rows are zero bytes"));
}

TEST(DoubtfulRows, RowsThatCanNotBeOtherwiseAreNotDoubtful) {
  EXPECT_TRUE(File({field("one", std::vector<std::int32_t>(1'000, 0))}).doubtful().empty());
  EXPECT_TRUE(File({field("none", std::vector<std::int32_t>(1'000, -1))}).doubtful().empty());
  EXPECT_TRUE(File({field("empty", {})}).doubtful().empty());
}

// Sorted, or written in runs: what comes often in a row may come at the end too.
TEST(DoubtfulRows, RunsOfZeroRowsAreLikelyWhereThereAreOthers) {
  std::vector<std::int32_t> runs;
  for (int run = 0; run < 40; ++run) runs.insert(runs.end(), 200, run % 2);
  runs.insert(runs.end(), 300, 0);
  EXPECT_TRUE(File({field("flag", runs)}).doubtful().empty());
}

std::vector<std::int32_t> runs(
    const std::vector<std::pair<std::int32_t, std::size_t>>& values_and_lengths) {
  std::vector<std::int32_t> indexes;
  for (const auto& [value, length] : values_and_lengths) {
    indexes.insert(indexes.end(), length, value);
  }
  return indexes;
}

TEST(DoubtfulRows, RunsOfASortedColumnAreNotDoubtful) {
  for (const auto& column :
       {runs({{0, 1}, {1, 1'000}, {0, 2'000}}), runs({{0, 10}, {1, 1'000}, {0, 3'000}}),
        runs({{0, 3}, {1, 500}, {2, 500}, {0, 500}}), runs({{0, 1}, {1, 10}, {0, 40}}),
        runs({{0, 2}, {1, 2}, {0, 30}})}) {
    EXPECT_TRUE(File({field("state", column)}).doubtful().empty()) << column.size();
  }
}

TEST(DoubtfulRows, ATornEndOfRunsIsCounted) {
  std::vector<std::pair<std::int32_t, std::size_t>> groups;
  for (std::int32_t i = 0; i < 1'000; ++i) groups.emplace_back(i, 10);
  File file({field("group", runs(groups))});
  EXPECT_TRUE(file.doubtful().empty());
  file.tear(2'667);
  EXPECT_EQ(file.doubtful().zero_tail, 2'667U);
}

TEST(DoubtfulRows, RowsInHolesAreCountedOnce) {
  File file({field("key", counting(1'000))});
  const std::uint64_t begin = file.header.body_offset + file.header.rows_offset;
  const std::uint64_t record = file.header.record_bytes;
  const SparseSource sparse(file.bytes, {{begin + 10 * record + 1, begin + 20 * record + 1},
                                         {begin + 20 * record + 1, begin + 30 * record}});
  const DoubtfulRows found = find_doubtful_rows(sparse, file.header);
  EXPECT_EQ(found.zero_tail, 0U);
  EXPECT_EQ(found.in_holes, 20U);
  EXPECT_THAT(text_of(found, file.header), HasSubstr("20 of 1000 rows lie in holes"));
}

}  // namespace
}  // namespace qvdhouse::load
