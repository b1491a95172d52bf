// Queries into QVD files, by the real engine: what the plain decoder reads there is what the query
// gives; what cannot be written leaves nothing.
#include "unload/unload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>

#include "base/byte_source.h"
#include "clickhouse/test_engine.h"
#include "qvd/reference_decoder.h"
#include "schema/decimal.h"

namespace qvdhouse::unload {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Cells = std::vector<std::vector<std::string>>;

// A QVD file, read without any of the fast code: cells as text, NULL as \N.
struct PlainFile {
  qvd::TableHeader header;
  std::vector<qvd::SymbolTable> symbols;
  std::vector<std::vector<qvd::ReferenceCell>> rows;

  explicit PlainFile(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto bytes = std::as_bytes(std::span(text));
    const base::MemorySource source(bytes);
    header = qvd::read_header(source);
    qvd::check_complete(header);
    EXPECT_THAT(header.warnings, IsEmpty());
    for (std::size_t i = 0; i < header.fields.size(); ++i) {
      symbols.push_back(qvd::read_symbols(source, header, i, qvd::InvalidUtf8::kKeep));
    }
    rows = qvd::reference_rows(header, bytes.subspan(header.body_offset + header.rows_offset));
  }

  std::string text_of(std::size_t field, const qvd::ReferenceCell& cell) const {
    if (!cell) return "\\N";
    const qvd::SymbolTable& table = symbols[field];
    return table.has_text(*cell) ? std::string(table.text(*cell))
                                 : schema::shortest_text(table.number(*cell));
  }
  Cells cells() const {
    Cells all;
    for (const auto& row : rows) {
      auto& texts = all.emplace_back();
      for (std::size_t i = 0; i < row.size(); ++i) texts.push_back(text_of(i, row[i]));
    }
    return all;
  }
};

// In its one form: numbers as such, times without zeros at the end of the fraction.
std::string normal(const std::string& text) {
  if (const auto number = schema::parse_decimal(text)) {
    return fmt::format("{}{}e{}", number->negative ? "-" : "", number->digits, number->point);
  }
  if (text.find(':') == std::string::npos || text.find('.') == std::string::npos) return text;
  std::string shorter = text.substr(0, text.find_last_not_of('0') + 1);
  if (shorter.ends_with('.')) shorter.pop_back();
  return shorter;
}

class UnloadTest : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (IsSkipped()) return;
    query(fmt::format("CREATE DATABASE {}", kDatabase));
    fs::remove_all(out_folder());
  }
  static fs::path out_folder() { return folder() / "out"; }
  static fs::path out() { return out_folder() / "out.qvd"; }
  static Options options() {
    return {.out = out(), .existing = base::Existing::kReplace, .table_name = "Out"};
  }
  static Result run(const std::string& sql, const Options& options = UnloadTest::options()) {
    return unload(endpoint(), sql, options, [](const Progress&) {}, {});
  }
  // The message of the error, after which nothing may be left.
  template <class Error>
  static std::string refusal(const std::string& sql,
                             const Options& options = UnloadTest::options()) {
    try {
      run(sql, options);
    } catch (const Error& error) {
      EXPECT_TRUE(fs::is_empty(out_folder())) << sql;
      return error.what();
    }
    ADD_FAILURE() << "not refused: " << sql;
    return {};
  }
  static Cells answer(const std::string& sql) {
    Cells rows;
    std::string text = query(sql + " FORMAT TSVRaw");
    if (text.empty()) return rows;
    text += "\n";
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      auto& row = rows.emplace_back();
      std::string_view line = std::string_view(text).substr(at, end - at);
      for (std::size_t tab = 0; tab != std::string_view::npos;) {
        tab = line.find('\t');
        row.emplace_back(line.substr(0, tab));
        line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
      }
      at = end + 1;
    }
    return rows;
  }
};

