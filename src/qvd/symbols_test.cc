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
using ::testing::HasSubstr;

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

// A sparse file: `start`, then a hole up to `size`.
class SparseSource : public base::ByteSource {
 public:
  SparseSource(std::vector<std::byte> start, std::uint64_t size)
      : start_(std::move(start)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    bytes_read_ += out.size();
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = offset + i < start_.size() ? start_[offset + i] : std::byte{0};
    }
  }
  void check_unchanged() const override {}
  const std::string& name() const override { return name_; }
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  std::vector<std::byte> start_;
  std::uint64_t size_;
  std::string name_ = "sparse";
  mutable std::uint64_t bytes_read_ = 0;
};

TableHeader header_of(std::uint64_t symbol_count, std::uint64_t length) {
  TableHeader header;
  header.fields = {{.name = "F", .symbol_count = symbol_count, .length = length}};
  return header;
}

// `symbol` again and again, in at least `size` bytes.
std::string repeated(std::string_view symbol, std::size_t size) {
  std::string bytes;
  while (bytes.size() < size) bytes += symbol;
  return bytes;
}

TEST(Symbols, AHoleCostsNoMoreThanTheBytesBeforeIt) {
  constexpr std::uint64_t kMiB = 1024 * 1024;
  constexpr std::uint64_t kClaimed = 3 * 1024 * kMiB;
  const std::string real = repeated("\x04x\x00"sv, 3 * kMiB);
  for (const std::uint64_t symbol_count : {std::uint64_t{1}, kClaimed / 2}) {
    const SparseSource hole({}, kClaimed);
    EXPECT_THROW(read_symbols(hole, header_of(symbol_count, kClaimed), 0), base::InputError);
    EXPECT_LE(hole.bytes_read(), kMiB);
  }
  const SparseSource behind(bytes_of(std::string_view(real)), kClaimed);
  try {
    read_symbols(behind, header_of(kClaimed / 2, kClaimed), 0);
    FAIL() << "a hole has no symbols";
  } catch (const base::InputError& error) {
    EXPECT_EQ(error.place().byte_offset, real.size());
    EXPECT_THAT(error.what(), HasSubstr("found 00"));
  }
  EXPECT_LE(behind.bytes_read(), 2 * real.size() + kMiB);
}

TEST(Symbols, PiecesGiveWhatTheWholeGives) {
  const std::string long_text = "\x04" + std::string(3'000'000, 'y') + "\0"s;
  const std::string bytes = repeated(kOneOfEach, 2'500'000) + long_text +
                            repeated(kOneOfEach, 1'000'001) + long_text + std::string(kOneOfEach);
  const auto count_of = [](std::size_t size) {
    return (size + kOneOfEach.size() - 1) / kOneOfEach.size() * 5;
  };
  const std::uint64_t symbol_count = count_of(2'500'000) + count_of(1'000'001) + 2 + 5;
  const auto both = [&](const std::string& damaged) {
    FieldHeader field{.name = "F", .symbol_count = symbol_count, .length = damaged.size()};
    std::vector<std::string> ends;
    for (const bool in_pieces : {false, true}) {
      try {
        const std::vector<std::byte> all = bytes_of(std::string_view(damaged));
        const SymbolTable table = in_pieces ? read_symbols(base::MemorySource(all),
                                                           header_of(symbol_count, all.size()), 0)
                                            : parse_symbols(all, field, 0);
        EXPECT_EQ(table.size(), symbol_count);
        EXPECT_EQ(table.raw(table.size() - 1).size(), 13U);
        EXPECT_EQ(table.text(symbol_count - 6), std::string(3'000'000, 'y'));
        ends.emplace_back("good");
      } catch (const base::InputError& error) {
        ends.emplace_back(error.what());
      }
    }
    EXPECT_EQ(ends[0], ends[1]);
    return ends[1];
  };
  EXPECT_EQ(both(bytes), "good");
  for (std::size_t at = 7; at < bytes.size(); at += bytes.size() / 5) {
    std::string damaged = bytes;
    damaged[at] = '\xFF';
    both(damaged);
  }
  EXPECT_THAT(both(bytes.substr(0, bytes.size() - 1)), HasSubstr("expected text ended by NUL"));
  EXPECT_THAT(both(bytes + "x"), HasSubstr("found 1 bytes behind the last"));
}

TEST(Symbols, AStopEndsTheReading) {
  const std::vector<std::byte> bytes = bytes_of(kOneOfEach);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(read_symbols(base::MemorySource(bytes), header_of(5, bytes.size()), 0,
                            InvalidUtf8::kError, stop.get_token()),
               base::Cancelled);
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
