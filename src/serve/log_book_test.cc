#include "serve/log_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace qvdhouse::serve {
namespace {

class LogBookTest : public testing::Test {
 protected:
  LogBookTest() { std::filesystem::create_directories(folder_); }
  ~LogBookTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) /
                                  ("log-book-" + std::to_string(getpid()) + "-" +
                                   testing::UnitTest::GetInstance()->current_test_info()->name());
};

LogLine line(const std::string& level, const std::string& message) {
  LogLine made;
  made.at_us = 1'795'405'211'250'000;
  made.level = level;
  made.message = message;
  return made;
}

std::vector<std::string> messages(const std::vector<LogLine>& lines) {
  std::vector<std::string> texts;
  for (const LogLine& one : lines) texts.push_back(one.message);
  return texts;
}

using Texts = std::vector<std::string>;

TEST_F(LogBookTest, KeepsTheNewestAndFilters) {
  LogBookOptions options;
  options.kept = 3;
  LogBook book(options);
  book.add(line("info", "zero"));
  book.add(line("info", "one"));
  book.add(line("error", "Two"));
  LogLine named = line("debug", "three");
  named.run_id = "R-17";
  named.file = "/data/Sales.qvd";
  book.add(named);
  EXPECT_EQ(messages(book.newest(10, {})), Texts({"one", "Two", "three"}));
  EXPECT_EQ(messages(book.newest(2, {})), Texts({"Two", "three"}));
  EXPECT_EQ(messages(book.newest(10, {.text = "two", .level = ""})), Texts({"Two"}));
  EXPECT_EQ(messages(book.newest(10, {.text = "sales.QVD", .level = ""})), Texts({"three"}));
  EXPECT_EQ(messages(book.newest(10, {.text = "r-17", .level = ""})), Texts({"three"}));
  EXPECT_EQ(messages(book.newest(10, {.text = "", .level = "info"})), Texts({"one", "Two"}));
  EXPECT_EQ(messages(book.newest(10, {.text = "", .level = "warning"})), Texts({"Two"}));
  EXPECT_EQ(level_error("Warning"), "");
  EXPECT_EQ(level_error("loud"), "it is not one of debug, info, warning and error");
}

TEST_F(LogBookTest, TheFileIsALogAndNothingElse) {
  LogBookOptions options;
  options.file = folder_ / "qvd.log";
  const auto refusal = [&] {
    try {
      const LogBook book(options);
      return std::string("none");
    } catch (const base::IoError& error) {
      return std::string(error.what());
    }
  };
  std::ofstream(folder_ / "other") << "alias ls=rm\n";
  std::filesystem::create_symlink("other", options.file);
  EXPECT_THAT(refusal(), testing::HasSubstr("not a regular file"));
  std::filesystem::remove(options.file);
  ASSERT_EQ(mkfifo(options.file.c_str(), 0600), 0);
  EXPECT_THAT(refusal(), testing::HasSubstr("not a regular file"));
  options.file = folder_ / "other";
  EXPECT_THAT(refusal(), testing::HasSubstr("found other text"));
  options.file = folder_ / "new.log";
  LogBook(options).add(line("info", "one"));
  EXPECT_EQ(refusal(), "none") << "the log of an earlier start goes on";
}

TEST_F(LogBookTest, LinesAreTextOrJson) {
  LogLine one = line("warning", "slow");
  EXPECT_EQ(to_text(one), "2026-11-23 03:40:11.250Z warning: slow");
  one.run_id = "r1";
  one.file = "/a.qvd";
  EXPECT_EQ(to_text(one), "2026-11-23 03:40:11.250Z warning: slow (run r1, file /a.qvd)");
  EXPECT_EQ(to_json(one).dump(),
            R"({"at":"2026-11-23T03:40:11.250Z","file":"/a.qvd","level":"warning",)"
            R"("message":"slow","run_id":"r1"})");
  LogLine back;
  ASSERT_TRUE(parse_log_line(to_json(one).dump(), back));
  EXPECT_EQ(to_json(back), to_json(one));
  EXPECT_FALSE(parse_log_line("{\"at\":\"yesterday\",\"level\":\"info\"}", back));
  EXPECT_FALSE(parse_log_line("{cut", back));
}

TEST_F(LogBookTest, ALoggerWritesIntoItAndSecretsAreMasked) {
  std::vector<std::string> console;
  LogBookOptions options;
  options.console = [&](std::string_view text) { console.emplace_back(text); };
  options.console_is_json = true;
  options.secrets = {"hunter2-hunter2-2", ""};
  LogBook book(options);
  std::vector<std::string> heard;
  book.listen([&](const LogLine& one) { heard.push_back(one.message); });
  spdlog::logger log("test", book.sink());
  log.warn("password hunter2-hunter2-2, again hunter2-hunter2-2");
  log.debug("not asked for");
  EXPECT_EQ(messages(book.newest(10, {})), Texts({"password ***, again ***"}));
  EXPECT_EQ(heard, Texts({"password ***, again ***"}));
  ASSERT_EQ(console.size(), 1U);
  EXPECT_EQ(nlohmann::json::parse(console[0])["level"], "warning");
  EXPECT_EQ(console[0].find("hunter2"), std::string::npos);
}

