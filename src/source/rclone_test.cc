#include "source/rclone.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "source/rclone_process.h"
#include "tests/support/rclone_served.h"

namespace qvdhouse::source {
namespace {

using tests::has_program;

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(RcloneTime, IsReadToTheMicrosecondAndInAnyZone) {
  EXPECT_EQ(parse_time_us("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(parse_time_us("2024-02-29T12:00:00.123456789Z"), 1'709'208'000'123'456);
  EXPECT_EQ(parse_time_us("2024-02-29T14:30:00.5+02:30"), 1'709'208'000'500'000);
  EXPECT_EQ(parse_time_us("2024-02-29T07:00:00-05:00"), 1'709'208'000'000'000);
  EXPECT_EQ(parse_time_us("1969-12-31T23:59:59Z"), -1'000'000);
  for (const char* bad :
       {"", "yesterday", "2024-02-30T00:00:00Z", "2024-02-29T12:00:00", "2024-02-29 12:00:00Z",
        "2024-02-29T12:00:00.1X", "-024-02-29T12:00:00Z"}) {
    EXPECT_EQ(parse_time_us(bad), 0) << bad;
  }
}

TEST(RcloneItem, WhatIsMissingOrMalformedIsUnknown) {
  const RcloneItem item = item_of(nlohmann::json::parse(
      R"({"Path":"a/b.qvd","Size":7,"ModTime":"1970-01-01T00:00:01Z","Hashes":{"md5":"abc"}})"));
  EXPECT_EQ(item.path, "a/b.qvd");
  EXPECT_EQ(item.size, 7U);
  EXPECT_EQ(item.mtime_us, 1'000'000);
  EXPECT_EQ(item.hash, "abc");
  const RcloneItem odd =
      item_of(nlohmann::json::parse(R"({"Path":5,"Size":-1,"ModTime":null,"Hashes":[]})"));
  EXPECT_EQ(odd.path, "");
  EXPECT_EQ(odd.size, 0U);
  EXPECT_EQ(odd.mtime_us, 0);
}

TEST(RcloneSecrets, AreHiddenInAllTheirForms) {
  Secrets secrets;
  secrets.add_from({{"pass", "p&ss word"},
                    {"sas_url", "https://a.blob.core.windows.net/c?sv=1&sig=abcd"},
                    {"headers", R"("Authorization","Bearer t0k3n")"},
                    {"secret_access_key", "wJalr"},
                    {"region", "us-east-1"}});
  const std::string shown = secrets.hidden_in(
      "p&ss word p%26ss%20word c?sv=1&sig=abcd Bearer t0k3n wJalr us-east-1 a.blob.core");
  EXPECT_THAT(shown, AllOf(HasSubstr("us-east-1"), HasSubstr("a.blob.core")));
  for (const char* part : {"ss word", "p%26", "sig=", "t0k3n", "wJalr"}) {
    EXPECT_THAT(shown, Not(HasSubstr(part)));
  }
}

TEST(RcloneSecrets, AreHiddenByTheirPlaceWhateverTheyAre) {
  const Secrets none;
  EXPECT_EQ(none.hidden_in("Get \"https://u:x@h:8/a@b?sv=1&sig=ab%2F&se=2\": EOF"),
            "Get \"https://u:***@h:8/a@b?sv=1&sig=***&se=2\": EOF");
  EXPECT_EQ(none.hidden_in("ftp://u:a@b%2F@h/ s3://b/k?X-Amz-Signature=0a X"),
            "ftp://u:***@h/ s3://b/k?X-Amz-Signature=*** X");
  for (const char* plain : {"http://h:80/a@b", "sftp://u@h:22/x", "1:2@3", "://", "sig"}) {
    EXPECT_EQ(none.hidden_in(plain), plain);
  }
}

TEST(RcloneSecrets, AreHiddenWhereAValueStandsWhenShort) {
  Secrets secrets;
  secrets.add("");
  secrets.add_from({{"pass", "a"}, {"bearer_token", "b/c"}});
  EXPECT_EQ(secrets.hidden_in("an answer: pass=a, map[pass:a user:a1] {\"pass\":\"a\"} 'a'"),
            "an answer: pass=***, map[pass:*** user:a1] {\"pass\":\"***\"} '***'");
  EXPECT_EQ(secrets.hidden_in("a b/c d x=b/c x=b%2Fc"), "a b/c d x=*** x=***");
  secrets.add("abcd");
  EXPECT_EQ(secrets.hidden_in("xabcdx"), "x***x");
}

RcloneFault fault_of(const std::string& text, const std::string& advice) {
  try {
    throw_rclone_error("s3://b", text);
  } catch (const RcloneError& error) {
    EXPECT_THAT(error.what(), AllOf(StartsWith("s3://b: "), HasSubstr(text), HasSubstr(advice)));
    return error.fault;
  }
}

TEST(RcloneErrors, SayWhetherToTryAgainAndWhatToCheck) {
  EXPECT_EQ(fault_of("SignatureDoesNotMatch: status code: 403", "secret"), RcloneFault::kRefused);
  EXPECT_EQ(fault_of("NoSuchBucket: status code: 404", "check its name"), RcloneFault::kMissing);
  EXPECT_EQ(fault_of("ssh: knownhosts: key is unknown", "ssh-keyscan"), RcloneFault::kRefused);
  EXPECT_EQ(fault_of("error in ListJSON: directory not found", "name"), RcloneFault::kMissing);
  EXPECT_EQ(fault_of("x509: certificate signed by unknown authority", "ca_file"),
            RcloneFault::kRefused);
  EXPECT_EQ(fault_of("SlowDown: status code: 503", ""), RcloneFault::kMayPass);
  EXPECT_EQ(fault_of("dial tcp 127.0.0.1:24010: connect: connection refused", "host and port"),
            RcloneFault::kMayPass);
  EXPECT_EQ(fault_of("501 No such directory.", "name"), RcloneFault::kMissing);
  EXPECT_EQ(fault_of("WebIdentityErr: failed: caused by: AccessDenied", "AWS_ROLE_ARN"),
            RcloneFault::kRefused);
  EXPECT_EQ(fault_of("{Network Name Not Found} The specified share name cannot be found on the "
                     "remote server.",
                     "the name of the share"),
            RcloneFault::kMissing);
  EXPECT_THAT([] { throw_rclone_error("x", "a\n\tb" + std::string(9'000, '.') + " NoSuchBucket"); },
              testing::ThrowsMessage<RcloneError>(
                  AllOf(StartsWith("x: a b..."), testing::SizeIs(testing::Lt(500U)))));
  EXPECT_THROW(throw_rclone_error("x", "couldn't find backend for type \"azureblob\""),
               base::ConfigError);
  EXPECT_THROW(throw_rclone_error("x", "didn't find section in config file"), base::ConfigError);
  try {
    throw_rclone_error("gdrive://a/b: cannot be listed", "didn't find section in config file");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const base::ConfigError& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("this makes it: rclone config create gdrive drive"));
  }
}

TEST(RcloneEnvironment, HasNeitherTheDatabasesNorRclonesOwn) {
  Access access;
  access.ca_file = "/ca.pem";
  access.verify_tls = false;
  const std::vector<std::string> ours = {
      "HOME=/root",           "CLICKHOUSE_PASSWORD=x", "QVD_X=1",         "AWS_PROFILE=p",
      "AWS_CA_BUNDLE=/b.pem", "RCLONE_S3_REGION=mars", "RCLONE_RC_USER=u"};
  const std::vector<std::string> child = rclone_environment(ours, access, "pw", false);
  EXPECT_THAT(child, AllOf(Contains("HOME=/root"), Contains("AWS_PROFILE=p"),
                           Contains("RCLONE_RC_PASS=pw"), Contains("RCLONE_CA_CERT=/ca.pem"),
                           Contains("RCLONE_NO_CHECK_CERTIFICATE=true")));
  for (const char* gone :
       {"CLICKHOUSE_", "QVD_", "AWS_CA_BUNDLE", "RCLONE_S3", "RCLONE_RC_USER=u"}) {
    EXPECT_THAT(child, Not(Contains(StartsWith(gone)))) << gone;
  }
  EXPECT_THAT(rclone_environment(ours, access, "pw", true), Contains("RCLONE_S3_REGION=mars"));
  EXPECT_THAT(rclone_environment(ours, {}, "pw", false), Contains("SSL_CERT_FILE=/b.pem"));
}

TEST(RcloneBinary, IsFoundOrTheErrorSaysWhatToInstall) {
  EXPECT_EQ(find_rclone("/bin/sh", "s3"), "/bin/sh");
  for (const char* none : {"/nowhere/rclone", "/etc/passwd", "no-such-rclone"}) {
    try {
      find_rclone(none, "s3");
      ADD_FAILURE() << none;
    } catch (const base::ConfigError& error) {
      EXPECT_THAT(error.what(),
                  AllOf(HasSubstr("s3://"), HasSubstr(none), HasSubstr("apt-get install rclone")));
    }
  }
}

TEST(RcloneProcess, ThatDoesNotServeIsAnErrorWithItsWords) {
  const auto start = [](const std::string& script, int limit_ms) {
    RcloneProcess({.binary = "/bin/sh",
                   .arguments = {"-c", script},
                   .environment = {"PATH=/usr/bin:/bin"},
                   .start_limit = std::chrono::milliseconds(limit_ms),
                   .log = {}});
  };
  try {
    start("echo no such flag >&2; exit 3", 20'000);
    ADD_FAILURE();
  } catch (const base::IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no such flag"));
  }
  EXPECT_THROW(start("sleep 100", 50), base::IoError);
}

class RcloneChild : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_program("rclone")) GTEST_SKIP() << "rclone is not installed: apt-get install rclone";
  }
};

// CPU time of all threads of a process.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code error;
  const fs::path tasks = fs::path("/proc") / std::to_string(parent) / "task";
  for (const auto& task : fs::directory_iterator(tasks, error)) {
    std::ifstream list(task.path() / "children");
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

std::string text_at(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(RcloneChild, EndsWithUsHoweverWeEnd) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    Access access;
    HttpClient http(access);
    Rclone rclone(access, http);
    // By a thread that has ended when the parent looks.
    std::thread([&] { rclone.remote("memory", nlohmann::json::object()); }).join();
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  ::close(ready[1]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1) << "the holder did not start rclone";
  ::close(ready[0]);
  const std::vector<pid_t> children = children_of(holder);
  ASSERT_EQ(children.size(), 1U);
  const fs::path rclone = fs::path("/proc") / std::to_string(children[0]);
  EXPECT_THAT(text_at(rclone / "cmdline"), HasSubstr("--rc-addr=127.0.0.1:0"));
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  // Its new parent may leave it as a zombie for a while.
  const auto is_gone = [&] {
    const std::string status = text_at(rclone / "status");
    return status.empty() || status.find("State:\tZ") != std::string::npos;
  };
  for (int i = 0; i < 1000 && !is_gone(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(is_gone());
}

TEST_F(RcloneChild, TellsNobodyItsSecrets) {
  Access access;
  HttpClient http(access);
  Rclone rclone(access, http);
  const std::string name = rclone.remote("webdav", {{"url", "http://127.0.0.1:1"},
                                                    {"vendor", "other"},
                                                    {"user", "u"},
                                                    {"pass", "hunter2-of-the-test"}});
  EXPECT_EQ(rclone.remote("webdav", {{"url", "http://127.0.0.1:1"},
                                     {"vendor", "other"},
                                     {"user", "u"},
                                     {"pass", "hunter2-of-the-test"}}),
            name);
  EXPECT_NE(rclone.remote("webdav", {{"url", "http://127.0.0.1:2"}}), name);
  const std::vector<pid_t> children = children_of(::getpid());
  ASSERT_EQ(children.size(), 1U);
  const fs::path process = fs::path("/proc") / std::to_string(children[0]);
  EXPECT_THAT(text_at(process / "cmdline"), Not(HasSubstr("hunter2")));
  EXPECT_THAT(text_at(process / "environ"), Not(HasSubstr("hunter2")));
  EXPECT_THROW(rclone.remote("nosuchthing", nlohmann::json::object()), base::ConfigError);
}

TEST_F(RcloneChild, ThatWasKilledIsStartedAnew) {
  Access access;
  HttpClient http(access);
  Rclone rclone(access, http);
  const std::string first = rclone.remote("memory", nlohmann::json::object());
  const pid_t child = children_of(::getpid()).at(0);
  ::kill(child, SIGKILL);
  while (!children_of(::getpid()).empty() && children_of(::getpid()).at(0) == child) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const std::string second = rclone.remote("memory", nlohmann::json::object());
  EXPECT_NE(second, first);
  EXPECT_TRUE(rclone.list(second, "", true, "memory").empty());
}

TEST_F(RcloneChild, KnowsTheUsersOwnRemotes) {
  const fs::path folder = fs::temp_directory_path() / ("qvdhouse_own_" + std::to_string(getpid()));
  fs::create_directories(folder / "data");
  std::ofstream(folder / "data/x.qvd") << "12345";
  std::ofstream(folder / "rclone.conf")
      << "[mine]\ntype = alias\nremote = " << (folder / "data").string() << "\n";
  Access access;
  access.rclone_config = (folder / "rclone.conf").string();
  HttpClient http(access);
  Rclone rclone(access, http);
  const auto items = rclone.list(rclone.own_remote("mine"), "", false, "rclone://mine");
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].path, "x.qvd");
  EXPECT_EQ(items[0].size, 5U);
  EXPECT_THROW(rclone.list(rclone.own_remote("other"), "", false, "rclone://other"),
               base::ConfigError);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace qvdhouse::source
