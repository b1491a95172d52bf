// Loads into the real engine: what must be there, what must be seen when it is not, and what must
// never be touched.
#include "load/load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "clickhouse/test_engine.h"
#include "load/checksum.h"
#include "load/staging.h"
#include "load/stream.h"
#include "qvd/writer.h"
#include "schema/cast.h"

namespace qvdhouse::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Load : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (!IsSkipped()) query(fmt::format("CREATE DATABASE {}", kDatabase));
  }

  static std::string tables() {
    return query(
        fmt::format("SELECT arrayStringConcat(arraySort(groupArray(name)), ' ') FROM "
                    "system.tables WHERE database = '{}' FORMAT TSVRaw",
                    kDatabase));
  }
};

// 5,000 rows: an id, a text that repeats, a number with NULLs, a date; rows differ in all of them.
qvd::TableData orders(std::uint64_t rows = 5000) {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData customer{.name = "Customer `x` \"y\""};
  qvd::FieldData amount{.name = "amount"};
  qvd::FieldData day{.name = "day"};
  day.number_format.type = "DATE";
  for (int i = 0; i < 97; ++i)
    customer.values.push_back(qvd::Value::of("клиент " + std::to_string(i)));
  for (int i = 0; i < 500; ++i) amount.values.push_back(qvd::Value::of(i + 0.25));
  for (int i = 0; i < 365; ++i) day.values.push_back(qvd::Value::of(45'000 + i));
  for (std::uint32_t row = 0; row < rows; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row)));
    id.codes.push_back(row + 1);
    customer.codes.push_back(row * 7 % 97 + 1);
    amount.codes.push_back(row % 501);
    day.codes.push_back(row * 3 % 365 + 1);
  }
  return {.name = "Orders", .fields = {id, customer, amount, day}, .row_count = rows};
}

Result load(const base::ByteSource& source, const clickhouse::Endpoint& endpoint,
            const Options& options = {.run_id = "r1"}) {
  Progress progress;
  Result result;
  load_file(source, "Orders.qvd", endpoint, options, progress, result);
  EXPECT_EQ(progress.rows_sent, result.row_count);
  return result;
}

TEST_F(Load, RowsArriveAndNothingElseIsLeft) {
  const auto bytes = qvd::write_qvd(orders());
  const Result result = load(base::MemorySource(bytes), endpoint());
  EXPECT_EQ(result.row_count, 5000u);
  EXPECT_EQ(result.table, "QvdOrders");
  EXPECT_EQ(tables(), "QvdOrders");
  EXPECT_EQ(query(fmt::format("SELECT count(), sum(id), countIf(isNull(amount)), sum(amount), "
                              "min(day), uniqExact(`Customer \\`x\\` \"y\"`) FROM {}.QvdOrders",
                              kDatabase)),
            "5000\t12497500\t10\t1243802.5\t2023-03-15\t97");
  std::vector<std::string> names;
  for (const Step& step : result.steps) names.push_back(step.name);
  EXPECT_THAT(names, ElementsAre("plan", "check", "create", "insert", "verify", "swap"));
}

TEST_F(Load, ASecondLoadReplacesTheRows) {
  const auto first = qvd::write_qvd(orders(5000));
  const auto second = qvd::write_qvd(orders(3000));
  load(base::MemorySource(first), endpoint());
  load(base::MemorySource(second), endpoint(), {.run_id = "r2"});
  EXPECT_EQ(tables(), "QvdOrders");
  EXPECT_EQ(query(fmt::format("SELECT count() FROM {}.QvdOrders", kDatabase)), "3000");
}

