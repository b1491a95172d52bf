#include "observe/ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace qvdhouse::observe {
namespace {

using testing::MatchesRegex;

constexpr const char* kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Ids, TheCallersTraceIsTaken) {
  const auto context = parse_traceparent(kParent, "vendor=1");
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->parent_id, "b7ad6b7169203331");
  EXPECT_EQ(context->state, "vendor=1");
  EXPECT_TRUE(context->is_sampled);
  EXPECT_EQ(trace_of("run", context).trace_id, context->trace_id);
  std::string text = kParent;
  text.back() = '0';
  EXPECT_FALSE(parse_traceparent(text, "")->is_sampled);
  EXPECT_TRUE(parse_traceparent("cc" + std::string(kParent).substr(2) + "-more", "").has_value());
}

TEST(Ids, WhatIsNoTraceparentSaysNothing) {
  const std::string good = kParent;
  for (const std::string& bad : std::vector<std::string>{
           std::string(), std::string("00"), good + "-more", "ff" + good.substr(2),
           "0x" + good.substr(2), good.substr(0, 54) + "g",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    EXPECT_FALSE(parse_traceparent(bad, "").has_value()) << bad;
  }
}

TEST(Ids, AreOfTheRightFormAndTheSameForTheSameText) {
  EXPECT_THAT(trace_of("20261130T1", std::nullopt).trace_id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_NE(trace_of("a", std::nullopt).trace_id, trace_of("b", std::nullopt).trace_id);
  EXPECT_EQ(trace_of("a", std::nullopt).parent_id, "");
  EXPECT_THAT(span_id("x"), MatchesRegex("[0-9a-f]{16}"));
  EXPECT_EQ(span_id("x"), span_id("x"));
  EXPECT_NE(span_id("x"), span_id("y"));
  EXPECT_THAT(uuid_of("x"), MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                         "[0-9a-f]{12}"));
  EXPECT_NE(uuid_of("x"), uuid_of("y"));
}

}  // namespace
}  // namespace qvdhouse::observe
