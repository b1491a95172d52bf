#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "config/parts.h"
#include "config/setting.h"
#include "config/test_config.h"

namespace qvdhouse::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SourcesTest : public ConfigFolder {
 protected:
  void toml(const std::string& text) { write("qvdhouse.toml", text); }
  // The chosen sources: "name url".
  static std::vector<std::string> chosen(const Config& config) {
    std::vector<std::string> out;
    for (const std::size_t i : config.chosen) {
      out.push_back(config.sources[i].name + " " + config.sources[i].url);
    }
    return out;
  }
};

constexpr const char* kTwo = R"(
file_pattern = "**/*.qvd"
table_prefix = "Qvd"

[source]
ca_file = "/etc/house.pem"
password = "common"

[source.erp]
url = "sftp://files.example.org/erp"
user = "loader"
password = "hunter2"
table_prefix = "Erp"

[source.lake]
url = "s3://lake/qvd"
file_pattern = "*.qvd"
exclude_files = ["Temp*"]
aws_profile = "lake"
)";

TEST_F(SourcesTest, EverySettingOfASourceReachesItsPlace) {
  toml(R"([source]
url = "s3://lake"
aws_key = "id"
aws_secret = "secret"
aws_session_token = "token"
aws_profile = "profile"
aws_region = "eu-central-1"
aws_endpoint = "https://minio:9000"
anonymous = true
user = "u"
password = "p"
bearer_token = "b"
headers = ["A: 1", "B: x, y"]
key_file = "/k"
key_passphrase = "kp"
known_hosts = "/kh"
domain = "D"
ca_file = "/ca"
client_cert = "/cc"
client_key = "/ck"
verify_tls = false
connect_timeout = "500ms"
stall_timeout = "2m"
attempts = 7
rclone_binary = "/r"
rclone_config = "/rc"
)");
  sources_.config_file = directory_ / "qvdhouse.toml";  // by a name, since it names a program
  const Config config = load();
  ASSERT_THAT(chosen(config), ElementsAre(" s3://lake"));
  const source::Access& access = config.sources[config.chosen[0]].access;
  EXPECT_EQ(access.aws_key, "id");
  EXPECT_EQ(access.aws_secret, "secret");
  EXPECT_EQ(access.aws_session_token, "token");
  EXPECT_EQ(access.aws_profile, "profile");
  EXPECT_EQ(access.aws_region, "eu-central-1");
  EXPECT_EQ(access.aws_endpoint, "https://minio:9000");
  EXPECT_TRUE(access.anonymous);
  EXPECT_EQ(access.user, "u");
  EXPECT_EQ(access.password, "p");
  EXPECT_EQ(access.bearer_token, "b");
  EXPECT_THAT(access.headers, ElementsAre("A: 1", "B: x, y"));
  EXPECT_EQ(access.key_file, "/k");
  EXPECT_EQ(access.key_passphrase, "kp");
  EXPECT_EQ(access.known_hosts, "/kh");
  EXPECT_EQ(access.domain, "D");
  EXPECT_EQ(access.ca_file, "/ca");
  EXPECT_EQ(access.client_cert, "/cc");
  EXPECT_EQ(access.client_key, "/ck");
  EXPECT_FALSE(access.verify_tls);
  EXPECT_EQ(access.connect_timeout, std::chrono::milliseconds(500));
  EXPECT_EQ(access.stall_timeout, std::chrono::minutes(2));
  EXPECT_EQ(access.attempts, 7U);
  EXPECT_EQ(access.rclone_binary, "/r");
  EXPECT_EQ(access.rclone_config, "/rc");
}

TEST_F(SourcesTest, WithoutAnyNothingIsChosen) { EXPECT_THAT(load().chosen, IsEmpty()); }

