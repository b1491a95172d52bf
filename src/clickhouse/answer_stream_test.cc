#include "clickhouse/answer_stream.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "clickhouse/test_http.h"

namespace qvdhouse::clickhouse {
namespace {

// Answers with this beginning of a body whose length it says to be greater by `missing`.
LoopbackServer::Serve body_of(const std::string& body, std::size_t missing = 0) {
  return [=](Peer& peer) {
    peer.receive_until(";");
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
              std::to_string(body.size() + missing) + "\r\n\r\n" + body);
  };
}

std::string numbered_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i * 31 / 7);
  return bytes;
}

TEST(AnswerStream, GivesAllBytesInOrderThenNone) {
  const std::string body = numbered_bytes(10'000'001);  // more than are held
  const LoopbackServer server(body_of(body));
  AnswerStream stream(endpoint_of(server), "SELECT 1;", {}, {});
  std::string found;
  for (std::string_view piece = stream.next(); !piece.empty(); piece = stream.next()) {
    found += piece;
  }
  EXPECT_EQ(found, body);
  EXPECT_EQ(stream.byte_count(), body.size());
  EXPECT_TRUE(stream.next().empty());
}

TEST(AnswerStream, AnAnswerThatIsCutIsAnErrorBehindItsBytes) {
  const std::string body = numbered_bytes(100'000);
  const LoopbackServer server(body_of(body, 1));
  AnswerStream stream(endpoint_of(server), "SELECT 1;", {}, {});
  std::string found;
  EXPECT_THROW(
      {
        for (std::string_view piece = stream.next(); !piece.empty(); piece = stream.next()) {
          found += piece;
        }
      },
      base::IoError);
  EXPECT_EQ(found, body);
}

TEST(AnswerStream, MayBeLeftAtAnyTime) {
  const LoopbackServer server(body_of(numbered_bytes(20'000'000)));
  { AnswerStream unread(endpoint_of(server), "SELECT 1;", {}, {}); }
  {
    AnswerStream begun(endpoint_of(server), "SELECT 1;", {}, {});
    EXPECT_FALSE(begun.next().empty());
  }
  std::stop_source stop;
  AnswerStream stopped(endpoint_of(server), "SELECT 1;", {}, stop.get_token());
  EXPECT_FALSE(stopped.next().empty());
  stop.request_stop();
  EXPECT_THROW(while (!stopped.next().empty()){}, base::Cancelled);
}

}  // namespace
}  // namespace qvdhouse::clickhouse
