#include "serve/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include "serve/auth.h"

namespace qvdhouse::serve {
namespace {

using testing::HasSubstr;

class RouterTest : public testing::Test {
 protected:
  Router& router(RouterOptions options = {}) {
    router_ = std::make_unique<Router>(std::move(options), log_);
    const auto echo = [](const RoutedRequest& request) {
      Json json = Json::object();
      for (const auto& [name, value] : request.path) json[name] = value;
      json["trusted"] = request.is_trusted;
      return json_response(json);
    };
    router_->add({.method = "GET",
                  .pattern = "/",
                  .handle = echo,
                  .is_public = true,
                  .sites = Route::Sites::kLinks});
    router_->add(
        {.method = "GET", .pattern = "/health", .handle = echo, .sites = Route::Sites::kAll});
    router_->add({.method = "GET", .pattern = "/runs", .parameters = {"limit"}, .handle = echo});
    router_->add({.method = "GET", .pattern = "/runs/{id}", .handle = echo});
    router_->add({.method = "POST", .pattern = "/runs/{id}/cancel", .handle = echo});
    router_->add({.method = "GET", .pattern = "/assets/{name*}", .handle = echo});
    router_->add(
        {.method = "GET", .pattern = "/throws", .handle = [](const RoutedRequest&) -> HttpResponse {
           throw base::IoError("http://user:secret@host");
         }});
    return *router_;
  }
  static HttpRequest get(std::string path, std::string method = "GET") {
    HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = {{"Host", "localhost:4000"}};
    return request;
  }
  HttpResponse ask(const HttpRequest& request) { return router_->handle(request); }
  static std::string header(const HttpResponse& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }

  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  std::unique_ptr<Router> router_;
};

TEST_F(RouterTest, FindsTheRoute) {
  router();
  EXPECT_EQ(ask(get("/runs/7")).body, R"({"id":"7","trusted":true})");
  EXPECT_EQ(ask(get("/assets/a/b.js")).body, R"({"name":"a/b.js","trusted":true})");
  EXPECT_EQ(ask(get("/runs/7/cancel", "POST")).status, 200);
  EXPECT_EQ(ask(get("/runs/7", "HEAD")).status, 200);
  for (const char* nowhere :
       {"/runs/", "/runs/7/", "/runs/7/other", "/run", "//", "/runs//cancel"}) {
    EXPECT_EQ(ask(get(nowhere)).status, 404) << nowhere;
  }
  const HttpResponse wrong = ask(get("/runs/7/cancel"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(header(wrong, "Allow"), "POST");
  EXPECT_EQ(wrong.type, "application/problem+json");
}

TEST_F(RouterTest, UnknownParametersSayWhatIsAllowed) {
  router();
  HttpRequest request = get("/runs");
  request.query = {{"limit", "1"}};
  EXPECT_EQ(ask(request).status, 200);
  request.query = {{"limti", "1"}};
  const HttpResponse response = ask(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(Json::parse(response.body)["allowed"], Json::array({"limit"}));
}

TEST_F(RouterTest, EveryAnswerHasSecurityHeaders) {
  router();
  for (const char* path : {"/runs", "/nowhere", "/throws"}) {
    const HttpResponse response = ask(get(path));
    EXPECT_THAT(header(response, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
    EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header(response, "Cache-Control"), "no-store");
  }
}

TEST_F(RouterTest, ErrorsTellNoSecrets) {
  router();
  const HttpResponse response = ask(get("/throws"));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
}

TEST_F(RouterTest, WithoutTheTokenOnlyPublicRoutesAnswer) {
  router({.token_hash = hash_token("right")});
  const HttpResponse refused = ask(get("/runs"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(header(refused, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(ask(get("/runs/7/cancel", "POST")).status, 401);
  EXPECT_EQ(ask(get("/")).body, R"({"trusted":false})");
  HttpRequest request = get("/runs");
  request.headers.emplace_back("Authorization", "Bearer right");
  EXPECT_EQ(ask(request).status, 200);
}

TEST_F(RouterTest, TheTokenOfMetricsOpensNothingElse) {
  router({.token_hash = hash_token("right"), .metrics_token_hash = hash_token("scraper")});
  router_->add({.method = "GET",
                .pattern = "/metrics",
                .parameters = {},
                .handle =
                    [](const RoutedRequest& request) {
                      return json_response(Json{{"trusted", request.is_trusted}});
                    },
                .is_of_metrics = true});
  const auto status = [&](const std::string& path, const std::string& token) {
    HttpRequest request = get(path);
    request.headers.emplace_back("Authorization", "Bearer " + token);
    return ask(request).status;
  };
  EXPECT_EQ(status("/metrics", "scraper"), 200);
  EXPECT_EQ(status("/metrics", "right"), 200);
  EXPECT_EQ(status("/metrics", "wrong"), 401);
  EXPECT_EQ(status("/runs", "scraper"), 401);
  EXPECT_EQ(ask(get("/metrics")).status, 401);
  router_->set_metrics_token_hash("");
  EXPECT_EQ(status("/metrics", "scraper"), 401);
  EXPECT_EQ(status("/metrics", ""), 401);
  EXPECT_EQ(status("/metrics", "right"), 200);
}

TEST_F(RouterTest, OtherSitesChangeNothing) {
  router();
  HttpRequest request = get("/runs/7/cancel", "POST");
  request.headers.emplace_back("Origin", "http://localhost:4000");
  EXPECT_EQ(ask(request).status, 200);
  request.headers.back().second = "https://evil.example";
  EXPECT_EQ(ask(request).status, 403);
  HttpRequest form = get("/runs/7/cancel", "POST");
  form.body = "a=b";
  form.headers.emplace_back("Content-Type", "text/plain");
  EXPECT_EQ(ask(form).status, 415);
}

TEST_F(RouterTest, PagesOfOtherSitesMakeABrowserAskForNothing) {
  router();
  const auto status = [&](const std::string& path, const std::string& site, bool is_link = false,
                          const std::string& method = "GET") {
    HttpRequest request = get(path, method);
    request.headers.emplace_back("Sec-Fetch-Site", site);
    if (is_link) request.headers.emplace_back("Sec-Fetch-Mode", "navigate");
    if (is_link) request.headers.emplace_back("Sec-Fetch-Dest", "document");
    return ask(request).status;
  };
  for (const char* site : {"same-origin", "none"}) {
    EXPECT_EQ(status("/runs", site), 200) << site;
    EXPECT_EQ(status("/", site), 200) << site;
  }
  for (const char* site : {"cross-site", "same-site", "what?"}) {
    for (const char* path : {"/runs", "/runs/7", "/assets/a.js", "/"}) {
      EXPECT_EQ(status(path, site), 403) << site << path;
      EXPECT_EQ(status(path, site, false, "HEAD"), 403) << site << path;
    }
    EXPECT_EQ(status("/runs", site, true), 403) << site;
    EXPECT_EQ(status("/", site, true), 200) << site;
    EXPECT_EQ(status("/health", site), 200) << site;
  }
}

TEST_F(RouterTest, ReboundNamesAreRefused) {
  router({.checks_host = true});
  HttpRequest request = get("/runs");
  EXPECT_EQ(ask(request).status, 200);
  request.headers = {{"Host", "evil.example:4000"}};
  EXPECT_EQ(ask(request).status, 403);
}

}  // namespace
}  // namespace qvdhouse::serve
