// Seeded random tables: what the writer wrote is what the reader reads, in every layout; the
// decoder gives what the plain reference decoder gives; damage is an InputError or goes unseen.
// A failure names its seed; run that one alone with QVDHOUSE_SEED=<seed>.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "qvd/header.h"
#include "qvd/reference_decoder.h"
#include "qvd/rows.h"
#include "qvd/symbols.h"
#include "qvd/writer.h"

namespace qvdhouse::qvd {
namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t bits() { return engine_(); }
  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <typename T, std::size_t kCount>
  T of(const std::array<T, kCount>& choices) {
    return choices[below(kCount)];
  }

 private:
  std::mt19937_64 engine_;
};

std::string random_text(Random& random) {
  static constexpr std::array<std::string_view, 14> kPieces = {
      "a", "Z", " ", "  ", "é", "Ж", "日本", "😀", "\t", "\r\n", "<&>\"'", "\x01", "\x7F", "05021"};
  std::string text;
  for (std::uint64_t n = random.below(random.one_in(20) ? 400 : 8); n > 0; --n) {
    text += random.of(kPieces);
  }
  return text;
}

// Text that can stand in XML.
std::string random_name(Random& random) {
  std::string text = random_text(random);
  std::erase(text, '\x01');
  return text;
}

double random_double(Random& random) {
  static constexpr std::array<double, 12> kSpecial = {0.0,
                                                      -0.0,
                                                      1e300,
                                                      5e-324,
                                                      std::numeric_limits<double>::quiet_NaN(),
                                                      std::numeric_limits<double>::infinity(),
                                                      -std::numeric_limits<double>::infinity(),
                                                      2147483647.0,
                                                      2147483648.0,
                                                      -2147483649.0,
                                                      44571.416666666664,
                                                      9007199254740993.0};
  return random.one_in(2) ? random.of(kSpecial) : std::bit_cast<double>(random.bits());
}

std::int32_t random_int(Random& random) {
  static constexpr std::array<std::int32_t, 5> kSpecial = {
      0, 1, -1, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
  return random.one_in(2) ? random.of(kSpecial) : static_cast<std::int32_t>(random.bits());
}

Value random_value(Random& random, SymbolKind kind) {
  Value value{.kind = kind};
  if (kind == SymbolKind::kInt || kind == SymbolKind::kDualInt) value.number = random_int(random);
  if (kind == SymbolKind::kDouble || kind == SymbolKind::kDualDouble) {
    value.number = random_double(random);
  }
  if ((static_cast<unsigned>(kind) & 4U) != 0) value.text = random_text(random);
  return value;
}

void fill_codes(Random& random, FieldData& field, std::uint64_t row_count, bool nullable) {
  const auto skipped =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, field.bias.value_or(0)));
  const std::uint64_t first = nullable ? 0 : 1 + skipped;
  field.codes.resize(row_count);
  for (std::uint32_t& code : field.codes) {
    code = static_cast<std::uint32_t>(first + random.below(field.values.size() + 1 - first));
  }
}

// The fewest bits that hold every stored index.
std::uint64_t needed_bits(const FieldData& field) {
  const bool has_null = std::ranges::find(field.codes, 0U) != field.codes.end();
  const std::int64_t bias = field.bias.value_or(has_null ? -2 : 0);
  const std::uint64_t values = field.values.size() + (has_null && bias == 0 ? 1 : 0);
  if (bias > 0 && values <= std::uint64_t(bias)) return 0;
  const std::uint64_t stored = values - std::uint64_t(bias);
  return stored == 0 ? 0 : std::uint64_t(std::bit_width(stored - 1));
}

