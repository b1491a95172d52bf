// The embedded engine as its users meet it: its ports, its data directory, its library.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/command_line.h"

namespace qvdhouse::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class EmbeddedEngine : public EngineCommandLine {
 protected:
  // What engine.json says, once a command has written it.
  nlohmann::json card() const {
    const fs::path path = folder / "qvdhouse-data" / "engine.json";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (!fs::exists(path) && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    std::ifstream file(path);
    return nlohmann::json::parse(file);
  }
};

TEST_F(EmbeddedEngine, ClientKeepNoticesThatItsEngineIsGone) {
  const fs::path call = folder / "call";
  Process keeper("/bin/sh", {"-c", "exec " + binary().string() + " client --keep > call"}, {},
                 folder);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while ((!fs::exists(call) || fs::is_empty(call)) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const auto engine = card();
  EXPECT_NE(engine["tcp_port"], 0);
  ::kill(engine["pid"].get<int>(), SIGKILL);
  const Finished done = keeper.wait();
  EXPECT_EQ(done.exit_code, 5) << done.err;
  EXPECT_THAT(done.err, HasSubstr("the engine (pid " + engine["pid"].dump() + ") has ended"));
}

TEST_F(EmbeddedEngine, ClientSaysHowToGetAPortWhereThereIsNone) {
  fs::create_directory(folder / "qvdhouse-data");
  Process query(binary(),
                {"query",
                 "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1, "
                 "function_sleep_max_microseconds_per_block = 0"},
                {}, folder);
  EXPECT_EQ(card()["tcp_port"], 0);
  const Finished client = qvdhouse({"client"});
  EXPECT_EQ(client.exit_code, 2) << client.out;
  EXPECT_THAT(client.err, HasSubstr("--tcp-port"));
  ::kill(query.pid(), SIGTERM);
  query.wait();
}

TEST_F(EmbeddedEngine, StaysForTheNextCommandAndHoldsNothingOfItsCaller) {
  fs::create_directory(folder / "qvdhouse-data");
  const std::string command = binary().string() + " query";
  // The shell waits until nobody holds the pipe any more.
  const Finished asked =
      run("/bin/sh", {"-c", "x=$(" + command + " 'SELECT 1' 2>&1); echo \"got $x\""},
          {{"QVD_ENGINE_LINGER", "10m"}}, folder);
  EXPECT_EQ(asked.out, "got 1\n") << asked.err;
  const auto first = card();
  EXPECT_EQ(::kill(first["pid"].get<int>(), 0), 0);
  EXPECT_EQ(qvdhouse({"query", "SELECT 2"}).out, "2\n");
  EXPECT_EQ(card()["pid"], first["pid"]);
  // That command said 0, as all of these tests do.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (::kill(first["pid"].get<int>(), 0) == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_NE(::kill(first["pid"].get<int>(), 0), 0);
}

TEST_F(EmbeddedEngine, FoundDataDirectoryMustBeItsOwnersAlone) {
  const fs::path data = folder / "qvdhouse-data";
  fs::create_directory(data);
  for (const auto others : {fs::perms::others_write, fs::perms::group_write}) {
    fs::permissions(data, fs::perms::owner_all | others);
    const Finished refused = qvdhouse({"query", "SELECT 1"});
    EXPECT_EQ(refused.exit_code, 2) << refused.out;
    EXPECT_THAT(refused.err, AllOf(HasSubstr("qvdhouse-data"), HasSubstr("may write to it"),
                                   HasSubstr("--data-dir")));
    EXPECT_TRUE(fs::is_empty(data));
  }
  write_text("qvdhouse.toml", "data_dir = \"./qvdhouse-data\"\n");
  EXPECT_EQ(qvdhouse({"query", "SELECT 1"}).exit_code, 2);

  const std::vector<std::vector<std::string>> named = {
      {"query", "SELECT 1", "--data-dir", "qvdhouse-data"},
      {"query", "SELECT 1", "--config", "qvdhouse.toml"}};
  for (const auto& arguments : named) {
    const Finished taken = qvdhouse(arguments);
    EXPECT_EQ(taken.out, "1\n") << taken.err;
    EXPECT_THAT(taken.err, HasSubstr("may write to it"));
  }
  EXPECT_EQ(qvdhouse({"query", "SELECT 1"}, {{"QVD_DATA_DIR", data}}).out, "1\n");
  fs::permissions(data, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  const Finished own = qvdhouse({"query", "SELECT 1"});
  EXPECT_EQ(own.out, "1\n");
  EXPECT_EQ(own.err, "");
}

TEST_F(EmbeddedEngine, FoundDataDirectoryOfAnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder to another user";
  const fs::path data = folder / "qvdhouse-data";
  fs::create_directory(data);
  fs::permissions(data, fs::perms::owner_all);
  constexpr uid_t kOther = 12'345;
  ASSERT_EQ(chown(data.c_str(), kOther, kOther), 0);
  const Finished refused = qvdhouse({"query", "SELECT 1"});
  EXPECT_EQ(refused.exit_code, 2) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("belongs to user 12345"));
  const Finished taken = qvdhouse({"query", "SELECT 1", "--data-dir", data});
  EXPECT_EQ(taken.out, "1\n") << taken.err;
  EXPECT_THAT(taken.err, HasSubstr("belongs to user 12345"));
}

TEST_F(EmbeddedEngine, DoctorHashesTheLibraryWhenAsked) {
  const auto finding = [](const nlohmann::json& checks) {
    for (const auto& check : checks) {
      if (check["check"] == "library hash") return check;
    }
    return nlohmann::json();
  };
  EXPECT_TRUE(finding(json({"doctor"})).is_null());
  EXPECT_TRUE(finding(json({"doctor", "--hash-library"}))["good"]);
  write_text("libchdb.so", "another");
  const Finished wrong =
      qvdhouse({"doctor", "--hash-library"}, {{"QVD_ENGINE_LIBRARY", folder / "libchdb.so"}});
  EXPECT_EQ(wrong.exit_code, 5);
  EXPECT_THAT(wrong.out, HasSubstr("expected sha256"));
}

}  // namespace
}  // namespace qvdhouse::tests
