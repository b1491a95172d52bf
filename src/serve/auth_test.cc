#include "serve/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qvdhouse::serve {
namespace {

using testing::MatchesRegex;

HttpRequest with(std::vector<std::pair<std::string, std::string>> headers) {
  HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

TEST(Auth, TokensAreRandomAndKnownByTheirHash) {
  const std::string token = new_token();
  EXPECT_THAT(token, MatchesRegex("qvd_[A-Za-z0-9_-]{43}"));
  EXPECT_NE(token, new_token());
  EXPECT_TRUE(is_token_hash(hash_token(token)));
  EXPECT_FALSE(is_token_hash(token));
  EXPECT_EQ(hash_token("abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Auth, OnlyTheTokenOpens) {
  const std::string hash = hash_token("qvd_right");
  EXPECT_TRUE(has_token(with({{"authorization", "Bearer qvd_right"}}), hash));
  EXPECT_TRUE(has_token(with({{"Authorization", "bearer qvd_right"}}), hash));
  for (const char* wrong :
       {"Bearer qvd_wrong", "Bearer qvd_right ", "Bearer ", "qvd_right", "Basic qvd_right", ""}) {
    EXPECT_FALSE(has_token(with({{"Authorization", wrong}}), hash)) << wrong;
  }
  EXPECT_FALSE(has_token(with({}), hash));
  EXPECT_FALSE(has_token(with({{"Authorization", "Bearer " + hash}}), hash));
}

TEST(Auth, OtherAddressesNeedATokenOrAnExplicitWord) {
  EXPECT_NO_THROW(check_exposure("127.0.0.1", false, false));
  EXPECT_NO_THROW(check_exposure("::1", false, false));
  EXPECT_NO_THROW(check_exposure("0.0.0.0", true, false));
  EXPECT_NO_THROW(check_exposure("::", false, true));
  EXPECT_THROW(check_exposure("0.0.0.0", false, false), base::ConfigError);
  EXPECT_THROW(check_exposure("10.0.0.1", false, false), base::ConfigError);
  EXPECT_THROW(check_exposure("127.evil.example", false, false), base::ConfigError);
}

TEST(Auth, ATokenHasALeastLength) {
  EXPECT_NO_THROW(check_token("0123456789abcdef"));
  EXPECT_NO_THROW(check_token(new_token()));
  for (const char* token : {"a", "0123456789abcde"}) {
    EXPECT_THROW(check_token(token), base::ConfigError) << token;
  }
}

TEST(Auth, OnlyOurOwnPageWrites) {
  EXPECT_TRUE(is_own_page_or_none(with({{"Host", "h:4000"}})));
  EXPECT_TRUE(is_own_page_or_none(with({{"Host", "h:4000"}, {"Origin", "http://H:4000"}})));
  EXPECT_TRUE(is_own_page_or_none(
      with({{"Host", "h:4000"}, {"Origin", "http://h:4000"}, {"Sec-Fetch-Site", "same-origin"}})));
  EXPECT_FALSE(is_own_page_or_none(with({{"Host", "h:4000"}, {"Origin", "http://evil"}})));
  EXPECT_FALSE(is_own_page_or_none(with({{"Host", "h:4000"}, {"Origin", "http://h:4001"}})));
  EXPECT_FALSE(is_own_page_or_none(with({{"Host", "h:4000"}, {"Origin", "null"}})));
  EXPECT_FALSE(is_own_page_or_none(with({{"Host", "h"}, {"Sec-Fetch-Site", "cross-site"}})));
  EXPECT_FALSE(is_own_page_or_none(with({{"Host", "h"}, {"Sec-Fetch-Site", "same-site"}})));
}

TEST(Auth, AReboundNameIsNotThisMachine) {
  for (const char* own : {"127.0.0.1:4000", "localhost", "LOCALHOST:4000", "[::1]:4000", "[::1]",
                          "10.1.2.3:80", "page.localhost"}) {
    EXPECT_TRUE(names_loopback_host(with({{"Host", own}}))) << own;
  }
  for (const char* foreign : {"evil.example:4000", "127.0.0.1.evil.example", "localhost.evil", "",
                              "[", "evil:127.0.0.1"}) {
    EXPECT_FALSE(names_loopback_host(with({{"Host", foreign}}))) << foreign;
  }
  EXPECT_FALSE(names_loopback_host(with({})));
}

}  // namespace
}  // namespace qvdhouse::serve