FieldData random_field(Random& random, std::uint64_t row_count, bool qvdrs) {
  static constexpr std::array<SymbolKind, 5> kKinds = {SymbolKind::kInt, SymbolKind::kDouble,
                                                       SymbolKind::kText, SymbolKind::kDualInt,
                                                       SymbolKind::kDualDouble};
  static constexpr std::array<std::uint64_t, 10> kCounts = {0, 1, 1, 2, 3, 4, 17, 255, 256, 1000};
  static constexpr std::array<std::int64_t, 6> kBiases = {
      -1, -2, -3, -200, -(std::int64_t{1} << 40), std::numeric_limits<std::int64_t>::min()};
  FieldData field;
  const std::uint64_t count = random.of(kCounts);
  const bool mixed = random.one_in(2);
  const SymbolKind kind = random.of(kKinds);
  for (std::uint64_t k = 0; k < count; ++k) {
    field.values.push_back(random_value(random, mixed ? random.of(kKinds) : kind));
  }
  const bool nullable = count == 0 || random.one_in(2);
  if (random.one_in(3)) field.bias = random.of(kBiases);
  if (!nullable && random.one_in(6)) field.bias = static_cast<std::int64_t>(random.below(count));
  if (nullable && qvdrs && count > 0) field.bias = 0;
  fill_codes(random, field, row_count, nullable);
  field.number_format = {.type = "MONEY",
                         .decimals = static_cast<int>(random.below(15)),
                         .use_thousands = random.one_in(2),
                         .format = "#,##0.00;(#)",
                         .decimal_sign = ".",
                         .thousands_sign = "\u00A0"};
  if (random.one_in(2)) field.tags = {"$numeric", "tag of my own <&>"};
  if (random.one_in(4)) field.comment = "c" + random_name(random) + "c";
  if (random.one_in(4)) {
    field.width_bits = std::min<std::uint64_t>(64, needed_bits(field) + random.below(40));
  }
  return field;
}

// Gives every field a width and a place of its own, in any order, with gaps.
void shuffle_layout(Random& random, TableData& table) {
  std::vector<FieldData*> order;
  for (FieldData& field : table.fields) order.push_back(&field);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  std::uint64_t next = 0;
  for (FieldData* field : order) {
    if (random.one_in(3)) next += random.below(12);
    if (!field->width_bits) field->width_bits = needed_bits(*field);
    field->offset_bits = next;
    next += *field->width_bits;
  }
}

TableData random_table(Random& random) {
  static constexpr std::array<std::uint64_t, 8> kRowCounts = {0, 1, 2, 7, 64, 300, 2047, 5000};
  TableData table;
  const bool qvdrs = random.one_in(8);
  if (qvdrs) table.creator_document = "qvdrs 0.7";
  table.name = "t" + random_name(random) + "t";
  table.comment = random.one_in(2) ? "" : "a comment & more";
  table.lf_header = random.one_in(3);
  if (random.one_in(3)) table.lineage = {{"RESIDENT x", "LOAD a,\n b < 3;"}, {"INLINE", ""}};
  const bool many = random.one_in(40);
  table.row_count = many ? 64 : random.of(kRowCounts);
  const std::uint64_t field_count = many ? 100 + random.below(300) : 1 + random.below(9);
  for (std::uint64_t i = 0; i < field_count; ++i) {
    table.fields.push_back(random_field(random, table.row_count, qvdrs));
    table.fields.back().name = random_name(random) + "#" + std::to_string(i);
  }
  if (random.one_in(2)) shuffle_layout(random, table);
  return table;
}

void expect_header(const TableData& table, const TableHeader& header) {
  EXPECT_EQ(header.table_name, table.name);
  EXPECT_EQ(header.comment, table.comment);
  EXPECT_EQ(header.record_count, table.row_count);
  EXPECT_EQ(header.lineage.size(), table.lineage.size());
  // The ways of other writers that are not damage are reported.
  const auto odd_fields = std::ranges::count_if(table.fields, [](const FieldData& field) {
    return field.bias.value_or(0) != 0 && field.bias != -2;
  });
  const bool qvdrs = table.creator_document.starts_with("qvdrs");
  EXPECT_EQ(header.warnings.size(), std::size_t(odd_fields) + (qvdrs ? 1 : 0));
  ASSERT_EQ(header.fields.size(), table.fields.size());
  for (std::size_t i = 0; i < table.fields.size(); ++i) {
    const FieldData& wanted = table.fields[i];
    const FieldHeader& found = header.fields[i];
    EXPECT_EQ(found.name, wanted.name);
    EXPECT_EQ(found.comment, wanted.comment);
    EXPECT_EQ(found.tags, wanted.tags);
    EXPECT_EQ(found.number_format.decimals, wanted.number_format.decimals);
    EXPECT_EQ(found.number_format.use_thousands, wanted.number_format.use_thousands);
    EXPECT_EQ(found.number_format.format, wanted.number_format.format);
    EXPECT_EQ(found.number_format.thousands_sign, wanted.number_format.thousands_sign);
  }
}

