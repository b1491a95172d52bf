#include "clickhouse/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "base/error.h"
#include "clickhouse/http_answer.h"
#include "clickhouse/test_http.h"

namespace qvdhouse::clickhouse {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string chunk(std::string_view text) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + std::string(text) + "\r\n";
}

// Answers every request, whose body is SQL ending in ';', with `text`.
LoopbackServer::Serve always(std::string text) {
  return [text = std::move(text)](Peer& peer) {
    peer.receive_until(";");
    peer.send(text);
  };
}

template <class Expected>
Expected thrown_by(const std::function<void()>& act) {
  try {
    act();
  } catch (const Expected& error) {
    return error;
  }
  throw std::runtime_error("expected an exception of that type, none came");
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Connection, SendsSqlSettingsAndCredentials) {
  std::promise<std::string> request;
  const LoopbackServer server([&](Peer& peer) {
    request.set_value(peer.receive_until(";"));
    peer.send(answer("200 OK", "", "1\n"));
  });
  Connection connection(endpoint_of(server));
  EXPECT_EQ(connection.query("SELECT 'a&b';", {{"param_x", "1 + 1 & ü"}}), "1\n");
  EXPECT_THAT(
      request.get_future().get(),
      AllOf(HasSubstr("POST /?database=default&"), HasSubstr("param_x=1%20%2B%201%20%26%20%C3%BC"),
            HasSubstr("X-ClickHouse-User: default\r\n"),
            HasSubstr("X-ClickHouse-Key: s3cr3t-word\r\n"), EndsWith("\r\n\r\nSELECT 'a&b';"),
            Not(HasSubstr("Expect:"))));
}

TEST(Connection, RequestsGoBelowThePathOfTheEndpoint) {
  std::promise<std::string> request;
  const LoopbackServer server([&](Peer& peer) {
    request.set_value(peer.receive_until(";"));
    peer.send(answer("200 OK", "", "1\n"));
  });
  Endpoint endpoint = endpoint_of(server);
  endpoint.url += "/proxy/a%20b/";
  Connection connection(endpoint);
  EXPECT_EQ(connection.query("SELECT 1;"), "1\n");
  EXPECT_THAT(request.get_future().get(), HasSubstr("POST /proxy/a%20b/?database=default"));
}

TEST(Connection, ErrorStatusBecomesServerError) {
  const LoopbackServer server(always(answer("404 Not Found", "X-ClickHouse-Exception-Code: 60\r\n",
                                            "Code: 60. DB::Exception: no such table\n")));
  Connection connection(endpoint_of(server));
  const auto error = thrown_by<base::ServerError>([&] { connection.query("SELECT 1;"); });
  EXPECT_EQ(error.code(), 60);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("127.0.0.1:"), EndsWith("no such table"),
                                  Not(HasSubstr("s3cr3t-word"))));
}

TEST(Connection, CodeOfOldServersComesFromTheText) {
  const LoopbackServer server(
      always(answer("500 Error", "", "Code: 47, e.displayText() = DB::Exception: Unknown")));
  Connection connection(endpoint_of(server));
  EXPECT_EQ(thrown_by<base::ServerError>([&] { connection.query("x;"); }).code(), 47);
}

TEST(Connection, ProxyThatIsBusyIsIoError) {
  const LoopbackServer server(always(answer("503 Service Unavailable", "", "later")));
  Connection connection(endpoint_of(server));
  EXPECT_THAT(thrown_by<base::IoError>([&] { connection.query("x;"); }).what(),
              HasSubstr("HTTP status 503"));
}

// Answers the first requests with `first`, all that follow with `then`; counts them.
LoopbackServer::Serve busy_for(int requests, const std::string& first, const std::string& then,
                               std::atomic<int>& count) {
  return [=, &count](Peer& peer) {
    peer.receive_until(";");
    peer.send(++count <= requests ? first : then);
  };
}

