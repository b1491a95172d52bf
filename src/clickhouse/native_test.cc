// The encoder against a plain reader of Native, written from docs/clickhouse.md alone.
#include "clickhouse/native.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <random>

namespace qvdhouse::clickhouse {
namespace {

using Cell = std::optional<std::string>;  // raw bytes of the value; empty optional: NULL

struct DecodedColumn {
  std::string name;
  std::string type;
  std::vector<Cell> cells;
  std::size_t key_count = 0;  // LowCardinality only
};

class NativeReader {
 public:
  explicit NativeReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  bool at_end() const { return at_ == bytes_.size(); }

  std::vector<DecodedColumn> block(const std::vector<ColumnType>& types) {
    const std::uint64_t columns = varuint();
    const std::uint64_t rows = varuint();
    EXPECT_EQ(columns, types.size());
    std::vector<DecodedColumn> decoded;
    for (const ColumnType& type : types) {
      DecodedColumn column{.name = string(), .type = string(), .cells = {}, .key_count = 0};
      if (type.low_cardinality) {
        low_cardinality(type, rows, column);
      } else {
        plain(type, rows, column);
      }
      decoded.push_back(column);
    }
    return decoded;
  }

 private:
  void plain(const ColumnType& type, std::uint64_t rows, DecodedColumn& column) {
    std::string marks(rows, '\0');
    if (type.nullable) marks = take(rows);
    for (std::uint64_t row = 0; row < rows; ++row) {
      const std::string value = one(type);
      column.cells.push_back(marks[row] != 0 ? Cell{} : Cell{value});
    }
  }

  void low_cardinality(const ColumnType& type, std::uint64_t rows, DecodedColumn& column) {
    EXPECT_EQ(u64(), 1u);
    const std::uint64_t flags = u64();
    EXPECT_EQ(flags & ~std::uint64_t{3}, 0x600u);
    std::vector<std::string> keys(u64());
    for (std::string& key : keys) key = one(type);
    column.key_count = keys.size();
    EXPECT_EQ(u64(), rows);
    for (std::uint64_t row = 0; row < rows; ++row) {
      std::uint64_t index = 0;
      const std::string raw = take(std::size_t{1} << (flags & 3));
      std::memcpy(&index, raw.data(), raw.size());
      column.cells.push_back(type.nullable && index == 0 ? Cell{} : Cell{keys.at(index)});
    }
  }

