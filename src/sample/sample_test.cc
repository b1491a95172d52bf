#include "sample/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "base/error.h"
#include "qvd/header.h"
#include "qvd/rows.h"
#include "qvd/symbols.h"

namespace qvdhouse::sample {
namespace {

using qvd::check_complete;
using qvd::read_header;
using qvd::read_records;
using qvd::read_symbols;
using qvd::RowDecoder;
using qvd::SymbolTable;
using qvd::TableHeader;

namespace fs = std::filesystem;

class Sample : public testing::Test {
 protected:
  Sample() {
    std::string pattern = (fs::temp_directory_path() / "qvdhouse_sample_XXXXXX").string();
    dir_ = mkdtemp(pattern.data());
  }
  ~Sample() override { fs::remove_all(dir_); }
  fs::path dir_;
};

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A file, read whole.
struct ReadTable {
  std::string bytes;
  base::MemorySource source;
  TableHeader header;
  explicit ReadTable(const fs::path& path)
      : bytes(bytes_of(path)),
        source(std::as_bytes(std::span(bytes))),
        header(read_header(source)) {
    check_complete(header);
  }
  std::size_t field(const std::string& name) const {
    for (std::size_t i = 0; i < header.fields.size(); ++i) {
      if (header.fields[i].name == name) return i;
    }
    ADD_FAILURE() << "no field " << name;
    return 0;
  }
  SymbolTable symbols(std::size_t index) const { return read_symbols(source, header, index); }
  std::vector<std::uint32_t> codes(std::size_t index) const {
    std::vector<std::byte> records;
    read_records(source, header, 0, header.record_count, records);
    std::vector<std::uint32_t> out(header.record_count);
    RowDecoder(header).decode(index, records.data(), 0, out);
    return out;
  }
};

TEST_F(Sample, SpeedTableHasTheRowsAndColumnsPromised) {
  const SampleFile file = write_speed_table(dir_ / "speed.qvd", 70'000);
  EXPECT_EQ(file.bytes, fs::file_size(file.path));
  const ReadTable table(file.path);
  EXPECT_EQ(table.header.record_count, 70'000U);
  EXPECT_EQ(table.header.fields.size(), 10U);
  EXPECT_THAT(table.header.warnings, testing::IsEmpty());
  EXPECT_EQ(table.symbols(table.field("%SaleKey")).size(), 70'000U);
  EXPECT_EQ(table.symbols(table.field("Country")).size(), 60U);
  EXPECT_EQ(table.symbols(table.field("Status")).size(), 5U);
  for (const std::string name : {"DeliveredAt", "Note"}) {
    EXPECT_EQ(table.header.fields[table.field(name)].bias, -2) << name;
  }
}

TEST_F(Sample, SymbolsAreDistinctAndInTheOrderOfFirstUse) {
  const ReadTable table(write_speed_table(dir_ / "speed.qvd", 20'000).path);
  for (std::size_t i = 0; i < table.header.fields.size(); ++i) {
    const SymbolTable symbols = table.symbols(i);
    std::set<std::string> distinct;
    for (std::size_t k = 0; k < symbols.size(); ++k) {
      const auto raw = symbols.raw(k);
      distinct.emplace(reinterpret_cast<const char*>(raw.data()), raw.size());
    }
    EXPECT_EQ(distinct.size(), symbols.size()) << table.header.fields[i].name;
    std::uint32_t highest = 0;
    for (const std::uint32_t code : table.codes(i)) {
      ASSERT_LE(code, highest + 1) << table.header.fields[i].name;
      highest = std::max(highest, code);
    }
    EXPECT_EQ(highest, symbols.size()) << table.header.fields[i].name;
  }
}

TEST_F(Sample, SameCallSameBytes) {
  const auto first = write_speed_table(dir_ / "a.qvd", 1'000);
  const auto second = write_speed_table(dir_ / "b.qvd", 1'000);
  EXPECT_EQ(bytes_of(first.path), bytes_of(second.path));
}

TEST_F(Sample, TreeHoldsWhatItPromises) {
  const std::vector<SampleFile> files = write_sample_tree(dir_ / "new" / "folder", 1'000);
  ASSERT_EQ(files.size(), 6U);
  for (const SampleFile& file : files) {
    const ReadTable table(file.path);
    EXPECT_EQ(table.header.record_count, file.row_count) << file.path;
    EXPECT_EQ(table.bytes.size(), file.bytes) << file.path;
    for (std::size_t i = 0; i < table.header.fields.size(); ++i) {
      EXPECT_EQ(table.codes(i).size(), file.row_count);
      EXPECT_LE(table.symbols(i).size(), file.row_count);
    }
  }
  const ReadTable calendar(dir_ / "new" / "folder" / "calendar.qvd");
  const SymbolTable month = calendar.symbols(calendar.field("Month"));
  EXPECT_EQ(month.text(0), "Jan");
  EXPECT_EQ(month.integer(0), 1);
  const SymbolTable date = calendar.symbols(calendar.field("Date"));
  EXPECT_EQ(date.text(30), "2024-01-31");
  EXPECT_EQ(date.integer(30), 45322);
  EXPECT_TRUE(fs::exists(dir_ / "new" / "folder" / "Остатки на складе.qvd"));
}

TEST_F(Sample, TreeOfNoLines) {
  for (const SampleFile& file : write_sample_tree(dir_, 0)) EXPECT_NO_THROW(ReadTable(file.path));
}

TEST_F(Sample, FullDiskIsAnIoErrorAndLeavesNothing) {
  // A limit on file size fails the write the way that a full disk does.
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = 100'000, .rlim_max = old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  std::string message;
  try {
    write_speed_table(dir_ / "speed.qvd", 100'000);
  } catch (const base::IoError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(message,
            (dir_ / "speed.qvd").string() +
                " cannot be written: File too large; free disk space, or choose another folder");
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(Sample, FolderThatCannotBeMade) {
  std::ofstream(dir_ / "file") << "x";
  EXPECT_THROW(write_sample_tree(dir_ / "file" / "below", 10), base::IoError);
}

}  // namespace
}  // namespace qvdhouse::sample
