// The API over a real service and the real engine, without HTTP.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "serve/api.h"
#include "serve/test_service.h"

namespace qvdhouse::serve {

// "/a?b=c&d=e" as the server hands it over; nothing here needs decoding.
inline HttpRequest request_of(const std::string& target, const std::string& method,
                              const std::string& body) {
  HttpRequest request;
  request.method = method;
  request.headers = {{"Host", "localhost:4000"}, {"Content-Type", "application/json"}};
  request.body = body;
  const std::size_t mark = std::min(target.find('?'), target.size());
  request.path = target.substr(0, mark);
  for (std::size_t begin = mark + 1; begin < target.size();) {
    const std::size_t end = std::min(target.find('&', begin), target.size());
    const std::string pair = target.substr(begin, end - begin);
    const std::size_t sign = std::min(pair.find('='), pair.size());
    request.query.emplace_back(pair.substr(0, sign),
                               sign < pair.size() ? pair.substr(sign + 1) : "");
    begin = end + 1;
  }
  return request;
}

class ApiTest : public ServiceTest {
 protected:
  // Loads what is there, oldest name first, one run a file, so that their order is known.
  void serve(ApiOptions options = {}) {
    options.version = "1.2.3";
    start();
    ASSERT_TRUE(is_scheduled());
    ASSERT_TRUE(have_ended(1));
    api_ = std::make_unique<Api>(*service_, std::move(options), log_);
  }
  void TearDown() override {
    api_.reset();
    ServiceTest::TearDown();
  }
  HttpResponse ask(const std::string& target, const std::string& method = "GET",
                   const std::string& body = "") {
    return api_->handle(request_of(target, method, body));
  }
  Json get(const std::string& target) {
    const HttpResponse response = ask(target);
    EXPECT_EQ(response.status, 200) << target << response.body;
    return Json::parse(response.body);
  }
  // What POST answers, with this status.
  Json post(const std::string& target, const std::string& body, int status) {
    const HttpResponse response = ask(target, "POST", body);
    EXPECT_EQ(response.status, status) << target << response.body;
    return Json::parse(response.body);
  }
  bool run(const std::vector<std::string>& files = {}) {
    const std::size_t count = ended().size();
    run_now(files);
    return have_ended(count + 1);
  }
  std::string path(const std::string& name) const { return (source_ / name).string(); }

  std::unique_ptr<Api> api_;
};

}  // namespace qvdhouse::serve
