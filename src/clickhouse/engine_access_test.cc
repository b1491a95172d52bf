// Who reaches the embedded engine, and what others can do to it.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "clickhouse/test_engine_start.h"

namespace qvdhouse::clickhouse {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// How a client leaves: by the books, or so that what it sent may be lost and the other side gets
// an error.
enum class Leave { kClose, kReset };

// A raw connection to a port of 127.0.0.1.
class Visitor {
 public:
  explicit Visitor(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Visitor() { close(socket_); }
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;

  bool connected() const { return connected_; }
  void say(std::string_view bytes) const {
    static_cast<void>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  // What comes first; empty when the other side leaves without a word.
  std::string hear() const {
    std::array<char, 4096> bytes{};
    const ssize_t size = ::recv(socket_, bytes.data(), bytes.size(), 0);
    return size <= 0 ? std::string() : std::string(bytes.data(), static_cast<std::size_t>(size));
  }
  // All that comes until the other side leaves.
  std::string hear_out() const {
    std::string all;
    for (std::string part = hear(); !part.empty(); part = hear()) all += part;
    return all;
  }
  void leave(Leave how) const {
    if (how == Leave::kClose) return;
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

 private:
  int socket_;
  bool connected_ = false;
};

std::string ask(std::uint16_t port, std::string_view bytes) {
  const Visitor visitor(port);
  if (!visitor.connected()) return {};
  visitor.say(bytes);
  return visitor.hear();
}

// The answer to a request that asks to close the connection after it.
std::string ask_once(std::uint16_t port, std::string_view bytes) {
  const Visitor visitor(port);
  visitor.say(bytes);
  return visitor.hear_out();
}

std::string http(std::string_view target, std::string_view headers, std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n{}",
                     target, headers, body.size(), body);
}

std::string native_text(std::string_view text) {
  return std::string(1, static_cast<char>(text.size())) + std::string(text);
}

// The first packet of a native client, of an old revision that every server speaks.
std::string hello(std::string_view user, std::string_view password) {
  return std::string("\0", 1) + native_text("test") + "\x15\x01\x9d\xa9\x03" + native_text("") +
         native_text(user) + native_text(password);
}

constexpr std::array kStatements = {
    "SELECT 1",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM executable('id', 'TSV', 'x String')",
    "SELECT count() FROM system.tables",
    "SHOW TABLES",
    "SHOW CREATE USER default",
    "DESCRIBE TABLE system.one",
    "EXISTS TABLE system.one",
    "EXPLAIN SELECT file('/etc/passwd')",
    "CREATE DATABASE stranger",
    "CREATE TABLE stranger (x UInt8) ENGINE = Memory",
    "CREATE FUNCTION stranger AS x -> x",
    "CREATE USER stranger",
    "INSERT INTO FUNCTION file('/tmp/stranger', 'TSV', 'x UInt8') VALUES (1)",
    "ALTER TABLE system.one DELETE WHERE 1",
    "DROP DATABASE default",
    "TRUNCATE TABLE system.one",
    "RENAME TABLE a TO b",
    "EXCHANGE TABLES a AND b",
    "ATTACH TABLE a",
    "DETACH TABLE a",
    "OPTIMIZE TABLE a",
    "CHECK TABLE a",
    "KILL QUERY WHERE 1",
    "BACKUP DATABASE default TO File('/tmp/stranger')",
    "RESTORE DATABASE default FROM File('/tmp/stranger')",
    "GRANT ALL ON *.* TO default",
    "SET max_threads = 1",
    "USE system",
    "SYSTEM STOP LISTEN HTTP",
    "SYSTEM RELOAD CONFIG",
    "SYSTEM SHUTDOWN",
    "BEGIN TRANSACTION",
};

// Says each statement to both ports, again and again, from before they are open.
class Stranger {
 public:
  Stranger(std::uint16_t http_port, std::uint16_t tcp_port)
      : thread_([this, http_port, tcp_port](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            for (const char* statement : kStatements) say(statement, http_port, tcp_port);
            ++rounds_;
          }
        }) {}

  // Ends after a whole round that began after this call; what was answered with anything but a
  // refusal.
  std::vector<std::string> finish() {
    const int before = rounds_;
    while (rounds_ < before + 2) std::this_thread::yield();
    thread_.request_stop();
    thread_.join();
    EXPECT_GT(http_refusals_, 0);
    EXPECT_GT(native_refusals_, 0);
    return heard_;
  }

 private:
  void say(const std::string& statement, std::uint16_t http_port, std::uint16_t tcp_port) {
    for (const std::string& request :
         {http("/?add_http_cors_header=1", "Origin: https://evil.example\r\n", statement),
          http("/", "X-ClickHouse-User: default\r\n", statement),
          http("/", "Authorization: Basic ZGVmYXVsdDo=\r\n", statement),
          http("/?user=default&password=", "", statement)}) {
      const std::string answer = ask(http_port, request);
      if (answer.empty()) continue;  // not open yet
      ++http_refusals_;
      const bool is_refusal =
          answer.starts_with("HTTP/1.1 403") && answer.find("Access-Control") == std::string::npos;
      if (!is_refusal) heard_.push_back(request + " -> " + answer);
    }
    const std::string answer = ask(tcp_port, hello("default", "") + statement);
    if (answer.empty()) return;
    ++native_refusals_;
    constexpr char kException = '\2';
    if (answer[0] != kException) heard_.push_back(statement + " -> " + answer);
  }

  std::atomic<int> rounds_ = 0;
  std::atomic<int> http_refusals_ = 0;
  std::atomic<int> native_refusals_ = 0;
  std::vector<std::string> heard_;
  std::jthread thread_;
};

int starts_of_the_test() {
  const char* wanted = std::getenv("QVDHOUSE_ENGINE_STARTS");
  return wanted == nullptr ? 3 : std::stoi(wanted);
}

TEST_F(EngineTest, StrangersGetNothingFromTheFirstMomentOn) {
  for (int i = 0; i != starts_of_the_test(); ++i) {
    options_.data_dir = folder_ / std::to_string(i);
    options_.http_port = free_port();
    options_.tcp_port = free_port();
    Stranger stranger(options_.http_port, options_.tcp_port);
    const auto engine = start();
    EXPECT_THAT(stranger.finish(), IsEmpty());
    EXPECT_EQ(query(engine, "SELECT 1"), "1\n");
  }
}

// Behind the gate too, where only one who has the password comes.
TEST_F(EngineTest, DefaultIsClosedForGood) {
  options_.native_clients = true;
  const auto engine = start();
  auto endpoint = engine.endpoint("default");
  endpoint.user = "default";
  for (int i = 0; i != 3; ++i) {
    try {
      Connection(endpoint).query("SELECT 1");
      FAIL() << "default was let in";
    } catch (const base::ServerError& error) {
      EXPECT_EQ(error.code(), 201) << error.what();
    }
  }
  EXPECT_THAT(ask(engine.info().tcp_port, hello("default", engine.info().password)),
              HasSubstr("Quota for user"));
}

TEST_F(EngineTest, ToolsWithNameAndPasswordConnect) {
  options_.native_clients = true;
  options_.password = "p%s+ &ü";
  const auto engine = start();
  const auto [http_port, tcp_port] = std::pair(engine.info().http_port, engine.info().tcp_port);
  const std::string sql = "SELECT currentUser() FORMAT CSV";
  for (const std::string& request :
       {http("/",
             "Connection: close\r\nX-ClickHouse-User: qvdhouse\r\nx-clickhouse-key:p%s+ &ü\r\n",
             sql),
        http("/", "Connection: close\r\nAuthorization: Basic cXZkaG91c2U6cCVzKyAmw7w=\r\n", sql),
        http("/?user=qvdhouse&password=p%25s%2B+%26%c3%BC", "Connection: close\r\n", sql)}) {
    EXPECT_THAT(ask_once(http_port, request), HasSubstr("\"qvdhouse\"")) << request;
  }
  EXPECT_THAT(ask_once(http_port, "GET /ping HTTP/1.1\r\n\r\n"), HasSubstr("\r\n\r\nOk.\n"));
  EXPECT_THAT(ask(tcp_port, hello("qvdhouse", "p%s+ &ü")), StartsWith(std::string("\0", 1)));
  EXPECT_THAT(ask(tcp_port, hello("qvdhouse", "p%s+ &u")), HasSubstr("Authentication failed"));
}

TEST_F(EngineTest, ReaderReadsAndNothingElse) {
  options_.native_clients = true;
  options_.reader_password = "for reading";
  const auto engine = start();
  const auto reader = engine.reader_endpoint("default");
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(reader->user, "reader");
  EXPECT_EQ(reader->password, "for reading");
  query(engine, "CREATE TABLE default.t (a Int8) ENGINE = MergeTree ORDER BY a");
  Connection connection(*reader);
  EXPECT_EQ(connection.query("SELECT count() FROM t"), "0\n");
  EXPECT_THAT(connection.query("SHOW CREATE TABLE t"), HasSubstr("MergeTree"));
  for (const char* secret :
       {"INSERT INTO t VALUES (1)", "DROP TABLE t", "SHOW CREATE USER qvdhouse",
        "SELECT * FROM system.users", "SELECT query FROM system.processes",
        "SELECT * FROM system.errors", "SELECT * FROM system.user_processes",
        "SELECT * FROM executable('id', 'TSV', 'x String')", "SYSTEM SHUTDOWN",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')", "CREATE TEMPORARY TABLE x (a Int8)"}) {
    try {
      connection.query(secret);
      ADD_FAILURE() << secret << " was let through";
    } catch (const base::ServerError& error) {
      EXPECT_EQ(error.code(), 497) << error.what();
    }
  }
  EXPECT_THAT(ask(engine.info().tcp_port, hello("reader", "for reading")),
              StartsWith(std::string("\0", 1)));
  // Whoever knows one password knows no other user.
  EXPECT_THAT(ask(engine.info().tcp_port, hello("qvdhouse", "for reading")),
              HasSubstr("Authentication failed"));
  auto wishes = options_;
  wishes.reader_password = "another";
  EXPECT_THAT(message_of<base::ConfigError>([&] { Engine::attach_or_start(wishes); }),
              HasSubstr("another reader_password"));
}

TEST_F(EngineTest, ReaderIsAnotherUserWithAnotherPassword) {
  options_.reader_user = options_.user;
  EXPECT_THAT(message_of<base::ConfigError>([&] { start(); }), HasSubstr("engine.reader_user"));
  options_.reader_user = "reader";
  options_.password = options_.reader_password = "same";
  EXPECT_THAT(message_of<base::ConfigError>([&] { start(); }), HasSubstr("engine.reader_password"));
}

TEST_F(EngineTest, ReaderHasAnotherNameWhereItsOwnIsTaken) {
  options_.user = options_.reader_user;
  const auto engine = start();
  EXPECT_EQ(engine.info().user, "reader");
  const auto reader = engine.reader_endpoint("default");
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(Connection(*reader).query("SELECT currentUser()"), "qvdhouse_reader\n");
  EXPECT_EQ(Engine::attach_or_start(options_).info().pid, engine.info().pid);
}

// As an older qvdhouse-engine, which reads five lines of its file.
TEST_F(EngineTest, AGateThatKnowsNoReaderHasNone) {
  const auto binary = engine_binary_candidates(options_).front();
  const auto older = folder_ / "older-engine";
  std::ofstream(older) << "#!/bin/sh\nhead -n 5 \"$4\" >\"$4.5\" && mv \"$4.5\" \"$4\"\nexec '"
                       << binary.string() << "' \"$@\"\n";
  std::filesystem::permissions(older, std::filesystem::perms::owner_all);
  options_.engine_binary = older;
  const auto engine = start();
  EXPECT_EQ(query(engine, "SELECT 1"), "1\n");
  EXPECT_FALSE(engine.reader_endpoint("default").has_value());
}

TEST_F(EngineTest, HasNoTcpPortUnlessAskedFor) {
  const auto engine = start();
  EXPECT_EQ(engine.info().tcp_port, 0);
  auto wishes = options_;
  wishes.native_clients = true;
  EXPECT_THAT(message_of<base::ConfigError>([&] { Engine::attach_or_start(wishes); }),
              HasSubstr("--tcp-port"));
  wishes.native_clients = false;
  wishes.tcp_port = free_port();
  EXPECT_THAT(message_of<base::ConfigError>([&] { Engine::attach_or_start(wishes); }),
              HasSubstr("--tcp-port"));
}

TEST_F(EngineTest, NobodyEndsItByLeavingOrByNonsense) {
  options_.native_clients = true;
  const auto engine = start();
  const EngineInfo info = engine.info();
  const std::string key =
      "X-ClickHouse-User: qvdhouse\r\nX-ClickHouse-Key: " + info.password + "\r\n";
  const std::string many = "SELECT number, repeat('x', 100) FROM numbers(2000)";
  const std::vector<std::string> words = {
      "",
      "GET / HT",
      std::string(200, '\0'),
      std::string(70'000, 'a'),
      "GET / HTTP/1.1\r\nContent-Length: nonsense\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\nx",
      http("/", "", "SELECT 1"),
      http("/", "", "SELECT 1") + http("/", "", "SELECT 1"),
      http("/", key, "SELECT 1"),
      http("/", key, many),
      http("/", key, many) + "GET / HT",
      http("/", key, "SELECT 1") + http("/", key, many),
      hello("default", ""),
      hello("qvdhouse", info.password),
      hello("qvdhouse", info.password).substr(0, 9),
      hello("qvdhouse", info.password) + "\x7f",
  };
  constexpr int kTimes = 60;
  for (const std::uint16_t port : {info.http_port, info.tcp_port}) {
    for (const std::string& word : words) {
      for (int i = 0; i != kTimes; ++i) {
        const Visitor visitor(port);
        visitor.say(word);
        visitor.leave(i % 3 == 0 ? Leave::kClose : Leave::kReset);
      }
      ASSERT_TRUE(engine.is_running()) << port << ": " << word;
    }
  }
  constexpr int kResets = 5'000;
  for (const std::uint16_t port : {info.http_port, info.tcp_port}) {
    for (int i = 0; i != kResets; ++i) Visitor(port).leave(Leave::kReset);
  }
  EXPECT_EQ(query(engine, "SELECT 1"), "1\n");
}

// The peer of an answer without end leaves: the query ends too.
TEST_F(EngineTest, AQueryEndsWhenItsClientIsGone) {
  const auto engine = start();
  {
    const Visitor visitor(engine.info().http_port);
    visitor.say(http(
        "/", "X-ClickHouse-User: qvdhouse\r\nX-ClickHouse-Key: " + engine.info().password + "\r\n",
        "SELECT number FROM system.numbers"));
    visitor.leave(Leave::kClose);
  }
  const std::string running =
      "SELECT count() FROM system.processes WHERE query LIKE '%system.num' || 'bers'";
  while (query(engine, running) != "0\n")
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(engine.is_running());
}

TEST_F(EngineTest, ListeningMayBeStoppedAndStarted) {
  options_.native_clients = true;
  const auto engine = start();
  query(engine, "SYSTEM STOP LISTEN TCP");
  EXPECT_EQ(query(engine, "SELECT 1"), "1\n");
  query(engine, "SYSTEM START LISTEN TCP");
  EXPECT_EQ(query(engine, "SELECT 1"), "1\n");
}

TEST_F(EngineTest, HalfOpenConnectionsShutNobodyOut) {
  const auto engine = start();
  std::vector<std::unique_ptr<Visitor>> idle;
  constexpr int kIdle = 500;
  for (int i = 0; i != kIdle; ++i) {
    idle.push_back(std::make_unique<Visitor>(engine.info().http_port));
    idle.back()->say("GET / HT");
  }
  EXPECT_EQ(query(engine, "SELECT 1"), "1\n");
}

TEST_F(EngineTest, ItsEnvironmentHoldsNoSecrets) {
  setenv("QVDHOUSE_TEST_SECRET", "hidden", 1);
  setenv("no_proxy", "localhost", 1);
  const auto engine = start();
  unsetenv("QVDHOUSE_TEST_SECRET");
  unsetenv("no_proxy");
  const auto environment =
      base::read_text(fmt::format("/proc/{}/environ", engine.info().pid)).value();
  EXPECT_THAT(environment, Not(HasSubstr("hidden")));
  EXPECT_THAT(environment, HasSubstr("TZ=UTC"));
  EXPECT_THAT(environment, HasSubstr("no_proxy=localhost"));
}

TEST_F(EngineTest, ItsFilesAreForTheirOwnerAlone) {
  const fs::path data = options_.data_dir;
  fs::create_directories(data / "store" / "abc");
  fs::permissions(data, fs::perms(0755));
  fs::permissions(data / "store", fs::perms(0755));
  const auto engine = start();
  query(engine, "CREATE TABLE kept (x UInt64) ENGINE = MergeTree ORDER BY x");
  query(engine, "INSERT INTO kept SELECT 1");
  std::set<std::string> seen;
  for (const auto& entry : fs::directory_iterator(data)) {
    struct stat facts {};
    ASSERT_EQ(stat(entry.path().c_str(), &facts), 0) << entry.path();
    EXPECT_EQ(facts.st_mode & 077, 0U) << entry.path();
    seen.insert(entry.path().filename());
  }
  for (const char* name : {"engine.json", "engine-config", "engine-stderr.log", "store", "data"}) {
    EXPECT_TRUE(seen.contains(name)) << name;
  }
  EXPECT_EQ(fs::status(data).permissions(), fs::perms(0755)) << "it is the user's own";
}

TEST_F(EngineTest, FolderThatItMakesIsForItsOwnerAlone) {
  const auto engine = start();
  EXPECT_EQ(fs::status(options_.data_dir).permissions(), fs::perms::owner_all);
}

}  // namespace
}  // namespace qvdhouse::clickhouse
