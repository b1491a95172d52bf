#include "clickhouse/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/engine_files.h"
#include "clickhouse/engine_linger.h"
#include "clickhouse/engine_process.h"
#include "clickhouse/test_engine_start.h"

namespace qvdhouse::clickhouse {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Another process that uses the engine until it is killed. To be started only while this process
// holds no Engine, whose lock it would inherit.
class OtherUser {
 public:
  explicit OtherUser(const EngineOptions& options) {
    if (pipe(pipe_.data()) != 0 || (pid_ = fork()) < 0) throw std::runtime_error("no process");
    if (pid_ != 0) return;
    try {
      const auto engine = Engine::attach_or_start(options);
      const int engine_pid = engine.info().pid;
      if (write(pipe_[1], &engine_pid, sizeof engine_pid) > 0) pause();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the other process: %s\n", error.what());
    }
    _exit(1);
  }
  ~OtherUser() {
    kill();
    close(pipe_[0]);
  }
  OtherUser(const OtherUser&) = delete;
  OtherUser& operator=(const OtherUser&) = delete;

  // The engine that it uses; 0 when it got none.
  int engine_pid() {
    int engine_pid = 0;
    if (pipe_[1] >= 0) close(std::exchange(pipe_[1], -1));
    return read(pipe_[0], &engine_pid, sizeof engine_pid) == sizeof engine_pid ? engine_pid : 0;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  pid_t pid_ = 0;
  std::array<int, 2> pipe_{-1, -1};
};

TEST_F(EngineTest, AnswersAndEndsWithItsLastUser) {
  EngineInfo info;
  {
    const auto engine = start();
    info = engine.info();
    EXPECT_TRUE(engine.started_here());
    EXPECT_EQ(query(engine, "SELECT currentUser(), timezone()"), "qvdhouse\tUTC\n");
    {
      const auto second = start();
      EXPECT_FALSE(second.started_here());
      EXPECT_EQ(second.info().pid, info.pid);
      EXPECT_EQ(query(second, "SELECT 1"), "1\n");
    }
    EXPECT_EQ(query(engine, "SELECT 2"), "2\n");
  }
  EXPECT_TRUE(ends(info));
}

TEST_F(EngineTest, InsertsAreCheckedNotGuessed) {
  const auto engine = start();
  Connection connection(engine.endpoint("default"));
  connection.query(create_table_sql({.database = "default",
                                     .name = "t",
                                     .columns = {{"a`b\\", "Int64", "Delta, ZSTD(1)", "it's one"},
                                                 {"n", "LowCardinality(Nullable(String))", "", ""}},
                                     .order_by = {"a`b\\", "n"},
                                     .comment = "a 'table'"}));
  const auto columns = describe_table(connection, "default", "t");
  ASSERT_EQ(columns.size(), 2U);
  EXPECT_EQ(columns[0].name, "a`b\\");
  EXPECT_EQ(columns[1].type, "LowCardinality(Nullable(String))");
  EXPECT_TRUE(describe_table(connection, "default", "none").empty());
  EXPECT_TRUE(describe_table(connection, "none", "none").empty());

  // One block: 1 column, 2 rows, name, type, values.
  const auto block = [](const std::string& name, const std::string& type) {
    return "\x01\x02" + std::string(1, static_cast<char>(name.size())) + name +
           std::string(1, static_cast<char>(type.size())) + type +
           std::string("\7\0\0\0\0\0\0\0", 8) + std::string("\x08\0\0\0\0\0\0\0", 8);
  };
  const auto insert = [&](const std::string& body, const std::string& blanks = "") {
    bool sent = false;
    connection.insert("INSERT INTO t " + blanks + "FORMAT Native", [&] {
      return std::as_bytes(std::span(std::exchange(sent, true) ? std::string_view() : body));
    });
  };
  insert(block("a`b\\", "Int64"));
  insert(block("a`b\\", "Int64"), std::string(20'000, ' '));  // too long for a URL
  EXPECT_THROW(insert(block("stranger", "Int64")), base::ServerError);
  EXPECT_THROW(insert(block("a`b\\", "UInt64")), base::ServerError);
  EXPECT_THROW(insert(block("a`b\\", "Int64").substr(0, 20)), base::ServerError);
  EXPECT_EQ(connection.query("SELECT count(), sum(`a``b\\\\`) FROM t"), "4\t30\n");
}

TEST_F(EngineTest, TenThousandColumns) {
  const auto engine = start();
  Connection connection(engine.endpoint("default"));
  TableDefinition table{
      .database = "default", .name = "wide", .columns = {}, .order_by = {}, .comment = ""};
  for (int i = 0; i != 10'000; ++i) {
    table.columns.push_back(
        {"column number " + std::to_string(i), "Nullable(Int64)", "", "its own"});
  }
  connection.query(create_table_sql(table));
  EXPECT_EQ(describe_table(connection, "default", "wide").size(), table.columns.size());
}

TEST_F(EngineTest, ErrorsMidwayThroughAnAnswerAreErrors) {
  const auto engine = start();
  Connection connection(engine.endpoint("default"));
  std::size_t received = 0;
  const auto run = [&] {
    connection.query_streamed(
        "SELECT throwIf(number = 100000) FROM numbers(200000) FORMAT JSONEachRow",
        [&](std::string_view bytes) {
          EXPECT_EQ(bytes.find("__exception__"), std::string_view::npos);
          received += bytes.size();
        },
        {{"max_block_size", "1000"}});
  };
  EXPECT_THAT(message_of<base::ServerError>(run), HasSubstr("throwIf"));
  EXPECT_GT(received, 0U);
}

TEST_F(EngineTest, DataSurvivesKillOfTheEngine) {
  EngineInfo killed;
  {
    const auto engine = start();
    killed = engine.info();
    query(engine, "CREATE TABLE kept (x UInt64) ENGINE = MergeTree ORDER BY x");
    query(engine, "INSERT INTO kept SELECT number FROM numbers(1000)");
    kill(killed.pid, SIGKILL);
    EXPECT_TRUE(ends(killed));
    EXPECT_THROW(query(engine, "SELECT 1"), base::IoError);

    const auto next = start();
    EXPECT_TRUE(next.started_here());
    EXPECT_EQ(query(next, "SELECT count(), sum(x) FROM kept"), "1000\t499500\n");
  }
  EXPECT_TRUE(ends(recorded()));
}

TEST_F(EngineTest, OutlivesItsStarterWhileAnotherUsesIt) {
  OtherUser starter(options_);
  const int engine_pid = starter.engine_pid();
  ASSERT_NE(engine_pid, 0);
  OtherUser guest(options_);
  EXPECT_EQ(guest.engine_pid(), engine_pid);

  starter.kill();
  {
    const auto engine = start();
    EXPECT_FALSE(engine.started_here());
    EXPECT_EQ(engine.info().pid, engine_pid);
    EXPECT_EQ(query(engine, "SELECT 1"), "1\n");
  }
  guest.kill();
  EXPECT_TRUE(ends(recorded()));
}

TEST_F(EngineTest, TwoStartsAtOnceMakeOneEngine) {
  OtherUser one(options_);
  OtherUser other(options_);
  const int engine_pid = one.engine_pid();
  EXPECT_NE(engine_pid, 0);
  EXPECT_EQ(other.engine_pid(), engine_pid);
  one.kill();
  other.kill();
  EXPECT_TRUE(ends(recorded()));
}

TEST_F(EngineTest, EngineWithoutRecordEndsWhenTheNextOneComes) {
  // As when the starter dies after it started the engine and before it wrote engine.json: here a
  // user is left that the new one can't know of, then goes.
  OtherUser starter(options_);
  ASSERT_NE(starter.engine_pid(), 0);
  const auto lost = recorded();
  fs::remove(options_.data_dir / "engine.json");
  EXPECT_THAT(message_of<base::IoError>([&] { start(); }),
              AllOf(HasSubstr("another ClickHouse uses this folder"),
                    HasSubstr("PID: " + std::to_string(lost.pid))));
  starter.kill();
  const auto engine = start();
  EXPECT_TRUE(engine.started_here());
  EXPECT_TRUE(ends(lost));
}

TEST_F(EngineTest, StaleRecordOfAnotherProcessIsNotTrusted) {
  fs::create_directories(options_.data_dir);
  write_engine_info(options_.data_dir, {.pid = getpid(),
                                        .pid_start_time = *process_start_time(getpid()) + 1,
                                        .http_port = 1,
                                        .tcp_port = 1,
                                        .user = "u",
                                        .password = "p",
                                        .nonce = "n"});
  EXPECT_TRUE(start().started_here());
  std::ofstream(options_.data_dir / "engine.json") << "{\"pid\": ";
  EXPECT_TRUE(start().started_here());
}

TEST_F(EngineTest, OtherWishesThanTheRunningOnesAreConfigErrors) {
  const auto engine = start();
  auto wishes = options_;
  wishes.http_port = static_cast<std::uint16_t>(engine.info().http_port + 1);
  EXPECT_THAT(message_of<base::ConfigError>([&] { Engine::attach_or_start(wishes); }),
              HasSubstr(std::to_string(engine.info().http_port)));
  wishes = options_;
  wishes.password = "another";
  EXPECT_THAT(message_of<base::ConfigError>([&] { Engine::attach_or_start(wishes); }),
              Not(HasSubstr(engine.info().password)));
}

TEST_F(EngineTest, UsersOwnPortAndCredentialsAreTaken) {
  options_.http_port = free_port();
  options_.user = "me-too";
  options_.password = "<&'\"ü>";
  const auto engine = start();
  EXPECT_EQ(engine.info().http_port, options_.http_port);
  EXPECT_EQ(query(engine, "SELECT currentUser()"), "me-too\n");
}

TEST_F(EngineTest, PortInUseIsSaid) {
  const auto first = start();
  options_.data_dir = folder_ / "other";
  options_.http_port = first.info().http_port;
  EXPECT_THAT(message_of<base::IoError>([&] { start(); }),
              HasSubstr(std::to_string(options_.http_port)));
}

TEST_F(EngineTest, WrongSettingsAreNamed) {
  auto wrong = options_;
  wrong.engine_library = folder_ / "libnone.so";
  EXPECT_THAT(message_of<base::ConfigError>([&] { Engine::attach_or_start(wrong); }),
              AllOf(HasSubstr("libnone.so"), HasSubstr("install.sh --with-engine")));
  std::ofstream(folder_ / "libtext.so") << "no library";
  wrong.engine_library = folder_ / "libtext.so";
  EXPECT_THAT(message_of<base::IoError>([&] { Engine::attach_or_start(wrong); }),
              HasSubstr("libtext.so"));
  wrong.engine_library = "/lib/x86_64-linux-gnu/libc.so.6";
  EXPECT_THAT(message_of<base::IoError>([&] { Engine::attach_or_start(wrong); }),
              AllOf(HasSubstr("chdb_set_signal_handlers_enabled"), HasSubstr("26.7.3-stable.1")));
  wrong = options_;
  wrong.user = "a b";
  EXPECT_THROW(Engine::attach_or_start(wrong), base::ConfigError);
  wrong.user = "default";
  EXPECT_THROW(Engine::attach_or_start(wrong), base::ConfigError);
}

// A program in the engine's place that dies by a signal as often as the file `deaths` has not as
// many lines yet, and then is the engine.
fs::path dying_engine(const fs::path& folder, int deaths, const EngineOptions& options) {
  const auto candidates = engine_binary_candidates(options);
  const auto real =
      *std::ranges::find_if(candidates, [](const auto& path) { return fs::exists(path); });
  const fs::path script = folder / "engine.sh";
  const std::string count = folder / "deaths";
  std::ofstream(script) << "#!/bin/sh\ntouch " << count << "\nif [ $(wc -l < " << count << ") -lt "
                        << deaths << " ]; then echo died >> " << count
                        << "; kill -SEGV $$; fi\nexec " << fs::absolute(real).string()
                        << " \"$@\"\n";
  fs::permissions(script, fs::perms::owner_all);
  return script;
}

TEST_F(EngineTest, StartThatASignalEndsIsTriedOnceMore) {
  options_.engine_binary = dying_engine(folder_, 1, options_);
  EXPECT_EQ(query(start(), "SELECT 1"), "1\n");
  EXPECT_EQ(fs::file_size(folder_ / "deaths"), std::string("died\n").size());
}

TEST_F(EngineTest, StartThatSignalsEndTwiceFails) {
  options_.engine_binary = dying_engine(folder_, 9, options_);
  EXPECT_THAT(message_of<base::IoError>([&] { start(); }), HasSubstr("signal 11"));
  EXPECT_EQ(fs::file_size(folder_ / "deaths"), std::string("died\ndied\n").size());
}

TEST_F(EngineTest, CopyOfTheFolderGetsAnEngineOfItsOwn) {
  const auto engine = start();
  query(engine, "CREATE TABLE kept (x UInt64) ENGINE = MergeTree ORDER BY x");
  const fs::path copy = folder_ / "copy";
  fs::copy(options_.data_dir, copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  auto options = options_;
  options.data_dir = copy;
  {
    const auto other = Engine::attach_or_start(options);
    EXPECT_NE(other.info().pid, engine.info().pid);
    query(other, "DROP TABLE kept SYNC");
  }
  EXPECT_EQ(query(engine, "EXISTS TABLE kept"), "1\n");

  // Renamed, it is still the folder of the engine that runs.
  fs::rename(options_.data_dir, folder_ / "renamed");
  options.data_dir = folder_ / "renamed";
  EXPECT_EQ(Engine::attach_or_start(options).info().pid, engine.info().pid);
}

// How the engine stays for the next user, who says for how long it stays after that.
class EngineLinger : public EngineTest {
 protected:
  // Which no test waits for.
  static constexpr std::chrono::seconds kLong{600};

  void SetUp() override {
    EngineTest::SetUp();
    options_.linger = kLong;
  }
  void TearDown() override {
    // The last engine of a test ends with its folder.
    std::optional<EngineInfo> last;
    if (fs::exists(options_.data_dir)) last = read_engine_info(options_.data_dir);
    EngineTest::TearDown();
    if (last) {
      EXPECT_TRUE(ends(*last));
    }
  }
  // Uses it for a moment.
  EngineInfo use() const {
    const auto engine = start();
    EXPECT_EQ(query(engine, "SELECT 1"), "1\n");
    return engine.info();
  }
  static bool runs(const EngineInfo& info) {
    return process_start_time(info.pid) == info.pid_start_time;
  }
};

TEST_F(EngineLinger, NextUserFindsItAndSaysHowLongItStays) {
  const EngineInfo first = use();
  EXPECT_TRUE(runs(first));
  EXPECT_EQ(use().pid, first.pid);
  EXPECT_TRUE(runs(first));
  options_.linger = std::chrono::seconds(0);
  EXPECT_EQ(use().pid, first.pid);
  EXPECT_TRUE(ends(first));
}

TEST_F(EngineLinger, EndsAfterItsTimeButNotUnderAUser) {
  options_.linger = std::chrono::seconds(1);
  EngineInfo info;
  {
    const auto engine = start();
    info = engine.info();
    EXPECT_EQ(query(engine, "SELECT sleep(1.5)"), "0\n");
    EXPECT_EQ(use().pid, info.pid);
    EXPECT_EQ(query(engine, "SELECT sleep(1.5)"), "0\n");
    EXPECT_TRUE(engine.is_running());
  }
  EXPECT_TRUE(ends(info));
}

TEST_F(EngineLinger, StaysWhenItsUserIsKilled) {
  OtherUser user(options_);
  const int pid = user.engine_pid();
  ASSERT_NE(pid, 0);
  user.kill();
  EXPECT_EQ(use().pid, pid);
}

TEST_F(EngineLinger, EndsWhenItsFolderIsRemovedOrMoved) {
  const EngineInfo removed = use();
  fs::rename(options_.data_dir, folder_ / "elsewhere");
  EXPECT_TRUE(ends(removed));

  // A folder of the same name is another one.
  const EngineInfo other = use();
  EXPECT_NE(other.pid, removed.pid);
  EXPECT_EQ(use().pid, other.pid);
  fs::rename(options_.data_dir, folder_ / "away");
  options_.data_dir = folder_ / "away";
  EXPECT_NE(use().pid, other.pid);
  EXPECT_TRUE(ends(other));
}

TEST_F(EngineLinger, CopyOfItsFolderGetsAnEngineOfItsOwn) {
  const EngineInfo original = use();
  const fs::path copy = folder_ / "copy";
  fs::copy(options_.data_dir, copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const fs::path first = std::exchange(options_.data_dir, copy);
  const EngineInfo other = use();
  EXPECT_NE(other.pid, original.pid);
  options_.data_dir = first;
  EXPECT_EQ(use().pid, original.pid);
  fs::remove_all(copy);
  EXPECT_TRUE(ends(other));
}

TEST_F(EngineLinger, GivesWayToAUserWhoWantsAnother) {
  const EngineInfo plain = use();
  EXPECT_EQ(plain.tcp_port, 0);
  options_.native_clients = true;
  auto with_port = start();
  EXPECT_TRUE(with_port.started_here());
  EXPECT_NE(with_port.info().tcp_port, 0);
  EXPECT_TRUE(ends(plain));

  // A setting of the engine's own is heeded, too.
  options_.native_clients = false;
  { const auto used_up = std::move(with_port); }
  options_.memory_bytes = std::uint64_t{3} << 30;
  const auto with_memory = start();
  EXPECT_EQ(query(with_memory,
                  "SELECT value FROM system.server_settings WHERE name = "
                  "'max_server_memory_usage'"),
            "3221225472\n");

  // With a user it does not.
  options_.password = "another";
  EXPECT_THAT(message_of<base::ConfigError>([&] { start(); }), HasSubstr("another password"));
  EXPECT_EQ(query(with_memory, "SELECT 1"), "1\n");
}

TEST(EngineLingerTime, ServiceOfSystemdIsKnownByItsGroup) {
  EXPECT_TRUE(is_of_service("0::/system.slice/cron.service\n"));
  EXPECT_TRUE(is_of_service("0::/system.slice/qvdhouse.service/part\n"));
  EXPECT_TRUE(is_of_service("12:pids:/\n1:name=systemd:/system.slice/cron.service\n0::/\n"));
  EXPECT_TRUE(is_of_service("0::/user.slice/user-1.slice/user@1.service/app.slice/a.service"));
  EXPECT_FALSE(is_of_service("0::/user.slice/user-1000.slice/session-2.scope\n"));
  EXPECT_FALSE(is_of_service(
      "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-terminal-7.scope\n"));
  EXPECT_FALSE(is_of_service("12:pids:/system.slice/cron.service\n0::/\n"));
  EXPECT_FALSE(is_of_service("0::/\n"));
  EXPECT_FALSE(is_of_service("nonsense\n:\n"));
  EXPECT_FALSE(is_of_service(""));
}

TEST(EngineFiles, LastLines) {
  const fs::path path = fs::temp_directory_path() / ("qvdhouse_lines_" + std::to_string(getpid()));
  const auto tail = [&](const std::string& text) {
    std::ofstream(path) << text;
    return last_lines(path, 2);
  };
  EXPECT_EQ(tail(""), "");
  EXPECT_EQ(tail("a"), "a");
  EXPECT_EQ(tail("a\nb\n"), "a\nb");
  EXPECT_EQ(tail("a\nb\nc\n\n"), "b\nc");
  EXPECT_EQ(tail("\nb\nc"), "b\nc");
  fs::remove(path);
  EXPECT_EQ(last_lines(path, 2), "");
}

}  // namespace
}  // namespace qvdhouse::clickhouse