// A column: its values made of H, a random number of the row, and the text of value x in the file.
struct Kind {
  const char* value;
  const char* text = "toString(x)";
};
constexpr auto kKinds = std::to_array<Kind>({
    {"toInt8(H % 200 - 100)"},
    {"toUInt16(H % 1000)"},
    {"toInt32(H % 100000) - 50000"},
    {"reinterpretAsInt64(H)"},
    {"toInt64(9007199254740990 + H % 10)"},
    {"H"},
    {"toInt128(H) * 1000000007"},
    {"toUInt256(H % 5)"},
    {"(H % 100000 - 50000) / 8"},
    {"toFloat32(H % 1000) / 8"},
    {"toBFloat16(H % 8) / 4"},
    {"toDecimal32(H % 1000000, 3) / 100"},
    {"toDecimal64(reinterpretAsInt64(H) % 1000000, 6) / 7"},
    {"CAST(toDecimal128(H % 100000000000000, 4) / 7, 'Decimal(18, 4)')"},
    {"toDecimal128(H, 4) / 3"},
    {"toDecimal256(H % 1000, 8) / 7"},
    {"H % 3 = 0", "toString(x)"},
    {"toBool(H % 2)", "toString(toUInt8(x))"},
    {"'ключ ' || toString(H % 50)"},
    {"if(H % 4 = 0, '', hex(H))"},
    {"'0' || toString(H % 100)"},
    {"toFixedString('x' || toString(H % 10), 4)", "replaceAll(toString(x), '\\0', '')"},
    {"toLowCardinality(toString(H % 300))"},
    {"toLowCardinality(if(H % 5 = 0, NULL, 'v' || toString(H % 20)))"},
    {"toLowCardinality(toUInt16(H % 20))"},
    {"toDate(H % 40000)"},
    {"toDate32(toInt32(H % 140000) - 25567)"},
    {"toDateTime(toUInt32(H % 4000000000), 'UTC')"},
    {"toDateTime(1700000000 + H % 9000000, 'Asia/Tokyo')"},
    {"toDateTime64(toInt64(H % 4000000000000) / 1000, 3, 'UTC')"},
    {"fromUnixTimestamp64Micro(toInt64(H % 2000000000000000), 'America/New_York')"},
    {"fromUnixTimestamp64Micro(-toInt64(H % 2000000000000000), 'UTC')"},
    {"fromUnixTimestamp64Nano(toInt64(H % 2000000000000000) * 1000, 'UTC')"},
    {"toTime64(toUInt32(H % 86400), 0)"},
    {"CAST(toDecimal64(H % 86400000, 3) / 1000, 'Time64(3)')"},
    {"CAST(toInt32(H % 80000) - 40000, 'Time')"},
    {"CAST(H % 2 + 1, 'Enum8(\\'it (is)\\' = 1, \\'no, it\\' = 2)')"},
    {"reinterpretAsUUID(toString(H) || 'xxxxxxxxxxxxxxxx')"},
    {"toIPv4(toUInt32(H % 4294967296))"},
    {"toIntervalMonth(H % 100)"},
    {"[H % 10, 2]", "toJSONString(x)"},
    {"map('k', H % 10)", "toJSONString(x)"},
    {"(H % 10, 'text')", "toJSONString(x)"},
});

struct RandomTable {
  std::string select;  // its columns are named by number
  std::string texts;   // the query of what must stand in the file
};

RandomTable random_table(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::uint64_t rows = random() % 8 == 0 ? random() % 3 : random() % 3000;
  const std::uint64_t column_count = random() % 12 + 1;
  std::vector<std::string> columns, texts;
  for (std::uint64_t i = 0; i < column_count; ++i) {
    const Kind& kind = kKinds[random() % kKinds.size()];
    const std::uint64_t distinct = random() % 3 == 0 ? ~std::uint64_t{0} : random() % 300 + 1;
    const std::string hash = fmt::format("sipHash64(number % {}, {}, {})", distinct, seed, i);
    std::string value = kind.value;
    for (std::size_t at = 0; (at = value.find('H', at)) != std::string::npos; at += hash.size()) {
      value.replace(at, 1, hash);
    }
    const bool may_be_null = value.find("LowCard") == std::string::npos && value.front() != '[' &&
                             value.front() != '(' && !value.starts_with("map");
    if (may_be_null && random() % 3 == 0) {
      value = fmt::format("if(sipHash64(number, {}) % 4 = 0, NULL, {})", seed + i, value);
    }
    columns.push_back(fmt::format("{} AS `{}`", value, i));
    std::string text = kind.text;
    text.replace(text.find('x'), 1, fmt::format("`{}`", i));
    texts.push_back(text);
  }
  const std::string select =
      fmt::format("SELECT {} FROM numbers({}) ORDER BY number SETTINGS max_block_size = {}",
                  fmt::join(columns, ", "), rows, random() % 700 + 1);
  return {.select = select,
          .texts = fmt::format("SELECT {} FROM ({})", fmt::join(texts, ", "), select)};
}

