#include "clickhouse/native_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "clickhouse/dictionary.h"
#include "clickhouse/native.h"

namespace qvdhouse::clickhouse {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(WireType, KnowsFlatTypes) {
  const auto bytes = [](std::string_view name) { return wire_type(name).value().value_bytes; };
  EXPECT_EQ(bytes("String"), 0u);
  EXPECT_EQ(bytes("Bool"), 1u);
  EXPECT_EQ(bytes("Enum8('a (b)' = 1, 'it\\'s' = 2)"), 1u);
  EXPECT_EQ(bytes("BFloat16"), 2u);
  EXPECT_EQ(bytes("Decimal(9, 2)"), 4u);
  EXPECT_EQ(bytes("Decimal(10, 2)"), 8u);
  EXPECT_EQ(bytes("Decimal(38, 2)"), 16u);
  EXPECT_EQ(bytes("Decimal(76, 2)"), 32u);
  EXPECT_EQ(bytes("DateTime64(3, 'Europe/Berlin')"), 8u);
  EXPECT_EQ(bytes("IntervalMonth"), 8u);
  EXPECT_EQ(bytes("FixedString(11)"), 11u);
  EXPECT_EQ(wire_type("LowCardinality(Nullable(String))"),
            (WireType{.nullable = true, .low_cardinality = true, .value_bytes = 0}));
  EXPECT_EQ(wire_type("Nullable(UUID)"),
            (WireType{.nullable = true, .low_cardinality = false, .value_bytes = 16}));
  for (const char* name : {"Array(UInt8)", "Map(String, UInt8)", "Tuple(a UInt8)", "JSON",
                           "Variant(String)", "Nullable(Tuple(UInt8))", "FixedString(0)", ""}) {
    EXPECT_FALSE(wire_type(name)) << name;
  }
}

Dictionary texts(const ColumnType& type) {
  Dictionary dictionary(type);
  dictionary.add_null();
  for (const char* text : {"", "one", "ключ"}) dictionary.add_text(text);
  return dictionary;
}

// Two blocks of a number, a nullable text, and a text with a dictionary, by our own encoder.
std::string two_blocks() {
  Dictionary numbers({.kind = TypeKind::kInt32});
  numbers.add_null();
  for (const std::int32_t number : {-1, 7, std::numeric_limits<std::int32_t>::max()}) {
    numbers.add_number(number);
  }
  const Dictionary nullable = texts({.kind = TypeKind::kString, .nullable = true});
  const Dictionary low =
      texts({.kind = TypeKind::kString, .nullable = true, .low_cardinality = true});
  NativeEncoder encoder({{"n", &numbers}, {"text", &nullable}, {"low", &low}});
  BlockBuffer out;
  for (const std::size_t rows : {3U, 1U}) {
    const std::array<CodeReader, 3> codes = {[](std::size_t first, std::span<std::uint32_t> some) {
                                               for (auto& code : some)
                                                 code = static_cast<std::uint32_t>(first++ % 3 + 1);
                                             },
                                             [](std::size_t first, std::span<std::uint32_t> some) {
                                               for (auto& code : some)
                                                 code = static_cast<std::uint32_t>(first++ % 4);
                                             },
                                             [](std::size_t first, std::span<std::uint32_t> some) {
                                               for (auto& code : some)
                                                 code =
                                                     static_cast<std::uint32_t>((first++ + 3) % 4);
                                             }};
    encoder.start_block(rows, codes);
    while (encoder.append_piece(out)) {
    }
  }
  return {reinterpret_cast<const char*>(out.bytes().data()), out.size()};
}

// All cells as text, "NULL" for NULL: one entry a column and block.
std::vector<std::string> decoded(std::string_view bytes, std::size_t piece,
                                 std::size_t wanted_columns = 0) {
  NativeDecoder decoder(
      [&] {
        const std::string_view next = bytes.substr(0, piece);
        bytes.remove_prefix(next.size());
        return next;
      },
      wanted_columns);
  std::vector<std::string> columns;
  while (decoder.next_block()) {
    for (std::size_t i = 0; i < decoder.column_count(); ++i) {
      const DecodedColumn& column = decoder.next_column();
      std::string cells = std::string(column.name) + ":";
      for (std::size_t row = 0; row < column.row_count; ++row) {
        const std::size_t at = column.has_dictionary ? column.keys[row] : row;
        const bool is_null = column.has_dictionary
                                 ? column.key_zero_is_null && at == 0
                                 : !column.null_marks.empty() && column.null_marks[row] != 0;
        cells += " ";
        if (is_null) {
          cells += "NULL";
        } else if (column.values.value_bytes == 0) {
          cells += "'" + std::string(column.values.texts[at]) + "'";
        } else {
          std::int32_t number = 0;
          std::memcpy(&number, column.values.bytes.data() + at * sizeof number, sizeof number);
          cells += std::to_string(number);
        }
      }
      columns.push_back(cells);
    }
  }
  return columns;
}

TEST(NativeDecoder, ReadsWhatTheEncoderWritesInPiecesOfAnySize) {
  const std::string bytes = two_blocks();
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    EXPECT_THAT(decoded(bytes, piece),
                ElementsAre("n: -1 7 2147483647", "text: NULL '' 'one'", "low: 'ключ' NULL ''",
                            "n: -1", "text: NULL", "low: 'ключ'"))
        << piece;
  }
  EXPECT_TRUE(decoded("", 1).empty());
}

TEST(NativeDecoder, AnAnswerThatIsCutIsAnError) {
  const std::string bytes = two_blocks();
  std::size_t good = 0;
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    try {
      decoded(std::string_view(bytes).substr(0, size), bytes.size());
      ++good;
    } catch (const base::IoError&) {
    }
  }
  EXPECT_EQ(good, 1u) << "only between the blocks";
}

TEST(NativeDecoder, TextInPlaceOfABlockIsShown) {
  try {
    decoded(two_blocks() + "Code: 395, e.displayText() = DB::Exception: late", 1000, 3);
    FAIL() << "an error of an old server was taken for rows";
  } catch (const base::IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("expected a block of 3 columns at byte "));
    EXPECT_THAT(error.what(),
                HasSubstr("found 'Code: 395, e.displayText() = DB::Exception: late'"));
    EXPECT_THAT(error.what(), HasSubstr("qvdhouse query"));
  }
}

// One block of one LowCardinality column whose numbers say what is not so.
std::string dictionary_block(std::uint64_t version, std::uint64_t flags, std::uint64_t rows,
                             char index) {
  std::string bytes = "\x01\x01\x01k\x16LowCardinality(String)";
  const auto add = [&](std::uint64_t number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  };
  add(version);
  add(flags);
  add(1);  // one key
  bytes += "\x01x";
  add(rows);
  return bytes + index;
}

TEST(NativeDecoder, ADictionaryThatContradictsItselfIsAnError) {
  EXPECT_THAT(decoded(dictionary_block(1, 0x600, 1, 0), 1000), ElementsAre("k: 'x'"));
  EXPECT_THROW(decoded(dictionary_block(2, 0x600, 1, 0), 1000), base::IoError);
  EXPECT_THROW(decoded(dictionary_block(1, 0x700, 1, 0), 1000), base::IoError);
  EXPECT_THROW(decoded(dictionary_block(1, 0x604, 1, 0), 1000), base::IoError);
  EXPECT_THROW(decoded(dictionary_block(1, 0x600, 2, 0), 1000), base::IoError);
  EXPECT_THROW(decoded(dictionary_block(1, 0x600, 1, 1), 1000), base::IoError);
}

}  // namespace
}  // namespace qvdhouse::clickhouse
