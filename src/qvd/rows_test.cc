#include "qvd/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>

#include "base/error.h"
#include "qvd/reference_decoder.h"

namespace qvdhouse::qvd {
namespace {

using testing::ElementsAre;

FieldHeader make_field(std::uint64_t offset_bits, std::uint64_t width_bits, std::int64_t bias,
                       std::uint64_t symbol_count) {
  FieldHeader field;
  field.name = "F";
  field.offset_bits = offset_bits;
  field.width_bits = width_bits;
  field.bias = bias;
  field.symbol_count = symbol_count;
  return field;
}

TableHeader make_table(std::uint64_t record_bytes, std::vector<FieldHeader> fields) {
  TableHeader header;
  header.record_bytes = record_bytes;
  header.fields = std::move(fields);
  header.body_offset = 100;
  header.rows_offset = 50;
  return header;
}

// `rows` with the padding that decode() wants, set so that a bit taken from it shows.
std::vector<std::byte> padded(std::vector<std::uint8_t> rows) {
  rows.resize(rows.size() + RowDecoder::kPaddingBytes, 0xFF);
  std::vector<std::byte> bytes(rows.size());
  std::ranges::transform(rows, bytes.begin(), [](std::uint8_t b) { return std::byte{b}; });
  return bytes;
}

// The codes of field 0 in `rows`.
std::vector<std::uint32_t> decode(TableHeader& header, const std::vector<std::uint8_t>& rows,
                                  bool foreign_null = false) {
  header.record_count = rows.size() / header.record_bytes;
  std::vector<std::uint32_t> codes(header.record_count, 777);
  RowDecoder(header, foreign_null).decode(0, padded(rows).data(), 0, codes);
  return codes;
}

std::vector<std::uint32_t> decode(const FieldHeader& field, std::uint64_t record_bytes,
                                  const std::vector<std::uint8_t>& rows,
                                  bool foreign_null = false) {
  TableHeader header = make_table(record_bytes, {field});
  return decode(header, rows, foreign_null);
}

std::string error_of(const FieldHeader& field, std::uint64_t record_bytes,
                     const std::vector<std::uint8_t>& rows, bool foreign_null = false) {
  try {
    decode(field, record_bytes, rows, foreign_null);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Rows, FieldAcrossByteBoundary) {
  // Bits 6 to 9: the two highest of byte 0 and the two lowest of byte 1.
  EXPECT_THAT(decode(make_field(6, 4, 0, 16), 2, {0x40, 0xFE, 0xFF, 0xFD}), ElementsAre(10, 8));
}

TEST(Rows, WithoutBiasCodesAreIndexPlusOne) {
  EXPECT_THAT(decode(make_field(0, 8, 0, 256), 1, {0, 1, 255}), ElementsAre(1, 2, 256));
}

TEST(Rows, BiasMinusTwoMakesZeroAndOneNull) {
  EXPECT_THAT(decode(make_field(0, 8, -2, 254), 1, {0, 1, 2, 3, 255}),
              ElementsAre(0, 0, 1, 2, 254));
}

TEST(Rows, OtherBiases) {
  EXPECT_THAT(decode(make_field(0, 8, -1, 3), 1, {0, 1, 3}), ElementsAre(0, 1, 3));
  EXPECT_THAT(decode(make_field(0, 8, 3, 6), 1, {0, 1, 2}), ElementsAre(4, 5, 6));
  EXPECT_THAT(decode(make_field(0, 8, -300, 3), 1, {0, 255}), ElementsAre(0, 0));
  EXPECT_THAT(decode(make_field(0, 8, std::numeric_limits<std::int64_t>::min(), 3), 1, {0, 255}),
              ElementsAre(0, 0));
}

TEST(Rows, WidthZeroIsAConstant) {
  EXPECT_THAT(decode(make_field(8, 0, 0, 1), 1, {0xFF, 0xFF}), ElementsAre(1, 1));
  EXPECT_THAT(decode(make_field(0, 0, -2, 1), 1, {0xFF}), ElementsAre(0));
  EXPECT_THAT(decode(make_field(0, 0, 2, 3), 1, {0xFF}), ElementsAre(3));
}

TEST(Rows, AConstantWithoutSymbolsIsNull) {
  const FieldHeader field = make_field(0, 0, 0, 0);
  EXPECT_THAT(decode(field, 1, {0xFF, 0}), ElementsAre(0, 0));
  EXPECT_TRUE(RowDecoder(make_table(1, {field})).may_be_null(0));
}

TEST(Rows, NoRowsNeedNoSymbols) {
  EXPECT_THAT(decode(make_field(0, 8, 0, 0), 1, {}), ElementsAre());
}

TEST(Rows, MayBeNullFollowsTheBias) {
  const RowDecoder decoder(make_table(2, {make_field(0, 8, 0, 5), make_field(8, 8, -2, 5)}));
  EXPECT_FALSE(decoder.may_be_null(0));
  EXPECT_TRUE(decoder.may_be_null(1));
}

TEST(Rows, AnIndexBeyondTheSymbolsNamesTheFirstSuchRow) {
  TableHeader header = make_table(2, {make_field(8, 8, -2, 3)});
  const std::vector<std::byte> rows = padded({0, 4, 0, 5, 0, 9});
  std::vector<std::uint32_t> codes(3);
  try {
    RowDecoder(header).decode(0, rows.data(), 1000, codes);
    FAIL();
  } catch (const base::InputError& error) {
    // 100 + 50 + 1001 * 2 bytes to the record, and one to the field's first byte.
    EXPECT_STREQ(
        "field \"F\", byte 2153: row 1001: expected an index of one of 3 symbols, found 5 with "
        "Bias -2: the file is damaged, store it again",
        error.what());
  }
}

TEST(Rows, EveryKindOfBadIndexIsFound) {
  EXPECT_NE("no error", error_of(make_field(0, 8, 0, 3), 1, {2, 3}));
  EXPECT_NE("no error", error_of(make_field(0, 8, 0, 0), 1, {0}));
  EXPECT_NE("no error", error_of(make_field(0, 8, 2, 3), 1, {1}));
  EXPECT_NE("no error", error_of(make_field(0, 8, 5, 3), 1, {0}));
  EXPECT_NE("no error", error_of(make_field(0, 0, 1, 1), 1, {0}));
  EXPECT_NE("no error",
            error_of(make_field(0, 8, std::numeric_limits<std::int64_t>::max(), 3), 1, {0}));
  const std::vector<std::uint8_t> ones(8, 0xFF);
  for (const std::uint64_t width : {31U, 32U, 33U, 57U, 63U, 64U}) {
    EXPECT_NE("no error", error_of(make_field(0, width, 0, 3), 8, ones)) << width;
    EXPECT_NE("no error", error_of(make_field(0, width, 0, 3), 8, ones, true)) << width;
  }
}

TEST(Rows, ForeignNullOnlyWhenAllowed) {
  const FieldHeader field = make_field(0, 8, 0, 3);
  EXPECT_NE("no error", error_of(field, 1, {0, 3}));
  EXPECT_THAT(decode(field, 1, {0, 3, 2}, true), ElementsAre(1, 0, 3));
  EXPECT_NE("no error", error_of(field, 1, {0, 4}, true));
  EXPECT_NE("no error", error_of(make_field(0, 8, -2, 3), 1, {5}, true));
  TableHeader header = make_table(1, {field});
  header.creator_document = "qvdrs 0.7.0";
  EXPECT_THAT(decode(header, {0, 3, 2}), ElementsAre(1, 0, 3));
  EXPECT_TRUE(RowDecoder(header).may_be_null(0));
}

// Random tables of up to 12 fields, laid out in any order, against the plain decoder.
class RowsAgainstReference : public testing::TestWithParam<std::uint64_t> {};

TableHeader random_table(std::mt19937_64& random, std::uint64_t width_bits) {
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  const std::array<std::int64_t, 6> biases = {0, 0, -2, -2, -7, 3};
  std::vector<FieldHeader> fields;
  std::uint64_t bits = below(9);
  const std::uint64_t field_count = 1 + below(12);
  for (std::uint64_t i = 0; i < field_count; ++i) {
    const std::uint64_t width = i == 0 ? width_bits : below(34);
    fields.push_back(make_field(bits, width, biases[below(biases.size())], 0));
    bits += width + (below(4) == 0 ? below(9) : 0);
    // Enough symbols for every stored value of narrow fields; wide ones are damaged in most rows.
    fields.back().symbol_count = std::min(
        std::uint64_t{1} << 31, (std::uint64_t{1} << std::min<std::uint64_t>(width, 40)) + 3);
  }
  std::ranges::shuffle(fields, random);
  return make_table(bits / 8 + 1, std::move(fields));
}

TEST_P(RowsAgainstReference, SameCellsOrSameRefusal) {
  std::mt19937_64 random(GetParam() * 1009 + 1);
  std::uint64_t decoded_fields = 0;
  for (int round = 0; round < 40; ++round) {
    TableHeader header = random_table(random, GetParam());
    header.record_count = round < 38 ? random() % 50 : 5000;
    std::vector<std::uint8_t> rows(header.record_count * header.record_bytes);
    // Mostly zero bits in some rounds, so that wide fields hold small values too.
    const bool is_sparse = round % 2 == 0;
    for (std::uint8_t& byte : rows) {
      byte = static_cast<std::uint8_t>(is_sparse ? random() % 29 == 0 : random());
    }
    const std::vector<std::byte> records = padded(rows);
    const bool foreign_null = round % 3 == 0;
    const RowDecoder decoder(header, foreign_null);
    for (std::size_t field = 0; field < header.fields.size(); ++field) {
      std::vector<std::uint32_t> expected;
      try {
        for (std::uint64_t row = 0; row < header.record_count; ++row) {
          const auto record =
              std::span(records).subspan(row * header.record_bytes, header.record_bytes);
          const ReferenceCell cell = reference_cell(header, field, record, foreign_null);
          expected.push_back(cell ? static_cast<std::uint32_t>(*cell) + 1 : 0);
        }
      } catch (const base::InputError&) {
        std::vector<std::uint32_t> codes(header.record_count);
        EXPECT_THROW(decoder.decode(field, records.data(), 0, codes), base::InputError);
        continue;
      }
      std::vector<std::uint32_t> codes(header.record_count, 777);
      decoder.decode(field, records.data(), 0, codes);
      ASSERT_EQ(expected, codes) << "round " << round << ", BitOffset "
                                 << header.fields[field].offset_bits << ", BitWidth "
                                 << header.fields[field].width_bits << ", Bias "
                                 << header.fields[field].bias;
      ++decoded_fields;
    }
  }
  EXPECT_GT(decoded_fields, 40U);
}

INSTANTIATE_TEST_SUITE_P(Width, RowsAgainstReference, testing::Range<std::uint64_t>(0, 65));

TEST(Rows, ReadRecordsAddsPaddingAndChecksTheFile) {
  TableHeader header = make_table(2, {make_field(0, 8, 0, 1)});
  header.body_offset = 3;
  header.rows_offset = 1;
  header.record_count = 3;
  header.rows_length = 6;
  std::vector<std::byte> file(10);
  for (std::size_t i = 0; i < file.size(); ++i) file[i] = static_cast<std::byte>(i);
  std::vector<std::byte> buffer;
  read_records(base::MemorySource(file), header, 1, 2, buffer);
  ASSERT_EQ(4 + RowDecoder::kPaddingBytes, buffer.size());
  EXPECT_EQ(std::byte{6}, buffer[0]);
  EXPECT_EQ(std::byte{9}, buffer[3]);
  file.pop_back();
  EXPECT_THROW(read_records(base::MemorySource(file), header, 1, 2, buffer), base::InputError);
}

}  // namespace
}  // namespace qvdhouse::qvd
