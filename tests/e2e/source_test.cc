// Every kind of storage, each with a real server: the same tree gives the same tables as from disk,
// only what changed is loaded again, and what goes wrong has its name.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "base/files.h"
#include "tests/e2e/source_fixture.h"
#include "tests/servers/credentials.h"

namespace qvdhouse::tests {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class EverySource : public SourceCommandLine, public ::testing::WithParamInterface<Scheme> {
 protected:
  void SetUp() override {
    SourceCommandLine::SetUp();
    if (!IsSkipped()) start(GetParam());
  }
};

// The parent of a process (field 4 of /proc/PID/stat); 0 when it has ended.
pid_t parent_of(pid_t pid) {
  const std::string stat = base::read_text(fmt::format("/proc/{}/stat", pid)).value_or("");
  const std::size_t behind_name = stat.rfind(')');
  if (behind_name == std::string::npos) return 0;
  std::istringstream fields(stat.substr(behind_name + 1));
  std::string state;
  pid_t parent = 0;
  fields >> state >> parent;
  return parent;
}

// The command lines of `root` and of all that it started. Not those of the whole machine: other
// tests run beside this one.
std::string command_lines(pid_t root) {
  std::string all;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const pid_t process = std::atoi(entry.path().filename().c_str());
    pid_t at = process;
    while (at > 1 && at != root) at = parent_of(at);
    if (at != root) continue;
    all += base::read_text(entry.path() / "cmdline").value_or("") + '\n';
  }
  return all;
}

TEST_P(EverySource, GivesTheSameTablesAsDisk) {
  const Environment disk = {{"QVD_DATA_DIR", "disk-data"}};
  ASSERT_EQ(on_source(tree, disk, {"sync"}).exit_code, 0);

  const auto first = sync_json();
  EXPECT_EQ(first["loaded"], 10) << first;
  EXPECT_EQ(tables_of({}), tables_of(disk));

  const auto second = sync_json();
  EXPECT_EQ(second["loaded"], 0) << second;
  EXPECT_EQ(second["skipped"], 10);

  write_table(hard_name, 77);
  served.publish();
  const auto third = sync_json();
  EXPECT_EQ(third["loaded"], 1) << third;
  for (const auto& file : third["files"]) {
    EXPECT_EQ(file["rows"], file["outcome"] == "loaded" ? 77 : 0) << file;
  }
  expect_no_secrets();
}

TEST_P(EverySource, TellsHeadersAndKeepsSecretsToItself) {
  Environment environment = served.environment;
  environment.insert(environment.end(),
                     {{"QVD_SOURCE", served.source}, {"QVD_FILE_PATTERN", "**/*.qvd"}});
  Process ls(binary(), {"ls", "-v", "--json"}, environment, folder);
  std::string seen;
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(ls.pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0) {
    seen += command_lines(ls.pid());
  }
  const Finished finished = ls.wait();
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto files = nlohmann::json::parse(finished.out);
  ASSERT_EQ(files.size(), 10U) << finished.out << finished.err;
  std::uint64_t records = 0;
  for (const auto& file : files) records += file["records"].get<std::uint64_t>();
  EXPECT_EQ(records, 550U);
  EXPECT_THAT(seen, HasSubstr("qvdhouse")) << "the process was looked at too late";
  for (const std::string& secret : served.secrets) {
    EXPECT_THAT(seen, Not(HasSubstr(secret)));
    EXPECT_THAT(finished.out + finished.err, Not(HasSubstr(secret)));
  }
}

// What `arguments` print in JSON of `source`, without what differs from storage to storage; lists
// by name.
nlohmann::json told(const Finished& finished) {
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  auto all = nlohmann::json::parse(finished.out, nullptr, false);
  if (!all.is_array()) return all;
  for (auto& file : all) {
    for (const char* own : {"path", "mtime", "etag", "source_type", "stored_as"}) file.erase(own);
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a["name"] < b["name"]; });
  return all;
}

TEST_P(EverySource, TellsAndPlansTheSameAsOfDisk) {
  struct Place {
    std::string path;
    std::size_t files;
  };
  for (const auto& [path, files] : {Place{"", 10}, {"year 2024/*uary.qvd", 2}, {hard_name, 1}}) {
    const std::string on_disk = tree / path;
    const std::string remote = url_of(path);
    for (const auto& command :
         std::vector<std::vector<std::string>>{{"ls", "-v", "--json"}, {"plan", "--json"}}) {
      const auto expected = told(on_source(on_disk, {}, command));
      EXPECT_EQ(expected.size(), files) << path;
      EXPECT_EQ(told(on_source(remote, served.environment, command)), expected)
          << command.front() << ' ' << path;
    }
  }
  for (const std::string path : {"year 2024/*/er/*.qvd", hard_name.c_str()}) {
    const auto expected = told(on_source(tree, {}, {"inspect", "--json", tree / path}));
    EXPECT_EQ(expected["fields"].size(), 3U);
    EXPECT_EQ(told(on_source({"inspect", "--json", url_of(path)})), expected) << path;
  }
  const Finished folder_inspected = on_source({"inspect", url_of("year 2024/")});
  EXPECT_EQ(folder_inspected.exit_code, 1);
  EXPECT_THAT(folder_inspected.err, HasSubstr("inspect takes one file"));
  expect_no_secrets_printed();
}

