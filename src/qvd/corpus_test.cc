// The reader against every real file of the corpus: what EXPECTED.tsv says that independent readers
// found in each column must come out, cell by cell. Skipped where the corpus is not at hand.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "base/error.h"
#include "qvd/profile.h"
#include "qvd/rows.h"
#include "qvd/symbols.h"

namespace qvdhouse::qvd {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(QVDHOUSE_SOURCE_DIR) / ".." / "shared" / "corpus";

// One line of EXPECTED.tsv, by column name.
using Line = std::map<std::string, std::string>;

std::vector<Line> read_tsv(const fs::path& path) {
  const auto split = [](const std::string& line) {
    std::vector<std::string> cells;
    std::istringstream stream(line + '\t');
    for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
    return cells;
  };
  std::ifstream file(path);
  std::string text;
  std::getline(file, text);
  const std::vector<std::string> names = split(text);
  std::vector<Line> lines;
  while (std::getline(file, text)) {
    const std::vector<std::string> cells = split(text);
    Line& line = lines.emplace_back();
    for (std::size_t i = 0; i < names.size() && i < cells.size(); ++i) line[names[i]] = cells[i];
  }
  return lines;
}

std::vector<std::byte> read_file(const fs::path& path) {
  std::vector<std::byte> bytes(fs::file_size(path));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  EXPECT_TRUE(file) << path;
  return bytes;
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }
  std::string hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest, &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

// The cells of one column, gathered the way the README of the corpus defines them.
struct Column {
  std::uint64_t nulls = 0;
  std::uint64_t numeric_count = 0;
  std::optional<double> numeric_min;
  std::optional<double> numeric_max;
  std::uint64_t text_bytes = 0;
  std::uint64_t first_uses = 0;  // symbols met in the order of the table, beginning with the first
  Sha256 cells;
};

void add_cells(const SymbolTable& symbols, std::span<const std::uint32_t> codes, Column& column) {
  constexpr std::byte kNullCell{0};
  for (const std::uint32_t code : codes) {
    if (code == 0) {
      ++column.nulls;
      column.cells.add({&kNullCell, 1});
      continue;
    }
    const std::size_t symbol = code - 1;
    if (symbol == column.first_uses) ++column.first_uses;
    column.cells.add(symbols.raw(symbol));
    if (symbols.has_text(symbol)) column.text_bytes += symbols.text(symbol).size();
    if (!symbols.has_number(symbol)) continue;
    const double number = symbols.number(symbol);
    ++column.numeric_count;
    column.numeric_min = std::min(column.numeric_min.value_or(number), number);
    column.numeric_max = std::max(column.numeric_max.value_or(number), number);
  }
}

// "1,2,5": the kinds that occur.
std::string kinds(const FieldProfile& profile) {
  const std::pair<int, std::uint64_t> counts[] = {{1, profile.int_count},
                                                  {2, profile.double_count},
                                                  {4, profile.text_count},
                                                  {5, profile.dual_int_count},
                                                  {6, profile.dual_double_count}};
  std::string text;
  for (const auto& [kind, count] : counts) {
    if (count > 0) text += (text.empty() ? "" : ",") + std::to_string(kind);
  }
  return text;
}

void expect_number(const std::string& expected, const std::optional<double>& number) {
  ASSERT_EQ(expected.empty(), !number.has_value());
  if (expected.empty()) return;
  EXPECT_EQ(std::strtod(expected.c_str(), nullptr), *number);
}

void expect_column(const Line& expected, const base::ByteSource& source, const TableHeader& header,
                   std::size_t field_index) {
  constexpr std::uint64_t kBatchRows = 5000;
  const SymbolTable symbols = read_symbols(source, header, field_index);
  const RowDecoder decoder(header);
  Column column;
  std::vector<std::byte> records;
  std::vector<std::uint32_t> codes;
  for (std::uint64_t row = 0; row < header.record_count; row += kBatchRows) {
    codes.resize(std::min(kBatchRows, header.record_count - row));
    read_records(source, header, row, codes.size(), records);
    decoder.decode(field_index, records.data(), row, codes);
    add_cells(symbols, codes, column);
  }
  EXPECT_EQ(expected.at("field"), header.fields[field_index].name);
  EXPECT_EQ(expected.at("rows"), std::to_string(header.record_count));
  EXPECT_EQ(expected.at("nulls"), std::to_string(column.nulls));
  EXPECT_EQ(expected.at("symbols"), std::to_string(symbols.size()));
  EXPECT_EQ(expected.at("types"), kinds(profile_field(symbols)));
  EXPECT_EQ(expected.at("numeric_count"), std::to_string(column.numeric_count));
  expect_number(expected.at("numeric_min"), column.numeric_min);
  expect_number(expected.at("numeric_max"), column.numeric_max);
  EXPECT_EQ(expected.at("text_bytes"), std::to_string(column.text_bytes));
  EXPECT_EQ(expected.at("cell_sha256"), column.cells.hex());
  // Not a rule, but what all these writers do (docs/qvd-format.md, section 3).
  EXPECT_EQ(symbols.size(), column.first_uses);
  EXPECT_TRUE(column.nulls == 0 || decoder.may_be_null(field_index));
}

TEST(Corpus, EveryCellIsAsExpected) {
  if (!fs::exists(kCorpus)) GTEST_SKIP() << "no corpus at " << kCorpus;
  std::map<std::string, std::vector<Line>> files;
  for (Line& line : read_tsv(kCorpus / "EXPECTED.tsv")) {
    files[line.at("file")].push_back(std::move(line));
  }
  ASSERT_GT(files.size(), 100U);
  for (const auto& [name, lines] : files) {
    SCOPED_TRACE(name);
    const std::vector<std::byte> bytes = read_file(kCorpus / "files" / name);
    const base::MemorySource source(bytes, name);
    TableHeader header = read_header(source);
    check_complete(header);
    EXPECT_THAT(header.warnings, testing::IsEmpty());
    ASSERT_EQ(lines.size(), header.fields.size());
    for (const Line& line : lines) {
      SCOPED_TRACE(line.at("field"));
      expect_column(line, source, header, std::stoul(line.at("col")));
    }
  }
}

TEST(Corpus, EveryBrokenFileIsAnInputError) {
  if (!fs::exists(kCorpus)) GTEST_SKIP() << "no corpus at " << kCorpus;
  std::size_t file_count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(kCorpus / "broken")) {
    SCOPED_TRACE(entry.path().filename());
    const std::vector<std::byte> bytes = read_file(entry.path());
    EXPECT_THROW(read_header(base::MemorySource(bytes)), base::InputError);
    ++file_count;
  }
  EXPECT_GT(file_count, 0U);
}

}  // namespace
}  // namespace qvdhouse::qvd
