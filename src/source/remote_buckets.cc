#include <fmt/format.h>

#include "source/remote_families.h"
#include "source/url.h"

namespace qvdhouse::source {
namespace {

// Where rclone's AWS library looks, in its order. Whether one of these has credentials is known
// only once it was asked.
std::string own_search(const Environment& environment) {
  if (!value_of(environment, "AWS_WEB_IDENTITY_TOKEN_FILE").empty()) {
    return "AWS's own search: web identity (AWS_WEB_IDENTITY_TOKEN_FILE)";
  }
  if (!first_of(environment,
                {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"})
           .empty()) {
    return "AWS's own search: the default profile, else the container's role (ECS)";
  }
  return "AWS's own search: the default profile, else the machine's role (IMDSv2)";
}

void add_keys(nlohmann::json& parameters, const std::string& key, const std::string& secret,
              const std::string& token) {
  parameters["access_key_id"] = key;
  parameters["secret_access_key"] = secret;
  if (!token.empty()) parameters["session_token"] = token;
}

std::string add_credentials(nlohmann::json& parameters, const Access& access,
                            const Environment& environment) {
  if (access.anonymous) return "anonymous (source.anonymous)";
  if (!access.aws_key.empty() || !access.aws_secret.empty()) {
    add_keys(parameters, access.aws_key, access.aws_secret, access.aws_session_token);
    return "aws_key and aws_secret of the settings";
  }
  if (!access.aws_profile.empty()) {
    parameters["env_auth"] = "true";
    parameters["profile"] = access.aws_profile;
    return fmt::format("AWS profile \"{}\" of the settings", access.aws_profile);
  }
  const std::string key = value_of(environment, "AWS_ACCESS_KEY_ID");
  const std::string secret = value_of(environment, "AWS_SECRET_ACCESS_KEY");
  if (!key.empty() && !secret.empty()) {
    const std::string token = value_of(environment, "AWS_SESSION_TOKEN");
    add_keys(parameters, key, secret, token);
    return fmt::format("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY{} of the environment",
                       token.empty() ? "" : " with AWS_SESSION_TOKEN");
  }
  parameters["env_auth"] = "true";
  if (const std::string profile = value_of(environment, "AWS_PROFILE"); !profile.empty()) {
    parameters["profile"] = profile;
    return fmt::format("AWS profile \"{}\" (AWS_PROFILE)", profile);
  }
  return own_search(environment);
}

}  // namespace

Remote s3_remote(const Url& url, const Access& access, const Environment& environment) {
  std::string endpoint = access.aws_endpoint;
  if (endpoint.empty()) {
    endpoint = first_of(environment, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  }
  // Not read from the environment for a bucket's requests by rclone itself. AWS names the right
  // region where this is not the bucket's, and rclone follows.
  std::string region = access.aws_region;
  if (region.empty()) region = first_of(environment, {"AWS_REGION", "AWS_DEFAULT_REGION"});
  if (region.empty()) region = "us-east-1";
  const bool is_aws = endpoint.empty() || endpoint.find(".amazonaws.com") != std::string::npos;
  Remote remote{.type = "s3",
                .parameters = {{"provider", is_aws ? "AWS" : "Other"},
                               {"region", region},
                               {"no_check_bucket", "true"}},
                .own_name = {},
                .root = url.host,
                .path = below_root(url.path),
                .source_type = "s3",
                .credentials = {},
                .public_root = {}};
  if (!endpoint.empty()) remote.parameters["endpoint"] = endpoint;
  if (!is_aws) remote.parameters["force_path_style"] = "true";
  remote.credentials = add_credentials(remote.parameters, access, environment);
  return remote;
}

Remote google_remote(const Url& url, const Access& access, const Environment& environment) {
  Remote remote{.type = "gcs",
                // Access lists of single objects are no business of a reader.
                .parameters = {{"bucket_policy_only", "true"}},
                .own_name = {},
                .root = url.host,
                .path = below_root(url.path),
                .source_type = "gs",
                .credentials = {},
                .public_root = {}};
  std::string emulator = value_of(environment, "STORAGE_EMULATOR_HOST");
  if (!emulator.empty()) {
    if (!is_url(emulator)) emulator = "http://" + emulator;
    while (emulator.ends_with('/')) emulator.pop_back();
    remote.parameters["endpoint"] = emulator + "/storage/v1/";
  }
  const std::string file = value_of(environment, "GOOGLE_APPLICATION_CREDENTIALS");
  if (access.anonymous) {
    remote.parameters["anonymous"] = "true";
    remote.credentials = "anonymous (source.anonymous)";
  } else if (!file.empty()) {
    // Without a parameter rclone goes Google's own way, which begins with this variable.
    remote.credentials = fmt::format("the file {} (GOOGLE_APPLICATION_CREDENTIALS)", file);
  } else if (!emulator.empty()) {
    remote.parameters["anonymous"] = "true";
    remote.credentials = "anonymous, as emulators want it (STORAGE_EMULATOR_HOST)";
  } else {
    remote.credentials =
        "Google's own search: gcloud's application default credentials, else the machine's "
        "service account";
  }
  return remote;
}

}  // namespace qvdhouse::source
