#include "observe/sender.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/files.h"
#include "tests/support/collector.h"
#include "tests/support/eventually.h"

namespace qvdhouse::observe {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using tests::Collector;
using tests::eventually;
using tests::http_answer;

constexpr milliseconds kLong{120'000};

// Throws once, at the end of an outage.
class ThrowingSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ThrowingSink(std::ostream& out) : out_(out) {}

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    const std::string_view text(line.payload.data(), line.payload.size());
    out_ << text << '\n';
    if (has_thrown_ || text.find(" again") == text.npos) return;
    has_thrown_ = true;
    throw std::runtime_error("no memory");
  }
  void flush_() override {}

  std::ostream& out_;
  bool has_thrown_ = false;
};

class SenderTest : public testing::Test {
 protected:
  static Receiver receiver(const std::string& url) {
    return {.what = "span",
            .url = url,
            .prefix = "[",
            .suffix = "]",
            .batch = 3,
            .linger = milliseconds(1),
            .first_pause = milliseconds(1)};
  }
  std::size_t warnings() const {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = said_.str().find("[warning]", at)) != std::string::npos; ++at) {
      ++count;
    }
    return count;
  }

  std::ostringstream said_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said_)};
};

TEST_F(SenderTest, SendsInBatchesWithTheHeadersThatAreSet) {
  Collector collector;
  Receiver to = receiver(collector.url("/v1/traces"));
  to.headers = {"api-key: s3cret"};
  to.linger = kLong;  // it is full before
  Sender sender(to, log_);
  for (int i = 0; i < 3; ++i) sender.add(std::to_string(i));
  ASSERT_TRUE(collector.wait_for(1));
  sender.add("3");
  sender.finish(kLong);  // does not linger
  const auto posts = collector.posts();
  ASSERT_EQ(posts.size(), 2U);
  EXPECT_EQ(posts[0].body, "[0,1,2]");
  EXPECT_EQ(posts[1].body, "[3]");
  EXPECT_EQ(posts[0].path, "/v1/traces");
  EXPECT_EQ(posts[0].head.header("api-key"), "s3cret");
  EXPECT_EQ(posts[0].head.header("Content-Type"), "application/json");
  EXPECT_EQ(sender.counts().delivered, 4U);
  EXPECT_EQ(said_.str(), "");
}

TEST_F(SenderTest, WhatMayPassIsTriedAgainAndWhatIsRefusedIsNot) {
  Collector collector([](std::size_t index) {
    return http_answer(index == 0   ? "503 Service Unavailable"
                       : index == 2 ? "400 Bad Request"
                                    : "200 OK");
  });
  Sender sender(receiver(collector.url()), log_);
  sender.add("1");
  ASSERT_TRUE(eventually([&] { return sender.counts().delivered == 1; }));
  sender.add("2");
  ASSERT_TRUE(eventually([&] { return sender.counts().dropped == 1; }));
  sender.add("3");
  sender.finish(kLong);
  EXPECT_EQ(sender.counts().delivered, 2U);
  EXPECT_EQ(collector.posts().size(), 4U);
  EXPECT_EQ(warnings(), 1U);
  EXPECT_THAT(said_.str(), HasSubstr("it answered with the status 400"));
}

TEST_F(SenderTest, AReceiverThatIsGoneIsWarnedOfOnceWithTheNumber) {
  Receiver to = receiver("http://127.0.0.1:1");
  to.linger = kLong;
  to.batch = 100;
  Sender sender(to, log_);
  for (int i = 0; i < 5; ++i) sender.add("x");
  sender.finish(kLong);
  EXPECT_EQ(sender.counts().dropped, 5U);
  EXPECT_EQ(warnings(), 1U);
  EXPECT_THAT(said_.str(), HasSubstr("5 spans could not be sent to 127.0.0.1:1: "));
}

TEST_F(SenderTest, AReceiverThatStallsIsGivenUp) {
  Collector collector([](std::size_t) { return std::string(); });
  Sender sender(receiver(collector.url()), log_);
  for (int i = 0; i < 3; ++i) sender.add("x");
  ASSERT_TRUE(collector.wait_for(1));
  for (int i = 0; i < 4; ++i) sender.add("y");
  sender.finish(milliseconds(10));
  EXPECT_EQ(sender.counts().dropped, 7U);
  EXPECT_EQ(warnings(), 1U);
  EXPECT_THAT(said_.str(), HasSubstr("7 spans could not be sent"));
}

TEST_F(SenderTest, AFullQueueDropsAndNeverWaits) {
  Collector collector([](std::size_t) { return std::string(); });
  Receiver to = receiver(collector.url());
  to.queue_bytes = 10;
  to.batch = 1;
  Sender sender(to, log_);
  sender.add("first");
  ASSERT_TRUE(collector.wait_for(1));
  for (int i = 0; i < 100; ++i) sender.add("12345");
  EXPECT_EQ(sender.counts().dropped, 98U);
  EXPECT_EQ(warnings(), 1U);
}

TEST_F(SenderTest, AnItemThatNeverFitsIsToldWithItsSize) {
  Collector collector;
  Receiver to = receiver(collector.url());
  to.queue_bytes = 10;
  Sender sender(to, log_);
  sender.add("01234567890");
  EXPECT_EQ(sender.counts().dropped, 1U);
  EXPECT_THAT(said_.str(), HasSubstr(": one has 11 bytes, and at most 10 bytes may wait; loads"));
}

