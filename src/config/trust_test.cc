#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "config/parts.h"
#include "config/test_config.h"

namespace qvdhouse::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using ConfigTrust = ConfigFolder;

constexpr uid_t kStranger = 4242;

constexpr std::string_view kFoundOnly = "only found in the working folder";

// Every setting that names a program, a library or a file that may name one.
TEST_F(ConfigTrust, ProgramsAreNotTakenFromWhatIsFound) {
  for (const auto& [variable, key] :
       std::map<std::string, std::string>{{"QVD_ENGINE_BINARY", "engine.binary"},
                                          {"QVD_ENGINE_LIBRARY", "engine.library"},
                                          {"QVD_SOURCE_RCLONE_BINARY", "source.rclone_binary"},
                                          {"QVD_SOURCE_RCLONE_CONFIG", "source.rclone_config"}}) {
    write(".env", variable + "=./evil\n");
    EXPECT_THAT(error(), AllOf(HasSubstr(key), HasSubstr(".env:1"), HasSubstr(kFoundOnly),
                               HasSubstr("--config")));
    std::filesystem::remove(directory_ / ".env");
    const std::string toml = key.substr(0, key.find('.')) + "]\n" + key.substr(key.find('.') + 1);
    write("qvdhouse.toml", "[" + toml + " = './evil'\n");
    EXPECT_THAT(error(),
                AllOf(HasSubstr(key), HasSubstr("qvdhouse.toml:2"), HasSubstr(kFoundOnly)));

    // By a name they are.
    sources_.config_file = directory_ / "qvdhouse.toml";
    EXPECT_EQ(load().values.at(key).text, "./evil");
    sources_.config_file.reset();
    std::filesystem::remove(directory_ / "qvdhouse.toml");
    sources_.environment = {{variable, "./mine"}};
    EXPECT_EQ(load().values.at(key).text, "./mine");
    sources_.environment.clear();
  }
  sources_.flags = {{"source.rclone_binary", "./mine"}};
  EXPECT_EQ(load().common.access.rclone_binary, "./mine");
}

TEST_F(ConfigTrust, NorThoseOfANamedSource) {
  write("qvdhouse.toml", "[source.erp]\nurl = 'sftp://h/p'\nrclone_binary = './evil'\n");
  EXPECT_THAT(error(), AllOf(HasSubstr("source.erp.rclone_binary"), HasSubstr(kFoundOnly)));
  std::filesystem::remove(directory_ / "qvdhouse.toml");
  write(".env", "QVD_SOURCE_ERP_URL=sftp://h/p\nQVD_SOURCE_ERP_RCLONE_CONFIG=./evil\n");
  EXPECT_THAT(error(), AllOf(HasSubstr("source.erp.rclone_config"), HasSubstr(".env:2")));
}

TEST_F(ConfigTrust, NorVariablesByWhichStoragesNamePrograms) {
  for (const std::string name :
       {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AZURE_CONFIG_DIR", "AZURE_EXTENSION_DIR",
        "GOOGLE_API_CERTIFICATE_CONFIG", "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AZURE_FEDERATED_TOKEN_FILE"}) {
    write(".env", "# one\n" + name + "=evil\n");
    EXPECT_THAT(error(), AllOf(HasSubstr(name), HasSubstr(".env:2"), HasSubstr(kFoundOnly)));
  }
  write(".env", "AWS_PROFILE=p\nAWS_CONFIG_FILE=\n");
  EXPECT_EQ(load().storage_variables, (std::map<std::string, std::string>{{"AWS_PROFILE", "p"}}));
}

TEST_F(ConfigTrust, AFoundFileNamesNoLogThatAShellReads) {
  write("qvdhouse.toml", "log_file = \"/srv/u/.bashrc\"\n");
  EXPECT_THAT(error(), AllOf(HasSubstr("log_file"), HasSubstr(".log")));
  write("qvdhouse.toml", "log_file = \"/var/log/qvdhouse.log\"\n");
  EXPECT_EQ(load().serve.log.file, "/var/log/qvdhouse.log");
}

