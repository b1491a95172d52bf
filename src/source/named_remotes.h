// Storages that rclone reaches by a remote which somebody has to sign in to, by the names that
// fsspec has for them: gdrive://FOLDER/PATH is FOLDER/PATH of the remote "gdrive" in the user's
// rclone configuration.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace qvdhouse::source {

struct NamedRemote {
  std::string_view scheme;     // and the remote's name
  std::string_view configure;  // the command that makes it
};

inline constexpr std::array<NamedRemote, 6> kNamedRemotes = {{
    {"gdrive", "rclone config create gdrive drive"},
    {"dropbox", "rclone config create dropbox dropbox"},
    {"box", "rclone config create box box"},
    {"onedrive", "rclone config create onedrive onedrive"},
    {"b2", "rclone config create b2 b2 account=KEY_ID key=KEY"},
    {"oss",
     "rclone config create oss s3 provider=Alibaba endpoint=oss-REGION.aliyuncs.com "
     "access_key_id=ID secret_access_key=KEY"},
}};

// Null for another scheme.
constexpr const NamedRemote* named_remote(std::string_view scheme) {
  const auto found = std::ranges::find(kNamedRemotes, scheme, &NamedRemote::scheme);
  return found == kNamedRemotes.end() ? nullptr : &*found;
}

}  // namespace qvdhouse::source
