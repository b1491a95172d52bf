// `qvdhouse state`: what a target knows of its files moves to another one, which loads none again.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "tests/e2e/target_fixture.h"

namespace qvdhouse::tests {
namespace {

using qvd::Value;
using ::testing::AllOf;
using ::testing::HasSubstr;

class State : public TargetCommandLine, public ::testing::WithParamInterface<TargetKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(GetParam());
  }
  std::string text_of(const std::string& name) const {
    std::ifstream file(folder / name, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  // All that is dumped, with times to the microsecond, as the server itself tells it.
  std::string known() const {
    const std::string told = told_by_server();
    return GetParam() == TargetKind::kOldest ? with_rounded_durations(told) : told;
  }
  std::string told_by_server() const {
    return query("SELECT * FROM QvdFileTracking FINAL ORDER BY file_path") + "\n" +
           query("SELECT * FROM QvdFileHistory ORDER BY file_path, started_at") + "\n" +
           query("SELECT * FROM QvdRunHistory FINAL ORDER BY run_id");
  }
  // 18.16 reads a number that has a fraction to all but its last bit.
  static std::string with_rounded_durations(const std::string& text) {
    static const std::regex kFraction(R"(\t\d+\.\d+)");
    std::string rounded;
    auto at = text.begin();
    for (std::sregex_iterator hit(text.begin(), text.end(), kFraction), end; hit != end; ++hit) {
      rounded.append(at, text.begin() + hit->position());
      rounded += fmt::format("\t{:.6f}", std::stod(hit->str().substr(1)));
      at = text.begin() + hit->position() + hit->length();
    }
    return rounded.append(at, text.end());
  }
  void drop_tracking() const {
    for (const std::string table :
         {"QvdFileTracking", "QvdFileHistory", "QvdRunHistory", "QvdWorkflowState"}) {
      query("DROP TABLE IF EXISTS " + table);
    }
  }
};

TEST_P(State, MovesToATargetThatLoadsNothingAgain) {
  write_table(qvd("it's a \"q\" Ключ.qvd"), {{.name = "id", .cells = {Value::of(1)}}});
  write_table(qvd("b.qvd"), {{.name = "id", .cells = {Value::of(1), Value::of(2)}}});
  write_broken_qvd("c.qvd");
  EXPECT_EQ(sync(7)["loaded"], 2);
  const std::string before = known();
  Finished run = on_target({"state", "dump", "state.jsonl"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("3 rows of QvdFileTracking"));
  EXPECT_EQ(on_target({"state", "dump"}).out, text_of("state.jsonl"));

  drop_tracking();
  run = on_target({"state", "restore", "state.jsonl"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(known(), before);
  EXPECT_EQ(sync(7)["loaded"], 0);

  // It is not added to what a target knows; it may take its place.
  run = on_target({"state", "restore", "state.jsonl"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, AllOf(HasSubstr("3 files"), HasSubstr("--replace")));
  run = on_target({"state", "restore", "state.jsonl", "--replace"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(known(), before);
  // A history alone is not thrown away either.
  query("DROP TABLE QvdFileTracking");
  run = on_target({"state", "restore", "state.jsonl"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, AllOf(HasSubstr("1 row of QvdRunHistory"), HasSubstr("--replace")));
  EXPECT_EQ(query("SELECT count() FROM QvdFileHistory"), "3");
}

TEST_P(State, AFileThatIsNotWholeChangesNothing) {
  write_table(qvd("b.qvd"), {{.name = "id", .cells = {Value::of(1)}}});
  EXPECT_EQ(sync()["loaded"], 1);
  ASSERT_EQ(on_target({"state", "dump", "state.jsonl"}).exit_code, 0);
  const std::string before = known();
  const std::string whole = text_of("state.jsonl");
  const std::string row = whole.substr(whole.find("{\"table\":\"QvdFileTracking\"}"));
  for (const std::string& text :
       {std::string(), std::string("{}\n"), whole.substr(0, whole.size() / 2),
        whole.substr(0, whole.rfind("{\"end\"")), std::string("{\"qvdhouse_state\":2}\n") + row,
        std::string("{\"qvdhouse_state\":1}\n{\"table\":\"QvdItem\"}\n{\"end\":true,\"rows\":0}\n"),
        whole.substr(0, whole.rfind("\"rows\":")) + "\"rows\":99}\n"}) {
    write_text("cut.jsonl", text);
    const Finished run = on_target({"state", "restore", "cut.jsonl", "--replace"});
    EXPECT_EQ(run.exit_code, 4) << text << run.out << run.err;
    EXPECT_THAT(run.err, HasSubstr("not a whole file of `qvdhouse state dump`")) << text;
  }
  EXPECT_EQ(known(), before);
  const Finished run = on_target({"state", "dump", "no folder/state.jsonl"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("no folder/state.jsonl cannot be written"));
}

// Files that the Python pipeline has loaded are not loaded again; its tables stay until a file
// changes, and are not overwritten then.
TEST_P(State, OfThePythonPipelineIsTakenOver) {
  write_table(qvd("First.qvd"), {{.name = "id", .cells = {Value::of(1)}}});
  EXPECT_EQ(sync()["loaded"], 1);  // the database is there
  drop_tracking();
  write_table(qvd("Item.qvd"), {{.name = "id", .cells = {Value::of(1)}}});
  const auto path = std::filesystem::canonical(qvd("Item.qvd"));
  const auto mtime = std::chrono::file_clock::to_sys(std::filesystem::last_write_time(path));
  const double seconds = std::chrono::duration<double>(mtime.time_since_epoch()).count();
  query(
      "CREATE TABLE QvdFileTracking (file_path String, file_name String, table_name String, "
      "file_size Int64, file_mtime String, file_etag String, processed_at String, "
      "processing_duration_seconds Float64, row_count Int64, status String, error_message String, "
      "version Int64, source_type String) ENGINE = ReplacingMergeTree ORDER BY (file_path, "
      "processed_at)");
  query(
      fmt::format("INSERT INTO QvdFileTracking VALUES ('{}', 'Item.qvd', 'QvdItem', {}, '{:.7f}', "
                  "'', '2025-01-02T03:04:05', 1, 1, 'completed', '', 1, 'file')",
                  path.string(), std::filesystem::file_size(path), seconds));
  if (GetParam() == TargetKind::kOldest) {  // its framework needs a newer server
    const Finished refused = on_target({"sync", "qvds"});
    EXPECT_EQ(refused.exit_code, 2) << refused.out;
    EXPECT_THAT(refused.err, HasSubstr("it was made by another program"));
    return;
  }
  query("CREATE TABLE QvdItem (id String) ENGINE = MergeTree ORDER BY tuple()");
  query("INSERT INTO QvdItem VALUES ('theirs')");
  const auto first = sync();
  EXPECT_EQ(first["loaded"], 1) << first;
  EXPECT_EQ(first["skipped"], 1) << first;
  EXPECT_EQ(query("SELECT count() FROM QvdFileTracking_original"), "1");
  EXPECT_EQ(query("SELECT * FROM QvdItem"), "theirs");
  EXPECT_EQ(sync()["loaded"], 0);

  write_table(qvd("Item.qvd"), {{.name = "id", .cells = {Value::of(1), Value::of(2)}}});
  const Finished changed = on_target({"sync", "qvds"});
  EXPECT_NE(changed.exit_code, 0);
  EXPECT_THAT(changed.out + changed.err, HasSubstr("QvdItem"));
  EXPECT_EQ(query("SELECT * FROM QvdItem"), "theirs");
}

INSTANTIATE_TEST_SUITE_P(Targets, State,
                         ::testing::Values(TargetKind::kEmbedded, TargetKind::kNewest,
                                           TargetKind::kOldest),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
