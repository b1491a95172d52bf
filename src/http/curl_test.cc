#include "http/curl.h"

#include <gtest/gtest.h>

namespace qvdhouse::http {
namespace {

TEST(Curl, UrlHasItsParts) {
  const std::optional<Url> url = Url::parse("https://u%40x:p@host:8443/a/b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->part(CURLUPART_SCHEME), "https");
  EXPECT_EQ(url->part(CURLUPART_USER, CURLU_URLDECODE), "u@x");
  EXPECT_EQ(url->part(CURLUPART_HOST), "host");
  EXPECT_EQ(url->part(CURLUPART_PORT), "8443");
  EXPECT_EQ(url->part(CURLUPART_PATH), "/a/b");
  EXPECT_EQ(Url::parse("http://host/")->part(CURLUPART_PORT, CURLU_DEFAULT_PORT), "80");
  EXPECT_EQ(Url::parse("http://host/")->part(CURLUPART_USER), "");
  EXPECT_FALSE(Url::parse("no url"));
  EXPECT_FALSE(Url::parse("http://host:port/"));
}

TEST(Curl, HeaderTextHasNoLineBreak) {
  EXPECT_TRUE(is_header_text("X-Name: a value"));
  EXPECT_FALSE(is_header_text("X-Name: a\r\nX-Other: b"));
  EXPECT_FALSE(is_header_text("X-Name: a\nb"));
  EXPECT_FALSE(is_header_text(std::string_view("a\0b", 3)));
}

TEST(FirstFile, IsTheFirstThatIsThere) {
  const std::string own = "/proc/self/status";
  EXPECT_EQ(first_file({"", "/nowhere/ca.pem", "/proc", own, "/proc/self/maps"}), own);
  EXPECT_EQ(first_file({"/nowhere/ca.pem"}), "");
}

}  // namespace
}  // namespace qvdhouse::http
