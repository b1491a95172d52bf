// The embedded engine as its users meet it: its ports, its data directory, its library.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/command_line.h"

namespace qvdhouse::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
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

// One engine for all commands of a test.
class AskedEngine : public EmbeddedEngine {
 protected:
  void SetUp() override {
    EmbeddedEngine::SetUp();
    if (IsSkipped()) return;
    keeper_ = std::make_unique<Process>(binary(), std::vector<std::string>{"client", "--keep"},
                                        Environment{}, folder);
    card();
    ASSERT_EQ(
        qvdhouse({"query", "--write", "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a"})
            .exit_code,
        0);
  }
  void TearDown() override {
    if (keeper_) {
      ::kill(keeper_->pid(), SIGINT);
      keeper_->wait();
    }
    EmbeddedEngine::TearDown();
  }

  std::unique_ptr<Process> keeper_;
};

TEST_F(AskedEngine, QueriesRunAsAReaderUnlessTheyMayWrite) {
  EXPECT_EQ(qvdhouse({"query", "SELECT currentUser()"}).out, "reader\n");
  EXPECT_EQ(qvdhouse({"query", "--write", "SELECT currentUser()"}).out, "qvdhouse\n");
  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM t SETTINGS max_threads = 1"}).out, "0\n");
  for (const char* statement :
       {"INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a Int8) ENGINE = Memory",
        "ALTER TABLE t DELETE WHERE 1", "CREATE USER u", "SELECT * FROM system.users",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')", "SELECT 1 SETTINGS readonly = 0",
        "SELECT * FROM url('http://127.0.0.1:1/x', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1:1', system.one)"}) {
    const Finished refused = qvdhouse({"query", statement});
    EXPECT_EQ(refused.exit_code, 5) << statement << refused.out;
    EXPECT_THAT(refused.err,
                AllOf(HasSubstr("as user reader, who can only read"), HasSubstr("--write")))
        << statement;
  }
  EXPECT_EQ(qvdhouse({"query", "--write", "INSERT INTO t VALUES (1)"}).exit_code, 0);
  EXPECT_EQ(qvdhouse({"query", "SELECT * FROM t"}).out, "1\n");
  EXPECT_EQ(qvdhouse({"query", "--write", "--read-only", "SELECT 1"}).exit_code, 1);
}

TEST_F(AskedEngine, ReadOnlyReadsNoFilesAndChangesNoSettings) {
  for (const char* statement :
       {"SELECT file('/etc/passwd')", "SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT file\u00A0('/etc/passwd')", R"(SELECT `f\x69le`('/etc/passwd'))",
        "SELECT file//(\n('/etc/passwd')", "SELECT /* /* */ */ file('/etc/passwd') /* */",
        "SELECT * APPLY(file) FROM (SELECT '/etc/passwd' AS x)",
        "SHOW TABLES WHERE throwIf(1, file('/etc/passwd'))"}) {
    const Finished refused = qvdhouse({"query", "--read-only", statement});
    EXPECT_EQ(refused.exit_code, 2) << refused.out;
    EXPECT_THAT(refused.err, HasSubstr("the function file()"));
  }
  const Finished long_one =
      qvdhouse({"query", "--read-only", "--max-rows", "1", "SELECT 1, 2, 3, file('/etc/passwd')"});
  EXPECT_EQ(long_one.exit_code, 2) << long_one.out;
  const Finished by_parameter = qvdhouse(
      {"query", "--read-only", "--param_f=file", "SELECT arrayMap({f:Identifier}, ['a'])"});
  EXPECT_EQ(by_parameter.exit_code, 2) << by_parameter.out;
  EXPECT_EQ(qvdhouse({"query", "--read-only", "SELECT FROM file"}).exit_code, 5);
  EXPECT_EQ(qvdhouse({"query", "--read-only", "SHOW TABLES"}).out, "t\n");
  const Finished set = qvdhouse({"query", "--read-only", "SELECT 1 SETTINGS max_threads = 1"});
  EXPECT_EQ(set.exit_code, 5) << set.out;
  EXPECT_THAT(set.err, AllOf(HasSubstr("was read-only"), Not(HasSubstr("--write"))));
  EXPECT_EQ(qvdhouse({"query", "--read-only", "SELECT 'file'"}).out, "file\n");
}

TEST_F(AskedEngine, ValuesOfParametersAreWhatWasGiven) {
  const std::string value = "a\\tb\tc\nd";
  EXPECT_EQ(
      qvdhouse({"query", "SELECT {x:String}", "--format", "TSVRaw", "--param_x=" + value}).out,
      value + "\n");
  EXPECT_EQ(qvdhouse({"query", "SELECT {x:Nullable(String)} IS NULL", R"(--param_x=\N)"}).out,
            "1\n");
  EXPECT_EQ(qvdhouse({"query", "SELECT {x:Array(String)}[1]", R"(--param_x=['a\'b'])", "--format",
                      "TSVRaw"})
                .out,
            "a'b\n");
}

