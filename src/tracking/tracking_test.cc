#include "tracking/tracking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "clickhouse/test_engine.h"
#include "tracking/row_binary.h"

namespace qvdhouse::tracking {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Every member set, and bytes that JSON or SQL would not carry.
FileRecord hostile_record(const std::string& path) {
  return {.file_path = path,
          .file_name = "it's \\ \"odd\"\t\n\xff.qvd",
          .table_name = "Qvd`Odd",
          .file_size = UINT64_MAX,
          .file_mtime_us = -1'234'567,
          .file_etag = std::string("nul\0inside", 10),
          .processed_at_us = 1'783'851'300'123'456,
          .processing_duration_seconds = 0.1,
          .row_count = 12'345'678'901,
          .status = tracking::FileState::kFailed,
          .error_message = std::string(300, 'x') + "ünï\xc3",
          .version = 7,
          .batch_size = 65'536,
          .source_type = "file",
          .run_id = "run",
          .error_class = tracking::ErrorClass::kInput,
          .failure_count = 3,
          .retry_at_us = 1,
          .qvd_created_at = "2024-02-30 99:99:99",
          .schema = "[[\"a\",\"Int64\"]]",
          .warnings = {"one", "", "t\xffo"},
          .settings_hash = "0123456789abcdef",
          .fingerprint = "fedcba9876543210fedcba9876543210",
          .stored_as = "/before\n'it' moved\xff.qvd",
          .content_hash = "0123456789abcdef0123456789abcdef",
          .rows_version = 0xfedcba9876543210,
          .rows_quarantined = 5,
          .rows_dropped = 6,
          .rows_hash = 0xFEDCBA9876543210,
          .taken = "/done/it's\xff.qvd"};
}

std::string bytes_of(const FileRecord& record) {
  RowWriter writer;
  write(writer, record);
  const auto bytes = writer.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(RowBinary, ARecordComesBackExactly) {
  const std::string bytes = bytes_of(hostile_record("/a"));
  const std::vector<FileRecord> read = read_files(bytes);
  ASSERT_THAT(read, SizeIs(1));
  const FileRecord& back = read.front();
  EXPECT_EQ(bytes_of(back), bytes);
  EXPECT_EQ(back.warnings, hostile_record("/a").warnings);
  EXPECT_EQ(back.fingerprint, hostile_record("/a").fingerprint);
  EXPECT_EQ(back.stored_as, hostile_record("/a").stored_as);
}

TEST(RowBinary, AnAnswerCutAnywhereIsAnError) {
  const std::string bytes = bytes_of(hostile_record("/a"));
  for (std::size_t end = 1; end < bytes.size(); ++end) {
    EXPECT_THROW(read_files(std::string_view(bytes).substr(0, end)), base::ServerError) << end;
  }
  RowReader endless("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  std::string text;
  EXPECT_THROW(endless(text), base::ServerError);
}

class TrackingTest : public tests::SharedEngine {
 protected:
  static Tracking tracking(unsigned history_days = 90) {
    Tracking tracking(endpoint(), kDatabase, history_days);
    tracking.ensure_tables();
    return tracking;
  }
};

TEST_F(TrackingTest, NothingIsKnownBeforeTheTablesAreThere) {
  Tracking absent(endpoint(), kDatabase);
  EXPECT_THAT(absent.files(), IsEmpty());
  EXPECT_THAT(absent.history("", 10), IsEmpty());
  EXPECT_THAT(absent.tables(), IsEmpty());
  EXPECT_EQ(absent.find("/a"), std::nullopt);
  EXPECT_NO_THROW(absent.forget({"/a"}));
}

TEST_F(TrackingTest, AnyBytesComeBackAsTheyWentIn) {
  Tracking table = tracking();
  const std::string path = "/data/it's\n\xff\\.qvd";
  table.record(hostile_record(path));
  const std::vector<FileRecord> files = table.files();
  ASSERT_THAT(files, SizeIs(1));
  EXPECT_EQ(bytes_of(files[0]), bytes_of(hostile_record(path)));
  ASSERT_TRUE(table.find(path));
  EXPECT_EQ(bytes_of(*table.find(path)), bytes_of(hostile_record(path)));
  EXPECT_EQ(table.find("/data/it's"), std::nullopt);
}

TEST_F(TrackingTest, OneRowPerFileUnderFinalAndTheNewestVersionWins) {
  Tracking table = tracking();
  FileRecord file = hostile_record("/a");
  file.version = 9;
  file.status = tracking::FileState::kCompleted;
  table.record({file, hostile_record("/b")});
  table.record(hostile_record("/a"));  // version 7, written later
  EXPECT_EQ(query("SELECT count() FROM tested.QvdFileTracking FINAL"), "2");
  EXPECT_EQ(table.find("/a")->status, tracking::FileState::kCompleted);
  EXPECT_EQ(query("SELECT file_path, processed_at FROM (SELECT * FROM tested.QvdFileTracking FINAL "
                  "ORDER BY processed_at DESC) ORDER BY file_path LIMIT 1"),
            "/a\t2026-07-12 10:15:00.123456");
}

// As the pipeline's code says (a row a state of a file, times as text), also with types that
// another release of its framework may have made.
TEST_F(TrackingTest, TheTableOfThePythonPipelineIsTakenOver) {
  query("CREATE DATABASE IF NOT EXISTS tested");
  query(
      "CREATE TABLE tested.QvdFileTracking (file_path String, file_name String, table_name String, "
      "file_size Int64, file_mtime Nullable(String), file_etag Nullable(String), processed_at "
      "String, processing_duration_seconds Nullable(Float64), row_count Nullable(Int64), status "
      "String, error_message Nullable(String), version Int64, source_type "
      "LowCardinality(String)) ENGINE = ReplacingMergeTree ORDER BY (file_path, processed_at)");
  query(
      "INSERT INTO tested.QvdFileTracking VALUES "
      "('/data/it''s.qvd', 'it''s.qvd', 'QvdIt''s', 10, '1730800000.1234567', NULL, "
      "'2025-01-02T03:04:05.678900', 0, 0, 'processing', NULL, 1, 'file'), "
      "('/data/it''s.qvd', 'it''s.qvd', 'QvdIt''s', 10, '1730800000.1234567', NULL, "
      "'2025-01-02T03:04:05.678901', 2.5, 1234, 'completed', NULL, 1, 'file'), "
      "('/data/it''s.qvd', 'it''s.qvd', 'QvdIt''s', 9, '1', NULL, "
      "'2025-01-01T00:00:00', 1, 7, 'failed', 'no such field', 1, 'file'), "
      "('bucket/a.qvd', '', 'QvdA', 20, '2024-11-05 10:11:12+00:00', '\"abc\"', "
      "'2025-01-02T00:00:00+00:00', 1, 5, 'failed', 'Ключ', 1, 's3')");
  Tracking table(endpoint(), kDatabase);
  const std::vector<FileRecord> before = table.files();  // as `plan` sees it
  EXPECT_EQ(query("EXISTS TABLE tested.QvdFileTracking_original"), "0");

  EXPECT_TRUE(table.ensure_tables());
  EXPECT_FALSE(table.ensure_tables());
  EXPECT_EQ(query("SELECT count() FROM tested.QvdFileTracking_original"), "4");
  EXPECT_EQ(query("SELECT count() FROM system.tables WHERE database = 'tested' AND name LIKE "
                  "'%adopted%'"),
            "0");
  const std::vector<FileRecord> files = table.files();
  ASSERT_THAT(files, SizeIs(2));
  ASSERT_THAT(before, SizeIs(2));
  for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(bytes_of(before[i]), bytes_of(files[i]));
  EXPECT_EQ(bytes_of(files[0]), bytes_of({.file_path = "/data/it's.qvd",
                                          .file_name = "it's.qvd",
                                          .table_name = "QvdIt's",
                                          .file_size = 10,
                                          .file_mtime_us = 1'730'800'000'123'456,
                                          .processed_at_us = 1'735'787'045'678'901,
                                          .processing_duration_seconds = 2.5,
                                          .row_count = 1234,
                                          .status = FileState::kCompleted,
                                          .version = 1,
                                          .source_type = "file",
                                          .run_id = "original"}));
  EXPECT_EQ(bytes_of(files[1]), bytes_of({.file_path = "s3://bucket/a.qvd",
                                          .file_name = "a.qvd",
                                          .table_name = "QvdA",
                                          .file_size = 20,
                                          .file_mtime_us = 1'730'801'472'000'000,
                                          .processed_at_us = 1'735'776'000'000'000,
                                          .processing_duration_seconds = 1,
                                          .row_count = 5,
                                          .status = FileState::kFailed,
                                          .error_message = "Ключ",
                                          .version = 1,
                                          .source_type = "s3",
                                          .run_id = "original"}));
}

TEST_F(TrackingTest, AnotherTableOfThatNameIsNoOriginalAndAnOldOneIsNotOverwritten) {
  query("CREATE DATABASE IF NOT EXISTS tested");
  query(
      "CREATE TABLE tested.QvdFileTracking (file_path String, file_size String) "
      "ENGINE = Memory");
  Tracking table(endpoint(), kDatabase);
  EXPECT_THROW(table.ensure_tables(), base::ConfigError);
  query("DROP TABLE tested.QvdFileTracking");
  query(
      "CREATE TABLE tested.QvdFileTracking (file_path String, file_size UInt64, file_mtime "
      "String, processed_at String, status String) ENGINE = Memory");
  query("CREATE TABLE tested.QvdFileTracking_original (a Int8) ENGINE = Memory");
  EXPECT_THROW(table.ensure_tables(), base::ConfigError);
  EXPECT_EQ(query("SELECT type FROM system.columns WHERE database = 'tested' AND table = "
                  "'QvdFileTracking' AND name = 'file_mtime'"),
            "String");
}

TEST_F(TrackingTest, AServerWithoutMapAndDateTime64KeepsTheSame) {
  clickhouse::Endpoint old = endpoint();
  old.dialect.has_map = false;
  old.dialect.has_datetime64 = false;
  Tracking table(old, kDatabase, 0);
  table.ensure_tables();
  const Attempt attempt = {.file = hostile_record("/a"),
                           .attempt_id = "1",
                           .reason = "new",
                           .started_at_us = 1'783'851'300'000'001,
                           .finished_at_us = 1'783'851'301'000'000,
                           .bytes_sent = 5,
                           .steps = {{"list", 0.25}, {"insert", 1.5}}};
  Attempt bare = attempt;
  bare.attempt_id = "2";
  bare.steps.clear();
  table.record(std::vector<Attempt>{attempt, bare});
  EXPECT_EQ(query("SELECT toTypeName(started_at), toTypeName(`steps.name`), `steps.seconds` FROM "
                  "tested.QvdFileHistory WHERE attempt_id = '1'"),
            "Int64\tArray(String)\t[0.25,1.5]");
  const std::vector<Attempt> back = table.history("/a", 10);
  ASSERT_THAT(back, SizeIs(2));
  const std::size_t first = back[0].attempt_id == "1" ? 0 : 1;
  EXPECT_EQ(bytes_of(back[first].file), bytes_of(attempt.file));
  EXPECT_EQ(back[first].started_at_us, attempt.started_at_us);
  ASSERT_THAT(back[first].steps, SizeIs(2));
  EXPECT_EQ(back[first].steps[1].name, "insert");
  EXPECT_EQ(back[first].steps[1].seconds, 1.5);
  EXPECT_THAT(back[1 - first].steps, IsEmpty());
}

TEST_F(TrackingTest, HistoryKeepsEveryAttemptNewestFirst) {
  Tracking table = tracking(0);  // these attempts are older than any expiry
  std::vector<Attempt> attempts;
  for (std::uint32_t i = 1; i <= 3; ++i) {
    attempts.push_back({.file = hostile_record("/data/Item.QVD"),
                        .attempt_id = std::to_string(i),
                        .attempt = i,
                        .reason = "new",
                        .started_at_us = 1'783'851'300'000'000 + i,
                        .finished_at_us = 1'783'851'301'000'000,
                        .bytes_sent = 5,
                        .steps = {{"list", 0.25}, {"insert", i * 1.5}}});
    attempts.back().file.file_name = "Item.QVD";
  }
  table.record(attempts);
  table.record(attempts);  // the answer to an insert may get lost
  const std::vector<Attempt> back = table.history("", 10);
  ASSERT_THAT(back, SizeIs(3));
  EXPECT_EQ(back[0].attempt_id, "3");
  EXPECT_EQ(back[0].steps[1].name, "insert");
  EXPECT_EQ(back[0].steps[1].seconds, 4.5);
  EXPECT_THAT(table.history("", 2), SizeIs(2));
  for (const char* name : {"/data/Item.QVD", "item.qvd", "ITEM"}) {
    EXPECT_THAT(table.history(name, 10), SizeIs(3)) << name;
  }
  EXPECT_THAT(table.history("Ite", 10), IsEmpty());
}

TEST_F(TrackingTest, ForgottenFilesAreGoneAtOnce) {
  Tracking table = tracking();
  std::vector<FileRecord> files;
  std::vector<std::string> paths;
  for (int i = 0; i < 3'000; ++i) {
    paths.push_back(std::string(100, 'p') + "'" + std::to_string(i));
    files.push_back({.file_path = paths.back()});
  }
  files.push_back({.file_path = "kept"});
  table.record(files);
  table.forget(paths);
  EXPECT_THAT(table.files(), ElementsAre(testing::Field(&FileRecord::file_path, "kept")));
}

TEST_F(TrackingTest, ExpiryFollowsTheSetting) {
  const auto engine_of = [] {
    return query(
        "SELECT engine_full FROM system.tables WHERE database = 'tested' AND name = "
        "'QvdFileHistory'");
  };
  tracking(30);
  EXPECT_THAT(engine_of(), HasSubstr("toIntervalDay(30)"));
  tracking(7);
  EXPECT_THAT(engine_of(), HasSubstr("toIntervalDay(7)"));
  tracking(0);
  EXPECT_THAT(engine_of(), testing::Not(HasSubstr("TTL")));
}

// As an older version left them: its rows stay, and say nothing of what it did not know.
TEST_F(TrackingTest, ColumnsThatAnOlderVersionLackedAreAdded) {
  tracking(0).record(hostile_record("/old"));
  for (const char* table : {"QvdFileTracking", "QvdFileHistory"}) {
    for (const char* column :
         {"settings_hash", "fingerprint", "stored_as", "content_hash", "rows_version",
          "rows_quarantined", "rows_dropped", "rows_hash", "taken"}) {
      query(std::string("ALTER TABLE tested.") + table + " DROP COLUMN " + column);
    }
  }
  Tracking table = tracking(0);
  ASSERT_TRUE(table.find("/old"));
  EXPECT_EQ(table.find("/old")->warnings, hostile_record("/old").warnings);
  EXPECT_EQ(table.find("/old")->fingerprint, "");
  EXPECT_EQ(table.find("/old")->stored_as, "");
  table.record(hostile_record("/a"));
  EXPECT_EQ(bytes_of(*table.find("/a")), bytes_of(hostile_record("/a")));
  table.record(std::vector<Attempt>{{.file = hostile_record("/a"), .attempt_id = "1"}});
  const std::vector<Attempt> attempts = table.history("/a", 10);
  ASSERT_THAT(attempts, SizeIs(1));
  EXPECT_EQ(bytes_of(attempts[0].file), bytes_of(hostile_record("/a")));
}

// Commands that only look bring nothing up to date.
TEST_F(TrackingTest, ATableOfAnOlderVersionIsReadAsItIs) {
  Tracking table = tracking(0);
  table.record(hostile_record("/old"));
  table.record(std::vector<Attempt>{{.file = hostile_record("/old"), .attempt_id = "1"}});
  for (const char* name : {"QvdFileTracking", "QvdFileHistory"}) {
    for (const char* column : {"content_hash", "rows_version", "rows_quarantined", "rows_dropped",
                               "rows_hash", "taken"}) {
      query(std::string("ALTER TABLE tested.") + name + " DROP COLUMN " + column);
    }
  }
  ASSERT_TRUE(table.find("/old"));
  EXPECT_EQ(table.find("/old")->content_hash, "");
  EXPECT_EQ(table.find("/old")->rows_version, 0U);
  EXPECT_EQ(table.find("/old")->rows_quarantined, 0U);
  EXPECT_EQ(table.find("/old")->stored_as, hostile_record("/old").stored_as);
  EXPECT_THAT(table.files(), SizeIs(1));
  EXPECT_THAT(table.files_that_are(FileState::kFailed), SizeIs(1));
  EXPECT_THAT(table.history("/old", 10), SizeIs(1));
  EXPECT_EQ(query("SELECT count() FROM system.columns WHERE database = 'tested' AND name = "
                  "'content_hash'"),
            "0");
}

TEST_F(TrackingTest, TheLastLoadsOfEachFileCountAllRowsOfTheFile) {
  EXPECT_THAT(Tracking(endpoint(), kDatabase).past_loads({}, 3), IsEmpty());
  Tracking table = tracking(0);
  const auto attempt = [&](const std::string& path, std::uint64_t rows, FileState status) {
    static std::int64_t at = 1'000'000;
    Attempt made{.file = hostile_record(path),
                 .attempt_id = std::to_string(++at),
                 .started_at_us = at * 1'000'000};
    made.file.status = status;
    made.file.row_count = rows;
    made.file.rows_quarantined = 1;
    made.file.rows_dropped = 2;
    made.file.rows_filtered = 4;
    made.file.file_size = rows * 10;
    table.record(std::vector<Attempt>{made});
  };
  for (const std::uint64_t rows : {1U, 2U, 3U, 4U}) attempt("/it's", rows, FileState::kCompleted);
  attempt("/it's", 99, FileState::kFailed);
  attempt("/b", 5, FileState::kCompleted);
  const PastLoads all = table.past_loads({}, 3);
  EXPECT_THAT(all, SizeIs(2));
  const std::vector<PastLoad>& loads = all.at("/it's");
  ASSERT_THAT(loads, SizeIs(3));
  EXPECT_EQ(loads[0].rows, 11U);  // the newest first
  EXPECT_EQ(loads[0].bytes, 40U);
  EXPECT_EQ(loads[2].rows, 9U);
  EXPECT_THAT(table.past_loads({"/b", "/not there"}, 3), SizeIs(1));
  // Too many for one statement.
  std::set<std::string> many = {"/b"};
  for (int i = 0; i < 300; ++i) many.insert(std::to_string(i) + std::string(1'000, 'x'));
  EXPECT_THAT(table.past_loads(many, 3), SizeIs(1));
}

TEST_F(TrackingTest, ATableOfAnotherShapeIsRefused) {
  tracking();
  query("DROP TABLE tested.QvdFileTracking SYNC");
  query(
      "CREATE TABLE tested.QvdFileTracking (file_path String, file_mtime String) ENGINE = "
      "MergeTree ORDER BY file_path");
  try {
    tracking();
    FAIL() << "accepted";
  } catch (const base::ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("tested.QvdFileTracking, column file_mtime: expected "
                                        "DateTime64(6, 'UTC'), found String"));
  }
}

}  // namespace
}  // namespace qvdhouse::tracking