TEST(Connection, WhatMayBeRepeatedIs) {
  const std::string good = answer("200 OK", "", "1\n");
  for (const std::string& bad :
       {answer("503 Service Unavailable", "", "later"), std::string(),  // a reset
        answer("500 Error", "X-ClickHouse-Exception-Code: 242\r\n", "read-only\n")}) {
    for (const char* sql :
         {"SELECT 1;", "DROP TABLE IF EXISTS t;", "CREATE TABLE IF NOT EXISTS t;"}) {
      std::atomic<int> count = 0;
      const LoopbackServer server(busy_for(2, bad, good, count));
      Connection connection(endpoint_of(server));
      EXPECT_EQ(connection.query(sql), "1\n") << sql;
      EXPECT_EQ(count, 3);
    }
  }
}

TEST(Connection, WhatMayNotBeRepeatedIsNot) {
  const std::string busy = answer("503 Service Unavailable", "", "later");
  for (const char* sql : {"CREATE TABLE t;", "RENAME TABLE a TO b;", "ALTER TABLE t;",
                          "INSERT INTO t SELECT 1;", "DROP TABLE t;"}) {
    std::atomic<int> count = 0;
    const LoopbackServer server(busy_for(9, busy, busy, count));
    Connection connection(endpoint_of(server));
    EXPECT_THROW(connection.query(sql), base::IoError) << sql;
    EXPECT_EQ(count, 1) << sql;
  }
}

// libcurl repeats what a connection that it had used before did not answer.
TEST(Connection, NorOnAConnectionThatWasUsedBefore) {
  std::atomic<int> count = 0;
  const LoopbackServer server([&](Peer& peer) {
    for (std::string request = "SELECT"; request.find("SELECT") != std::string::npos;) {
      request = peer.receive_until(";", std::chrono::milliseconds(200));
      count += request.find("EXCHANGE") != std::string::npos ? 1 : 0;
      if (request.find("SELECT") != std::string::npos) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1\n");
      }
    }
  });
  Connection connection(endpoint_of(server));
  EXPECT_EQ(connection.query("SELECT 1;"), "1\n");
  EXPECT_THROW(connection.query("EXCHANGE TABLES a AND b;"), base::IoError);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(connection.query("SELECT 1;"), "1\n");
}

// Nobody listens at port 1.
TEST(Connection, AnyStatementGoesToTheNextHostWhereNoneIsReached) {
  const LoopbackServer server(always(answer("200 OK", "", "1\n")));
  const std::string silent = "http://127.0.0.1:1";
  Endpoint endpoint = endpoint_of(server);
  endpoint.hosts = std::make_shared<Hosts>(std::vector{silent, silent, endpoint.url});
  for (const char* sql : {"SELECT 1;", "EXCHANGE TABLES a AND b;"}) {
    EXPECT_EQ(Connection(endpoint).query(sql), "1\n") << sql;
    EXPECT_EQ(endpoint.hosts->current(), endpoint.url) << "who comes next goes there at once";
  }
  EXPECT_EQ(pinned(endpoint).url, endpoint.url);
  endpoint.hosts = std::make_shared<Hosts>(std::vector{silent, silent});
  EXPECT_THROW(Connection(endpoint).query("RENAME TABLE a TO b;"), base::IoError);
}

// A statement that a host may have seen goes to no other; what is asked afterwards does.
TEST(Connection, AHostThatFallsSilentIsLeft) {
  std::atomic<int> count = 0;
  const LoopbackServer deaf([&](Peer& peer) {
    peer.receive_until(";");
    ++count;
    peer.receive_until("nothing more", std::chrono::seconds(10));
  });
  const LoopbackServer server(always(answer("200 OK", "", "1\n")));
  Endpoint endpoint = endpoint_of(deaf);
  endpoint.stall_timeout_s = 1;
  endpoint.hosts = std::make_shared<Hosts>(std::vector{endpoint.url, endpoint_of(server).url});
  Connection connection(endpoint);
  EXPECT_THROW(connection.query("RENAME TABLE a TO b;"), base::IoError);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(connection.query("RENAME TABLE a TO b;"), "1\n");
  EXPECT_EQ(count, 1);
}