std::uint64_t needed_bits(const qvd::FieldHeader& field) {
  const std::uint64_t values = field.symbol_count + (field.bias == -2 ? 2 : 0);
  return values == 0 ? 0 : static_cast<std::uint64_t>(std::bit_width(values - 1));
}

// The rules of docs/qvd-format.md, section 8, that a reader does not ask for.
void expect_as_qlik_writes(const PlainFile& file) {
  for (std::size_t i = 0; i < file.header.fields.size(); ++i) {
    const qvd::FieldHeader& field = file.header.fields[i];
    EXPECT_TRUE(field.bias == 0 || field.bias == -2);
    if (i + 1 < file.header.fields.size()) {
      EXPECT_EQ(field.width_bits, needed_bits(field));
    }
    std::uint64_t next = 0;
    for (const auto& row : file.rows) {
      if (!row[i]) continue;
      ASSERT_LE(*row[i], next) << "symbols are in the order of their first use";
      if (*row[i] == next) ++next;
    }
    EXPECT_EQ(next, field.symbol_count) << "each symbol is used";
  }
}

// A failure names its seed; run that one alone with QVDHOUSE_SEED=<seed>.
TEST_F(UnloadTest, RandomQueriesStandInTheFileCellByCell) {
  constexpr std::uint64_t kSeeds = 60;
  const char* chosen = std::getenv("QVDHOUSE_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  const std::uint64_t last = chosen != nullptr ? first : kSeeds;
  for (std::uint64_t seed = first; seed <= last && !HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("QVDHOUSE_SEED={}", seed));
    const RandomTable table = random_table(seed);
    const Result result = run(table.select);
    const PlainFile file(out());
    Cells found = file.cells();
    Cells wanted = answer(table.texts);
    EXPECT_EQ(result.row_count, wanted.size());
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t row = 0; row < wanted.size() && !HasFailure(); ++row) {
      for (std::string& cell : found[row]) cell = normal(cell);
      for (std::string& cell : wanted[row]) cell = normal(cell);
      ASSERT_EQ(found[row], wanted[row]) << "row " << row << " of " << table.select;
    }
    expect_as_qlik_writes(file);
  }
}

TEST_F(UnloadTest, TypesBecomeNumberFormatsAndTags) {
  run("SELECT 7 AS whole, 0.5 AS real, toDecimal64(1.5, 2) AS money, 'ab' AS ascii, 'ü' AS text, "
      "toDate('2024-02-29') AS day, toDateTime64('2024-02-29 12:00:00.5', 3, 'UTC') AS stamp, "
      "toTime64('12:00:00', 0) AS clock, CAST('36:00:00', 'Time') AS span, toIntervalHour(36) AS "
      "hours, "
      "CAST(NULL, 'Nullable(Int8)') AS none, toInt64(9007199254740993) AS long");
  const PlainFile file(out());
  std::vector<std::string> seen;
  for (std::size_t i = 0; i < file.header.fields.size(); ++i) {
    const qvd::FieldHeader& field = file.header.fields[i];
    std::string kind = "none";
    if (file.symbols[i].size() > 0) kind = std::to_string(int(file.symbols[i].kind(0)));
    seen.push_back(fmt::format("{} {} {} '{}' {} [{}]", field.name, kind, field.number_format.type,
                               field.number_format.format, field.number_format.decimals,
                               fmt::join(field.tags, " ")));
  }
  EXPECT_THAT(
      seen,
      ElementsAre("whole 1 INTEGER '0' 0 [$numeric $integer]", "real 2 REAL '' 0 [$numeric]",
                  "money 2 FIX '0.00' 2 [$numeric]", "ascii 4 UNKNOWN '' 0 [$ascii $text]",
                  "text 4 UNKNOWN '' 0 [$text]",
                  "day 5 DATE 'YYYY-MM-DD' 0 [$numeric $integer $timestamp $date]",
                  "stamp 6 TIMESTAMP 'YYYY-MM-DD hh:mm:ss[.fff]' 0 [$numeric $timestamp]",
                  "clock 6 TIME 'hh:mm:ss' 0 [$numeric]", "span 6 INTERVAL 'hh:mm:ss' 0 [$numeric]",
                  "hours 6 INTERVAL 'hh:mm:ss' 0 [$numeric]", "none none INTEGER '0' 0 []",
                  "long 4 UNKNOWN '' 0 [$ascii $text]"));
  EXPECT_EQ(file.cells().front()[6], "2024-02-29 12:00:00.500");
  EXPECT_EQ(file.symbols[6].number(0), 45351.500005787035);
  EXPECT_EQ(file.symbols[8].number(0), 1.5);
}