void expect_symbols(const FieldData& wanted, const SymbolTable& found) {
  ASSERT_EQ(found.size(), wanted.values.size());
  for (std::size_t k = 0; k < found.size(); ++k) {
    const Value& value = wanted.values[k];
    ASSERT_EQ(found.kind(k), value.kind) << "symbol " << k;
    if (found.has_number(k)) {
      ASSERT_EQ(std::bit_cast<std::uint64_t>(found.number(k)),
                std::bit_cast<std::uint64_t>(value.number))
          << "symbol " << k;
    }
    if (found.has_text(k)) {
      ASSERT_EQ(found.text(k), value.text) << "symbol " << k;
    }
  }
}

// Codes of one field, decoded in batches of random length.
std::vector<std::uint32_t> decode_in_batches(Random& random, const base::ByteSource& source,
                                             const TableHeader& header, std::size_t field) {
  const RowDecoder decoder(header);
  std::vector<std::uint32_t> codes(header.record_count);
  std::vector<std::byte> records;
  for (std::uint64_t row = 0; row < codes.size();) {
    const std::uint64_t count = std::min(codes.size() - row, 1 + random.below(4000));
    read_records(source, header, row, count, records);
    decoder.decode(field, records.data(), row, std::span(codes).subspan(row, count));
    row += count;
  }
  return codes;
}

void expect_same_as_reference(const TableData& table, const TableHeader& header,
                              std::span<const std::byte> file) {
  const auto rows = file.subspan(header.body_offset + header.rows_offset, header.rows_length);
  const bool foreign_null = table.creator_document.starts_with("qvdrs");
  const auto cells = reference_rows(header, rows, foreign_null);
  ASSERT_EQ(cells.size(), table.row_count);
  for (std::size_t row = 0; row < cells.size(); ++row) {
    for (std::size_t i = 0; i < table.fields.size(); ++i) {
      const std::uint64_t code = cells[row][i] ? *cells[row][i] + 1 : 0;
      ASSERT_EQ(code, table.fields[i].codes[row]) << "row " << row << ", field " << i;
    }
  }
}

void expect_round_trip(Random& random) {
  const TableData table = random_table(random);
  const std::vector<std::byte> file = write_qvd(table);
  const base::MemorySource source(file);
  TableHeader header = read_header(source);
  check_complete(header);
  ASSERT_NO_FATAL_FAILURE(expect_header(table, header));
  for (std::size_t i = 0; i < table.fields.size(); ++i) {
    SCOPED_TRACE("field " + std::to_string(i));
    ASSERT_NO_FATAL_FAILURE(expect_symbols(table.fields[i], read_symbols(source, header, i)));
    ASSERT_EQ(decode_in_batches(random, source, header, i), table.fields[i].codes);
  }
  ASSERT_NO_FATAL_FAILURE(expect_same_as_reference(table, header, file));
}

// Reads everything there is to read. Throws InputError.
void read_all(Random& random, const std::vector<std::byte>& file) {
  const base::MemorySource source(file);
  TableHeader header = read_header(source);
  check_complete(header);
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    read_symbols(source, header, i);
    decode_in_batches(random, source, header, i);
  }
}

// Runs `property` for `count` seeds, or for the one that the environment names.
template <typename Property>
void for_seeds(std::uint64_t count, Property property) {
  const char* only = std::getenv("QVDHOUSE_SEED");
  const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const std::uint64_t last = only != nullptr ? first : count;
  for (std::uint64_t seed = first; seed <= last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("QVDHOUSE_SEED=" + std::to_string(seed));
    Random random(seed);
    try {
      property(random);
    } catch (const std::exception& error) {
      ADD_FAILURE() << "unexpected error: " << error.what();
    }
  }
}

TEST(Property, WhatIsWrittenIsRead) { for_seeds(600, expect_round_trip); }

TEST(Property, DamageIsAnInputErrorOrUnseen) {
  for_seeds(100, [](Random& random) {
    const std::vector<std::byte> file = write_qvd(random_table(random));
    for (int attempt = 0; attempt < 10; ++attempt) {
      std::vector<std::byte> damaged = file;
      for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
        damaged[random.below(damaged.size())] = static_cast<std::byte>(random.bits());
      }
      if (random.one_in(4)) damaged.resize(random.below(damaged.size()));
      try {
        read_all(random, damaged);
      } catch (const base::InputError&) {
        // The right answer; what it says is the business of tests/malformed.
      }
    }
  });
}

}  // namespace
}  // namespace qvdhouse::qvd