TEST(Connection, RepeatingHasAnEnd) {
  std::atomic<int> count = 0;
  const std::string busy = answer("503 Service Unavailable", "", "later");
  const LoopbackServer server(busy_for(99, busy, busy, count));
  Connection connection(endpoint_of(server));
  EXPECT_THROW(connection.query("SELECT 1;"), base::IoError);
  EXPECT_EQ(count, 4);
}

TEST(Connection, ErrorsThatStayComeWithAdvice) {
  const LoopbackServer server(always(answer("403 Forbidden", "X-ClickHouse-Exception-Code: 497\r\n",
                                            "Code: 497. DB::Exception: Not enough privileges\n")));
  Connection connection(endpoint_of(server));
  EXPECT_THAT(thrown_by<base::ServerError>([&] { connection.query("SELECT 1;"); }).what(),
              EndsWith("Not enough privileges; qvdhouse doctor shows which GRANT is missing"));
}

TEST(Connection, SettingsThatTheServerDoesNotKnowAreLeftOut) {
  std::promise<std::string> request;
  const LoopbackServer server([&](Peer& peer) {
    request.set_value(peer.receive_until(";"));
    peer.send(answer("200 OK", "", ""));
  });
  Endpoint old = endpoint_of(server);
  old.dialect = dialect_of("18.16.1");
  old.dialect.unknown_settings = {"mutations_sync"};
  Connection(old).query("ALTER TABLE t;", {{"mutations_sync", "2"}, {"max_threads", "1"}});
  EXPECT_THAT(request.get_future().get(),
              AllOf(HasSubstr("&max_threads=1"), Not(HasSubstr("mutations_sync")),
                    HasSubstr("&allow_experimental_low_cardinality_type=1")));
}

TEST(Connection, RedirectIsNoData) {
  const LoopbackServer server(
      always(answer("302 Found", "Location: http://127.0.0.1:1/\r\n", "moved")));
  Connection connection(endpoint_of(server));
  EXPECT_THROW(connection.query("x;"), base::ServerError);
}

TEST(Connection, ExceptionMidwayIsFoundHoweverBytesArrive) {
  const std::string tag = "abcdefghijklmnop";
  const std::string body = "1\t\r\n__exc\n2\n\r\n__exception__\r\n" + tag +
                           "\r\nCode: 395. DB::Exception: too late\n35 " + tag +
                           "\r\n__exception__\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, body.size()}) {
    const LoopbackServer server([&](Peer& peer) {
      peer.receive_until(";");
      peer.send(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
          "X-ClickHouse-Exception-Tag: " +
          tag + "\r\n\r\n");
      for (std::size_t at = 0; at < body.size(); at += piece) {
        peer.send(chunk(body.substr(at, piece)));
      }
    });
    Connection connection(endpoint_of(server));
    std::string data;
    const auto error = thrown_by<base::ServerError>(
        [&] { connection.query_streamed("x;", [&](std::string_view bytes) { data += bytes; }); });
    EXPECT_EQ(error.code(), 395) << piece;
    EXPECT_THAT(error.what(), EndsWith("DB::Exception: too late")) << piece;
    EXPECT_EQ(data, "1\t\r\n__exc\n2\n") << piece;
  }
}

TEST(Connection, AnswerCutShortIsIoError) {
  const LoopbackServer chunked([](Peer& peer) {
    peer.receive_until(";");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("1\n"));
  });
  Connection first(endpoint_of(chunked));
  EXPECT_THROW(first.query("x;"), base::IoError);

  const LoopbackServer counted(always("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1\n"));
  Connection second(endpoint_of(counted));
  EXPECT_THROW(second.query("x;"), base::IoError);

  const LoopbackServer silent([](Peer& peer) { peer.receive_until(";"); });
  Connection third(endpoint_of(silent));
  EXPECT_THROW(third.query("x;"), base::IoError);

  // libcurl calls this a whole answer without a body.
  const LoopbackServer half_header(
      always("HTTP/1.1 200 OK\r\nConnection: close\r\nX-ClickHouse-Sum"));
  Connection fourth(endpoint_of(half_header));
  EXPECT_THAT(thrown_by<base::IoError>([&] { fourth.query("x;"); }).what(),
              HasSubstr("within the header of its answer"));
}