TEST_F(SourcesTest, NamedSourcesHaveTheirOwnAndShareWhatIsNoCredential) {
  toml(kTwo);
  const Config config = load();
  ASSERT_THAT(chosen(config),
              ElementsAre("erp sftp://files.example.org/erp", "lake s3://lake/qvd"));
  const SourceSettings& erp = config.sources[0];
  EXPECT_EQ(erp.access.user, "loader");
  EXPECT_EQ(erp.access.password, "hunter2");
  EXPECT_EQ(erp.access.ca_file, "/etc/house.pem");
  EXPECT_EQ(erp.table_prefix, "Erp");
  EXPECT_EQ(erp.selection.pattern, "**/*.qvd");
  const SourceSettings& lake = config.sources[1];
  EXPECT_EQ(lake.access.password, "") << "neither the other's nor that of [source]";
  EXPECT_EQ(lake.access.aws_profile, "lake");
  EXPECT_EQ(lake.access.ca_file, "/etc/house.pem");
  EXPECT_EQ(lake.table_prefix, "Qvd");
  EXPECT_EQ(lake.selection.pattern, "*.qvd");
  EXPECT_THAT(lake.selection.exclude, ElementsAre("Temp*"));
}

TEST_F(SourcesTest, OneIsChosenByNameByPathOrByUrl) {
  toml(kTwo);
  sources_.flags["source"] = "lake";
  EXPECT_THAT(chosen(load()), ElementsAre("lake s3://lake/qvd"));
  sources_.flags["source"] = "./lake";
  EXPECT_THAT(chosen(load()), ElementsAre(" ./lake"));
  // A part of a known source is reached like it.
  sources_.flags["source"] = "s3://lake/qvd/2024";
  Config config = load();
  ASSERT_THAT(chosen(config), ElementsAre("lake s3://lake/qvd/2024"));
  EXPECT_EQ(config.sources[config.chosen[0]].access.aws_profile, "lake");
  EXPECT_EQ(config.sources[config.chosen[0]].known_url, "s3://lake/qvd");
  // One beside it is not.
  sources_.flags["source"] = "s3://lake/qvd2";
  config = load();
  ASSERT_THAT(chosen(config), ElementsAre(" s3://lake/qvd2"));
  EXPECT_EQ(config.sources[config.chosen[0]].access.aws_profile, "");
}

TEST_F(SourcesTest, CredentialsDoNotGoToAnotherHost) {
  toml("[source]\nurl = 'https://a.example.org/qvd'\npassword = 'hunter2'\nca_file = '/ca'\n");
  sources_.flags["source"] = "https://b.example.org/qvd";
  const Config config = load();
  const source::Access& access = config.sources[config.chosen[0]].access;
  EXPECT_EQ(access.password, "");
  EXPECT_EQ(access.ca_file, "/ca");
  EXPECT_EQ(settings_for(config, "https://a.example.org/qvd/x.qvd").access.password, "hunter2");
  for (const char* elsewhere :
       {"https://a.example.org.evil/qvd/x.qvd", "https://a.example.org/qvd-private/x.qvd",
        "https://a.example.org/qvd/../private/x.qvd",
        "https://a.example.org/qvd/%2e%2e/private/x.qvd", "https://a.example.org:444/qvd/x.qvd",
        "https://a.example.org@evil/qvd/x.qvd", "http://a.example.org/qvd/x.qvd"}) {
    EXPECT_EQ(settings_for(config, elsewhere).access.password, "") << elsewhere;
  }
  // Set in a stronger place, or where no source was set, they go with what is asked for.
  sources_.flags["source.aws_key"] = "id";
  EXPECT_EQ(load().sources.back().access.aws_key, "id");
  sources_.flags = {{"source", "https://b.example.org/qvd"}};
  toml("[source]\npassword = 'hunter2'\n");
  EXPECT_EQ(load().sources.back().access.password, "hunter2");
}

