#include "engine/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <string>

namespace qvdhouse::engine {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const Secrets kSecrets{.password = "a b+&c", .nonce_path = "/nonce", .nonce = "n0"};

Verdict::Kind http(const std::string& bytes) {
  return judge(Protocol::kHttp, bytes, kSecrets).kind;
}
std::string http_answer(const std::string& bytes) {
  return judge(Protocol::kHttp, bytes, kSecrets).answer;
}

std::string native_text(const std::string& text) {
  return std::string(1, static_cast<char>(text.size())) + text;
}
std::string hello(const std::string& password) {
  return std::string("\0", 1) + native_text("client") + "\x15\x01\x9d\xa9\x03" + native_text("db") +
         native_text("user") + native_text(password);
}

TEST(Admission, PasswordInAnyOfThreePlacesIsEnough) {
  for (const char* request : {
           "POST / HTTP/1.1\r\nX-ClickHouse-Key: a b+&c\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nx-CLICKHOUSE-key:a b+&c \r\n\r\nbody",
           "POST / HTTP/1.1\nX-ClickHouse-Key: a b+&c\n\n",
           "GET /?query=x HTTP/1.1\r\nauthorization: BASIC dXNlcjphIGIrJmM=\r\n\r\n",
           "GET /?user=u&password=a+b%2b%26c HTTP/1.1\r\n\r\n",
           "GET /?password=a%20b%2B%26c&query=x HTTP/1.1\r\n\r\n",
       }) {
    EXPECT_EQ(http(request), Verdict::Kind::kAdmit) << request;
  }
}

TEST(Admission, WhatIsNotThePasswordIsRefused) {
  for (const char* request : {
           "POST / HTTP/1.1\r\n\r\n",
           "POST / HTTP/1.1\r\n\r\nX-ClickHouse-Key: a b+&c\r\n\r\n",  // in the body
           "POST / HTTP/1.1\r\nX-ClickHouse-Key: a b+&cc\r\n\r\n",
           "POST / HTTP/1.1\r\nX-ClickHouse-Key: a b+&\r\n\r\n",
           "POST / HTTP/1.1\r\nX-ClickHouse-Key:\r\n\r\n",
           "POST / HTTP/1.1\r\nX-Other: a b+&c\r\n\r\n",
           "POST / HTTP/1.1\r\nAuthorization: Basic YSBiKyZj\r\n\r\n",  // no user
           "POST / HTTP/1.1\r\nAuthorization: Bearer dXNlcjphIGIrJmM=\r\n\r\n",
           "POST / HTTP/1.1\r\nAuthorization: Basic ????\r\n\r\n",
           "GET /?password= HTTP/1.1\r\n\r\n",
           "GET /?password HTTP/1.1\r\n\r\n",
           "GET /?passwords=a+b%2b%26c HTTP/1.1\r\n\r\n",
           "GET /?password=a+b%2b%26c%00 HTTP/1.1\r\n\r\n",
           "GET /?password=% HTTP/1.1\r\n\r\n",
           "GET /password=a+b%2b%26c HTTP/1.1\r\n\r\n",
           "\r\n\r\n",
           "\n\n",
       }) {
    EXPECT_EQ(http(request), Verdict::Kind::kAnswer) << request;
    EXPECT_THAT(http_answer(request), StartsWith("HTTP/1.1 403 ")) << request;
  }
}

TEST(Admission, ReaderHasAPasswordOfItsOwn) {
  const Secrets both{.password = "a",
                     .reader_user = "user",
                     .reader_password = "b",
                     .nonce_path = "/n",
                     .nonce = "n0"};
  const auto http = [&](const std::string& password) {
    return judge(Protocol::kHttp, "GET /?password=" + password + " HTTP/1.1\r\n\r\n", both).kind;
  };
  for (const std::string known : {"a", "b"}) EXPECT_EQ(http(known), Verdict::Kind::kAdmit);
  for (const std::string other : {"", "ab", "c"}) EXPECT_EQ(http(other), Verdict::Kind::kAnswer);
  // The hello packet names the user, whose password it must be.
  EXPECT_EQ(judge(Protocol::kNative, hello("b"), both).kind, Verdict::Kind::kAdmit);
  EXPECT_EQ(judge(Protocol::kNative, hello("a"), both).kind, Verdict::Kind::kAnswer);
  Secrets others = both;
  others.reader_user = "another";
  EXPECT_EQ(judge(Protocol::kNative, hello("a"), others).kind, Verdict::Kind::kAdmit);
  EXPECT_EQ(judge(Protocol::kNative, hello("b"), others).kind, Verdict::Kind::kAnswer);
}

TEST(Admission, NoPasswordAdmitsNobody) {
  const Secrets none{.password = "", .nonce_path = "/nonce", .nonce = "n0"};
  EXPECT_EQ(judge(Protocol::kHttp, "GET / HTTP/1.1\r\nX-ClickHouse-Key:\r\n\r\n", none).kind,
            Verdict::Kind::kAnswer);
  EXPECT_EQ(judge(Protocol::kNative, hello(""), none).kind, Verdict::Kind::kAnswer);
}

TEST(Admission, AnybodyGetsTheNonceAndThePing) {
  EXPECT_THAT(http_answer("GET /nonce HTTP/1.1\r\n\r\n"), HasSubstr("\r\n\r\nn0"));
  EXPECT_THAT(http_answer("GET /ping?x=1 HTTP/1.1\r\n\r\n"), HasSubstr("\r\n\r\nOk.\n"));
  EXPECT_THAT(http_answer("POST /nonce HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(http_answer("GET /nonce/x HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 403 "));
}

TEST(Admission, HttpIsJudgedOnceItsHeadIsWhole) {
  const std::string request = "GET /?password=a+b%2b%26c HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t size = 0; size != request.size(); ++size) {
    EXPECT_EQ(http(request.substr(0, size)), Verdict::Kind::kMore) << size;
  }
  EXPECT_EQ(http(request), Verdict::Kind::kAdmit);
}

TEST(Admission, NativeIsJudgedByItsHello) {
  const std::string packet = hello(kSecrets.password);
  for (std::size_t size = 0; size != packet.size(); ++size) {
    EXPECT_EQ(judge(Protocol::kNative, packet.substr(0, size), kSecrets).kind, Verdict::Kind::kMore)
        << size;
  }
  EXPECT_EQ(judge(Protocol::kNative, packet, kSecrets).kind, Verdict::Kind::kAdmit);
  EXPECT_EQ(judge(Protocol::kNative, packet + "more", kSecrets).kind, Verdict::Kind::kAdmit);

  const Verdict refused = judge(Protocol::kNative, hello("wrong"), kSecrets);
  EXPECT_EQ(refused.kind, Verdict::Kind::kAnswer);
  EXPECT_THAT(refused.answer, StartsWith(std::string("\2\4\2\0\0\x0d"
                                                     "DB::Exception",
                                                     19)));
}

TEST(Admission, OtherProtocolsAreClosedWithoutAWord) {
  const Verdict verdict = judge(Protocol::kNative, "GET / HTTP/1.1\r\n\r\n", kSecrets);
  EXPECT_EQ(verdict.kind, Verdict::Kind::kAnswer);
  EXPECT_EQ(verdict.answer, "");
  // A length beyond anything that comes stays without a verdict: the gate's limits end it.
  const std::string endless = std::string("\0", 1) + std::string(20, '\xff');
  EXPECT_EQ(judge(Protocol::kNative, endless, kSecrets).kind, Verdict::Kind::kMore);
}

TEST(Admission, NoBytesWithoutThePasswordAreAdmitted) {
  const std::string pieces[] = {"GET /?",
                                "POST / HTTP/1.1\r\n",
                                "password=",
                                "&",
                                "%",
                                "%2",
                                "a b+&",
                                "\r\n",
                                "\n\n",
                                "X-ClickHouse-Key:",
                                "Authorization: Basic ",
                                "dXNl",
                                "cjph=",
                                ":",
                                " ",
                                std::string("\0", 1),
                                "\xff\x80\x01",
                                "\x06"};
  constexpr unsigned kSeed = 12;
  constexpr int kTries = 20'000;
  constexpr int kMostPieces = 12;
  std::minstd_rand random(kSeed);
  for (int i = 0; i != kTries; ++i) {
    std::string bytes = i % 2 == 0 ? "" : std::string(1, '\0');
    for (int count = 0; count != kMostPieces; ++count)
      bytes += pieces[random() % std::size(pieces)];
    for (const Protocol protocol : {Protocol::kHttp, Protocol::kNative}) {
      ASSERT_NE(judge(protocol, bytes, kSecrets).kind, Verdict::Kind::kAdmit) << bytes;
    }
  }
}

}  // namespace
}  // namespace qvdhouse::engine
