#include "unload/symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "base/error.h"

namespace qvdhouse::unload {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

// A column of 8 byte numbers, encoded: codes and symbols.
struct Encoded {
  ColumnSymbols column;
  std::vector<Code> codes;
  qvd::SymbolTable symbols;

  Encoded(Reading reading, const std::vector<std::int64_t>& numbers)
      : column(std::move(reading), qvd::InvalidUtf8::kError) {
    clickhouse::DecodedColumn decoded{
        .name = "c", .type = column.reading().type, .row_count = numbers.size()};
    decoded.values = {.value_bytes = 8, .bytes = std::as_bytes(std::span(numbers)), .texts = {}};
    column.encode(decoded, codes);
    symbols = qvd::parse_symbols(
        column.symbols(), {.symbol_count = column.count(), .length = column.symbols().size()}, 0);
  }
};

TEST(ColumnSymbols, NumbersThatADoubleDoesNotHoldAreTexts) {
  const Encoded of_int({.name = "c", .type = "Int64", .conversion = Conversion::kInt},
                       {kMost, kLeast, 0, 9007199254740993, 9007199254740992, kMost});
  EXPECT_THAT(of_int.codes, ElementsAre(1, 2, 3, 4, 5, 1));
  EXPECT_EQ(of_int.symbols.text(0), "9223372036854775807");
  EXPECT_EQ(of_int.symbols.number(1), -0x1p63);
  EXPECT_EQ(of_int.symbols.integer(2), 0);
  EXPECT_EQ(of_int.symbols.text(3), "9007199254740993");
  EXPECT_EQ(of_int.column.facts().digits_as_text, 2u);
  const Encoded of_unsigned({.name = "c", .type = "UInt64", .conversion = Conversion::kUInt},
                            {-1, kLeast, 7});
  EXPECT_EQ(of_unsigned.symbols.text(0), "18446744073709551615");
  EXPECT_EQ(of_unsigned.symbols.number(1), 0x1p63);
  EXPECT_EQ(of_unsigned.symbols.integer(2), 7);
  const Encoded of_decimal(
      {.name = "c", .type = "Decimal(18, 2)", .conversion = Conversion::kDecimal, .scale = 2},
      {-150, 123456789012345678, 0});
  EXPECT_EQ(of_decimal.symbols.number(0), -1.5);
  EXPECT_EQ(of_decimal.symbols.text(1), "1234567890123456.78");
  EXPECT_EQ(of_decimal.symbols.integer(2), 0);
}

TEST(ColumnSymbols, OtherColumnsThanThosePlannedAreRefused) {
  const std::vector<std::int64_t> numbers = {1, 2};
  const auto refused = [&](const std::string& name, const std::string& type, std::size_t bytes) {
    ColumnSymbols column({.name = "c",
                          .type = "DateTime64(3, 'Europe/Berlin')",
                          .conversion = Conversion::kTicks,
                          .scale = 3,
                          .timezone = "Europe/Berlin"},
                         qvd::InvalidUtf8::kError);
    clickhouse::DecodedColumn decoded{.name = name, .type = type, .row_count = 2};
    decoded.values = {
        .value_bytes = bytes, .bytes = std::as_bytes(std::span(numbers)), .texts = {}};
    std::vector<Code> codes;
    try {
      column.encode(decoded, codes);
      return false;
    } catch (const base::IoError&) {
      return true;
    }
  };
  // Native does not tell the zone.
  EXPECT_FALSE(refused("c", "DateTime64(3)", 8));
  EXPECT_TRUE(refused("c", "DateTime64(6)", 8));
  EXPECT_TRUE(refused("d", "DateTime64(3)", 8));
  EXPECT_TRUE(refused("c", "FixedString(3)", 3));
  EXPECT_TRUE(refused("c", "DateTime64(3)", 3));
}

// What reads other bits as a time may come to any number.
TEST(ColumnSymbols, TimesThatNoClockShowsAreNumbers) {
  for (const int scale : {0, 3, 6, 9}) {
    const Encoded stamps({.name = "c",
                          .type = "DateTime64",
                          .conversion = Conversion::kTicks,
                          .scale = scale,
                          .timezone = "Europe/Berlin"},
                         {kMost, kLeast, 0});
    EXPECT_FALSE(stamps.symbols.has_text(0)) << scale;
    EXPECT_FALSE(stamps.symbols.has_text(1)) << scale;
    EXPECT_EQ(stamps.symbols.text(stamps.symbols.size() - 1), "1970-01-01 01:00:00");
    const Encoded times(
        {.name = "c", .type = "Time64", .conversion = Conversion::kTime, .scale = scale},
        {kMost, kLeast, 0});
    EXPECT_EQ(times.column.number_format().type, "INTERVAL");
    EXPECT_EQ(times.symbols.text(2), "00:00:00");
  }
  const Encoded spans(
      {.name = "c", .type = "IntervalWeek", .conversion = Conversion::kInterval, .unit = 604800e6},
      {kMost, kLeast, 1});
  EXPECT_FALSE(spans.symbols.has_text(0));
  EXPECT_EQ(spans.symbols.text(2), "168:00:00");
}

TEST(ColumnSymbols, FractionsAreRoundedToTheNearestMicrosecond) {
  const Encoded stamps({.name = "c",
                        .type = "DateTime64(9)",
                        .conversion = Conversion::kTicks,
                        .scale = 9,
                        .timezone = "UTC"},
                       {1'000'000'499, 1'000'000'500, -1'000'000'499, -1'000'000'500});
  EXPECT_EQ(stamps.symbols.text(0), "1970-01-01 00:00:01");
  EXPECT_EQ(stamps.symbols.text(1), "1970-01-01 00:00:01.000001");
  EXPECT_EQ(stamps.symbols.text(2), "1969-12-31 23:59:59");
  EXPECT_EQ(stamps.symbols.text(3), "1969-12-31 23:59:58.999999");
  EXPECT_EQ(stamps.column.facts().rounded, 4u);
}

TEST(ColumnSymbols, ValuesOfAnotherKindAreAnError) {
  ColumnSymbols texts({.name = "c", .type = "String"}, qvd::InvalidUtf8::kError);
  const std::array<std::byte, 8> bytes{};
  clickhouse::DecodedColumn decoded{.name = "c", .type = "Int64", .row_count = 1};
  decoded.values = {.value_bytes = 8, .bytes = bytes, .texts = {}};
  std::vector<Code> codes;
  EXPECT_THROW(texts.encode(decoded, codes), base::IoError);
}

TEST(ColumnSymbols, ManyValuesAreFoundAgain) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < 100'000; ++i) numbers.push_back(i % 50'000 << 30);
  const Encoded encoded({.name = "c", .type = "Int64", .conversion = Conversion::kInt}, numbers);
  EXPECT_EQ(encoded.column.count(), 50'000u);
  for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(encoded.codes[i], i % 50'000 + 1);
  std::vector<std::string> texts;
  for (int i = 0; i < 50'000; ++i) texts.push_back("text " + std::to_string(i % 20'000));
  std::vector<std::string_view> views(texts.begin(), texts.end());
  ColumnSymbols column({.name = "c", .type = "String"}, qvd::InvalidUtf8::kError);
  clickhouse::DecodedColumn decoded{.name = "c", .type = "String", .row_count = views.size()};
  decoded.values = {.value_bytes = 0, .bytes = {}, .texts = views};
  std::vector<Code> codes;
  column.encode(decoded, codes);
  EXPECT_EQ(column.count(), 20'000u);
  for (std::size_t i = 0; i < codes.size(); ++i) ASSERT_EQ(codes[i], i % 20'000 + 1);
}

}  // namespace
}  // namespace qvdhouse::unload