TEST_F(SourcesTest, VariablesOfANamedSourceBeatItsTable) {
  toml(kTwo);
  sources_.environment = {{"QVD_SOURCE_ERP_PASSWORD", "from-env"},
                          {"QVD_SOURCE_LAKE_AWS_PROFILE", ""},
                          {"QVD_SOURCE_NEW_EU_URL", "/mnt/new"},
                          {"QVD_SOURCE_NEW_EU_FILE_PATTERN", "N*.qvd"}};
  const Config config = load();
  EXPECT_THAT(config.warnings, IsEmpty());
  ASSERT_THAT(chosen(config), ElementsAre("erp sftp://files.example.org/erp", "lake s3://lake/qvd",
                                          "new_eu /mnt/new"));
  EXPECT_EQ(config.sources[0].access.password, "from-env");
  EXPECT_EQ(config.sources[1].access.aws_profile, "lake");
  EXPECT_EQ(config.sources[2].selection.pattern, "N*.qvd");
  sources_.environment = {{"QVD_SOURCE_ERP_PASWORD", "x"}};
  EXPECT_THAT(load().warnings, ElementsAre(HasSubstr("QVD_SOURCE_ERP_PASWORD (environment)")));
}

TEST_F(SourcesTest, DotEnvSpeaksToTheStoragesOwnToolsToo) {
  std::ofstream(directory_ / ".env") << "AWS_PROFILE=erp\nAWS_REGION=eu\nAZURE_STORAGE_ACCOUNT=\n"
                                        "no_proxy=localhost\nPATH=/evil\nLD_PRELOAD=x\n";
  sources_.environment = {{"AWS_REGION", "us"}};
  EXPECT_THAT(load().storage_variables, ElementsAre(testing::Pair("AWS_PROFILE", "erp"),
                                                    testing::Pair("no_proxy", "localhost")));
}

TEST_F(SourcesTest, ACredentialFlagNeedsOneSource) {
  toml(kTwo);
  sources_.flags = {{"source.aws_key", "id"}};
  EXPECT_EQ(error(),
            "--aws-key: expected one source for it, found 2; say which one with --source "
            "NAME");
  sources_.flags["source"] = "lake";
  EXPECT_EQ(load().sources[1].access.aws_key, "id");
}

TEST_F(SourcesTest, WhatIsWrongIsNamedWithoutSecrets) {
  toml("[source.erp]\npassword = 'hunter2'\n");
  EXPECT_EQ(error(),
            "source.erp: its url is not set; expected [source.erp] url = \"…\", or "
            "QVD_SOURCE_ERP_URL");
  toml("[source.erp]\nurl = 'x'\npasword = 'hunter2'\n");
  EXPECT_THAT(error(), HasSubstr(":3: a source has no setting 'pasword'; did you mean password?"));
  toml("[source.\"a b\"]\nurl = 'x'\n");
  EXPECT_THAT(error(), HasSubstr("'a b' cannot be the name of a source"));
  toml("[source.erp]\nurl = 'x'\nheaders = ['Authorization hunter2']\n");
  EXPECT_THAT(error(), HasSubstr("source.erp.headers, set in"));
  EXPECT_THAT(error(), Not(HasSubstr("hunter2")));
  toml("[source]\naws_endpoint = 'http://user:hunter2@host'\n");
  EXPECT_THAT(error(), HasSubstr("source.aws_endpoint, set in"));
  EXPECT_THAT(error(), Not(HasSubstr("hunter2")));
  const std::pair<const char*, const char*> wrong_values[] = {
      {"anonymous", "'maybe'"}, {"connect_timeout", "'0s'"},   {"stall_timeout", "'2 days'"},
      {"attempts", "0"},        {"headers", "[\"a\\nb: c\"]"}, {"verify_tls", "''"}};
  for (const auto& [key, value] : wrong_values) {
    toml(std::string("[source]\n") + key + " = " + value + "\n");
    EXPECT_THAT(error(), HasSubstr("is not allowed; expected")) << key;
  }
}

}  // namespace
}  // namespace qvdhouse::config
