// Which files a run takes up, by the flags of sync and plan.
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>

#include "tests/e2e/command_line.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Chosen : public EngineCommandLine {
 protected:
  void put(const std::string& name, int days) const {
    fs::last_write_time(write_qvd(name),
                        fs::file_time_type::clock::now() - std::chrono::hours(24 * days));
  }
};

TEST_F(Chosen, PlanShowsWhatSyncLoads) {
  put("old.qvd", 9);
  put("new it's.qvd", 1);
  const std::vector<std::string> window = {"qvds", "--since", "2d"};
  const auto with = [&](std::vector<std::string> command) {
    command.insert(command.end(), window.begin(), window.end());
    return command;
  };
  const auto plan = json(with({"plan"}));
  const auto dry = json(with({"sync", "--dry-run"}));
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_EQ(plan[0]["reason_code"], "new");
  EXPECT_EQ(plan[1]["reason_code"], "window");
  EXPECT_EQ(dry[1]["reason_code"], "window");
  const Finished run = qvdhouse(with({"sync"}));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("2 files: 1 loaded, 1 left out by the window"));
  const auto again = json(with({"sync"}));
  EXPECT_EQ(again["loaded"], 0);
  EXPECT_EQ(again["outside_window"], 1);
  EXPECT_EQ(qvdhouse({"query", "SELECT DISTINCT asked_for FROM QvdRunHistory"}).out, "since 2d\n");
}

TEST_F(Chosen, ALimitTakesSoManyFilesOfEachRun) {
  put("a.qvd", 3);
  put("b.qvd", 2);
  put("c.qvd", 1);
  write_text("qvdhouse.toml", "source = 'qvds'\norder = 'oldest'\n");
  const Finished first = qvdhouse({"sync", "--limit", "1", "--order", "newest"});
  EXPECT_THAT(first.out, HasSubstr("3 files: 1 loaded, 2 left for later by the limit"));
  const auto second = json({"sync", "--limit", "1"});
  EXPECT_EQ(second["beyond_limit"], 1);
  const auto status = json({"status"});
  std::vector<std::string> loaded;
  for (const auto& file : status) {
    if (file["status"] == "completed") loaded.push_back(file["file_name"]);
  }
  EXPECT_THAT(loaded, testing::UnorderedElementsAre("a.qvd", "c.qvd"));
}

TEST_F(Chosen, WhatIsNoWindowIsRefused) {
  put("a.qvd", 3);
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{"--since", "yesterday"},
                                             {"--since", "2024-06", "--until", "2024-05"},
                                             {"--since", "2024", "--by", "month"},
                                             {"--by", "created"}}) {
    std::vector<std::string> command = {"sync", "qvds"};
    command.insert(command.end(), flags.begin(), flags.end());
    EXPECT_EQ(qvdhouse(command).exit_code, 2) << flags[0] << flags[1];
    command[0] = "plan";
    EXPECT_EQ(qvdhouse(command).exit_code, 2) << flags[0] << flags[1];
  }
  // A variable that is not set.
  EXPECT_EQ(qvdhouse({"sync", "qvds", "--since", ""}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"sync", "qvds", "--limit", "0"}).exit_code, 1);
  EXPECT_TRUE(json({"status"}).empty());
}

TEST_F(Chosen, CommandsSayThatAFileIsGoneSinceItWasTaken) {
  put("a.qvd", 3);
  put("b.qvd", 3);
  write_text("qvdhouse.toml", "source = 'qvds'\nafter_load = 'tag'\n");
  EXPECT_THAT(qvdhouse({"sync"}).err, HasSubstr("cannot tag objects"));
  write_text("qvdhouse.toml", "source = 'qvds'\nafter_load = 'move'\n");
  const Finished run = qvdhouse({"sync"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("2 files: 2 loaded, 2 moved away after their load"));
  EXPECT_TRUE(fs::exists(folder / "qvds/done/a.qvd"));
  EXPECT_EQ(qvdhouse({"sync"}).exit_code, 0);
  const Finished verified = qvdhouse({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
  EXPECT_THAT(verified.out, HasSubstr("2 files: 2 taken"));
  EXPECT_THAT(verified.out, HasSubstr("was moved to"));
  EXPECT_THAT(qvdhouse({"status"}).out, HasSubstr("completed, file moved"));
  const Finished reset = qvdhouse({"reset", "--file", "a.qvd", "--force"});
  EXPECT_EQ(reset.exit_code, 0) << reset.err;
  EXPECT_THAT(reset.out, HasSubstr("cannot be loaded again"));
  EXPECT_EQ(qvdhouse({"sync"}).exit_code, 0);
}

TEST_F(Chosen, AFileThatWaitsForItsBatchIsNoFailure) {
  put("a.qvd", 3);
  write_text("qvdhouse.toml", "source = 'qvds'\nwait_for = '_DONE'\n");
  const Finished waiting = qvdhouse({"sync"});
  EXPECT_EQ(waiting.exit_code, 0) << waiting.err;
  EXPECT_THAT(waiting.out, HasSubstr("1 file: 1 waiting"));
  EXPECT_THAT(waiting.out, HasSubstr("it waits for _DONE, which is not there"));
  EXPECT_EQ(json({"plan"})[0]["action"], "wait");
  EXPECT_EQ(qvdhouse({"models", "--format", "sql"}).exit_code, 0);
  write_text("qvds/_DONE", "");
  EXPECT_EQ(json({"sync"})["loaded"], 1);
  write_text("qvdhouse.toml", "source = 'qvds'\nwait_for = 'below/_DONE'\n");
  EXPECT_EQ(qvdhouse({"sync"}).exit_code, 2);
}

}  // namespace
}  // namespace qvdhouse::tests
