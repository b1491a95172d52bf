#include "source/http_errors.h"

#include <gtest/gtest.h>

#include <ctime>

#include "source/http_exchange.h"

namespace qvdhouse::source {
namespace {

using std::chrono::milliseconds;

TEST(RetryDelay, DoublesUpToALimitAndJitterTakesUpToHalf) {
  const auto delay = [](unsigned failed, double jitter) {
    return retry_delay(failed, milliseconds(250), std::nullopt, jitter).count();
  };
  EXPECT_EQ(delay(1, 0), 250);
  EXPECT_EQ(delay(2, 0), 500);
  EXPECT_EQ(delay(4, 0), 2'000);
  EXPECT_EQ(delay(1, 1), 125);
  EXPECT_EQ(delay(2, 0.5), 375);
  EXPECT_EQ(delay(8, 0), 30'000);
  EXPECT_EQ(delay(4'000'000'000, 0), 30'000);
  EXPECT_EQ(retry_delay(3, milliseconds(0), std::nullopt, 0).count(), 0);
  EXPECT_EQ(retry_delay(1, milliseconds(3'600'000), std::nullopt, 0).count(), 30'000);
}

TEST(RetryDelay, IsNoLessThanRetryAfterWithinReason) {
  const auto delay = [](milliseconds retry_after) {
    return retry_delay(1, milliseconds(250), retry_after, 0).count();
  };
  EXPECT_EQ(delay(milliseconds(0)), 250);
  EXPECT_EQ(delay(milliseconds(7'000)), 7'000);
  EXPECT_EQ(delay(milliseconds(86'400'000)), 60'000);
}

TEST(HttpHeaders, ReadsWhatItNeedsInAnyCase) {
  HttpHeaders headers;
  for (const char* line :
       {"HTTP/1.1 206 Partial Content\r\n", "content-range:bytes 5-9/100\r\n",
        "CONTENT-LENGTH: 5 \r\n", "ETag: W/\"a b\"\r\n", "Retry-After: 7\r\n",
        "Last-Modified: Thu, 01 Jan 1970 00:00:10 GMT\r\n", "WWW-Authenticate: Basic realm=x\r\n",
        "WWW-Authenticate: Digest\r\n", "no header\r\n"}) {
    headers.add_line(line);
  }
  EXPECT_EQ(headers.content_range->first, 5U);
  EXPECT_EQ(headers.content_range->last, 9U);
  EXPECT_EQ(headers.content_range->total, 100U);
  EXPECT_EQ(headers.content_length, 5U);
  EXPECT_EQ(headers.etag, "W/\"a b\"");
  EXPECT_EQ(headers.mtime_us, 10'000'000);
  EXPECT_EQ(headers.retry_after, milliseconds(7'000));
  EXPECT_EQ(headers.authenticate, "Basic");
  EXPECT_FALSE(headers.complete);
  headers.add_line("\r\n");
  EXPECT_TRUE(headers.complete);

  headers.add_line("HTTP/1.1 200 OK\r\n");
  EXPECT_FALSE(headers.content_range || headers.content_length || headers.complete);
  EXPECT_TRUE(headers.etag.empty());
}

TEST(HttpHeaders, RetryAfterMayBeADate) {
  HttpHeaders headers;
  headers.add_line("Retry-After: Thu, 01 Jan 1970 00:00:10 GMT\r\n");
  EXPECT_EQ(headers.retry_after, milliseconds(0));
  headers.add_line("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n");
  EXPECT_EQ(headers.retry_after, milliseconds(1'000'000'000));
  headers.add_line("Retry-After: soon\r\n");
  EXPECT_FALSE(headers.retry_after);
}

TEST(ContentRange, TakesWhatIsOneAndNothingElse) {
  EXPECT_EQ(parse_content_range("bytes */7")->total, 7U);
  EXPECT_FALSE(parse_content_range("bytes */7")->first);
  EXPECT_FALSE(parse_content_range("Bytes 0-0/*")->total);
  for (const char* text :
       {"", "bytes", "bytes ", "bytes 0-0", "bytes 0/1", "bytes /1", "bytes -/1", "bytes 1-0/2",
        "bytes 0-2/2", "bytes 0-1/-2", "items 0-1/2", "bytes 0-1/2,", "bytes 0x0-1/2",
        "bytes 0-99999999999999999999/*", "bytes 0-1/"}) {
    EXPECT_FALSE(parse_content_range(text)) << text;
  }
}

}  // namespace
}  // namespace qvdhouse::source
