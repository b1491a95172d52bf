// What rclone's error texts mean for us: whether trying again may help, and what to check.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace qvdhouse::source {

enum class RcloneFault {
  kMayPass,  // the network, a busy server, or nothing that we know
  kMissing,  // no such bucket, folder or file
  kRefused,  // credentials, host key or certificate
};

struct RcloneError : base::IoError {
  RcloneError(const std::string& message, RcloneFault which) : IoError(message), fault(which) {}
  RcloneFault fault;
};

// Throws for an error of rclone: ConfigError where something must be installed or configured, else
// RcloneError. `doing` is what was tried ("s3://bucket: listing"), `said` rclone's own words,
// without secrets.
[[noreturn]] void throw_rclone_error(std::string_view doing, std::string_view said);

}  // namespace qvdhouse::source