TEST_F(SenderTest, WhatWasLostInAnOutageIsToldWithItsEnd) {
  Collector collector(
      [](std::size_t index) { return http_answer(index < 3 ? "400 Bad Request" : "200 OK"); });
  Receiver to = receiver(collector.url());
  to.batch = 1;
  Sender sender(to, log_);
  for (int i = 0; i < 4; ++i) sender.add("x");
  ASSERT_TRUE(eventually([&] { return sender.counts().delivered == 1; }));
  EXPECT_THAT(said_.str(), HasSubstr("1 span could not be sent"));
  EXPECT_THAT(said_.str(), HasSubstr("takes spans again; 2 more were lost"));
  sender.finish(kLong);
  EXPECT_EQ(warnings(), 2U);  // and nothing is told twice
}

TEST_F(SenderTest, WhatWasLostInAnOutageWithoutAnEndIsToldAtTheEnd) {
  Collector collector([](std::size_t) { return http_answer("400 Bad Request"); });
  Receiver to = receiver(collector.url());
  to.batch = 1;
  Sender sender(to, log_);
  for (int i = 0; i < 3; ++i) sender.add("x");
  ASSERT_TRUE(eventually([&] { return sender.counts().dropped == 3; }));
  sender.finish(kLong);
  EXPECT_THAT(said_.str(), HasSubstr("1 span could not be sent"));
  EXPECT_THAT(said_.str(), HasSubstr("2 more spans could not be sent"));
}

TEST_F(SenderTest, AReceiverThatIsSlowAndTakesAllIsWaitedFor) {
  constexpr milliseconds kOfOne{10};
  constexpr milliseconds kPatience{1'000};
  constexpr std::size_t kCount = 200;
  Collector collector([&](std::size_t) {
    std::this_thread::sleep_for(kOfOne);  // it is what is tested
    return http_answer("200 OK");
  });
  static_assert(kCount * kOfOne > kPatience);
  Receiver to = receiver(collector.url());
  to.batch = 1;
  Sender sender(to, log_);
  for (std::size_t i = 0; i < kCount; ++i) sender.add("x");
  sender.finish(kPatience);
  EXPECT_EQ(sender.counts().delivered, kCount);
  EXPECT_EQ(sender.counts().dropped, 0U);
  EXPECT_EQ(collector.posts().size(), kCount);
  EXPECT_EQ(said_.str(), "");
}

TEST_F(SenderTest, OneConnectionServesAllRequests) {
  tests::LoopbackServer server([](tests::Peer& peer) {
    while (peer.receive_until("[x]").ends_with("[x]")) peer.send(http_answer("200 OK"));
  });
  Receiver to = receiver(server.url());
  to.batch = 1;
  Sender sender(to, log_);
  for (int i = 0; i < 5; ++i) sender.add("x");
  sender.finish(kLong);
  EXPECT_EQ(sender.counts().delivered, 5U);
  EXPECT_EQ(server.connection_count(), 1U);
}

TEST_F(SenderTest, WhatIsThrownCostsOneRequestAndNoMore) {
  Collector collector(
      [](std::size_t index) { return http_answer(index == 0 ? "400 Bad Request" : "200 OK"); });
  // A test can let the log throw, of all that send() calls.
  spdlog::logger throwing("test", std::make_shared<ThrowingSink>(said_));
  throwing.set_error_handler([](const std::string& why) { throw std::runtime_error(why); });
  Receiver to = receiver(collector.url());
  to.batch = 1;
  Sender sender(to, throwing);
  for (int i = 0; i < 3; ++i) sender.add("x");
  ASSERT_TRUE(eventually([&] { return sender.counts().delivered == 1; }));
  sender.finish(kLong);
  EXPECT_EQ(sender.counts().dropped, 2U);
  EXPECT_EQ(sender.counts().delivered, 1U);
  EXPECT_THAT(said_.str(), HasSubstr(": no memory; loads go on"));
}

TEST_F(SenderTest, WhatACollectorRejectsInPartIsCounted) {
  Collector collector([](std::size_t) {
    return http_answer("200 OK", "", R"({"partialSuccess":{"rejectedSpans":"2"}})");
  });
  Sender sender(receiver(collector.url()), log_);
  for (int i = 0; i < 3; ++i) sender.add("x");
  sender.finish(kLong);
  EXPECT_EQ(sender.counts().delivered + sender.counts().dropped, 3U);
  EXPECT_GE(sender.counts().dropped, 2U);
  EXPECT_EQ(warnings(), 1U);
}

TEST_F(SenderTest, AFileGetsALineAnItem) {
  const std::string path = fmt::format("{}/sender_{}.ndjson", testing::TempDir(), ::getpid());
  {
    Sender sender(receiver("file://" + path), log_);
    sender.add("{\"a\":1}");
    sender.add("{\"a\":2}");
    sender.finish(kLong);
  }
  EXPECT_EQ(base::read_text(path), "{\"a\":1}\n{\"a\":2}\n");
  std::filesystem::remove(path);
  Sender sender(receiver("file:///not/there/x"), log_);
  sender.add("1");
  sender.finish(kLong);
  EXPECT_EQ(sender.counts().dropped, 1U);
  EXPECT_THAT(said_.str(), HasSubstr("the file cannot be written: No such file or directory"));
}

TEST_F(SenderTest, APipeIsRefusedAndNotWaitedFor) {
  const std::string path = fmt::format("{}/sender_{}.pipe", testing::TempDir(), ::getpid());
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  int reader = -1;
  for (const bool is_read : {false, true}) {
    if (is_read) reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    said_.str("");
    Sender sender(receiver("file://" + path), log_);
    sender.add("1");
    sender.finish(kLong);
    EXPECT_EQ(sender.counts().dropped, 1U);
    EXPECT_THAT(said_.str(), HasSubstr("it is not a regular file; name one, or an http(s) URL"));
  }
  char byte = 0;
  EXPECT_EQ(::read(reader, &byte, 1), 0);  // nothing was written
  ::close(reader);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace qvdhouse::observe