TEST(Connection, RefusedNamesThePlaceButNoSecret) {
  Endpoint endpoint;
  {
    const LoopbackServer server([](Peer&) {});
    endpoint = endpoint_of(server);
  }
  Connection connection(endpoint);
  EXPECT_THAT(thrown_by<base::IoError>([&] { connection.query("x;"); }).what(),
              AllOf(HasSubstr(endpoint.url.substr(7)), Not(HasSubstr("s3cr3t-word"))));
}

TEST(Connection, SilenceIsIoError) {
  const LoopbackServer server([](Peer& peer) {
    peer.receive_until(";");
    peer.receive_until("the peer's going away");
  });
  auto endpoint = endpoint_of(server);
  endpoint.stall_timeout_s = 1;
  Connection connection(endpoint);
  EXPECT_THAT(thrown_by<base::IoError>([&] { connection.query("x;"); }).what(),
              HasSubstr("timed out"));
}

TEST(Connection, StopEndsAQueryUnderWay) {
  std::stop_source stop;
  const LoopbackServer server([&](Peer& peer) {
    peer.receive_until(";");
    stop.request_stop();
    peer.receive_until("the peer's going away");
  });
  Connection connection(endpoint_of(server), stop.get_token());
  EXPECT_THROW(connection.query("x;"), base::Cancelled);
  EXPECT_THROW(connection.query("x;"), base::Cancelled);
}

TEST(Connection, ExceptionOfTheReaderComesThrough) {
  const LoopbackServer server(always(answer("200 OK", "", "1\n")));
  Connection connection(endpoint_of(server));
  EXPECT_THROW(connection.query_streamed(
                   "x;", [](std::string_view) { throw std::out_of_range("no more, please"); }),
               std::out_of_range);
}

TEST(Connection, InsertStreamsAllThatNextGives) {
  std::promise<std::string> request;
  const LoopbackServer server([&](Peer& peer) {
    request.set_value(peer.receive_until("\r\n0\r\n\r\n"));
    peer.send(answer("200 OK", "", ""));
  });
  Connection connection(endpoint_of(server));
  int piece = 0;
  connection.insert("INSERT INTO t FORMAT Native", [&] {
    ++piece;
    return piece == 1 ? bytes_of("first") : piece == 2 ? bytes_of("second") : bytes_of("");
  });
  EXPECT_THAT(request.get_future().get(),
              AllOf(HasSubstr("query=INSERT%20INTO%20t%20FORMAT%20Native"),
                    HasSubstr("input_format_skip_unknown_fields=0"),
                    HasSubstr("input_format_native_allow_types_conversion=0"),
                    HasSubstr("input_format_null_as_default=0"), HasSubstr("async_insert=0"),
                    HasSubstr("firstsecond"), Not(HasSubstr("Expect:"))));
}

