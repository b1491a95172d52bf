// What the tests of S3 credentials need beyond serve_s3().
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

// How many requests an S3 server has answered.
int s3_requests(const Served& served);

// ECS and IMDSv2 on one port, giving out the temporary keys.
struct AwsCredentials {
  std::string url;  // "http://127.0.0.1:PORT"
  std::unique_ptr<Daemon> daemon;
};
AwsCredentials serve_aws_credentials(const std::filesystem::path& work);

}  // namespace qvdhouse::tests
