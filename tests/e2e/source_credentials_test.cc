// Kinds of credentials that the servers of every scheme's tests are not given: signatures, keys
// with a passphrase, ~/.netrc.
#include <gmock/gmock.h>

#include "tests/e2e/source_fixture.h"
#include "tests/servers/cloud.h"
#include "tests/servers/credentials.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class SourceCredentials : public SourceCommandLine {
 protected:
  void expect_all_loaded(const std::string& source, const Environment& credentials) {
    const Finished finished = on_source(source, credentials, {"sync", "--json"});
    ASSERT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_EQ(nlohmann::json::parse(finished.out)["loaded"], 10);
    expect_no_secrets();
  }
  void expect_refused(const std::string& source, const Environment& credentials,
                      const std::string& why) {
    const Finished finished = on_source(source, credentials, {"ls"});
    EXPECT_EQ(finished.exit_code, 4) << finished.out;
    EXPECT_THAT(finished.err, HasSubstr(why));
    expect_no_secrets_printed();
  }
};

TEST_F(SourceCredentials, AzureTakesASharedAccessSignature) {
  start({"az", serve_az});
  if (IsSkipped()) return;
  const auto with = [&](const std::string& signature) {
    served.secrets.push_back(signature.substr(signature.find("sig=")));
    return Environment{
        {"HOME", folder / "server"},
        {"AZURE_STORAGE_CONNECTION_STRING",
         "BlobEndpoint=" + azure_endpoint(served.port) + ";SharedAccessSignature=" + signature}};
  };
  const std::string good = azure_signature("rl", "2099-01-01T00:00:00Z");
  expect_all_loaded(served.source, with(good));
  const std::string refusal = "check account and key, or the SAS";
  expect_refused(served.source, with(azure_signature("rl", "2020-01-01T00:00:00Z")), refusal);
  std::string forged = good;
  forged.replace(forged.find("2099"), 4, "2098");
  expect_refused(served.source, with(forged), refusal);
}

TEST_F(SourceCredentials, SftpTakesAKeyWithItsPassphrase) {
  start({"sftp", serve_sftp});
  if (IsSkipped()) return;
  const fs::path server = folder / "server";
  const fs::path key = server / "locked";
  constexpr const char* kPassphrase = "open, s3same";
  output_of(machine_program("ssh-keygen"), {"-q", "-t", "ed25519", "-N", kPassphrase, "-f", key});
  write_file(server / "authorized_keys", output_of("/bin/cat", {key.string() + ".pub"}));
  served.secrets.push_back(kPassphrase);
  const auto with = [&](const char* passphrase) {
    return Environment{{"HOME", server / "keyless"},
                       {"SSH_AUTH_SOCK", ""},
                       {"QVD_SOURCE_KEY_FILE", key},
                       {"QVD_SOURCE_KEY_PASSPHRASE", passphrase}};
  };
  expect_all_loaded(served.source, with(kPassphrase));
  expect_refused(served.source, with(kWrongPassword), "source.key_passphrase");
  expect_refused(served.source, with(""), "source.key_passphrase");
}

TEST_F(SourceCredentials, NetrcOpensFoldersAndFilesOfHttp) {
  start({"http", serve_http});
  if (IsSkipped()) return;
  const std::string source = "http://127.0.0.1:" + std::to_string(served.port) + "/private/";
  const auto home = [&](const std::string& name, const char* password) {
    write_file(folder / name / ".netrc", std::string("machine 127.0.0.1\n  login ") + kUser +
                                             "\n  password " + password + "\n");
    return Environment{{"HOME", folder / name}};
  };
  expect_all_loaded(source, home("home", kPassword));
  expect_refused(source, home("stranger", kWrongPassword), "check user");
  expect_refused(source, {{"HOME", folder / "nowhere"}}, "check user");
}

TEST_F(SourceCredentials, NetrcOpensFoldersAndFilesOfFtp) {
  start({"ftp", serve_ftp});
  if (IsSkipped()) return;
  const std::string source = "ftp://127.0.0.1:" + std::to_string(served.port) + "/";
  write_file(folder / "netrc",
             std::string("default login ") + kUser + " password " + kPassword + "\n");
  expect_all_loaded(source, {{"NETRC", folder / "netrc"}});
  expect_refused(source, {{"HOME", folder}}, "check user");
}

}  // namespace
}  // namespace qvdhouse::tests
