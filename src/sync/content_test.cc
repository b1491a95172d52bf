// Files that change where three pieces of them do not show it, and files that are not whole, in
// whole runs into the real engine.
#include "sync/content.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/byte_source.h"
#include "decide/decide.h"
#include "load/load.h"
#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

using schema::LoadMode;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr std::uint32_t kRows = 100'000;
constexpr std::uint32_t kUnseen = 30'000;  // its symbol lies between the three pieces

// A field `id` of 0, 1, 2, … in which one value is another.
std::string large_file(std::int32_t value_of_one) {
  qvd::FieldData id{.name = "id"};
  for (std::uint32_t row = 0; row < kRows; ++row) {
    const auto value = static_cast<std::int32_t>(row);
    id.values.push_back(qvd::Value::of(row == kUnseen ? value_of_one : value));
    id.codes.push_back(row + 1);
  }
  return as_text(qvd::write_qvd({.name = "T", .fields = {id}, .row_count = kRows}));
}

class ContentTest : public SyncTest {
 protected:
  void SetUp() override {
    SyncTest::SetUp();
    ASSERT_EQ(first_.size(), second_.size());
    ASSERT_NE(first_, second_);
    ASSERT_EQ(fingerprint_of(base::MemorySource(std::as_bytes(std::span(first_)))),
              fingerprint_of(base::MemorySource(std::as_bytes(std::span(second_)))));
  }
  void use(LoadMode mode) {
    options_.tables = {{.match = "Sales_*.qvd", .name = "Sales", .where = "test", .mode = mode}};
  }
  // What a version of qvdhouse without content hashes left: tables and rows of these columns.
  static void forget_content_hashes() {
    for (const char* table : {"QvdFileTracking", "QvdFileHistory"}) {
      for (const char* column : {"content_hash", "rows_version"}) {
        query(fmt::format("ALTER TABLE tested.{} DROP COLUMN {}", table, column));
      }
    }
  }
  // Loads a file into its table of mode append as such a version did: under a version made from the
  // fingerprint.
  void load_as_before(const std::string& name) {
    const source::FileEntry file = storage_.list((source_ / name).string(), {}).at(0);
    const auto bytes = storage_.open(file);
    const Placement placement =
        decide::place_file(file.path, options_.tables, options_.load.policy);
    const load::Target target{.table = placement.table,
                              .number = 1,
                              .mode = placement.mode,
                              .rules = placement.rules,
                              .file_key = file.path,
                              .version = version_of(fingerprint_of(*bytes)),
                              .name_parts = {},
                              .shape = {}};
    load::Progress progress;
    load::Result result;
    clickhouse::Endpoint where = endpoint();
    where.database = kDatabase;
    tracking::Tracking tracking(where, kDatabase);
    tracking.ensure_tables();
    load::load_file(*bytes, file.name, where, options_.load, target, progress, result);
    tracking.record(tracking::FileRecord{
        .file_path = file.path,
        .file_name = file.name,
        .table_name = placement.table,
        .file_size = file.size,
        .file_mtime_us = file.mtime_us,
        .processed_at_us = now_us(),
        .row_count = result.row_count,
        .status = tracking::FileState::kCompleted,
        .version = 1,
        .source_type = "file",
        .settings_hash = decide::settings_hash(decide::settings_hash(options_.load), placement),
        .fingerprint = fingerprint_of(*bytes)});
    forget_content_hashes();
  }
  static std::string versions() {
    return query("SELECT count(), uniqExact(_version), countIf(id = -7) FROM tested.Sales");
  }

  const std::string first_ = large_file(static_cast<std::int32_t>(kUnseen));
  const std::string second_ = large_file(-7);
};