TEST_F(Load, NoMergeTakesARowAway) {
  qvd::TableData table = orders(20'000);
  table.fields[1].tags = {"$key"};  // a key of 97 values
  const auto bytes = qvd::write_qvd(table);
  const base::MemorySource source(bytes);
  load(source, endpoint());
  EXPECT_THAT(
      query(fmt::format("SELECT sorting_key FROM system.tables WHERE database = '{}'", kDatabase)),
      HasSubstr("Customer"));
  query(fmt::format("OPTIMIZE TABLE {}.QvdOrders FINAL", kDatabase));
  EXPECT_EQ(query(fmt::format("SELECT count() FROM {}.QvdOrders", kDatabase)), "20000");
  EXPECT_THAT(verify_table(source, "Orders.qvd", endpoint(), {}), IsEmpty());
}

TEST_F(Load, AnEmptyTableIsATable) {
  const auto bytes = qvd::write_qvd(orders(0));
  load(base::MemorySource(bytes), endpoint());
  EXPECT_EQ(query(fmt::format("SELECT count() FROM {}.QvdOrders", kDatabase)), "0");
}

TEST_F(Load, ACellMayHaveAHundredMegabytes) {
  std::string text(100'000'000, 'x');
  text.back() = '!';
  qvd::FieldData large{.name = "large", .values = {}, .codes = {1, 2}};
  large.values = {qvd::Value::of(text), qvd::Value::of(std::string_view("small"))};
  const auto bytes = qvd::write_qvd({.name = "Orders", .fields = {large}, .row_count = 2});
  const base::MemorySource source(bytes);
  load(source, endpoint());
  EXPECT_EQ(query(fmt::format("SELECT max(length(large)), countIf(endsWith(large, '!')) FROM "
                              "{}.QvdOrders",
                              kDatabase)),
            "100000000\t1");
  EXPECT_THAT(verify_table(source, "Orders.qvd", endpoint(), {}), IsEmpty());
}

TEST_F(Load, SmallBatchesMakeNoMoreParts) {
  const auto bytes = qvd::write_qvd(orders(20'000));
  const base::MemorySource source(bytes);
  load(source, endpoint(), {.batch_rows = 100, .streams = 2, .run_id = "r1"});
  const std::string parts = query(fmt::format(
      "SELECT count() <= 2 FROM system.parts WHERE database = '{}' AND active", kDatabase));
  EXPECT_EQ(parts, "1");
  EXPECT_THAT(verify_table(source, "Orders.qvd", endpoint(), {}), IsEmpty());
}

TEST_F(Load, ALargeTableKeepsNothingOfTheVerification) {
  auto table = orders(kSmallTableRows + 1000);
  table.fields[0].tags = {"$key"};
  const auto bytes = qvd::write_qvd(table);
  const base::MemorySource source(bytes);
  load(source, endpoint());
  const std::string created =
      query(fmt::format("SHOW CREATE TABLE {}.QvdOrders FORMAT TSVRaw", kDatabase));
  EXPECT_THAT(created, HasSubstr("ORDER BY (day, id)"));
  EXPECT_THAT(created, Not(HasSubstr("PROJECTION")));
  EXPECT_THAT(verify_table(source, "Orders.qvd", endpoint(), {}), IsEmpty());
  // Every row gets the day of the next one: no column's sum changes.
  query(fmt::format("CREATE TABLE {0}.days ENGINE = Memory AS SELECT id, day FROM {0}.QvdOrders",
                    kDatabase));
  query(fmt::format("CREATE TABLE {0}.torn AS {0}.QvdOrders", kDatabase));
  query(fmt::format(
      "INSERT INTO {0}.torn SELECT q.* REPLACE(days.day AS day) FROM {0}.QvdOrders AS q "
      "JOIN {0}.days AS days ON days.id = (q.id + 1) % {1}",
      kDatabase, kSmallTableRows + 1000));
  query(fmt::format("EXCHANGE TABLES {0}.torn AND {0}.QvdOrders", kDatabase));
  EXPECT_THAT(fmt::format("{}", fmt::join(verify_table(source, "Orders.qvd", endpoint(), {}), ";")),
              HasSubstr("rows are torn apart"));
}

// What verify_table says after `sql` was run on a freshly loaded table.
class Tampered : public Load,
                 public ::testing::WithParamInterface<std::pair<std::string, std::string>> {};

TEST_P(Tampered, IsSeen) {
  const auto bytes = qvd::write_qvd(orders());
  const base::MemorySource source(bytes);
  load(source, endpoint());
  EXPECT_THAT(verify_table(source, "Orders.qvd", endpoint(), {}), IsEmpty());
  query(fmt::format(fmt::runtime(GetParam().first),
                    fmt::arg("t", fmt::format("{}.QvdOrders", kDatabase))));
  const auto found = verify_table(source, "Orders.qvd", endpoint(), {});
  EXPECT_THAT(fmt::format("{}", fmt::join(found, "; ")), HasSubstr(GetParam().second));
}

INSTANTIATE_TEST_SUITE_P(
    All, Tampered,
    ::testing::Values(
        std::pair{"DELETE FROM {t} WHERE id = 17", "rows: the file has 5000, the table has 4999"},
        std::pair{"INSERT INTO {t} SELECT * FROM {t} WHERE id = 17", "the table has 5001"},
        std::pair{
            "ALTER TABLE {t} UPDATE amount = 0 WHERE isNull(amount) SETTINGS mutations_sync=1",
            "column \"amount\": the file has 10 NULLs, the table has 0"},
        std::pair{
            "ALTER TABLE {t} UPDATE amount = amount + 1 WHERE id = 17 SETTINGS mutations_sync=1",
            "column \"amount\": the sum of the values' hashes is"},
        // Two rows change their amounts: every column's sum stays as it was.
        std::pair{"ALTER TABLE {t} UPDATE amount = multiIf(id = 1, 1.25, id = 2, 0.25, amount) "
                  "WHERE 1 SETTINGS mutations_sync=1",
                  "rows are torn apart"},
        std::pair{"ALTER TABLE {t} DROP COLUMN amount SETTINGS mutations_sync=1",
                  "expected 4 columns, found 3"}));

TEST_F(Load, AnothersTableIsNeverReplaced) {
  query(
      fmt::format("CREATE TABLE {}.QvdOrders (x UInt8) ENGINE = MergeTree ORDER BY x", kDatabase));
  const auto bytes = qvd::write_qvd(orders());
  const base::MemorySource source(bytes);
  EXPECT_THROW(load(source, endpoint()), base::SchemaError);
  EXPECT_EQ(tables(), "QvdOrders");
  EXPECT_EQ(query(fmt::format("SELECT name FROM system.columns WHERE database = '{}'", kDatabase)),
            "x");
}

TEST_F(Load, AnIndexOutOfRangeInTheLastRowIsSeenBeforeAnythingIsSent) {
  auto bytes = qvd::write_qvd(orders());
  // The last record is all ones: an index past the end of every symbol table.
  std::fill(bytes.end() - 4, bytes.end(), std::byte{0xFF});
  const base::MemorySource source(bytes);
  try {
    load(source, endpoint());
    FAIL() << "an index out of range was accepted";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("4999"));
  }
  EXPECT_EQ(tables(), "");
}

// A file over a network: each byte that is read is counted.
class RemoteSource : public base::MemorySource {
 public:
  using base::MemorySource::MemorySource;
  bool is_remote() const override { return true; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    base::MemorySource::read_at(offset, out);
    bytes_read += out.size();
  }
  mutable std::atomic<std::uint64_t> bytes_read{0};
};

TEST_F(Load, RemoteRowsAreReadOnceAndVerified) {
  const auto bytes = qvd::write_qvd(orders(20'000));
  const RemoteSource source(bytes);
  load(source, endpoint(), {.batch_rows = 700, .streams = 3, .run_id = "r1"});
  EXPECT_LE(source.bytes_read, bytes.size() + 65'536);  // what came along with the header
  EXPECT_THAT(verify_table(base::MemorySource(bytes), "Orders.qvd", endpoint(), {}), IsEmpty());
}

TEST_F(Load, AnIndexOutOfRangeInARemoteFileLeavesNothing) {
  const auto old = qvd::write_qvd(orders(3000));
  load(base::MemorySource(old), endpoint());
  auto bytes = qvd::write_qvd(orders());
  std::fill(bytes.end() - 4, bytes.end(), std::byte{0xFF});
  const RemoteSource source(bytes);
  EXPECT_THROW(load(source, endpoint(), {.batch_rows = 700, .run_id = "r2"}), base::InputError);
  EXPECT_EQ(tables(), "QvdOrders");
  EXPECT_EQ(query(fmt::format("SELECT count() FROM {}.QvdOrders", kDatabase)), "3000");
}

// A file that is another one when the rows have been read.
class ChangingSource : public base::MemorySource {
 public:
  using base::MemorySource::MemorySource;
  void check_unchanged() const override { throw base::ChangedError("the file changed"); }
};

TEST_F(Load, AFileThatChangedMeanwhileLeavesTheOldRows) {
  const auto first = qvd::write_qvd(orders(5000));
  load(base::MemorySource(first), endpoint());
  const auto second = qvd::write_qvd(orders(3000));
  const ChangingSource changing(second);
  EXPECT_THROW(load(changing, endpoint()), base::ChangedError);
  EXPECT_EQ(tables(), "QvdOrders");
  EXPECT_EQ(query(fmt::format("SELECT count() FROM {}.QvdOrders", kDatabase)), "5000");
}

TEST_F(Load, AStopRollsBack) {
  const auto bytes = qvd::write_qvd(orders());
  const base::MemorySource source(bytes);
  std::stop_source stop;
  stop.request_stop();
  Progress progress;
  Result result;
  EXPECT_THROW(load_file(source, "Orders.qvd", endpoint(), {.run_id = "r1"}, progress, result,
                         stop.get_token()),
               base::Cancelled);
  EXPECT_EQ(tables(), "");
}

TEST(Prepare, AStopEndsThePlanning) {
  const auto bytes = qvd::write_qvd(orders());
  const base::MemorySource source(bytes);
  std::stop_source stop;
  EXPECT_NO_THROW(prepare(source, "Orders.qvd", {}, {}, stop.get_token()));
  stop.request_stop();
  EXPECT_THROW(prepare(source, "Orders.qvd", {}, {}, stop.get_token()), base::Cancelled);
}

TEST(BlockEncoder, HalvesBlocksWhoseTextsAreTooLarge) {
  qvd::FieldData text{.name = "t"};
  for (int i = 0; i < 20'000; ++i) text.values.push_back(qvd::Value::of(std::to_string(i)));
  text.values.push_back(qvd::Value::of(std::string(50'000, 'x')));
  for (int row = 0; row < 1000; ++row) text.codes.push_back(20'001);  // all the longest
  const auto bytes = qvd::write_qvd({.name = "T", .fields = {text}, .row_count = 1000});
  const base::MemorySource source(bytes);
  const PreparedFile file = prepare(source, "T.qvd", {});
  std::vector<ColumnValues> columns;
  columns.push_back({"t", 0, schema::cast_symbols(file.symbols[0], file.plan.columns[0])});
  const qvd::RowDecoder decoder(file.header);
  constexpr std::uint64_t kLimit = 1 << 20;
  BlockEncoder encoder(file.header, decoder, columns, kLimit);
  std::vector<std::byte> records;
  qvd::read_records(source, file.header, 0, 1000, records);
  encoder.start(0, 1000, records);
  std::uint64_t rows = 0;
  std::vector<std::uint64_t> block_bytes;
  for (auto piece = encoder.next(); !piece.empty(); piece = encoder.next()) {
    if (encoder.rows_begun() != 0) block_bytes.push_back(0);
    block_bytes.back() += piece.size();
    rows += encoder.rows_begun();
  }
  EXPECT_EQ(rows, 1000u);
  EXPECT_GE(block_bytes.size(), 48u);
  for (const std::uint64_t bytes_sent : block_bytes) {
    EXPECT_LE(bytes_sent, kLimit + 100);  // names and counts
  }
}

}  // namespace
}  // namespace qvdhouse::load
