#include "source/remote_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "tests/support/loopback_server.h"

namespace qvdhouse::source {
namespace {

using tests::http_answer;
using tests::right_answer;
using tests::test_bytes;
using tests::TestServer;
using Answer = TestServer::Answer;
using Request = TestServer::Request;
using testing::HasSubstr;
using testing::Not;

class RemoteFileTest : public testing::Test {
 protected:
  static Access quick_access() {
    Access access;
    access.first_delay = std::chrono::milliseconds(1);
    access.attempts = 2;
    return access;
  }
  FileEntry entry() const {
    return {.path = "http://host/dir/f.qvd",
            .name = "f.qvd",
            .size = content_.size(),
            .mtime_us = 5'000'000,
            .etag = "\"v1\"",
            .source_type = "http",
            .skip_reason = {},
            .skip_code = {}};
  }
  RemoteFile open(const FileEntry& entry) {
    return RemoteFile(client_, {.url = server_.url("/f.qvd?sig=hunter2"), .shown = entry.path},
                      entry, [this] { return now_; });
  }
  static std::string read(const base::ByteSource& file, std::uint64_t offset, std::size_t count) {
    std::string bytes(count, '\0');
    file.read_at(offset, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }
  void expect_change(const RemoteFile& file, const std::string& text) {
    try {
      file.check_unchanged();
      ADD_FAILURE() << text;
    } catch (const base::ChangedError& error) {
      EXPECT_THAT(error.what(), HasSubstr("http://host/dir/f.qvd: expected " + text));
    }
  }

  std::string content_ = test_bytes(1'000'000);
  std::string served_etag_ = "\"v1\"";
  std::string fault_;  // answered in place of the file
  TestServer server_{[this](const Request& request) {
    if (!fault_.empty()) return Answer{fault_};
    return Answer{right_answer(request, content_, "ETag: " + served_etag_ + "\r\n")};
  }};
  HttpClient client_{quick_access()};
  HttpStat now_{.size = content_.size(), .etag = "\"v1\"", .mtime_us = 5'000'000};
};

TEST_F(RemoteFileTest, SaysWhatTheListingSaid) {
  const RemoteFile file = open(entry());
  EXPECT_EQ(file.size(), 1'000'000U);
  EXPECT_EQ(file.name(), "http://host/dir/f.qvd");
  EXPECT_TRUE(file.is_remote());
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(RemoteFileTest, AShortReadBringsWhatFollows) {
  const RemoteFile file = open(entry());
  for (const auto& [offset, count] : std::vector<std::pair<std::uint64_t, std::size_t>>{
           {0, 65'536},       // the head of the file
           {100, 10},         // of it
           {65'535, 1},       // its last byte
           {65'535, 2},       // a byte more
           {327'678, 1},      // the last byte of that window
           {65'536, 65'536},  // of it
           {999'990, 9},      // the end of the file
           {999'999, 1},
           {65'536, 1}}) {  // gone by now
    EXPECT_EQ(read(file, offset, count), content_.substr(offset, count)) << offset;
  }
  std::vector<std::string> ranges;
  for (const Request& request : server_.requests()) {
    ranges.push_back(request.header("Range"));
    EXPECT_EQ(request.header("If-Match"), "\"v1\"");
  }
  EXPECT_THAT(ranges, testing::ElementsAre("bytes=0-65535", "bytes=65535-327678",
                                           "bytes=999990-999999", "bytes=65536-327679"));
}

TEST_F(RemoteFileTest, ALongReadBringsNothingElseAndLeavesTheWindow) {
  const RemoteFile file = open(entry());
  read(file, 0, 1);
  EXPECT_EQ(read(file, 10, 65'537), content_.substr(10, 65'537));
  EXPECT_EQ(read(file, 5, 5), content_.substr(5, 5));
  ASSERT_EQ(server_.requests().size(), 2U);
  EXPECT_EQ(server_.requests()[1].header("Range"), "bytes=10-65546");
}

TEST_F(RemoteFileTest, ManyShortTablesTakeFewRequests) {
  const RemoteFile file = open(entry());
  for (std::uint64_t at = 0; at < content_.size(); at += 1'000) {
    EXPECT_EQ(read(file, at, 1'000), content_.substr(at, 1'000));
  }
  EXPECT_EQ(server_.requests().size(), 5U);
}

TEST_F(RemoteFileTest, AFailedReadIsTriedAnew) {
  const RemoteFile file = open(entry());
  fault_ = http_answer("404 Not Found");
  EXPECT_THROW(read(file, 0, 5), base::IoError);
  fault_.clear();
  EXPECT_EQ(read(file, 0, 5), content_.substr(0, 5));
}

TEST_F(RemoteFileTest, NothingIsReadForNothing) {
  const RemoteFile file = open(entry());
  for (const std::uint64_t offset : {0U, 10U, 500'000U, 1'000'000U}) {
    EXPECT_EQ(read(file, offset, 0), "");
  }
  FileEntry empty = entry();
  empty.size = 0;
  EXPECT_EQ(read(open(empty), 0, 0), "");
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(RemoteFileTest, WhatIsBehindTheEndWasThereWhenListed) {
  const RemoteFile file = open(entry());
  constexpr auto kHuge = ~std::uint64_t{0};
  for (const auto& [offset, count] : std::vector<std::pair<std::uint64_t, std::size_t>>{
           {1'000'000, 1}, {999'999, 2}, {kHuge, 1}, {kHuge, 0}, {0, 1'000'001}}) {
    EXPECT_THROW(read(file, offset, count), base::ChangedError);
  }
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(RemoteFileTest, ALongRangeComesInPiecesThatFit) {
  content_ = test_bytes(20'000'001);
  const RemoteFile file = open(entry());
  EXPECT_TRUE(read(file, 0, content_.size()) == content_);
  std::vector<std::string> ranges;
  for (const Request& request : server_.requests()) ranges.push_back(request.header("Range"));
  EXPECT_THAT(ranges, testing::UnorderedElementsAre(
                          "bytes=0-4194303", "bytes=4194304-8388607", "bytes=8388608-12582911",
                          "bytes=12582912-16777215", "bytes=16777216-20000000"));
}

TEST_F(RemoteFileTest, OneFailedPieceFailsTheRead) {
  content_ = test_bytes(20'000'001);
  const RemoteFile file = open(entry());
  content_.resize(20'000'000);
  EXPECT_THROW(read(file, 0, 20'000'001), base::ChangedError);
  fault_ = http_answer("403 Forbidden", {}, "hunter2");
  try {
    read(file, 0, 20'000'001);
    ADD_FAILURE();
  } catch (const base::IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("http://host/dir/f.qvd: the server forbids"));
    EXPECT_THAT(error.what(), Not(HasSubstr("hunter2")));
  }
}

TEST_F(RemoteFileTest, ManyThreadsReadAtOnce) {
  const RemoteFile file = open(entry());
  std::vector<std::jthread> threads;
  for (std::uint64_t i = 0; i != 4; ++i) {
    threads.emplace_back([&, i] {
      for (std::uint64_t at = i; at < 100; at += 4) {
        EXPECT_TRUE(read(file, at * 9'000, 10'000) == content_.substr(at * 9'000, 10'000));
      }
    });
  }
  threads.clear();
  EXPECT_LE(server_.connection_count(), 4U);
}

TEST_F(RemoteFileTest, AnotherVersionIsNeverRead) {
  const RemoteFile file = open(entry());
  served_etag_ = "\"v2\"";
  EXPECT_THROW(read(file, 0, 5), base::ChangedError);
  EXPECT_THROW(read(file, 500'000, 5), base::ChangedError);
}

TEST_F(RemoteFileTest, OnlyAStrongTagIsSentAsOne) {
  for (const char* etag : {"", "W/\"v1\"", "9e107d9d372bb6826bd81d3542a419d6", "\""}) {
    FileEntry listed = entry();
    listed.etag = etag;
    EXPECT_EQ(read(open(listed), 500'000, 5), content_.substr(500'000, 5));
    EXPECT_EQ(server_.requests().back().header("If-Match"), "") << etag;
  }
}

TEST_F(RemoteFileTest, UnchangedIsWhatTheListingSaid) {
  const RemoteFile file = open(entry());
  EXPECT_NO_THROW(file.check_unchanged());
  now_.mtime_us = 0;
  EXPECT_NO_THROW(file.check_unchanged());
  now_.mtime_us = 6'000'000;  // mirrors differ in their times; the ETag is the same
  EXPECT_NO_THROW(file.check_unchanged());
  now_.etag.clear();
  expect_change(file, "the modification time 5000000 µs as listed, found 6000000 µs");
  now_.etag = "\"v2\"";
  expect_change(file, "the ETag \"v1\" as listed, found \"v2\"");
  now_ = {.size = 999'999, .etag = "\"v1\"", .mtime_us = 5'000'000};
  expect_change(file, "1000000 bytes as listed, found 999999");
}

TEST_F(RemoteFileTest, WithoutTagsTheTimeDecides) {
  FileEntry listed = entry();
  listed.etag.clear();
  const RemoteFile file = open(listed);
  EXPECT_NO_THROW(file.check_unchanged());
  now_.mtime_us = 5'000'001;
  expect_change(file, "the modification time");
}

}  // namespace
}  // namespace qvdhouse::source
