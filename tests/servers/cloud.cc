// S3, Azure and Google: Node programs.
#include "tests/servers/cloud.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tests/servers/credentials.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace fs = std::filesystem;
namespace {

constexpr const char* kContainer = "reports";
// The one account that rclone 1.60 signs for over plain http, and its well-known key.
constexpr const char* kAccount = "devstoreaccount1";
constexpr const char* kAccountKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fs::path script(const char* name) { return fs::path(QVDHOUSE_SOURCE_DIR) / "tests/servers" / name; }

std::unique_ptr<Daemon> node(const fs::path& program, std::vector<std::string> arguments,
                             const Environment& environment, const fs::path& work,
                             std::uint16_t port) {
  arguments.insert(arguments.begin(), program);
  return std::make_unique<Daemon>(machine_program("node"), arguments, environment, work, port);
}

// As s3rver keeps objects: a suffix to their names, and their MD5 beside them, made when missing.
void mirror_as_objects(const fs::path& folder, const fs::path& bucket) {
  fs::remove_all(bucket);
  fs::create_directories(bucket);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const fs::path object = bucket / (fs::relative(entry.path(), folder) += "._S3rver_object");
    fs::create_directories(object.parent_path());
    fs::copy_file(entry.path(), object);
    fs::last_write_time(object, entry.last_write_time());
  }
}

}  // namespace

Environment without_aws_credentials(const fs::path& work) {
  return {{"HOME", work},
          {"AWS_PROFILE", ""},
          {"AWS_ACCESS_KEY_ID", ""},
          {"AWS_SECRET_ACCESS_KEY", ""},
          {"AWS_SESSION_TOKEN", ""},
          {"AWS_REGION", ""},
          {"AWS_DEFAULT_REGION", ""},
          {"AWS_EC2_METADATA_DISABLED", "true"}};
}

Served serve_s3(const fs::path& folder, const fs::path& work) {
  node_module("s3rver/package.json");
  node_module("@smithy/signature-v4/package.json");
  Served served;
  served.port = free_port();
  served.publish = [folder, work] { mirror_as_objects(folder, work / "objects" / kBucket); };
  served.publish();
  const nlohmann::json keys = {
      {kAwsKey, {{"secret", kAwsSecret}}},
      {kTemporaryKey, {{"secret", kTemporarySecret}, {"token", kSessionToken}}}};
  const nlohmann::json role = {{"arn", kRole}, {"token", kWebIdentity}, {"key", kTemporaryKey}};
  served.daemons.push_back(
      node(script("s3.js"), {work / "objects", std::to_string(served.port)},
           {{"S3_KEYS", keys.dump()}, {"S3_REGION", kRegion}, {"S3_ROLE", role.dump()}}, work,
           served.port));
  served.source = fmt::format("s3://{}/", kBucket);
  served.wrong_source = served.source;
  served.missing_source = "s3://nothing/";
  served.environment = without_aws_credentials(work);
  served.environment.insert(served.environment.end(),
                            {{"AWS_ENDPOINT_URL", fmt::format("http://127.0.0.1:{}", served.port)},
                             {"AWS_REGION", kRegion},
                             {"AWS_ACCESS_KEY_ID", kAwsKey}});
  served.wrong_environment = served.environment;
  served.wrong_environment.emplace_back("AWS_SECRET_ACCESS_KEY", kWrongPassword);
  served.environment.emplace_back("AWS_SECRET_ACCESS_KEY", kAwsSecret);
  served.secrets = {kAwsSecret};
  return served;
}

int s3_requests(const Served& served) {
  return std::stoi(output_of(machine_program("curl"),
                             {"-sSf", fmt::format("http://127.0.0.1:{}/-/requests", served.port)}));
}

AwsCredentials serve_aws_credentials(const fs::path& work) {
  const std::uint16_t port = free_port();
  const nlohmann::json given = {
      {"id", kTemporaryKey}, {"secret", kTemporarySecret}, {"token", kSessionToken}};
  return {.url = fmt::format("http://127.0.0.1:{}", port),
          .daemon = node(script("aws_credentials.js"), {std::to_string(port)},
                         {{"AWS_GIVEN", given.dump()}}, work, port)};
}

