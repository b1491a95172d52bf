#include "observe/options.h"

#include <gtest/gtest.h>

namespace qvdhouse::observe {
namespace {

TEST(ObserveOptions, ThePathOfTracesIsAddedToACollectorOnly) {
  EXPECT_EQ((TraceOptions{.endpoint = "http://c:4318"}.url()), "http://c:4318/v1/traces");
  EXPECT_EQ((TraceOptions{.endpoint = "http://c:4318/otlp/"}.url()),
            "http://c:4318/otlp/v1/traces");
  EXPECT_EQ((TraceOptions{.endpoint = "http://c", .traces_endpoint = "http://t/x"}.url()),
            "http://t/x");
  EXPECT_EQ((TraceOptions{.endpoint = "http://c", .is_off = true}.url()), "");
  EXPECT_EQ(TraceOptions{}.url(), "");
}

TEST(ObserveOptions, EventsGoToTheEndpointBehindAnUrlOrIntoAFile) {
  EXPECT_EQ((LineageOptions{.url = "http://m:5000"}.target()), "http://m:5000/api/v1/lineage");
  EXPECT_EQ((LineageOptions{.url = "http://m:5000/", .endpoint = "/x"}.target()),
            "http://m:5000/x");
  EXPECT_EQ((LineageOptions{.url = "file:///tmp/l.ndjson"}.target()), "file:///tmp/l.ndjson");
  EXPECT_EQ((LineageOptions{.url = "http://m", .is_off = true}.target()), "");
}

}  // namespace
}  // namespace qvdhouse::observe
