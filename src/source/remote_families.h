// Parts of remote_of(), one for each family of storages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "source/remote.h"

namespace qvdhouse::source {

Remote s3_remote(const Url& url, const Access& access, const Environment& environment);
Remote google_remote(const Url& url, const Access& access, const Environment& environment);
Remote azure_remote(const Url& url, const Access& access, const Environment& environment);
Remote sftp_remote(const Url& url, const Access& access, const Environment& environment);
Remote smb_remote(const Url& url, const Access& access);
Remote webdav_remote(const Url& url, const Access& access);
Remote hdfs_remote(const Url& url, const Access& access, const Environment& environment);
Remote ftp_remote(const Url& url, const Access& access, const Environment& environment);
Remote http_remote(const Url& url, const Access& access, const Environment& environment);

// The variable's value; empty when it is not set.
std::string value_of(const Environment& environment, std::string_view name);
// That of the first that is set to something.
std::string first_of(const Environment& environment, std::initializer_list<std::string_view> names);

// The path without the slashes that it begins with.
std::string below_root(std::string_view path);

// User and password of the URL, else those of the settings; `source` says which, for people.
struct Login {
  std::string user;
  std::string password;
  std::string source;
};
Login login_of(const Url& url, const Access& access);

// Whether `url` is that of an Azure blob container: https://ACCOUNT.blob.core.windows.net/….
bool is_azure_host(const Url& url);

// ~/.netrc: a user's logins by host. libcurl looks there by itself; this is for rclone, which knows
// no such file.
struct NetrcLogin {
  std::string user;
  std::string password;
};

// The entry for `host` in the text of such a file, or the one named "default" if that comes first.
std::optional<NetrcLogin> login_in_netrc(std::string_view text, std::string_view host);

// The same from the file that NETRC names, or ~/.netrc. A file that cannot be read has nothing.
std::optional<NetrcLogin> netrc_login(const Environment& environment, std::string_view host);

}  // namespace qvdhouse::source