TEST_F(ContentTest, AChangeOutsideThePiecesIsLoaded) {
  put("a.qvd", first_);
  sync();
  put("a.qvd", second_, 3'000);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED changed")));
  EXPECT_EQ(query("SELECT countIf(id = -7) FROM tested.QvdA"), "1");
  put("a.qvd", second_, 2'000);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "ADOPTED touched")));
  EXPECT_EQ(tracked("length(content_hash) = 32, content_hash != fingerprint, rows_version"),
            "1\t1\t0");
}

TEST_F(ContentTest, AnotherContentUnderAnotherNameIsNotTakenForMoved) {
  put("a.qvd", first_);
  sync();
  fs::remove(source_ / "a.qvd");
  put("b.qvd", second_);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("b.qvd", "LOADED new")));
  fs::rename(source_ / "b.qvd", source_ / "c.qvd");
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("c.qvd", "ADOPTED moved")));
  EXPECT_EQ(query("SELECT countIf(id = -7) FROM tested.QvdC"), "1");
}

TEST_F(ContentTest, AFileLoadedWithoutAContentHashCountsAsChanged) {
  put("a.qvd", first_);
  sync();
  forget_content_hashes();
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "unchanged")));
  put("a.qvd", first_, 3'000);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED changed")));
  put("a.qvd", first_, 2'000);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "ADOPTED touched")));
}

TEST_F(ContentTest, InAppendSuchAChangeAddsAVersionAndARepeatedCommitNone) {
  use(LoadMode::kAppend);
  put("Sales_1.qvd", first_);
  sync();
  put("Sales_1.qvd", second_, 3'000);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Sales_1.qvd", "LOADED changed")));
  EXPECT_EQ(versions(), "200000\t2\t1");

  // As after a crash between commit and tracking row, and touched besides.
  query("TRUNCATE TABLE tested.QvdFileTracking");
  put("Sales_1.qvd", second_, 2'000);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Sales_1.qvd", "LOADED new")));
  EXPECT_EQ(versions(), "200000\t2\t1");
  EXPECT_EQ(query("SELECT (SELECT max(rows_version) FROM tested.QvdFileTracking) IN (SELECT "
                  "_version FROM tested.Sales)"),
            "1");
}

TEST_F(ContentTest, InAppendRowsOfBeforeContentHashesDoNotComeTwice) {
  use(LoadMode::kAppend);
  put("Sales_1.qvd", first_);
  load_as_before("Sales_1.qvd");
  ASSERT_EQ(versions(), "100000\t1\t0");
  const std::string before = query("SELECT any(_version) FROM tested.Sales");

  options_.full = true;
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Sales_1.qvd", "LOADED full")));
  EXPECT_EQ(versions(), "100000\t1\t0");
  options_.full = false;

  query("DROP TABLE tested.Sales SYNC");
  load_as_before("Sales_1.qvd");
  put("Sales_1.qvd", first_, 3'000);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Sales_1.qvd", "ADOPTED touched")));
  EXPECT_EQ(tracked("length(content_hash), toString(rows_version)"), "32\t" + before);

  // From now on every change is seen, also by a run after one that let the file wait.
  put("Sales_1.qvd", second_, 2'000);
  options_.min_age = std::chrono::hours(24 * 36'500);
  EXPECT_EQ(sync().count(Outcome::kWaiting), 1U);
  options_.min_age = std::chrono::seconds(0);
  EXPECT_EQ(sync().count(Outcome::kLoaded), 1U);
  EXPECT_EQ(versions(), "200000\t2\t1");
}

TEST_F(ContentTest, InAppendRowsOfBeforeContentHashesDoNotComeTwiceWithoutTheirRecord) {
  use(LoadMode::kAppend);
  put("Sales_1.qvd", first_);
  load_as_before("Sales_1.qvd");
  ASSERT_EQ(versions(), "100000\t1\t0");
  query("TRUNCATE TABLE tested.QvdFileTracking");
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Sales_1.qvd", "LOADED new")));
  EXPECT_EQ(versions(), "100000\t1\t0");
}

class TornTest : public SyncTest {
 protected:
  static std::string torn(std::size_t zeros) {
    std::string bytes = qvd_bytes(10'000);
    std::fill_n(bytes.rbegin(), zeros, '\0');
    return bytes;
  }
};

TEST_F(TornTest, AFreshFileWithoutItsEndWaitsAndASettledOneSaysWhatIsDoubtful) {
  put("a.qvd", torn(8'000), 0);
  put("whole.qvd", qvd_bytes(10'000), 0);
  const Summary first = sync();
  EXPECT_THAT(fates(first),
              ElementsAre(Pair("a.qvd", "WAITING unfinished"), Pair("whole.qvd", "LOADED new")));
  EXPECT_THAT(first.files[0].decision.reason, HasSubstr("the last 4000 of 10000 rows"));
  EXPECT_THAT(first.files[1].result.warnings, IsEmpty());

  put("a.qvd", torn(8'000));
  const Summary settled = sync();
  EXPECT_THAT(fates(settled), Contains(Pair("a.qvd", "LOADED changed")));
  EXPECT_THAT(settled.files[0].result.alerts,
              ElementsAre(HasSubstr("the last 4000 of 10000 rows are zero bytes")));
  EXPECT_THAT(tracked("warnings"), HasSubstr("4000 of 10000"));

  put("a.qvd", qvd_bytes(10'000), 0);
  EXPECT_THAT(fates(sync()), Contains(Pair("a.qvd", "LOADED changed")));
  EXPECT_EQ(query("SELECT uniqExact(id) FROM tested.QvdA"), "10000");
}

TEST_F(TornTest, TheSettingRefusesIt) {
  options_.load.zero_tail = load::ZeroTail::kError;
  put("a.qvd", torn(8'000));
  const Summary summary = sync();
  EXPECT_THAT(fates(summary), ElementsAre(Pair("a.qvd", "FAILED new")));
  EXPECT_EQ(summary.files[0].error_class, tracking::ErrorClass::kInput);
  EXPECT_EQ(query("EXISTS tested.QvdA"), "0");
  options_.load.zero_tail = load::ZeroTail::kWarn;
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED settings")));
}

TEST_F(TornTest, AHoleInTheRowsWaitsAndIsCountedLater) {
  constexpr std::uint32_t kMany = 200'000;
  const std::string bytes = qvd_bytes(kMany);
  const std::size_t begin = bytes.size() - 300'000;
  const std::size_t end = bytes.size() - 100'000;
  put("a.qvd", bytes.substr(0, begin));
  {
    std::fstream file(source_ / "a.qvd", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(end));
    file << bytes.substr(end);
  }
  const source::FileEntry entry = storage_.list((source_ / "a.qvd").string(), {}).at(0);
  if (storage_.open(entry)->holes(0, bytes.size()).empty()) {
    GTEST_SKIP() << "the file system of the tests keeps no holes";
  }
  const Summary fresh = sync();
  EXPECT_THAT(fates(fresh), ElementsAre(Pair("a.qvd", "WAITING unfinished")));
  EXPECT_THAT(fresh.files[0].decision.reason, HasSubstr("nothing was written yet from byte"));
  fs::last_write_time(source_ / "a.qvd", fs::file_time_type::clock::now() - std::chrono::hours(1));
  const Summary settled = sync();
  EXPECT_THAT(fates(settled), ElementsAre(Pair("a.qvd", "LOADED changed")));
  EXPECT_THAT(settled.files[0].result.alerts, ElementsAre(HasSubstr("lie in holes of the file")));
}

TEST_F(TornTest, EveryFileWaitsForTheAgeThatIsAskedFor) {
  options_.min_age = std::chrono::seconds(1'800);
  put("old.qvd", qvd_bytes(1), 3'600);
  put("young.qvd", qvd_bytes(1), 600);
  const Summary first = sync();
  EXPECT_THAT(fates(first),
              ElementsAre(Pair("old.qvd", "LOADED new"), Pair("young.qvd", "WAITING unfinished")));
  EXPECT_THAT(first.files[1].decision.reason, HasSubstr("min_age"));
  put("young.qvd", qvd_bytes(1), 1'900);
  EXPECT_THAT(fates(sync()), Contains(Pair("young.qvd", "LOADED changed")));
}

}  // namespace
}  // namespace qvdhouse::sync