TEST(Connection, AnInsertIsNoFasterThanItsServer) {
  const std::string piece(1 << 20, 'x');
  constexpr int kPieces = 128;
  std::atomic<int> given = 0;
  std::promise<int> ahead;
  const LoopbackServer server([&](Peer& peer) {
    // Nothing is taken until nothing more is given.
    for (int before = -1; before != given || before == 0;) {
      before = given;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ahead.set_value(given);
    peer.receive_until("\r\n0\r\n\r\n");
    peer.send(answer("200 OK", "", ""));
  });
  Connection connection(endpoint_of(server));
  connection.insert("INSERT INTO t FORMAT Native",
                    [&] { return given++ < kPieces ? bytes_of(piece) : bytes_of(""); });
  EXPECT_GE(given, kPieces);
  EXPECT_LT(ahead.get_future().get(), kPieces / 4);
}

TEST(Connection, InsertIsBrokenWithGarbageWhenItsProducerFails) {
  std::promise<std::string> request;
  const LoopbackServer server(
      [&](Peer& peer) { request.set_value(peer.receive_until("\r\n0\r\n\r\n")); });
  Connection connection(endpoint_of(server));
  bool first = true;
  EXPECT_THROW(connection.insert("INSERT INTO t FORMAT Native",
                                 [&] {
                                   if (!std::exchange(first, false)) throw std::range_error("torn");
                                   return bytes_of("first");
                                 }),
               std::range_error);
  EXPECT_THAT(request.get_future().get(), AllOf(HasSubstr("first"), HasSubstr("\xFF\xFF\xFF\xFF"),
                                                Not(EndsWith("\r\n0\r\n\r\n"))));
}

TEST(Connection, StoppedInsertIsBrokenWithGarbage) {
  std::stop_source stop;
  std::promise<std::string> request;
  const LoopbackServer server(
      [&](Peer& peer) { request.set_value(peer.receive_until("\r\n0\r\n\r\n")); });
  Connection connection(endpoint_of(server), stop.get_token());
  int pieces = 0;
  EXPECT_THROW(connection.insert("INSERT INTO t FORMAT Native",
                                 [&] {
                                   if (++pieces == 3) stop.request_stop();
                                   return bytes_of("rows");
                                 }),
               base::Cancelled);
  EXPECT_THAT(request.get_future().get(),
              AllOf(HasSubstr("\xFF\xFF\xFF\xFF"), Not(EndsWith("\r\n0\r\n\r\n"))));
}

TEST(Connection, ServersErrorIsToldThoughItClosesInMidstOfTheUpload) {
  const LoopbackServer server([](Peer& peer) {
    peer.receive_until("\r\n\r\n");
    peer.send(answer("400 Bad Request", "X-ClickHouse-Exception-Code: 53\r\n",
                     "Code: 53. DB::Exception: type mismatch"));
    peer.end_sending();
    peer.receive_until("the peer's going away");
  });
  Connection connection(endpoint_of(server));
  const std::string block(1 << 20, 'x');
  int blocks = 0;
  const auto error = thrown_by<base::ServerError>([&] {
    connection.insert("INSERT INTO t FORMAT Native",
                      [&] { return ++blocks < 200 ? bytes_of(block) : bytes_of(""); });
  });
  EXPECT_EQ(error.code(), 53);
}

TEST(Connection, UrlIsChecked) {
  EXPECT_THROW(Connection(Endpoint{.url = "ftp://127.0.0.1"}), base::ConfigError);
  EXPECT_THROW(Connection(Endpoint{.url = ""}), base::ConfigError);
  const auto error = thrown_by<base::ConfigError>(
      [] { Connection(Endpoint{.url = "http://me:s3cr3t-word@127.0.0.1:8123"}); });
  EXPECT_THAT(error.what(), Not(HasSubstr("s3cr3t-word")));
  EXPECT_THROW(Connection(Endpoint{.url = "http://127.0.0.1:1", .password = "a\r\nb: c"}),
               base::ConfigError);
  EXPECT_THROW(Connection(Endpoint{.url = "http://127.0.0.1:1", .password = "a "}),
               base::ConfigError);
}

TEST(HttpAnswer, BytesLikeTheMarkerAreData) {
  std::string data;
  HttpAnswer answer([&](std::string_view bytes) { data += bytes; });
  answer.add_header("HTTP/1.1 200 OK\r\n");
  answer.add_header("X-ClickHouse-Exception-Tag: abcdefghijklmnop\r\n");
  answer.add_header("\r\n");
  const std::string body = "\r\n\r\n__exception__\r\nabcdefghijklmno\r\n__exception__\r\n";
  for (const char byte : body) answer.add_body(std::string_view(&byte, 1));
  EXPECT_NO_THROW(answer.finish("host:1"));
  EXPECT_EQ(data, body);
}

TEST(Retry, PassingErrorsOnly) {
  for (const int code : {159, 209, 241, 242, 252}) EXPECT_TRUE(is_retryable(code)) << code;
  for (const int code : {0, 53, 60, 62, 81, 497, 516}) EXPECT_FALSE(is_retryable(code)) << code;
}

}  // namespace
}  // namespace qvdhouse::clickhouse