TEST_F(UnloadTest, FloatsKeepEachBitButThatNaNIsOne) {
  run("SELECT arrayJoin([0., -0., nan, -nan, inf, -inf, 0.1, 5e-324, 1e300, 2147483648., "
      "-2147483648.]) "
      "AS f");
  const PlainFile file(out());
  std::vector<std::string> texts;
  for (const auto& row : file.cells()) texts.push_back(row[0]);
  EXPECT_THAT(texts, ElementsAre("0", "-0", "nan", "nan", "inf", "-inf", "0.1", "5e-324", "1e+300",
                                 "2147483648", "-2147483648"));
  EXPECT_EQ(file.header.fields[0].symbol_count, 10u);
}

TEST_F(UnloadTest, StampsThatReadAlikeAreOneSymbolAndCounted) {
  const Result result = run(
      "SELECT toDateTime(arrayJoin([1698535800, 1698539400, 1698543000]), 'Europe/Berlin') AS t, "
      "fromUnixTimestamp64Nano(toInt64(1698535800000000000) + number, 'UTC') AS n "
      "FROM numbers(3) ORDER BY t, n");
  EXPECT_EQ(result.columns[0].distinct_count, 2u) << "01:30, 02:30, 02:30";
  EXPECT_EQ(result.columns[1].distinct_count, 1u);
  EXPECT_THAT(result.columns[0].warnings,
              ElementsAre(HasSubstr("that Europe/Berlin had twice: 1 distinct")));
  EXPECT_THAT(result.columns[1].warnings, ElementsAre(HasSubstr("not hold exactly: 2 distinct")));
  EXPECT_EQ(PlainFile(out()).header.fields[0].symbol_count, 2u);
}

TEST_F(UnloadTest, NamesMayBeAnything) {
  run("SELECT 1 AS `a \"b\" 'c' \\`d\\``, [2] AS `Имя <&> поля`, toUUID('61f0c404-5cb3-11e7-907b-"
      "a6006ad3dba0') AS `0`, 3 AS `1`, 4 AS ` `");
  const PlainFile file(out());
  std::vector<std::string> names;
  for (const auto& field : file.header.fields) names.push_back(field.name);
  EXPECT_THAT(names, ElementsAre("a \"b\" 'c' `d`", "Имя <&> поля", "0", "1", " "));
  EXPECT_THAT(file.cells().front(),
              ElementsAre("1", "[2]", "61f0c404-5cb3-11e7-907b-a6006ad3dba0", "3", "4"));
}

TEST_F(UnloadTest, AQueryMayEndAsPeopleWriteIt) {
  for (const char* sql :
       {"SELECT 1 AS a;", "SELECT 1 AS a ;\n\n", "SELECT 1 AS a -- all of them",
        "WITH 1 AS one SELECT one AS a", "(SELECT 1 AS a)", "SELECT [1] AS a -- JSON;"}) {
    EXPECT_EQ(run(sql).row_count, 1u) << sql;
  }
  fs::remove(out());
  EXPECT_THAT(refusal<base::ServerError>("SELECT 1 FORMAT CSV"), HasSubstr("without FORMAT"));
}

TEST_F(UnloadTest, AnEmptyAnswerIsAFileWithoutRows) {
  EXPECT_EQ(run("SELECT 1 AS a, toNullable('x') AS b FROM numbers(0)").row_count, 0u);
  const PlainFile file(out());
  EXPECT_EQ(file.header.fields.size(), 2u);
  EXPECT_EQ(file.header.record_count, 0u);
}

