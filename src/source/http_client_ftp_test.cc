// FTP against a small server of the test: passive mode, one file.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "source/http_client.h"
#include "tests/support/loopback_server.h"

namespace qvdhouse::source {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using tests::test_bytes;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

int listener(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd, generic, size) != 0 || ::listen(fd, 8) != 0 ||
      ::getsockname(fd, generic, &size) != 0) {
    std::abort();
  }
  port = ntohs(address.sin_port);
  return fd;
}

struct FtpScript {
  std::string content;
  std::string greeting = "220 Hello";
  std::size_t cut_after = 0;  // bytes of each transfer that is cut
  std::atomic<int> cuts = 0;  // transfers still to be cut
  std::atomic<bool> ending = false;
  std::mutex mutex;
  std::vector<std::string> commands;  // guarded by mutex
};

bool is_readable(int fd, const FtpScript& script) {
  pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
  while (!script.ending) {
    if (::poll(&waited, 1, 20) > 0) return true;
  }
  return false;
}

// One client's dialogue.
class FtpSession {
 public:
  FtpSession(FtpScript& script, int accepted) : script_(script), control_(accepted) {}

  void run() {
    say(script_.greeting);
    std::string received;
    while (is_readable(control_.fd(), script_)) {
      char buffer[512];
      const ssize_t got = ::recv(control_.fd(), buffer, sizeof buffer, 0);
      if (got <= 0) return;
      received.append(buffer, static_cast<std::size_t>(got));
      for (std::size_t end = 0; (end = received.find("\r\n")) != std::string::npos;) {
        const std::string line = received.substr(0, end);
        received.erase(0, end + 2);
        {
          const std::lock_guard lock(script_.mutex);
          script_.commands.push_back(line);
        }
        obey(line.substr(0, 4), line.size() > 5 ? line.substr(5) : "");
      }
    }
  }

