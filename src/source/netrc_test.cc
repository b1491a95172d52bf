#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "source/remote_families.h"

namespace qvdhouse::source {
namespace {

namespace fs = std::filesystem;

// "user:password", or nothing.
std::string found(std::string_view text, std::string_view host) {
  const std::optional<NetrcLogin> login = login_in_netrc(text, host);
  return login ? login->user + ":" + login->password : "";
}

TEST(Netrc, GivesTheLoginOfTheHost) {
  constexpr std::string_view kText =
      "# machine h login no password no\n"
      "machine other login o password op machine h\n\tlogin u\n\taccount x\n\tpassword p#1\n"
      "machine h login second password s\n"
      "default login anonymous password d\n"
      "machine late login l password lp\n";
  EXPECT_EQ(found(kText, "h"), "u:p#1");
  EXPECT_EQ(found(kText, "H"), "u:p#1");
  EXPECT_EQ(found(kText, "other"), "o:op");
  EXPECT_EQ(found(kText, "elsewhere"), "anonymous:d");
  EXPECT_EQ(found(kText, "late"), "anonymous:d");
  EXPECT_EQ(found("machine h password p login u", "h"), "u:p");
}

TEST(Netrc, QuotesHoldBlanks) {
  EXPECT_EQ(found(R"(machine h login "a b" password "q\"\\ #")", "h"), R"(a b:q"\ #)");
  EXPECT_EQ(found(R"(machine h login "u" password "" machine i)", "h"), "u:");
}

TEST(Netrc, MacrosAreNoLogins) {
  EXPECT_EQ(found("macdef m\nmachine h login no password no\n\nmachine h login u password p", "h"),
            "u:p");
  EXPECT_EQ(found("macdef m\nmachine h login no password no", "h"), "");
}

TEST(Netrc, WhatIsNoNetrcGivesNothing) {
  for (const char* text : {"", "\n", "machine", "machine h2 login", "login u password p", "#",
                           "\"machine h login u", "\\"}) {
    EXPECT_EQ(found(text, "h"), "") << text;
  }
  EXPECT_EQ(found("machine h login", "h"), ":");
}

TEST(Netrc, IsTheFileThatItsVariableNamesOrThatOfTheHome) {
  const fs::path home = fs::temp_directory_path() / ("qvdhouse_netrc_" + std::to_string(getpid()));
  fs::create_directories(home);
  std::ofstream(home / ".netrc") << "machine h login home password p";
  std::ofstream(home / "own") << "machine h login own password p";
  std::string named;
  const Environment environment = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "HOME") return home.string();
    return name == "NETRC" && !named.empty() ? std::optional(named) : std::nullopt;
  };
  EXPECT_EQ(netrc_login(environment, "h").value().user, "home");
  named = (home / "own").string();
  EXPECT_EQ(netrc_login(environment, "h").value().user, "own");
  EXPECT_FALSE(netrc_login(environment, "i"));
  named = (home / "none").string();
  EXPECT_FALSE(netrc_login(environment, "h"));
  fs::remove_all(home);
}

}  // namespace
}  // namespace qvdhouse::source