// Stars in place of each letter that the secret has would tell it.
TEST_F(LogBookTest, AShortSecretIsNotMaskedWhereverItsLettersStand) {
  LogBookOptions options;
  options.secrets = {"a", "default", "fifteen-letters", "sixteen--letters"};
  LogBook book(options);
  spdlog::logger log("test", book.sink());
  log.warn("a table of the default database, fifteen-letters, sixteen--letters");
  EXPECT_EQ(messages(book.newest(1, {})),
            Texts({"a table of the default database, fifteen-letters, ***"}));
}

TEST_F(LogBookTest, EventsMakeLinesWithRunAndFile) {
  LogBook book({});
  book.add(Event{.id = 1, .type = "run_progress", .data = {{"run_id", "r1"}}});
  book.add(Event{.id = 2, .type = "log", .data = {{"message", "again"}}});
  EXPECT_TRUE(book.newest(10, {}).empty());
  book.add(Event{.id = 3,
                 .type = "file_finished",
                 .data = {{"run_id", "r1"},
                          {"workflow", "lake"},
                          {"file_path", "/lake/a.qvd"},
                          {"file_name", "a.qvd"},
                          {"status", "failed"},
                          {"error", "bad symbol"}}});
  book.add(Event{.id = 4,
                 .type = "run_finished",
                 .data = {{"run_id", "r1"},
                          {"workflow", "lake"},
                          {"status", "partial"},
                          {"duration_seconds", nullptr},
                          {"files_failed", 1},
                          {"error", nullptr}}});
  book.add(Event{.id = 5,
                 .type = "health_changed",
                 .data = {{"ready", false}, {"problems", {"engine down", "no source"}}}});
  book.add(Event{.id = 6,
                 .type = "health_changed",
                 .data = {{"ready", false}, {"starting", true}, {"problems", {"no engine yet"}}}});
  const std::vector<LogLine> lines = book.newest(10, {});
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[3].level, "info");
  EXPECT_EQ(lines[3].message, "starting: no engine yet");
  EXPECT_EQ(lines[0].message, "a.qvd failed: bad symbol");
  EXPECT_EQ(lines[0].level, "error");
  EXPECT_EQ(lines[0].run_id, "r1");
  EXPECT_EQ(lines[0].file, "/lake/a.qvd");
  EXPECT_EQ(lines[0].workflow, "lake");
  EXPECT_EQ(lines[1].level, "error");
  EXPECT_EQ(lines[1].event, "run_finished");
  EXPECT_EQ(lines[2].message, "not ready: engine down; no source");
}

TEST_F(LogBookTest, TheFileIsRotatedAndReadAcrossRotations) {
  const std::filesystem::path file = folder_ / "new" / "log.jsonl";
  LogBookOptions options;
  options.file = file;
  options.file_bytes = 2'000;
  options.files_kept = 2;
  {
    LogBook book(options);
    for (int i = 0; i < 100; ++i) book.add(line("info", "line " + std::to_string(i)));
    book.add(line("error", "\xff is no UTF-8"));
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "new")) {
    EXPECT_LE(entry.file_size(), 2'200U);
    ++files;
  }
  EXPECT_EQ(files, 3U);
  const std::vector<LogLine> lines = read_log_file(file, 40, {});
  ASSERT_EQ(lines.size(), 40U);
  EXPECT_EQ(lines.front().message, "line 61");
  EXPECT_EQ(lines.back().message, "\xEF\xBF\xBD is no UTF-8");
  EXPECT_EQ(messages(read_log_file(file, 40, {.text = "LINE 9", .level = ""})).front(), "line 90");
  EXPECT_THROW(read_log_file(folder_ / "none", 1, {}), base::IoError);
}

TEST_F(LogBookTest, AFileThatCanNotBeWrittenIsSaidAtTheStart) {
  std::ofstream(folder_ / "file") << "no folder";
  LogBookOptions options;
  options.file = folder_ / "file" / "log.jsonl";
  EXPECT_THROW(LogBook{options}, base::IoError);
}

TEST_F(LogBookTest, ManyThreadsWriteWholeLines) {
  const std::filesystem::path file = folder_ / "log.jsonl";
  LogBookOptions options;
  options.file = file;
  LogBook book(options);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 100; ++j) book.add(line("info", "message"));
      });
    }
  }
  EXPECT_EQ(read_log_file(file, 1'000, {}).size(), 400U);
}

}  // namespace
}  // namespace qvdhouse::serve