 private:
  void say(const std::string& line) {
    const std::string bytes = line + "\r\n";
    ::send(control_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  void obey(const std::string& command, const std::string& word) {
    const bool exists = word == "f 1.qvd";
    if (command == "USER") return say("331 Password?");
    if (command == "PASS") return say(word == "hunter2" ? "230 In" : "530 No");
    if (command == "PWD") return say("257 \"/\"");
    if (command == "CWD " || command == "TYPE") return say("250 Yes");
    if (command == "SIZE" && exists) return say(fmt::format("213 {}", script_.content.size()));
    if (command == "MDTM" && exists) return say("213 19941106084937");
    if (command == "REST") {
      rest_ = std::strtoull(word.c_str(), nullptr, 10);
      return say("350 Yes");
    }
    if (command == "EPSV") {
      std::uint16_t port = 0;
      data_ = std::make_unique<Socket>(listener(port));
      return say(fmt::format("229 Passive (|||{}|)", port));
    }
    if (command == "RETR" && exists && data_ && is_readable(data_->fd(), script_)) {
      return send_file(Socket(::accept(data_->fd(), nullptr, nullptr)));
    }
    say("550 No such thing");
  }

  void send_file(const Socket& data) {
    say("150 Here it comes");
    std::string_view bytes =
        std::string_view(script_.content).substr(std::min(rest_, script_.content.size()));
    rest_ = 0;
    const bool is_cut = script_.cuts-- > 0;
    if (is_cut) bytes = bytes.substr(0, script_.cut_after);
    while (!bytes.empty()) {
      const ssize_t sent = ::send(data.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    ::shutdown(data.fd(), SHUT_RDWR);
    say(is_cut ? "426 Cut" : "226 Done");
  }

  FtpScript& script_;
  const Socket control_;
  std::unique_ptr<Socket> data_;
  std::size_t rest_ = 0;
};

class FtpServer {
 public:
  explicit FtpServer(FtpScript& script) : script_(script), listener_(listener(port_)) {
    thread_ = std::jthread([this] {
      std::vector<std::jthread> sessions;
      while (is_readable(listener_.fd(), script_)) {
        sessions.emplace_back([this, fd = ::accept(listener_.fd(), nullptr, nullptr)] {
          FtpSession(script_, fd).run();
        });
      }
    });
  }
  ~FtpServer() { script_.ending = true; }
  std::string url(std::string_view path) const {
    return fmt::format("ftp://127.0.0.1:{}{}", port_, path);
  }

 private:
  FtpScript& script_;
  std::uint16_t port_ = 0;
  Socket listener_;
  std::jthread thread_;
};

class FtpTest : public testing::Test {
 protected:
  static Access quick_access() {
    Access access;
    access.first_delay = std::chrono::milliseconds(1);
    return access;
  }
  HttpTarget target(const std::string& path = "/dir/f%201.qvd") const {
    return {
        .url = server_.url(path), .user = "someone", .password = "hunter2", .shown = "the-file"};
  }
  std::string read(std::uint64_t offset, std::size_t count) {
    std::string bytes(count, '\0');
    client_.read(target(), offset, std::as_writable_bytes(std::span(bytes)), content_.size(), {});
    return bytes;
  }
  std::string error_of(const HttpTarget& target) {
    try {
      client_.stat(target);
    } catch (const base::IoError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("the-file: "), Not(HasSubstr("hunter2"))));
      return error.what();
    }
    ADD_FAILURE() << "nothing thrown";
    return {};
  }

  std::vector<std::string> commands() {
    const std::lock_guard lock(script_.mutex);
    return script_.commands;
  }

  const std::string content_ = test_bytes(3'000'000);
  FtpScript script_{content_};
  FtpServer server_{script_};
  HttpClient client_{quick_access()};
};

TEST_F(FtpTest, StatSaysSizeAndTime) {
  const HttpStat stat = client_.stat(target());
  EXPECT_EQ(stat.size, 3'000'000U);
  EXPECT_EQ(stat.mtime_us, 784'111'777'000'000);
  EXPECT_EQ(stat.etag, "");
  EXPECT_THAT(commands(),
              AllOf(Contains("USER someone"), Contains("CWD dir"), Not(Contains("RETR f 1.qvd"))));
}

TEST_F(FtpTest, ReadsAnyRange) {
  EXPECT_TRUE(read(0, content_.size()) == content_);
  EXPECT_TRUE(read(2'999'990, 10) == content_.substr(2'999'990));
  EXPECT_TRUE(read(1'000, 2'000) == content_.substr(1'000, 2'000));
  EXPECT_TRUE(read(0, 1) == content_.substr(0, 1));
  EXPECT_THAT(commands(), AllOf(Contains("REST 2999990"), Contains("REST 1000")));
}

// FTP has no end of a range: to stop before the end of the file costs the connection.
TEST_F(FtpTest, ReadsUpToTheEndKeepTheirLogin) {
  EXPECT_TRUE(read(0, content_.size()) == content_);
  EXPECT_TRUE(read(2'000'000, 1'000'000) == content_.substr(2'000'000));
  EXPECT_TRUE(read(2'999'999, 1) == content_.substr(2'999'999));
  EXPECT_EQ(std::ranges::count(commands(), "PASS hunter2"), 1);
}

TEST_F(FtpTest, AFileThatGrewHasChanged) {
  std::string bytes(1'000'000, '\0');
  EXPECT_THROW(client_.read(target(), 0, std::as_writable_bytes(std::span(bytes)), 1'000'000, {}),
               base::ChangedError);
}

TEST_F(FtpTest, ACutTransferGoesOnAtTheByteReached) {
  script_.cut_after = 700'000;
  script_.cuts = 3;
  EXPECT_TRUE(read(100, 2'999'000) == content_.substr(100, 2'999'000));
  EXPECT_THAT(commands(), AllOf(Contains("REST 100"), Contains("REST 700100"),
                                Contains("REST 1400100"), Contains("REST 2100100")));
}

TEST_F(FtpTest, MissingFilesAndWrongPasswordsAreToldAtOnce) {
  EXPECT_THAT(error_of(target("/dir/none.qvd")), HasSubstr("there is no such file"));
  HttpTarget wrong = target();
  wrong.password = "wrong";
  EXPECT_THAT(error_of(wrong), HasSubstr("refuses the user or password"));
  EXPECT_EQ(std::ranges::count(commands(), "PASS wrong"), 1);
}

TEST_F(FtpTest, ABusyServerIsAskedAgain) {
  script_.greeting = "421 Too many of you";
  EXPECT_THAT(error_of(target()), HasSubstr("5 tries in a row"));
}

}  // namespace
}  // namespace qvdhouse::source
