// TLS against a real TLS server, with certificates made for the test.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/error.h"
#include "source/http_client.h"
#include "tests/support/loopback_server.h"

namespace qvdhouse::source {
namespace {

using tests::http_answer;
using tests::right_answer;
using tests::test_bytes;
using tests::TestServer;

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class HttpTlsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = (fs::temp_directory_path() / "qvdhouse_tls_XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    is_made_ = make_certificate("server") && make_certificate("stranger");
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  void SetUp() override {
    if (!is_made_) GTEST_SKIP() << "no certificates: the command openssl is missing or failed";
  }
  void TearDown() override { server_.reset(); }

  // Signed by itself, so it is its own CA.
  static bool make_certificate(const std::string& name) {
    return std::system(fmt::format("openssl req -x509 -newkey ec -pkeyopt "
                                   "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={1} "
                                   "-addext subjectAltName=IP:127.0.0.1 -keyout {0}/{1}.key "
                                   "-out {0}/{1}.pem 2>{0}/{1}.log",
                                   folder_, name)
                           .c_str()) == 0;
  }
  static std::string file(const std::string& name) { return folder_ + "/" + name; }

  // `client_ca`: who signs clients' certificates; empty: clients need none.
  void start(const std::string& client_ca = {}) {
    const auto answer = [this](const TestServer::Request& request) {
      authorization_ = request.header("Authorization");
      const bool leaves = request.text.starts_with("GET /down ");
      return TestServer::Answer{
          leaves ? http_answer("302 Found", "Location: http://127.0.0.1:1/f?sig=hunter2\r\n")
                 : right_answer(request, content_)};
    };
    server_ = std::make_unique<TestServer>(
        answer, tests::Tls{.certificate = file("server.pem"),
                           .key = file("server.key"),
                           .client_ca = client_ca.empty() ? "" : file(client_ca)});
    port_ = server_->port();
  }

  static Access access_with(const std::string& ca_file) {
    Access access;
    access.ca_file = ca_file;
    access.attempts = 2;
    access.first_delay = std::chrono::milliseconds(1);
    return access;
  }
  HttpStat stat(const Access& access, const std::string& path = "/f") {
    return HttpClient(access).stat({.url = fmt::format("https://127.0.0.1:{}{}", port_, path),
                                    .user = "u",
                                    .password = "hunter2",
                                    .shown = "the-file"});
  }
  std::string error_of(const Access& access, const std::string& path = "/f") {
    try {
      stat(access, path);
    } catch (const base::IoError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("the-file: "), Not(HasSubstr("hunter2"))));
      return error.what();
    }
    ADD_FAILURE() << "nothing thrown";
    return {};
  }

  static inline std::string folder_;
  static inline bool is_made_ = false;
  const std::string content_ = test_bytes(1'000);
  std::string authorization_;
  int port_ = 0;
  std::unique_ptr<TestServer> server_;
};

TEST_F(HttpTlsTest, AnOwnCaIsTrusted) {
  start();
  EXPECT_EQ(stat(access_with(file("server.pem"))).size, 1'000U);
  EXPECT_EQ(authorization_, "Basic dTpodW50ZXIy");
}

TEST_F(HttpTlsTest, TheSystemDoesNotTrustIt) {
  start();
  EXPECT_THAT(error_of(access_with("")), HasSubstr("set ca_file in [source] to the CA"));
  EXPECT_EQ(authorization_, "");
}

TEST_F(HttpTlsTest, AWrongCaIsNamed) {
  start();
  EXPECT_THAT(error_of(access_with(file("stranger.pem"))),
              HasSubstr("checked against ca_file = " + file("stranger.pem")));
  EXPECT_EQ(authorization_, "");
}

TEST_F(HttpTlsTest, AMissingOrBrokenCaFileIsNamed) {
  start();
  EXPECT_THAT(error_of(access_with(file("none.pem"))),
              HasSubstr("ca_file in [source] (" + file("none.pem") + ")"));
  std::ofstream(file("broken.pem")) << "hunter2, no PEM";
  EXPECT_THAT(error_of(access_with(file("broken.pem"))), HasSubstr(file("broken.pem")));
}

TEST_F(HttpTlsTest, VerificationIsSwitchedOffWithOneWarningOnceTlsIsUsed) {
  start();
  std::vector<std::string> warnings;
  Access access = access_with("");
  access.verify_tls = false;
  access.warn = [&](std::string_view line) { warnings.emplace_back(line); };
  HttpClient client(access);
  const TestServer plain([&](const TestServer::Request& request) {
    return TestServer::Answer{right_answer(request, content_)};
  });
  client.stat({.url = plain.url(), .shown = "x"});
  EXPECT_TRUE(warnings.empty()) << warnings[0];
  const TestServer sends_on([&](const TestServer::Request&) {
    return TestServer::Answer{
        http_answer("302 Found", fmt::format("Location: {}\r\n", server_->url("/f")))};
  });
  EXPECT_EQ(client.stat({.url = sends_on.url(), .shown = "x"}).size, 1'000U);
  client.stat({.url = server_->url("/f"), .shown = "x"});
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr("verify_tls = false"));
}

TEST_F(HttpTlsTest, AClientCertificateIsSentAndItsLackIsNamed) {
  start("stranger.pem");
  Access access = access_with(file("server.pem"));
  EXPECT_THAT(error_of(access), HasSubstr("client_cert and client_key in [source]"));
  access.client_cert = file("stranger.pem");
  access.client_key = file("stranger.key");
  EXPECT_EQ(stat(access).size, 1'000U);
  access.client_key = file("server.key");  // not the certificate's
  EXPECT_THAT(error_of(access), HasSubstr("client_cert and client_key in [source]"));
}

TEST_F(HttpTlsTest, ARedirectThatLeavesTlsIsRefused) {
  start();
  EXPECT_THAT(error_of(access_with(file("server.pem")), "/down"), HasSubstr("leaves https"));
}

TEST_F(HttpTlsTest, AServerThatNeverShakesHands) {
  const TestServer plain([](const TestServer::Request&) { return TestServer::Answer{}; });
  port_ = plain.port();
  Access access = access_with("");
  access.connect_timeout = std::chrono::milliseconds(50);
  EXPECT_THAT(error_of(access), AllOf(HasSubstr("connect_timeout 50 ms"), HasSubstr("2 tries")));
}

}  // namespace
}  // namespace qvdhouse::source
