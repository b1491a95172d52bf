#include "source/remote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.h"
#include "source/remote_families.h"

namespace qvdhouse::source {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using Variables = std::map<std::string, std::string, std::less<>>;

Remote remote_for(const std::string& url, const Access& access = {},
                  const Variables& variables = {}) {
  return remote_of(parse_url(url).value(), access, [&](std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string refusal(const std::string& url, const Access& access = {},
                    const Variables& variables = {}) {
  try {
    remote_for(url, access, variables);
  } catch (const base::ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

void expect_place(const Remote& remote, const std::string& type, const std::string& root,
                  const std::string& path, const std::string& source_type,
                  const std::string& public_root) {
  EXPECT_EQ(remote.type, type);
  EXPECT_EQ(remote.root, root);
  EXPECT_EQ(remote.path, path);
  EXPECT_EQ(remote.source_type, source_type);
  EXPECT_EQ(remote.public_root, public_root);
}

const Variables kSftp = {{"HOME", "/users/q"}, {"SSH_AUTH_SOCK", "/agent"}, {"USER", "q"}};
const Variables kAzure = {{"AZURE_STORAGE_ACCOUNT_NAME", "acct"},
                          {"AZURE_STORAGE_ACCOUNT_KEY", "a2V5"}};

TEST(RemoteOf, EveryScheme) {
  expect_place(remote_for("s3://b/p/x.qvd"), "s3", "b", "p/x.qvd", "s3", "s3://b");
  expect_place(remote_for("s3a://b"), "s3", "b", "", "s3", "s3a://b");
  expect_place(remote_for("gs://b/p/"), "gcs", "b", "p/", "gs", "gs://b");
  expect_place(remote_for("gcs://b/p"), "gcs", "b", "p", "gs", "gcs://b");
  expect_place(remote_for("az://c/p", {}, kAzure), "azureblob", "c", "p", "az", "az://c");
  expect_place(remote_for("abfss://c@acct.dfs.core.windows.net/p", {}, kAzure), "azureblob", "c",
               "p", "az", "abfss://c@acct.dfs.core.windows.net");
  expect_place(remote_for("wasbs://c@acct.blob.core.windows.net/p", {}, kAzure), "azureblob", "c",
               "p", "az", "wasbs://c@acct.blob.core.windows.net");
  expect_place(remote_for("https://acct.blob.core.windows.net/c/p%20q", {}, kAzure), "azureblob",
               "c", "p q", "az", "https://acct.blob.core.windows.net/c");
  expect_place(remote_for("sftp://u@h:22/p", {}, kSftp), "sftp", "/", "p", "sftp", "sftp://h:22");
  expect_place(remote_for("ssh://h/p", {}, kSftp), "sftp", "/", "p", "sftp", "ssh://h");
  expect_place(remote_for("smb://u:p@h/share/p/x"), "smb", "share", "p/x", "smb", "smb://h/share");
  expect_place(remote_for("webdav://h/p%20q"), "webdav", "", "p q", "webdav", "webdav://h");
  expect_place(remote_for("hdfs://h/p"), "hdfs", "", "p", "hdfs", "hdfs://h");
  expect_place(remote_for("ftp://h/p"), "ftp", "", "p", "ftp", "ftp://h");
  expect_place(remote_for("http://h:81/p/"), "http", "", "p/", "http", "http://h:81");
  expect_place(remote_for("gdrive://My folder/p/x"), "", "My folder", "p/x", "gdrive",
               "gdrive://My folder");
  EXPECT_EQ(remote_for("b2://bucket/p").own_name, "b2");
  const Remote own = remote_for("rclone://My Drive/p/x");
  expect_place(own, "", "", "p/x", "rclone", "rclone://My Drive");
  EXPECT_EQ(own.own_name, "My Drive");
  // Parameters of a remote may name programs.
  for (const char* more :
       {"rclone://own,bearer_token_command=evil/p", "rclone://own,ssh='evil'/p"}) {
    EXPECT_THROW(remote_for(more), base::ConfigError) << more;
  }
}

TEST(RemoteOf, UnknownSchemeNamesTheKnownOnesAndNoSecret) {
  EXPECT_THAT(refusal("gopher://u:secret@h/x"),
              AllOf(HasSubstr("gopher://"), HasSubstr("s3, s3a"), HasSubstr("webdavs"),
                    HasSubstr("rclone://REMOTE/path"), Not(HasSubstr("secret"))));
}

TEST(RemoteOf, S3Credentials) {
  const Variables keys = {{"AWS_ACCESS_KEY_ID", "AKIA"},
                          {"AWS_SECRET_ACCESS_KEY", "shh"},
                          {"AWS_SESSION_TOKEN", "tok"},
                          {"AWS_PROFILE", "work"},
                          {"AWS_REGION", "eu-central-1"}};
  Access access;
  Remote remote = remote_for("s3://b/x", access, keys);
  EXPECT_EQ(remote.parameters, json({{"provider", "AWS"},
                                     {"region", "eu-central-1"},
                                     {"no_check_bucket", "true"},
                                     {"access_key_id", "AKIA"},
                                     {"secret_access_key", "shh"},
                                     {"session_token", "tok"}}));
  EXPECT_THAT(remote.credentials, AllOf(HasSubstr("AWS_SESSION_TOKEN"), Not(HasSubstr("shh"))));

  access.aws_profile = "mine";
  remote = remote_for("s3://b/x", access, keys);
  EXPECT_EQ(remote.parameters["profile"], "mine");
  EXPECT_EQ(remote.parameters["env_auth"], "true");
  EXPECT_FALSE(remote.parameters.contains("access_key_id"));

  access.aws_key = "K";
  access.aws_secret = "S";
  remote = remote_for("s3://b/x", access, keys);
  EXPECT_EQ(remote.parameters["access_key_id"], "K");
  EXPECT_FALSE(remote.parameters.contains("session_token")) << "a token of other keys";
  EXPECT_FALSE(remote.parameters.contains("profile"));

  access.anonymous = true;
  remote = remote_for("s3://b/x", access, keys);
  EXPECT_FALSE(remote.parameters.contains("access_key_id"));
  EXPECT_FALSE(remote.parameters.contains("env_auth"));

  remote = remote_for("s3://b/x", {}, {{"AWS_PROFILE", "work"}});
  EXPECT_EQ(remote.parameters["profile"], "work");
  EXPECT_THAT(remote.credentials, HasSubstr("AWS_PROFILE"));
  remote = remote_for("s3://b/x");
  EXPECT_EQ(remote.parameters["env_auth"], "true");
  EXPECT_THAT(remote.credentials, HasSubstr("IMDSv2"));
  EXPECT_THAT(remote_for("s3://b/x", {}, {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/t"}}).credentials,
              HasSubstr("web identity"));
  EXPECT_THAT(
      remote_for("s3://b/x", {}, {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://h"}}).credentials,
      HasSubstr("ECS"));
}

TEST(RemoteOf, VariablesOfAmazonAreForS3Alone) {
  for (const auto& [url, own] : std::map<std::string, Variables>{
           {"gs://b/p", {{"GOOGLE_APPLICATION_CREDENTIALS", "/k.json"}}},
           {"az://c/p", kAzure},
           {"sftp://u@h/p", kSftp},
           {"smb://u:p@h/share/p", {}},
           {"webdav://u:p@h/p", {}},
           {"hdfs://h/p", {}},
           {"ftp://u:p@h/p", {}},
           {"https://u:p@h/p/", {}}}) {
    Variables all = own;
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                             "AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL"}) {
      all[name] = "of-amazon";
    }
    const Remote alone = remote_for(url, {}, own);
    const Remote beside = remote_for(url, {}, all);
    EXPECT_EQ(beside.parameters, alone.parameters) << url;
    EXPECT_EQ(beside.credentials, alone.credentials) << url;
  }
}

TEST(RemoteOf, S3Endpoints) {
  const Variables variables = {{"AWS_ENDPOINT_URL_S3", "http://minio:9000"},
                               {"AWS_ENDPOINT_URL", "http://other"},
                               {"AWS_DEFAULT_REGION", "r"}};
  Remote remote = remote_for("s3://b/x", {}, variables);
  EXPECT_EQ(remote.parameters["provider"], "Other");
  EXPECT_EQ(remote.parameters["endpoint"], "http://minio:9000");
  EXPECT_EQ(remote.parameters["force_path_style"], "true");
  EXPECT_EQ(remote.parameters["region"], "r");
  Access access;
  access.aws_endpoint = "https://s3.eu-west-1.amazonaws.com";
  access.aws_region = "eu-west-1";
  remote = remote_for("s3://b/x", access, variables);
  EXPECT_EQ(remote.parameters["provider"], "AWS");
  EXPECT_EQ(remote.parameters["region"], "eu-west-1");
  EXPECT_EQ(remote_for("s3://b/x").parameters["region"], "us-east-1");
}

TEST(RemoteOf, GoogleCredentials) {
  EXPECT_THAT(remote_for("gs://b").credentials, HasSubstr("gcloud"));
  EXPECT_THAT(remote_for("gs://b", {}, {{"GOOGLE_APPLICATION_CREDENTIALS", "/sa"}}).credentials,
              HasSubstr("/sa"));
  const Remote emulated = remote_for("gs://b", {}, {{"STORAGE_EMULATOR_HOST", "localhost:4443"}});
  EXPECT_EQ(emulated.parameters["endpoint"], "http://localhost:4443/storage/v1/");
  EXPECT_EQ(emulated.parameters["anonymous"], "true");
  const Remote checked = remote_for(
      "gs://b", {},
      {{"STORAGE_EMULATOR_HOST", "http://h/"}, {"GOOGLE_APPLICATION_CREDENTIALS", "/sa"}});
  EXPECT_EQ(checked.parameters["endpoint"], "http://h/storage/v1/");
  EXPECT_FALSE(checked.parameters.contains("anonymous"));
  Access access;
  access.anonymous = true;
  EXPECT_EQ(remote_for("gs://b", access).parameters["anonymous"], "true");
}

TEST(RemoteOf, AzureCredentials) {
  EXPECT_EQ(remote_for("az://c/x", {}, kAzure).parameters,
            json({{"account", "acct"}, {"key", "a2V5"}, {"endpoint", "blob.core.windows.net"}}));
  const Variables connection = {
      {"AZURE_STORAGE_CONNECTION_STRING",
       "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5Zm9vYg==;"
       "EndpointSuffix=core.usgovcloudapi.net"}};
  EXPECT_EQ(remote_for("az://c/x", {}, connection).parameters,
            json({{"account", "acct"},
                  {"key", "a2V5Zm9vYg=="},
                  {"endpoint", "blob.core.usgovcloudapi.net"}}));
  const Variables sas = {{"AZURE_STORAGE_ACCOUNT_NAME", "acct"},
                         {"AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=x"}};
  EXPECT_EQ(remote_for("az://c/x", {}, sas).parameters,
            json({{"sas_url", "https://acct.blob.core.windows.net/c?sv=1&sig=x"}}));
  EXPECT_EQ(remote_for("https://o.blob.core.windows.net/c?sv=2&sig=y", {}, sas).parameters,
            json({{"sas_url", "https://o.blob.core.windows.net/c?sv=2&sig=y"}}));
  Access anonymous;
  anonymous.anonymous = true;
  EXPECT_EQ(remote_for("az://c/x", anonymous, kAzure).parameters,
            json({{"sas_url", "https://acct.blob.core.windows.net/c"}}));
  const Remote principal = remote_for(
      "abfs://c@acct.dfs.core.windows.net/x", {},
      {{"AZURE_TENANT_ID", "t"}, {"AZURE_CLIENT_ID", "i"}, {"AZURE_CLIENT_SECRET", "shh"}});
  EXPECT_EQ(principal.parameters["client_secret"], "shh");
  EXPECT_THAT(principal.credentials, Not(HasSubstr("shh")));
  const Remote machine = remote_for("abfs://c@acct.dfs.core.windows.net/x");
  EXPECT_EQ(machine.parameters["use_msi"], "true");
}

TEST(RemoteOf, AzureKeysOfAnotherAccountAreNotUsed) {
  const Remote remote = remote_for("abfs://c@other.dfs.core.windows.net/x", {}, kAzure);
  EXPECT_EQ(remote.parameters["account"], "other");
  EXPECT_FALSE(remote.parameters.contains("key"));
}

TEST(RemoteOf, AzureEndpointsThatRcloneCanNotNameGetASignature) {
  const Variables emulator = {
      {"AZURE_STORAGE_CONNECTION_STRING",
       "AccountName=devstoreaccount1;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:7/dev/"}};
  const Remote remote = remote_for("az://c/x", {}, emulator);
  const std::string url = remote.parameters["sas_url"];
  EXPECT_THAT(url, AllOf(HasSubstr("http://127.0.0.1:7/dev/c?sv="), HasSubstr("&sp=rl&"),
                         HasSubstr("&sig="), Not(HasSubstr("a2V5"))));
  EXPECT_EQ(remote_for("az://c/x", {}, emulator).parameters, remote.parameters);
  EXPECT_THAT(refusal("az://c/x", {},
                      {{"AZURE_STORAGE_CONNECTION_STRING",
                        "AccountName=a;AccountKey=no base64!;BlobEndpoint=http://h"}}),
              AllOf(HasSubstr("base64"), Not(HasSubstr("no base64!"))));
}

TEST(RemoteOf, WhatIsMissingIsNamed) {
  EXPECT_THAT(refusal("az://c/x"), HasSubstr("AZURE_STORAGE_ACCOUNT_NAME"));
  EXPECT_THAT(refusal("az://c/x", {}, {{"AZURE_STORAGE_CONNECTION_STRING", "AccountName=a"}}),
              HasSubstr("AccountKey"));
  EXPECT_THAT(refusal("https://acct.blob.core.windows.net/"), HasSubstr("no container"));
  EXPECT_THAT(refusal("smb://h"), HasSubstr("no share"));
  EXPECT_THAT(refusal("hdfs:///x"), HasSubstr("no name node"));
  EXPECT_THAT(refusal("sftp://h/x", {}, {{"HOME", "/nowhere"}}), HasSubstr("source.key_file"));
}

TEST(RemoteOf, SftpAlwaysChecksTheHostKey) {
  Access access;
  Remote remote = remote_for("sftp://q:pw@h:2222/x", access, {{"HOME", "/users/q"}});
  EXPECT_EQ(remote.parameters["known_hosts_file"], "/users/q/.ssh/known_hosts");
  EXPECT_EQ(remote.parameters["pass"], "pw");
  EXPECT_EQ(remote.parameters["port"], "2222");
  EXPECT_FALSE(remote.parameters.contains("key_use_agent"));

  remote = remote_for("sftp://h/x", access, kSftp);
  EXPECT_EQ(remote.parameters["user"], "q");
  EXPECT_EQ(remote.parameters["key_use_agent"], "true");

  access.key_file = "/k";
  access.key_passphrase = "shh";
  access.known_hosts = "/known";
  remote = remote_for("sftp://h/x", access, kSftp);
  EXPECT_EQ(remote.parameters["known_hosts_file"], "/known");
  EXPECT_EQ(remote.parameters["key_file"], "/k");
  EXPECT_EQ(remote.parameters["key_file_pass"], "shh");
  EXPECT_THAT(remote.credentials, Not(HasSubstr("shh")));
}

TEST(RemoteOf, SftpTakesTheUsersOwnKeyWithoutAnAgent) {
  const std::filesystem::path home =
      std::filesystem::temp_directory_path() / ("qvdhouse_home_" + std::to_string(::getpid()));
  std::filesystem::create_directories(home / ".ssh");
  std::ofstream(home / ".ssh/id_rsa") << "key";
  const Remote remote = remote_for("sftp://h/x", {}, {{"HOME", home.string()}});
  EXPECT_EQ(remote.parameters["key_file"], (home / ".ssh/id_rsa").string());
  std::filesystem::remove_all(home);
}

TEST(RemoteOf, HostsOfOtherKinds) {
  Remote remote = remote_for("smb://CORP;q:pw@h:4450/share/x");
  EXPECT_EQ(
      remote.parameters,
      json({{"host", "h"}, {"port", "4450"}, {"user", "q"}, {"pass", "pw"}, {"domain", "CORP"}}));
  remote = remote_for("webdavs://q:pw@h:8443/x");
  EXPECT_EQ(remote.parameters,
            json({{"url", "https://h:8443/"}, {"vendor", "other"}, {"user", "q"}, {"pass", "pw"}}));
  remote = remote_for("hdfs://h/x", {}, {{"HADOOP_USER_NAME", "etl"}});
  EXPECT_EQ(remote.parameters, json({{"namenode", "h:8020"}, {"username", "etl"}}));
  remote = remote_for("ftp://h/x");
  EXPECT_EQ(remote.parameters["user"], "anonymous");
  Access access;
  access.verify_tls = false;
  remote = remote_for("ftps://q:pw@h/x", access);
  EXPECT_EQ(remote.parameters["tls"], "true");
  EXPECT_EQ(remote.parameters["port"], "990");
  EXPECT_EQ(remote.parameters["no_check_certificate"], "true");
}

TEST(RemoteOf, NetrcIsAskedLastOfAll) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("qvdhouse_netrc_" + std::to_string(::getpid()));
  std::ofstream(file) << "machine h login q password pw";
  const Variables variables = {{"NETRC", file.string()}};
  const auto headers = [&](const std::string& url, const Access& access = {}) {
    return remote_for(url, access, variables).parameters.value("headers", "none");
  };
  EXPECT_EQ(headers("http://h/d/"), R"("Authorization","Basic cTpwdw==")");
  EXPECT_EQ(headers("http://other/d/"), "none");
  EXPECT_EQ(headers("http://u:p@h/d/"), R"("Authorization","Basic dTpw")");
  Access access;
  access.headers = {"authorization: Own x"};
  EXPECT_EQ(headers("http://h/d/", access), R"("authorization","Own x")");
  access = {};
  access.bearer_token = "tok";
  EXPECT_EQ(headers("http://h/d/", access), R"("Authorization","Bearer tok")");
  EXPECT_EQ(remote_for("http://h/d/", {}, variables).credentials, "the host's line in ~/.netrc");
  EXPECT_EQ(remote_for("ftp://h/d/", {}, variables).parameters["pass"], "pw");
  EXPECT_EQ(remote_for("ftp://other/d/", {}, variables).credentials, "anonymous");
  std::filesystem::remove(file);
}

TEST(RemoteOf, KnowsWhetherThereMayBeTls) {
  for (const char* url : {"https://h/d/", "ftps://h/d", "webdavs://h/d", "s3://b/x", "gs://b/x",
                          "rclone://own/x", "https://acct.blob.core.windows.net/c"}) {
    EXPECT_TRUE(may_use_tls(remote_for(url, {}, kAzure))) << url;
  }
  for (const char* url : {"http://h/d/", "ftp://h/d", "webdav://h/d", "sftp://h/d", "smb://h/s"}) {
    EXPECT_FALSE(may_use_tls(remote_for(url, {}, kSftp))) << url;
  }
  EXPECT_FALSE(may_use_tls(remote_for("s3://b", {}, {{"AWS_ENDPOINT_URL", "http://minio"}})));
  EXPECT_TRUE(may_use_tls(remote_for("s3://b", {}, {{"AWS_ENDPOINT_URL", "minio:9000"}})));
}

TEST(RemoteOf, HttpSaysWhoAsksInHeaders) {
  EXPECT_EQ(remote_for("http://Aladdin:open%20sesame@h/d/").parameters,
            json({{"url", "http://h/"},
                  {"no_head", "true"},
                  {"headers", R"("Authorization","Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")"}}));
  Access access;
  access.bearer_token = "tok";
  access.headers = {"X-Say: \"hi\", you"};
  EXPECT_EQ(remote_for("http://h/d/", access).parameters["headers"],
            R"("Authorization","Bearer tok","X-Say","""hi"", you")");
}

}  // namespace
}  // namespace qvdhouse::source