TEST_P(EverySource, FilesAreMovedAndDeletedAfterTheirLoad) {
  const Environment moving = {{"QVD_AFTER_LOAD", "move"}, {"QVD_EXCLUDE_FILES", "done/**"}};
  if (served.source.starts_with("http")) {
    const Finished refused = on_source({"sync"}, moving);
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("can only be read"));
    return;
  }
  const bool may_write = served.source.starts_with("sftp");
  // Without the servers that take long to refuse a write.
  if (!may_write && !served.source.starts_with("gs") && !served.source.starts_with("smb")) return;
  const Finished first = on_source({"sync"}, moving);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  if (!may_write) {
    EXPECT_THAT(first.out, HasSubstr("10 loaded"));
    EXPECT_THAT(first.err, HasSubstr("10 files stay where they are"));
    EXPECT_EQ(told(on_source({"ls", "--json"})).size(), 10U);
    EXPECT_EQ(query("SELECT DISTINCT taken FROM QvdFileTracking FINAL"), "\n");
    expect_no_secrets();
    return;
  }
  ASSERT_THAT(first.out, HasSubstr("10 moved away after their load")) << first.err;
  EXPECT_THAT(query("SELECT DISTINCT position(taken, '/done/') > 0 FROM QvdFileTracking FINAL"),
              "1\n");
  EXPECT_EQ(sync_json(moving)["loaded"], 0);
  const auto done = told(on_source(url_of("done/"), served.environment, {"ls", "--json"}));
  EXPECT_EQ(done.size(), 10U) << done;
  // Where they were moved to, they are files like any other.
  Environment deleting = served.environment;
  deleting.insert(deleting.end(), {{"QVD_AFTER_LOAD", "delete"}, {"QVD_TABLE_PREFIX", "Again"}});
  const Finished again = on_source(url_of("done/"), deleting, {"sync"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("10 deleted after their load")) << again.err;
  const auto all = told(on_source({"ls", "--json"}));
  EXPECT_EQ(all.size(), 0U) << all;
  EXPECT_EQ(query("SELECT count(), uniqExact(taken = 'deleted') FROM QvdFileTracking FINAL"),
            "20\t2\n");
  expect_no_secrets();
}

TEST_P(EverySource, WrongCredentialsAreNamedAndExit4) {
  if (served.wrong_source.empty()) return;  // open to all
  const Finished finished = on_source(served.wrong_source, served.wrong_environment, {"ls"});
  EXPECT_EQ(finished.exit_code, 4) << finished.err;
  EXPECT_THAT(finished.err, AnyOf(HasSubstr("check user"), HasSubstr("check account and key"),
                                  HasSubstr("the secret is not that of the key"),
                                  HasSubstr("set GOOGLE_APPLICATION_CREDENTIALS")));
  EXPECT_THAT(finished.err, Not(HasSubstr(kWrongPassword)));
}

TEST_P(EverySource, WhatIsMissingIsNamedAndExits4) {
  const Finished folder_missing =
      on_source(served.missing_source, served.environment, {"ls", "-vv"});
  EXPECT_EQ(folder_missing.exit_code, 4) << folder_missing.err;
  EXPECT_THAT(folder_missing.err, HasSubstr("nothing"));
  EXPECT_THAT(folder_missing.err, Not(HasSubstr("next try"))) << "what is missing will not come";
  const Finished file_missing =
      on_source(served.source + "/no such.qvd", served.environment, {"ls"});
  EXPECT_EQ(file_missing.exit_code, 4) << file_missing.err;
}

INSTANTIATE_TEST_SUITE_P(Scheme, EverySource, ::testing::ValuesIn(schemes()),
                         ::testing::PrintToStringParamName());

using OneSource = SourceCommandLine;

TEST_F(OneSource, ServerWithAnotherHostKeyIsNotTrusted) {
  start({"sftp", serve_sftp});
  if (IsSkipped()) return;
  const fs::path server = folder / "server";
  const std::string key = output_of("/bin/cat", {server / "other_key.pub"});
  write_file(server / "home/.ssh/known_hosts",
             "[127.0.0.1]:" + std::to_string(served.port) + " " + key);
  const Finished finished = on_source({"ls"});
  EXPECT_EQ(finished.exit_code, 4) << finished.out;
  EXPECT_THAT(finished.err, AnyOf(HasSubstr("host key"), HasSubstr("known_hosts")));
}

TEST_F(OneSource, ServerOfAnUnknownCaIsNotTrusted) {
  start({"https", serve_https});
  if (IsSkipped()) return;
  write_text("qvdhouse.toml", "");
  const Finished finished = on_source({"ls"});
  EXPECT_EQ(finished.exit_code, 4) << finished.out;
  EXPECT_THAT(finished.err, HasSubstr("ca_file"));
}

}  // namespace
}  // namespace qvdhouse::tests