TEST_F(ConfigTrust, WhatCannotBeReadToItsEndIsRefused) {
  for (const std::string name : {".env", "qvdhouse.toml"}) {
    const std::filesystem::path file = directory_ / name;
    ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
    EXPECT_THAT(error(), AllOf(HasSubstr(name), HasSubstr("a pipe")));
    std::filesystem::remove(file);
    std::filesystem::create_symlink(name, file);
    EXPECT_THAT(error(), AllOf(HasSubstr(name), HasSubstr("cannot be read")));
    std::filesystem::remove(file);
    write(name, "");
    std::filesystem::resize_file(file, std::uintmax_t{20} << 30U);
    EXPECT_THAT(error(), AllOf(HasSubstr(name), HasSubstr("at most 1048576 bytes")));
    std::filesystem::remove(file);
  }
}

TEST_F(ConfigTrust, AFoundFileThatOthersMayWriteIsRefused) {
  for (const std::string name : {".env", "qvdhouse.toml"}) {
    write(name, "");
    for (const unsigned mode : {0602U, 0620U, 0666U}) {
      set_mode(name, mode);
      EXPECT_THAT(error(),
                  AllOf(HasSubstr((directory_ / name).string() + ": "), HasSubstr("not taken"),
                        HasSubstr(fmt::format("mode {:04o}", mode)), HasSubstr("chmod go-w")));
    }
    set_mode(name, 0644);
    EXPECT_NO_THROW(load());
    std::filesystem::remove(directory_ / name);
  }
}

TEST_F(ConfigTrust, AFoundFileOfAnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  for (const std::string name : {".env", "qvdhouse.toml"}) {
    write(name, "");
    ASSERT_EQ(chown((directory_ / name).c_str(), kStranger, kStranger), 0);
    EXPECT_THAT(error(), AllOf(HasSubstr("not taken"), HasSubstr("belongs to user 4242")));
    std::filesystem::remove(directory_ / name);
  }
  // A link of a stranger to a file of one's own.
  write("mine", "");
  std::filesystem::create_symlink("mine", directory_ / ".env");
  EXPECT_NO_THROW(load());
  ASSERT_EQ(lchown((directory_ / ".env").c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(error(), HasSubstr("belongs to user 4242"));
}

TEST_F(ConfigTrust, ANamedFileIsTakenWithAWarning) {
  write("named.toml", "source = 'here'\n");
  set_mode("named.toml", 0666);
  sources_.config_file = directory_ / "named.toml";
  EXPECT_EQ(load().common.url, "here");
  EXPECT_THAT(load().warnings,
              ElementsAre(AllOf(HasSubstr("named.toml: another user"), HasSubstr("mode 0666"))));
  set_mode("named.toml", 0644);
  EXPECT_THAT(load().warnings, IsEmpty());
}

TEST_F(ConfigTrust, SecretsThatEveryUserCanReadAreToldOf) {
  write("qvdhouse.toml", "source = 'here'\n[clickhouse]\npassword = 'hunter2'\n");
  write(".env",
        "QVD_BATCH_SIZE=5\nAWS_SECRET_ACCESS_KEY=hunter3\nAWS_ACCESS_KEY_ID=id\n"
        "CLICKHOUSE_URL=http://u:hunter4@h/\n");
  EXPECT_THAT(load().warnings, IsEmpty());
  set_mode("qvdhouse.toml", 0644);
  set_mode(".env", 0644);
  const Config config = load();
  EXPECT_THAT(
      config.warnings,
      ElementsAre(AllOf(HasSubstr("qvdhouse.toml"), HasSubstr("(clickhouse.password; mode 0644)"),
                        HasSubstr("chmod 600")),
                  AllOf(HasSubstr(".env"),
                        HasSubstr("(AWS_SECRET_ACCESS_KEY, CLICKHOUSE_URL; mode 0644)"))));
  for (const std::string& warning : config.warnings) {
    EXPECT_THAT(warning, Not(HasSubstr("hunter")));
  }
  write("qvdhouse.toml", "source = 'here'\n");
  write(".env", "QVD_BATCH_SIZE=5\n");
  set_mode("qvdhouse.toml", 0644);
  set_mode(".env", 0644);
  EXPECT_THAT(load().warnings, IsEmpty());
}

}  // namespace
}  // namespace qvdhouse::config
