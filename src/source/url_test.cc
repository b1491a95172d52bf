#include "source/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <tuple>

#include "base/error.h"

namespace qvdhouse::source {
namespace {

using testing::HasSubstr;
using testing::Not;

auto parts(const Url& url) {
  return std::tuple(url.scheme, url.user, url.password, url.host, url.port, url.path, url.query);
}
auto parts(const std::string& text) { return parts(parse_url(text).value()); }
auto parts(const char* scheme, const char* user, const char* password, const char* host,
           std::uint16_t port, const char* path, const char* query = "") {
  return parts(Url{scheme, user, password, host, port, path, query});
}

TEST(Url, PlainPathsAreNone) {
  for (const char* path : {"", "/data/a.qvd", "C:\\a.qvd", "://x", "a b://x", "1a://x", "ä://x",
                           "dir/s3:/x", "s3:bucket"}) {
    EXPECT_FALSE(parse_url(path)) << path;
  }
}

TEST(Url, PartsOfEachKind) {
  EXPECT_EQ(parts("HTTPS://u:p@Host.example:8443/a%20b/c.qvd?sig=a%2Fb&x"),
            parts("https", "u", "p", "Host.example", 8443, "/a b/c.qvd", "sig=a%2Fb&x"));
  EXPECT_EQ(parts("http://[::1]:80/x"), parts("http", "", "", "::1", 80, "/x"));
  EXPECT_EQ(parts("http://host?x"), parts("http", "", "", "host", 0, "", "x"));
  EXPECT_EQ(parts("ftp://host/what?.qvd"), parts("ftp", "", "", "host", 0, "/what?.qvd"));
  EXPECT_EQ(parts("s3://bucket"), parts("s3", "", "", "bucket", 0, ""));
  EXPECT_EQ(parts("s3a://bucket/a%20b?.qvd"), parts("s3a", "", "", "bucket", 0, "/a%20b?.qvd"));
  EXPECT_EQ(parts("file:///a%25b"), parts("file", "", "", "", 0, "/a%b"));
  EXPECT_EQ(parts("rclone://my remote@home/a:b"),
            parts("rclone", "", "", "my remote@home", 0, "/a:b"));
  EXPECT_EQ(parts("sftp://user@host:22//data"), parts("sftp", "user", "", "host", 22, "//data"));
  EXPECT_EQ(parts("abfss://box@account.dfs.core.windows.net/a"),
            parts("abfss", "box", "", "account.dfs.core.windows.net", 0, "/a"));
  EXPECT_EQ(parts("hdfs:///a"), parts("hdfs", "", "", "", 0, "/a"));
}

TEST(Url, DotsAreTakenOutOfPaths) {
  const auto path = [](const std::string& text) { return parse_url(text).value().path; };
  EXPECT_EQ(path("http://h/a/./b/../c.qvd"), "/a/c.qvd");
  EXPECT_EQ(path("http://h/src/%2e%2E/private/x.qvd"), "/private/x.qvd");
  EXPECT_EQ(path("http://h/src/..%2Fprivate/x.qvd"), "/private/x.qvd");
  EXPECT_EQ(path("http://h/../../x"), "/x");
  EXPECT_EQ(path("http://h/a/.."), "/");
  EXPECT_EQ(path("http://h/a/."), "/a/");
  EXPECT_EQ(path("http://h/."), "/");
  EXPECT_EQ(path("s3://b/a//../c"), "/a/c");
  EXPECT_EQ(path("sftp://h//data/../../etc"), "//etc");
  for (const char* name : {"/.hidden/a..b", "/a/...", "/a/..b", "/a//b", "//"}) {
    EXPECT_EQ(path(std::string("s3://b") + name), name);
  }
}

TEST(Url, UserAndPasswordAreDecodedAndMayHoldAtSigns) {
  EXPECT_EQ(parts("smb://DOM%5Cme:p%40s%2Fs%3A:%25@srv/share"),
            parts("smb", "DOM\\me", "p@s/s::%", "srv", 0, "/share"));
  EXPECT_EQ(parts("ftp://me@home:p@ss@srv/"), parts("ftp", "me@home", "p@ss", "srv", 0, "/"));
  EXPECT_EQ(parts("s3://:only@bucket/"), parts("s3", "", "only", "bucket", 0, "/"));
}

TEST(Url, PublicTextHasNoSecretAndKeepsTheContainer) {
  const auto shown = [](const std::string& text) { return public_text(parse_url(text).value()); };
  EXPECT_EQ(shown("https://u:p@h:8443/a%20b?sig=x"), "https://h:8443/a%20b");
  EXPECT_EQ(shown("sftp://u:p@h/a b%"), "sftp://h/a b%");
  EXPECT_EQ(shown("abfs://box:key@account/a"), "abfs://box@account/a");
  EXPECT_EQ(shown("http://[fe80::1%25eth0]/"), "http://[fe80::1%25eth0]/");
}

TEST(Url, RequestUrlHasTheQueryAndNoUser) {
  const auto sent = [](const std::string& text) { return request_url(parse_url(text).value()); };
  EXPECT_EQ(sent("https://u:p@h/a b#1/%D0%9F.qvd?sig=a%2Fb"),
            "https://h/a%20b%231/%D0%9F.qvd?sig=a%2Fb");
  EXPECT_EQ(sent("http://h"), "http://h/");
}

TEST(Url, ErrorsNameTheSchemeAndNothingElse) {
  for (const char* rest :
       {"u:SECRET@", "u:SECRET@/p", "u:SECRET/x@h/p", "u:SECRET@h:0/", "u:SECRET@h:65536/",
        "u:SECRET@h:8x/", "u:SECRET@[::1/", "u:SECRET@[1]/", "u:SECRET@[::1]SECRET/",
        "u:SECRET@h o/", "u:SECRET@h\n/", "u:SECRET@h/%00", "u:SEC%00RET@h/"}) {
    try {
      static_cast<void>(parse_url(std::string("http://") + rest));
      ADD_FAILURE() << rest;
    } catch (const base::ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("http://HOST/PATH")) << rest;
      EXPECT_THAT(error.what(), Not(HasSubstr("SEC"))) << rest;
    }
  }
  EXPECT_THROW(parse_url("rclone://"), base::ConfigError);
  EXPECT_THROW(parse_url("rclone://a:b/"), base::ConfigError);
  EXPECT_THROW(parse_url(std::string("s3://b/a\0b", 10)), base::ConfigError);
}

// What public_text() gives is stored as a file's identity, so it must lead back to the file.
TEST(Url, PublicTextReadsBackForAnyBytes) {
  std::mt19937 random(20'260'101);
  const auto some = [&](std::string_view of, std::size_t most) {
    std::string text;
    for (std::size_t count = random() % (most + 1); count != 0; --count) {
      text += of.empty() ? static_cast<char>(1 + random() % 255) : of[random() % of.size()];
    }
    return text;
  };
  constexpr std::string_view kHost = "abzAZ09-._~\xC3\xA9";
  constexpr std::string_view kHard = "/%?#@:[]*&=+ \\\"'a2F";
  for (int round = 0; round != 20'000; ++round) {
    constexpr const char* kSchemes[] = {"http", "https", "ftp",  "webdavs", "file",   "s3",
                                        "gs",   "sftp",  "abfs", "hdfs",    "rclone", "gdrive"};
    Url url;
    url.scheme = kSchemes[random() % std::size(kSchemes)];
    const bool is_name = url.scheme == "rclone" || url.scheme == "gdrive";
    url.host = (is_name ? "[@ " : "h") + some(kHost, 5);
    if (!is_name && random() % 4 == 0) url.host = "::1";
    if (!is_name && random() % 2 == 0) url.port = static_cast<std::uint16_t>(random() | 1U);
    url.path = random() % 4 == 0 ? "" : "/" + some(random() % 2 == 0 ? "" : kHard, 12);
    if (url.path.find("/.") != std::string::npos) url.path = "/x";  // parts of dots are no names
    if (!is_name) url.user = some("", 4);
    if (!is_name) url.password = some("", 4);
    if (url.scheme.starts_with("http")) url.query = some("", 4);

    Url expected = url;
    if (url.scheme != "abfs") expected.user.clear();
    expected.password.clear();
    expected.query.clear();
    const std::string text = public_text(url);
    const auto back = parse_url(text);
    ASSERT_TRUE(back) << text;
    ASSERT_EQ(parts(*back), parts(expected)) << text;
    ASSERT_EQ(public_text(*back), text);
  }
}

// Whatever people type is understood or refused, and then once and for all the same.
TEST(Url, AnyTextIsUnderstoodOrRefused) {
  std::mt19937 random(7);
  constexpr std::string_view kHard = "/%?#@:[]a1.F";
  std::size_t understood = 0;
  for (int round = 0; round != 20'000; ++round) {
    constexpr const char* kSchemes[] = {"http://", "ftp://", "s3://", "rclone://", "az://"};
    std::string text = kSchemes[random() % std::size(kSchemes)];
    for (std::size_t count = random() % 14; count != 0; --count) {
      text += kHard[random() % kHard.size()];
    }
    try {
      const Url url = parse_url(text).value();
      ASSERT_EQ(public_text(parse_url(public_text(url)).value()), public_text(url)) << text;
      ++understood;
    } catch (const base::ConfigError&) {
    }
  }
  EXPECT_GT(understood, 1'000U);
  EXPECT_LT(understood, 19'000U);
}

TEST(SourceUrl, UserInfoAndSignaturesAreMasked) {
  EXPECT_EQ(masked_source("/data/a@b?c"), "/data/a@b?c");
  EXPECT_EQ(masked_source("http://u:hunter2@host/a@b.qvd"), "http://********@host/a@b.qvd");
  EXPECT_EQ(masked_source("http://token@host/*.qvd"), "http://********@host/*.qvd");
  EXPECT_EQ(masked_source("https://host/a.qvd?sig=x"), "https://host/a.qvd?********");
  EXPECT_EQ(masked_source("s3://bucket/a@b?.qvd"), "s3://bucket/a@b?.qvd");
  EXPECT_EQ(masked_source("abfs://box@account/x.qvd"), "abfs://box@account/x.qvd");
  EXPECT_EQ(masked_source("abfs://box:hunter2@account/x"), "abfs://********@account/x");
  EXPECT_EQ(masked_source("http://u:hun/ter2@ho st/x"), "http://********@ho st/x");
  EXPECT_EQ(masked_source("http://u:hunter2@ho st?sig=x"), "http://********@ho st?********");
}

}  // namespace
}  // namespace qvdhouse::source
