// What the tests of credentials need beyond serve_s3() and serve_az().
#pragma once

#include <filesystem>
#include <string>

#include "tests/servers/served.h"

namespace qvdhouse::tests {

inline constexpr const char* kRegion = "eu-west-3";
inline constexpr const char* kBucket = "reports";
// A pair of lasting keys, and temporary ones with a session token.
inline constexpr const char* kAwsKey = "AKIAQVDHOUSETEST";
inline constexpr const char* kAwsSecret = "lasting/Secret+of=test";
inline constexpr const char* kTemporaryKey = "ASIAQVDHOUSETEST";
inline constexpr const char* kTemporarySecret = "passing/Secret+of=test";
inline constexpr const char* kSessionToken = "session/+=token";

// Variables that keep a child from finding AWS credentials of this machine: no file, no metadata.
Environment without_aws_credentials(const std::filesystem::path& work);

// The role that the S3 server gives the temporary keys of to who shows this token, when it is asked
// as a Security Token Service.
inline constexpr const char* kRole = "arn:aws:iam::123456789012:role/reader";
inline constexpr const char* kWebIdentity = "web.identity-token";

// How many requests an S3 server has answered.
int s3_requests(const Served& served);

// ECS and IMDSv2 on one port, giving out the temporary keys.
struct AwsCredentials {
  std::string url;  // "http://127.0.0.1:PORT"
  std::unique_ptr<Daemon> daemon;
};
AwsCredentials serve_aws_credentials(const std::filesystem::path& work);

// The key of the account that serve_az() serves.
std::string azure_endpoint(std::uint16_t port);
// A shared access signature of its container, as a query: "rl" for reading and listing, until
// "2099-01-01T00:00:00Z".
std::string azure_signature(const std::string& permissions, const std::string& expiry);

}  // namespace qvdhouse::tests