std::string azure_endpoint(std::uint16_t port) {
  return fmt::format("http://127.0.0.1:{}/{}", port, kAccount);
}

std::string azure_signature(const std::string& permissions, const std::string& expiry) {
  return output_of(machine_program("node"),
                   {script("azure_signature.js"), kAccount, kContainer, permissions, expiry},
                   {{"AZURE_KEY", kAccountKey}});
}

Served serve_az(const fs::path& folder, const fs::path& work) {
  const fs::path azurite = node_module("azurite/dist/src/blob/main.js");
  constexpr const char* kOtherKey = "YW5vdGhlciBrZXksIHdoaWNoIG9wZW5zIG5vdGhpbmc=";
  Served served;
  served.port = free_port();
  const std::string endpoint = azure_endpoint(served.port);
  served.daemons.push_back(
      node(azurite,
           {"--silent", "--inMemoryPersistence", "--disableTelemetry", "--blobHost", "127.0.0.1",
            "--blobPort", std::to_string(served.port)},
           {{"AZURITE_ACCOUNTS", fmt::format("{}:{}", kAccount, kAccountKey)}}, work, served.port));
  served.publish = [=] {
    output_of(machine_program("rclone"),
              {"sync", "--config=", folder, fmt::format(":azureblob:{}", kContainer)},
              {{"HOME", work},
               {"RCLONE_AZUREBLOB_USE_EMULATOR", "true"},
               {"RCLONE_AZUREBLOB_ENDPOINT", endpoint}});
  };
  served.publish();
  const auto connection = [&](const char* key) {
    return fmt::format(
        "DefaultEndpointsProtocol=http;AccountName={};AccountKey={};BlobEndpoint={};", kAccount,
        key, endpoint);
  };
  served.source = fmt::format("az://{}/", kContainer);
  served.wrong_source = served.source;
  served.missing_source = "az://nothing/";
  served.environment = {{"HOME", work},
                        {"AZURE_STORAGE_CONNECTION_STRING", connection(kAccountKey)}};
  served.wrong_environment = {{"HOME", work},
                              {"AZURE_STORAGE_CONNECTION_STRING", connection(kOtherKey)}};
  served.secrets = {kAccountKey};
  return served;
}

Served serve_gs(const fs::path& folder, const fs::path& work) {
  Served served;
  served.port = free_port();
  const std::string bucket = folder.filename();
  const fs::path key = work / "service_account.json";
  served.daemons.push_back(node(script("gs.js"),
                                {folder.parent_path(), std::to_string(served.port), key}, {}, work,
                                served.port));
  // The same account, with a key that Google never gave it.
  auto other = nlohmann::json::parse(output_of("/bin/cat", {key}));
  other["private_key"] = output_of(machine_program("openssl"), {"genrsa", "2048"});
  write_file(work / "other.json", other.dump());
  served.source = fmt::format("gs://{}/", bucket);
  served.wrong_source = served.source;
  served.missing_source = "gs://nothing/";
  const std::string emulator = fmt::format("http://127.0.0.1:{}", served.port);
  served.environment = {
      {"HOME", work}, {"STORAGE_EMULATOR_HOST", emulator}, {"GOOGLE_APPLICATION_CREDENTIALS", key}};
  served.wrong_environment = {{"HOME", work},
                              {"STORAGE_EMULATOR_HOST", emulator},
                              {"GOOGLE_APPLICATION_CREDENTIALS", work / "other.json"}};
  return served;
}

const std::vector<Scheme>& schemes() {
  static const std::vector<Scheme> all = {
      {"http", serve_http},     {"https", serve_https}, {"apache", serve_apache},
      {"webdav", serve_webdav}, {"sftp", serve_sftp},   {"sftp_password", serve_sftp_password},
      {"ftp", serve_ftp},       {"ftps", serve_ftps},   {"smb", serve_smb},
      {"s3", serve_s3},         {"az", serve_az},       {"gs", serve_gs}};
  return all;
}

}  // namespace qvdhouse::tests
