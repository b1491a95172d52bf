// What the rclone child gets to see of our environment.
#pragma once

#include <string>
#include <vector>

#include "source/access.h"

namespace qvdhouse::source {

// `ours` is "NAME=value" of this process; `password` is for the remote control, whose user is
// kRcloneUser.
//
// Which credentials a remote uses is said in its parameters (remote.h); only s3, gs and az remotes
// that are told to look for themselves read variables, each those of its own maker. The rest of the
// environment goes along, because a credential_process or an SSH agent needs what its user has set,
// without what belongs to the database, and without rclone's own variables, which would change what
// our remotes mean. A child with the user's own configuration keeps those.
std::vector<std::string> rclone_environment(const std::vector<std::string>& ours,
                                            const Access& access, const std::string& password,
                                            bool own_configuration);

inline constexpr const char* kRcloneUser = "qvdhouse";

}  // namespace qvdhouse::source