TEST_F(UnloadTest, WideTablesAreWritten) {
  std::string columns;
  for (int i = 0; i < 1500; ++i)
    columns += fmt::format("{}number + {} AS c{}", i == 0 ? "" : ", ", i, i);
  run(fmt::format("SELECT {} FROM numbers(100)", columns));
  const PlainFile file(out());
  EXPECT_EQ(file.cells()[99][1499], "1598");
}

TEST_F(UnloadTest, WhatAQvdCannotHoldIsRefusedByName) {
  EXPECT_THAT(refusal<base::InputError>("SELECT number, number FROM numbers(1)"),
              HasSubstr("two columns \"number\""));
  EXPECT_THAT(refusal<base::InputError>("SELECT 'a\\0b' AS t FROM numbers(7)"),
              HasSubstr("texts with NUL bytes: 7 rows"));
  EXPECT_THAT(refusal<base::InputError>("SELECT if(number < 3, '\\xFF', 'x') AS t FROM numbers(7)"),
              HasSubstr("texts that are not UTF-8: 3 rows"));
  EXPECT_THAT(refusal<base::SchemaError>("SELECT sumState(number) AS s FROM numbers(7)"),
              HasSubstr("finalizeAggregation(`s`)"));
  EXPECT_THAT(refusal<base::InputError>("SELECT 1 AS `a\\x01b`"), HasSubstr("control character"));
  Options kept = options();
  kept.invalid_utf8 = qvd::InvalidUtf8::kKeep;
  run("SELECT '\\xFF' AS t", kept);
  EXPECT_EQ(PlainFile(out()).cells().front().front(), "\xFF");
}

TEST_F(UnloadTest, AFailureMidwayLeavesWhatWasThere) {
  const std::string late =
      "SELECT number, throwIf(number = 3000000, 'late') AS t FROM numbers(4000000) "
      "SETTINGS max_block_size = 10000, max_threads = 1";
  EXPECT_THAT(refusal<base::ServerError>(late), HasSubstr("late"));
  run("SELECT 1 AS a");
  const std::string before = PlainFile(out()).header.created_at;
  EXPECT_THROW(run(late), base::ServerError);
  EXPECT_EQ(std::distance(fs::directory_iterator(out_folder()), {}), 1);
  EXPECT_EQ(PlainFile(out()).cells(), (Cells{{"1"}}));
}

TEST_F(UnloadTest, MemoryForDistinctValuesHasALimit) {
  Options small = options();
  small.max_symbol_bytes = 4 << 20U;
  const std::string message =
      refusal<base::ConfigError>("SELECT 1 AS one, number AS many FROM numbers(5000000)", small);
  EXPECT_THAT(message, HasSubstr("4194304 are allowed; the largest column is \"many\" with "));
  EXPECT_EQ(run("SELECT number % 1000 AS few FROM numbers(3000000)", small).row_count, 3'000'000u);
}

TEST_F(UnloadTest, WhatIsThereStaysUnlessItIsToBeReplaced) {
  run("SELECT 1 AS a");
  Options kept = options();
  kept.existing = base::Existing::kKeep;
  EXPECT_THROW(run("SELECT 2 AS a", kept), base::IoError);
  EXPECT_EQ(PlainFile(out()).cells(), (Cells{{"1"}}));
  run("SELECT 2 AS a");
  EXPECT_EQ(PlainFile(out()).cells(), (Cells{{"2"}}));
  Options of_folder = options();
  of_folder.out = out_folder();
  EXPECT_THROW(run("SELECT 1 AS a", of_folder), base::IoError);
}

TEST_F(UnloadTest, AStopLeavesNothing) {
  std::stop_source stop;
  EXPECT_THROW(unload(
                   endpoint(), "SELECT number FROM system.numbers", options(),
                   [&](const Progress& progress) {
                     if (progress.row_count > 100'000) stop.request_stop();
                   },
                   stop.get_token()),
               base::Cancelled);
  EXPECT_TRUE(fs::is_empty(out_folder()));
}

}  // namespace
}  // namespace qvdhouse::unload
