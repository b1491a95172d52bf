#include <gmock/gmock.h>

#include <cstring>

#include "cli/arguments.h"
#include "cli/exit_code.h"

namespace qvdhouse::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> whole(const std::vector<const char*>& words) {
  return whole_words(static_cast<int>(words.size()), words.data());
}

Arguments parsed(const std::vector<const char*>& words) {
  Parsed result = parse_arguments(static_cast<int>(words.size()), words.data());
  EXPECT_FALSE(result.exit_code.has_value());
  return std::move(result.arguments);
}

std::string usage_error(const std::vector<const char*>& words) {
  try {
    parse_arguments(static_cast<int>(words.size()), words.data());
  } catch (const InitQvdError& error) {
    EXPECT_EQ(exit_code_of(error), kConfig);
    return error.what();
  }
  ADD_FAILURE() << "no InitQvdError";
  return "";
}

TEST(InitQvd, IsKnownByTheNameOfTheProgram) {
  EXPECT_THAT(whole({"/usr/bin/init_qvd", "-v"}),
              ElementsAre("/usr/bin/init_qvd", "init-qvd", "-v"));
  EXPECT_THAT(whole({"init_qvd.py"}), ElementsAre("init_qvd.py", "init-qvd"));
  EXPECT_THAT(whole({"/opt/init_qvd/qvdhouse", "ls"}), ElementsAre("/opt/init_qvd/qvdhouse", "ls"));
  EXPECT_THAT(whole({}), ElementsAre());
}

TEST(InitQvd, FlagsMayBeCutShort) {
  EXPECT_THAT(
      whole({"init_qvd", "--gen", "--sou=/x", "--aws-s", "y"}),
      ElementsAre("init_qvd", "init-qvd", "--generate-models", "--source=/x", "--aws-secret", "y"));
  // One of several, none, a setting of qvdhouse, a value, what follows "--".
  EXPECT_THAT(
      whole({"init_qvd", "--o", "--x", "--data-dir", "gen", "--", "--gen"}),
      ElementsAre("init_qvd", "init-qvd", "--o", "--x", "--data-dir", "gen", "--", "--gen"));
  EXPECT_THAT(whole({"qvdhouse", "init-qvd", "--list"}),
              ElementsAre("qvdhouse", "init-qvd", "--list-files"));
  EXPECT_THAT(whole({"qvdhouse", "ls", "--list"}), ElementsAre("qvdhouse", "ls", "--list"));
}

TEST(InitQvd, FlagsAreSettings) {
  const Arguments arguments =
      parsed({"init_qvd", "--list-files", "--source=s3://b/p", "--pattern", "x*.qvd", "--files",
              "Item,PO", "--exclude", "Temp", "--aws-key", "K", "--aws-secret", "S", "-v"});
  const std::map<std::string, std::string> expected = {
      {"source", "s3://b/p"},    {"file_pattern", "x*.qvd"}, {"include_files", "Item,PO"},
      {"exclude_files", "Temp"}, {"source.aws_key", "K"},    {"source.aws_secret", "S"}};
  EXPECT_EQ(arguments.settings.flags, expected);
  EXPECT_EQ(arguments.settings.flag_names.at("include_files"), "--files");
  EXPECT_TRUE(arguments.verbose);
  EXPECT_TRUE(arguments.command);
}

TEST(InitQvd, OtherSettingsGoWithIt) {
  const Arguments arguments = parsed({"init_qvd", "--reset-state", "--force", "--data-dir", "/d"});
  EXPECT_EQ(arguments.settings.flags.at("data_dir"), "/d");
}

TEST(InitQvd, WhatIsWrongIsNamed) {
  EXPECT_THAT(usage_error({"init_qvd", "--lst-files"}), HasSubstr("did you mean --list-files?"));
  EXPECT_THAT(usage_error({"init_qvd", "--list-files", "x"}), HasSubstr("'x' is not known"));
  EXPECT_THAT(usage_error({"init_qvd", "--list-files", "--source"}), HasSubstr("--source"));
  EXPECT_THAT(usage_error({"init_qvd", "--o=x"}), HasSubstr("'--o=x' is not known"));
}

TEST(InitQvd, SecretsAreTakenOutOfTheCommandLine) {
  std::vector<std::string> words = {
      "init_qvd", "--aws-sec=topsecret", "--aws-secret", "hidden", "--aws-key",
      "K",        "https://u:p@host/x"};
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  hide_secrets(static_cast<int>(pointers.size()), pointers.data());
  EXPECT_THAT(words, ElementsAre("init_qvd", "--aws-sec=*********", "--aws-secret", "******",
                                 "--aws-key", "K", "https://**********"));
}

TEST(HideSecrets, OnlyWhatIsSecretIsOverwritten) {
  std::vector<std::string> words = {"qvdhouse",
                                    "ls",
                                    "--aws-key",
                                    "id",
                                    "--aws-secret",
                                    "hunter2",
                                    "--aws-secret=hunter2",
                                    "http://u:hunter2@host/x",
                                    "s3://bucket/x",
                                    "--source=ftp://u:hunter2@host"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  hide_secrets(static_cast<int>(argv.size()), argv.data());
  for (const std::string& word : words) EXPECT_THAT(word, Not(HasSubstr("hunter2")));
  EXPECT_EQ(words[3], "id");
  EXPECT_EQ(words[5], "*******");
  EXPECT_EQ(words[6], "--aws-secret=*******");
  EXPECT_EQ(words[8], "s3://bucket/x");
}

}  // namespace
}  // namespace qvdhouse::cli