// As one that an older program has started, whose record names no reader.
TEST_F(AskedEngine, AnEngineWithoutAReaderIsAskedWithReadonly2) {
  auto record = card();
  record.erase("reader_user");
  record.erase("reader_password");
  write_text("qvdhouse-data/engine.json", record.dump());
  EXPECT_EQ(qvdhouse({"query", "SELECT currentUser(), getSetting('readonly')"}).out,
            "qvdhouse\t2\n");
  const Finished refused = qvdhouse({"query", "INSERT INTO t VALUES (1)"});
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_THAT(refused.err, HasSubstr("--write"));
  EXPECT_EQ(qvdhouse({"query", "--read-only", "SELECT getSetting('readonly')"}).out, "1\n");
  const Finished client = qvdhouse({"client"});
  EXPECT_EQ(client.exit_code, 2) << client.out;
  EXPECT_THAT(client.err, AllOf(HasSubstr("no reader"), HasSubstr("--write")));
  EXPECT_THAT(qvdhouse({"client", "--write"}).out, HasSubstr("--user qvdhouse"));
}

TEST_F(AskedEngine, SeveralStatementsShareASession) {
  write_text("report.sql",
             "-- a report; of two\nSET max_block_size = 7;\n"
             "SELECT getSetting('max_block_size');\nSELECT {x:Int32} + 1, {name:String};\n");
  const Finished done =
      qvdhouse({"query", "--file", "report.sql", "--param_x=41", "--param", "name=a=b;c"});
  EXPECT_EQ(done.out, "7\n42\ta=b;c\n") << done.err;
  const Finished wrong = qvdhouse({"query", "SELECT 1;\n\nSELECT nothing;\nSELECT 3"});
  EXPECT_EQ(wrong.exit_code, 5);
  EXPECT_EQ(wrong.out, "1\n");
  EXPECT_THAT(wrong.err, HasSubstr("statement 2 of 3, line 3"));
  const Finished refused = qvdhouse({"query", "SELECT 1; DROP TABLE t"});
  EXPECT_THAT(refused.err, AllOf(HasSubstr("statement 2 of 2"), HasSubstr("--write")));
  const Finished use = qvdhouse({"query", "USE system;\nSELECT 1"});
  EXPECT_EQ(use.exit_code, 1);
  EXPECT_THAT(use.err, AllOf(HasSubstr("line 1: USE"), HasSubstr("--database")));
  EXPECT_EQ(qvdhouse({"query", "--param_x", "SELECT 1"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"query", "--file", "none.sql"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"query", "--file", "report.sql", "SELECT 1"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"query", " ; "}).exit_code, 1);
  write_text("rows.sql", "INSERT INTO t FORMAT TSV\n1\n2\n");
  EXPECT_EQ(qvdhouse({"query", "--write", "--file", "rows.sql"}).exit_code, 0);
  EXPECT_EQ(qvdhouse({"query", "SELECT sum(a) FROM t"}).out, "3\n");
}

TEST_F(AskedEngine, ClientRunsAnInstalledClientOrSaysHowToConnect) {
  const auto with = [&](const std::string& client) {
    fs::create_directories(folder / "bin");
    if (!client.empty()) {
      write_text("bin/clickhouse-client", "#!/bin/sh\n" + client);
      fs::permissions(folder / "bin/clickhouse-client", fs::perms::owner_all);
    }
    return qvdhouse({"client", "--exec"}, {{"PATH", folder / "bin"}});
  };
  const Finished none = with("");
  EXPECT_EQ(none.exit_code, 5);
  EXPECT_THAT(none.err, AllOf(HasSubstr("on PATH"), HasSubstr("jdbc:clickhouse://127.0.0.1:"),
                              HasSubstr("user reader"), HasSubstr("client --keep"),
                              Not(HasSubstr(card()["reader_password"].get<std::string>()))));
  const Finished old = with("echo 'ClickHouse client version 18.16.1.'\n");
  EXPECT_EQ(old.exit_code, 5);
  EXPECT_THAT(old.err, AllOf(HasSubstr("version 18.16.1"), HasSubstr("too old")));
  const Finished run =
      with("echo ClickHouse client version 26.1.2.3. \"$@\" $CLICKHOUSE_PASSWORD\n");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("--port " + card()["tcp_port"].dump()),
                             HasSubstr("--user reader --database local"),
                             HasSubstr(card()["reader_password"].get<std::string>())));
  EXPECT_THAT(qvdhouse({"client"}).out, HasSubstr("--user reader"));
  EXPECT_THAT(qvdhouse({"client", "--write"}).out, HasSubstr("--user qvdhouse"));
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