  std::string one(const ColumnType& type) {
    return type.value_bytes() == 0 ? string() : take(type.value_bytes());
  }
  std::string string() { return take(varuint()); }
  std::uint64_t u64() {
    std::uint64_t value = 0;
    std::memcpy(&value, take(8).data(), 8);
    return value;
  }
  std::uint64_t varuint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
  }
  std::string take(std::size_t count) {
    if (count > bytes_.size() - at_) throw std::out_of_range("Native ends too soon");
    std::string taken(reinterpret_cast<const char*>(bytes_.data() + at_), count);
    at_ += count;
    return taken;
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

ColumnType type_of(TypeKind kind, bool nullable = false, bool low_cardinality = false) {
  ColumnType type;
  type.kind = kind;
  type.nullable = nullable;
  type.low_cardinality = low_cardinality;
  return type;
}

Dictionary texts(const ColumnType& type, const std::vector<std::string>& values) {
  Dictionary dictionary(type);
  dictionary.add_null();
  for (const std::string& value : values) dictionary.add_text(value);
  return dictionary;
}

template <class T>
Dictionary numbers(const ColumnType& type, const std::vector<T>& values) {
  Dictionary dictionary(type);
  dictionary.add_null();
  for (const T value : values) dictionary.add_number(value);
  return dictionary;
}

CodeReader reader_of(const std::vector<std::uint32_t>& codes) {
  return [&codes](std::size_t first, std::span<std::uint32_t> out) {
    std::copy_n(codes.begin() + static_cast<std::ptrdiff_t>(first), out.size(), out.begin());
  };
}

Cell expected_cell(const Dictionary& dictionary, std::uint32_t code) {
  if (dictionary.type().nullable && dictionary.is_null(code)) return {};
  if (dictionary.type().value_bytes() == 0) return std::string(dictionary.text(code));
  const std::size_t width = dictionary.type().value_bytes();
  return std::string(reinterpret_cast<const char*>(dictionary.fixed().data()) + code * width,
                     width);
}

void append_block(NativeEncoder& encoder, std::size_t rows, std::span<const CodeReader> readers,
                  BlockBuffer& out) {
  encoder.start_block(rows, readers);
  while (encoder.append_piece(out)) continue;
}

TEST(Native, BytesOfASmallBlock) {
  const Dictionary ids = numbers<std::int32_t>(type_of(TypeKind::kInt32), {7, -1});
  const std::vector<std::uint32_t> codes{1, 2};
  NativeEncoder encoder({{"id", &ids}});
  BlockBuffer out;
  const std::vector<CodeReader> readers{reader_of(codes)};
  append_block(encoder, 2, readers, out);
  const std::string expected("\x01\x02\x02id\x05Int32\x07\0\0\0\xFF\xFF\xFF\xFF", 19);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(out.bytes().data()), out.size()), expected);
}

TEST(Native, EveryShapeOfColumnComesBackCellByCell) {
  std::mt19937_64 random(20261122);
  std::vector<std::string> many;
  for (int i = 0; i < 70'000; ++i) many.push_back("value " + std::to_string(random() % 1'000'000));
  std::vector<std::string> few{"", "a", std::string(300, 'x'), "Продажи", std::string("a\0b", 3)};

  std::vector<Dictionary> dictionaries;
  dictionaries.push_back(numbers<std::int8_t>(type_of(TypeKind::kInt8), {1, -2}));
  dictionaries.push_back(
      numbers<std::int64_t>(type_of(TypeKind::kInt64, true), {1, -2, 1LL << 60}));
  dictionaries.push_back(texts(type_of(TypeKind::kString), many));
  dictionaries.push_back(texts(type_of(TypeKind::kString, true), few));
  dictionaries.push_back(texts(type_of(TypeKind::kString, false, true), few));
  dictionaries.push_back(texts(type_of(TypeKind::kString, true, true), many));  // trimmed
  Dictionary blanks = numbers<double>(type_of(TypeKind::kFloat64, true), {0.5});
  blanks.add_null();  // a NULL slot beside slot 0
  dictionaries.push_back(blanks);
  ColumnType wide = type_of(TypeKind::kDecimal, true);
  wide.precision = 38;
  dictionaries.push_back(Dictionary(wide));
  dictionaries.back().add_null();
  dictionaries.back().add_number(__int128{-5});

  std::vector<NativeEncoder::Column> columns;
  std::vector<ColumnType> types;
  for (std::size_t i = 0; i < dictionaries.size(); ++i) {
    columns.push_back({"c" + std::to_string(i), &dictionaries[i]});
    types.push_back(dictionaries[i].type());
  }
  NativeEncoder encoder(columns);
  BlockBuffer out;
  std::vector<std::vector<std::vector<std::uint32_t>>> blocks;
  for (const std::size_t rows : {std::size_t{1}, kChunkRows, 40 * kChunkRows + 5}) {
    auto& codes = blocks.emplace_back();
    std::vector<CodeReader> readers;
    codes.resize(dictionaries.size());
    for (std::size_t i = 0; i < dictionaries.size(); ++i) {
      const std::uint32_t lowest = types[i].nullable ? 0 : 1;  // NULL codes only where they may be
      for (std::size_t row = 0; row < rows; ++row) {
        const auto slots = static_cast<std::uint32_t>(dictionaries[i].slot_count());
        codes[i].push_back(lowest + static_cast<std::uint32_t>(random() % (slots - lowest)));
      }
      readers.push_back(reader_of(codes[i]));
    }
    append_block(encoder, rows, readers, out);
  }

  NativeReader reader(out.bytes());
  for (const auto& codes : blocks) {
    const auto decoded = reader.block(types);
    for (std::size_t i = 0; i < decoded.size(); ++i) {
      EXPECT_EQ(decoded[i].name, columns[i].name);
      EXPECT_EQ(decoded[i].type, types[i].name());
      ASSERT_EQ(decoded[i].cells.size(), codes[i].size());
      for (std::size_t row = 0; row < codes[i].size(); ++row) {
        ASSERT_EQ(decoded[i].cells[row], expected_cell(dictionaries[i], codes[i][row]))
            << "column " << i << ", row " << row;
      }
    }
  }
  EXPECT_TRUE(reader.at_end());
}

TEST(Native, ADictionaryLargerThanTheBlockIsCutToTheKeysThatItUses) {
  std::vector<std::string> values;
  for (int i = 0; i < 1000; ++i) values.push_back(std::to_string(i));
  const Dictionary dictionary = texts(type_of(TypeKind::kString, false, true), values);
  const std::vector<std::uint32_t> codes{900, 5, 900, 5};
  NativeEncoder encoder({{"c", &dictionary}});
  BlockBuffer out;
  const std::vector<CodeReader> readers{reader_of(codes)};
  append_block(encoder, 4, readers, out);
  append_block(encoder, 4, readers, out);  // the cut of one block must not leak into the next
  NativeReader reader(out.bytes());
  for (int block = 0; block < 2; ++block) {
    const auto decoded = reader.block({dictionary.type()});
    EXPECT_EQ(decoded[0].key_count, 3u);  // slot 0 and the two used
    EXPECT_EQ(decoded[0].cells, (std::vector<Cell>{"899", "4", "899", "4"}));
  }
}

TEST(Native, NullSlotsOfALowCardinalityColumnAllBecomeKeyZero) {
  Dictionary dictionary(type_of(TypeKind::kInt64, true, true));
  dictionary.add_null();
  dictionary.add_number(std::int64_t{5});
  dictionary.add_null();
  const std::vector<std::uint32_t> codes{2, 1, 0, 1};
  NativeEncoder encoder({{"c", &dictionary}});
  BlockBuffer out;
  const std::vector<CodeReader> readers{reader_of(codes)};
  append_block(encoder, 4, readers, out);
  const auto decoded = NativeReader(out.bytes()).block({dictionary.type()});
  const Cell five = std::string("\x05\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(decoded[0].cells, (std::vector<Cell>{{}, five, {}, five}));
}

}  // namespace
}  // namespace qvdhouse::clickhouse
