// S3: every place that credentials come from, what is refused, and how few requests a listing
// takes.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "tests/e2e/source_fixture.h"
#include "tests/servers/cloud.h"

namespace qvdhouse::tests {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class S3Source : public SourceCommandLine {
 protected:
  void SetUp() override {
    SourceCommandLine::SetUp();
    if (!IsSkipped()) start({"s3", serve_s3});
  }

  // Where the server is, and nothing by which it would let anybody in.
  Environment keyless() const {
    Environment environment = without_aws_credentials(folder / "server");
    environment.insert(environment.end(),
                       {{"AWS_ENDPOINT_URL", fmt::format("http://127.0.0.1:{}", served.port)},
                        {"AWS_REGION", kRegion}});
    return environment;
  }

  Finished ls(const Environment& credentials, std::vector<std::string> arguments = {}) {
    Environment environment = keyless();
    environment.insert(environment.end(), credentials.begin(), credentials.end());
    arguments.insert(arguments.begin(), "ls");
    return on_source(served.source, environment, arguments);
  }

  void expect_let_in(const Environment& credentials, std::vector<std::string> arguments = {}) {
    const Finished finished = ls(credentials, std::move(arguments));
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_THAT(finished.out, HasSubstr(kHardName));
    for (const char* secret : {kAwsSecret, kTemporarySecret, kSessionToken, kWebIdentity}) {
      EXPECT_THAT(finished.out + finished.err, Not(HasSubstr(secret)));
    }
  }

  void expect_refused(const Environment& credentials, const std::string& why) {
    const Finished finished = ls(credentials);
    EXPECT_EQ(finished.exit_code, 4) << finished.out;
    EXPECT_THAT(finished.err, HasSubstr(why));
  }

  // ~/.aws of the commands, whose HOME is server/.
  void write_aws_files(const std::string& credentials, const std::string& config) const {
    write_file(folder / "server" / ".aws" / "credentials", credentials);
    write_file(folder / "server" / ".aws" / "config", config);
  }
};

TEST_F(S3Source, KeysComeFromSettingsOrEnvironment) {
  expect_let_in({{"AWS_ACCESS_KEY_ID", kAwsKey}, {"AWS_SECRET_ACCESS_KEY", kAwsSecret}});
  expect_let_in({{"QVD_SOURCE_AWS_KEY", kAwsKey}, {"QVD_SOURCE_AWS_SECRET", kAwsSecret}});
  expect_let_in({}, {"--aws-key", kAwsKey, "--aws-secret", kAwsSecret});
  expect_let_in({{"AWS_ACCESS_KEY_ID", kTemporaryKey},
                 {"AWS_SECRET_ACCESS_KEY", kTemporarySecret},
                 {"AWS_SESSION_TOKEN", kSessionToken}});
}

TEST_F(S3Source, ProfilesMayHoldKeysOrAProcess) {
  write_file(folder / "give_keys",
             fmt::format(R"({{"Version": 1, "AccessKeyId": "{}", "SecretAccessKey": "{}"}})",
                         kAwsKey, kAwsSecret));
  write_aws_files(fmt::format("[lasting]\naws_access_key_id = {}\naws_secret_access_key = {}\n"
                              "[passing]\naws_access_key_id = {}\naws_secret_access_key = {}\n"
                              "aws_session_token = {}\n",
                              kAwsKey, kAwsSecret, kTemporaryKey, kTemporarySecret, kSessionToken),
                  fmt::format("[profile made]\ncredential_process = /bin/cat {}\n",
                              (folder / "give_keys").string()));
  expect_let_in({{"AWS_PROFILE", "lasting"}});
  expect_let_in({}, {"--aws-profile", "passing"});
  expect_let_in({{"AWS_PROFILE", "made"}});
  const Finished unknown = ls({{"AWS_PROFILE", "unheard"}});
  EXPECT_THAT(unknown.exit_code, AnyOf(2, 4)) << unknown.out;
}

TEST_F(S3Source, MachinesAreGivenKeys) {
  const AwsCredentials given = serve_aws_credentials(folder / "server");
  expect_let_in({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", given.url + "/creds"}});
  expect_let_in(
      {{"AWS_EC2_METADATA_DISABLED", ""}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT", given.url + "/"}});
  const std::string asked = output_of(machine_program("curl"), {"-sSf", given.url + "/-/requests"});
  EXPECT_THAT(asked, HasSubstr("/creds"));
  EXPECT_THAT(asked, HasSubstr("/latest/api/token"));
}

// rclone asks the S3 end point for them where one is set, and Amazon's STS where none is.
TEST_F(S3Source, WebIdentityIsExchangedForKeys) {
  const auto with = [&](const char* token) {
    write_file(folder / "server/web_identity", token);
    return Environment{{"AWS_WEB_IDENTITY_TOKEN_FILE", folder / "server/web_identity"},
                       {"AWS_ROLE_ARN", kRole}};
  };
  expect_let_in(with(kWebIdentity));
  const Finished refused = ls(with("web.other-token"));
  EXPECT_EQ(refused.exit_code, 4) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("AWS_WEB_IDENTITY_TOKEN_FILE"));
  EXPECT_THAT(refused.err, Not(HasSubstr("web.other-token")));
}

TEST_F(S3Source, RefusalsSayWhatToCheck) {
  const auto keys = [](const char* id, const char* secret) {
    return Environment{{"AWS_ACCESS_KEY_ID", id}, {"AWS_SECRET_ACCESS_KEY", secret}};
  };
  expect_refused(keys(kAwsKey, "wrong"), "SignatureDoesNotMatch");
  expect_refused(keys("AKIAUNKNOWN", kAwsSecret), "InvalidAccessKeyId");
  expect_refused(keys(kTemporaryKey, kTemporarySecret), "InvalidToken");
  Environment elsewhere = keys(kAwsKey, kAwsSecret);
  elsewhere.emplace_back("AWS_REGION", "us-east-1");
  expect_refused(elsewhere, "region");
  const Finished bucket = on_source(served.missing_source, served.environment, {"sync"});
  EXPECT_EQ(bucket.exit_code, 4);
  EXPECT_THAT(bucket.err, HasSubstr("nothing"));
}

TEST_F(S3Source, TenThousandObjectsTakeElevenRequests) {
  for (int i = 0; i < 9'990; ++i) {
    write_file(folder / "server/objects" / kBucket / fmt::format("n/{:05}.qvd._S3rver_object", i),
               "x");
  }
  const int before = s3_requests(served);
  const Finished finished = on_source({"ls", "--json"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(nlohmann::json::parse(finished.out).size(), 10'000U);
  EXPECT_LE(s3_requests(served) - before, 11);
}

}  // namespace
}  // namespace qvdhouse::tests
