#include "qvd/symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "qvd/profile.h"

namespace qvdhouse::qvd {
namespace {

using namespace std::string_view_literals;
using namespace std::string_literals;

constexpr std::uint64_t kFileOffset = 1000;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

SymbolTable parse(std::string_view bytes, std::uint64_t symbol_count,
                  InvalidUtf8 policy = InvalidUtf8::kError) {
  FieldHeader field;
  field.name = "F";
  field.symbol_count = symbol_count;
  field.length = bytes.size();
  return parse_symbols(bytes_of(bytes), field, kFileOffset, policy);
}

// The message of the InputError that parsing must end in.
std::string error_of(std::string_view bytes, std::uint64_t symbol_count) {
  try {
    parse(bytes, symbol_count);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "no error";
}

// One of each kind: -2; 0.5; "ä b"; 5021 as "05021"; 2.5 as "two".
constexpr auto kOneOfEach =
    "\x01\xFE\xFF\xFF\xFF"
    "\x02\x00\x00\x00\x00\x00\x00\xE0\x3F"
    "\x04\xC3\xA4 b\x00"
    "\x05\x9D\x13\x00\x00"
    "05021\x00"
    "\x06\x00\x00\x00\x00\x00\x00\x04\x40two\x00"sv;

TEST(Symbols, OneOfEachKind) {
  const SymbolTable table = parse(kOneOfEach, 5);
  ASSERT_EQ(5U, table.size());
  EXPECT_EQ(SymbolKind::kInt, table.kind(0));
  EXPECT_EQ(-2, table.integer(0));
  EXPECT_EQ(-2.0, table.number(0));
  EXPECT_FALSE(table.has_text(0));
  EXPECT_EQ(SymbolKind::kDouble, table.kind(1));
  EXPECT_EQ(0.5, table.number(1));
  EXPECT_EQ(SymbolKind::kText, table.kind(2));
  EXPECT_FALSE(table.has_number(2));
  EXPECT_EQ("\xC3\xA4 b", table.text(2));
  EXPECT_EQ(SymbolKind::kDualInt, table.kind(3));
  EXPECT_EQ(5021, table.integer(3));
  EXPECT_EQ("05021", table.text(3));
  EXPECT_EQ(SymbolKind::kDualDouble, table.kind(4));
  EXPECT_EQ(2.5, table.number(4));
  EXPECT_EQ("two", table.text(4));
}

TEST(Symbols, RawIsTheSymbolAsItStandsInTheFile) {
  const SymbolTable table = parse(kOneOfEach, 5);
  std::string all;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto raw = table.raw(i);
    all.append(reinterpret_cast<const char*>(raw.data()), raw.size());
  }
  EXPECT_EQ(kOneOfEach, all);
}

TEST(Symbols, TextMayBeEmptyAndMayHoldKindBytesAndLineEnds) {
  const SymbolTable table = parse("\x04\x00\x04\x01\x02\x05\r\n\t\x00"sv, 2);
  EXPECT_EQ("", table.text(0));
  EXPECT_EQ("\x01\x02\x05\r\n\t", table.text(1));
}

TEST(Symbols, NoSymbolsInNoBytes) {
  EXPECT_EQ(0U, parse("", 0).size());
  EXPECT_EQ(0U, SymbolTable().size());
}

TEST(Symbols, NumbersKeepTheirBits) {
  const SymbolTable table = parse(
      "\x02\x00\x00\x00\x00\x00\x00\x00\x80"
      "\x02\x01\x00\x00\x00\x00\x00\xF8\x7F"
      "\x01\x00\x00\x00\x80"sv,
      3);
  EXPECT_TRUE(std::signbit(table.number(0)));
  EXPECT_TRUE(std::isnan(table.number(1)));
  EXPECT_EQ(std::numeric_limits<std::int32_t>::min(), table.integer(2));
}

TEST(Symbols, ErrorsNameFieldSymbolAndByte) {
  const std::string int_then = "\x01\x05\x00\x00\x00"s;
  const auto place = [](int byte, int symbol) {
    return "field \"F\", byte " + std::to_string(byte) + ": symbol " + std::to_string(symbol) +
           ": ";
  };
  EXPECT_EQ(place(1005, 1) + "expected the kind byte 01, 02, 04, 05 or 06, found 03",
            error_of(int_then + "\x03\x01", 2));
  EXPECT_EQ(place(1005, 1) + "expected the kind byte 01, 02, 04, 05 or 06, found 00",
            error_of(int_then + "\x00\x00"s, 2));
  EXPECT_EQ(place(1005, 1) + "expected a number of 4 bytes, found the end of the table after 3",
            error_of(int_then + "\x01\x05\x00\x00"s, 2));
  EXPECT_EQ(place(1005, 1) + "expected a number of 8 bytes, found the end of the table after 7",
            error_of(int_then + "\x06\x05\x00\x00\x00\x00\x00\x00"s, 2));
  EXPECT_EQ(place(1006, 1) + "expected text ended by NUL, found the end of the table after 3 bytes",
            error_of(int_then + "\x04"
                                "abc",
                     2));
  EXPECT_EQ(place(1010, 1) + "expected text ended by NUL, found the end of the table after 0 bytes",
            error_of(int_then + "\x05\x05\x00\x00\x00"s, 2));
  EXPECT_EQ(place(1010, 2) + "expected 3 symbols, found 2 in 10 bytes",
            error_of(int_then + int_then, 3));
}

TEST(Symbols, BytesMustBeUsedUpExactly) {
  EXPECT_EQ(
      "field \"F\", byte 1002: expected 1 symbols to fill 4 bytes, found 2 bytes behind the "
      "last",
      error_of("\x04\x00\x04\x00"sv, 1));
}

TEST(Symbols, AWildCountAllocatesNothing) {
  EXPECT_EQ(
      "field \"F\", byte 1000: expected 1152921504606846976 symbols, found no room for them "
      "in 4 bytes",
      error_of("\x04\x00\x04\x00"sv, std::uint64_t{1} << 60));
}

TEST(Symbols, InvalidUtf8IsAnErrorOrKept) {
  const auto bytes =
      "\x04ok\x00\x05\x01\x00\x00\x00"
      "a\xFFz\x00"sv;
  EXPECT_EQ("field \"F\", byte 1010: symbol 1: expected text in UTF-8, found the byte FF",
            error_of(bytes, 2));
  const SymbolTable table = parse(bytes, 2, InvalidUtf8::kKeep);
  EXPECT_EQ(1U, table.invalid_utf8_count());
  EXPECT_EQ("a\xFFz", table.text(1));
}

TEST(Symbols, ReadingPastTheFileIsAnErrorAndAllocatesNothing) {
  const std::vector<std::byte> file = bytes_of("\x04\x00"sv);
  TableHeader header;
  header.fields.push_back({.name = "F", .symbol_count = 1, .length = 2});
  EXPECT_EQ(1U, read_symbols(base::MemorySource(file), header, 0).size());
  header.fields[0].length = std::uint64_t{1} << 62;
  EXPECT_THROW(read_symbols(base::MemorySource(file), header, 0), base::InputError);
  header.fields[0].offset = 3;
  EXPECT_THROW(read_symbols(base::MemorySource(file), header, 0), base::InputError);
}

TEST(Profile, CountsKindsAndRanges) {
  const FieldProfile profile = profile_field(parse(kOneOfEach, 5));
  EXPECT_EQ(5U, profile.symbol_count);
  EXPECT_EQ(1U, profile.int_count);
  EXPECT_EQ(1U, profile.double_count);
  EXPECT_EQ(1U, profile.text_count);
  EXPECT_EQ(1U, profile.dual_int_count);
  EXPECT_EQ(1U, profile.dual_double_count);
  EXPECT_EQ(-2.0, profile.min_number);
  EXPECT_EQ(5021.0, profile.max_number);
  EXPECT_FALSE(profile.all_integral);
  EXPECT_EQ(5U, profile.max_text_bytes);
  EXPECT_EQ(12U, profile.text_bytes);
  EXPECT_EQ(0U, profile.blank_text_count);
}

TEST(Profile, BlankTextsAreEmptyOrSpaces) {
  const FieldProfile profile = profile_field(parse("\x04\x00\x04  \x00\x04\t\x00"sv, 3));
  EXPECT_EQ(2U, profile.blank_text_count);
  EXPECT_TRUE(profile.all_integral);
  EXPECT_FALSE(profile.min_number.has_value());
}

TEST(Profile, NonFiniteNumbersAreCountedAndLeftOutOfTheRange) {
  const FieldProfile profile =
      profile_field(parse("\x02\x00\x00\x00\x00\x00\x00\xF0\x7F"
                          "\x02\x00\x00\x00\x00\x00\x00\xF8\x7F"
                          "\x01\x03\x00\x00\x00"sv,
                          3));
  EXPECT_EQ(2U, profile.non_finite_count);
  EXPECT_EQ(3.0, profile.max_number);
  EXPECT_FALSE(profile.all_integral);
}

TEST(Profile, IntegralEndsWithInt64) {
  // -2^63 is an Int64, 2^63 is not.
  EXPECT_TRUE(profile_field(parse("\x02\x00\x00\x00\x00\x00\x00\xE0\xC3"sv, 1)).all_integral);
  EXPECT_FALSE(profile_field(parse("\x02\x00\x00\x00\x00\x00\x00\xE0\x43"sv, 1)).all_integral);
}

}  // namespace
}  // namespace qvdhouse::qvd
