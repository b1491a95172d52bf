#include "source/remote.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "base/error.h"
#include "source/named_remotes.h"
#include "source/remote_families.h"

namespace qvdhouse::source {
namespace {

constexpr std::string_view kKnownSchemes =
    "file, http, https, ftp, ftps, s3, s3a, gs, gcs, az, abfs, abfss, wasb, wasbs, sftp, ssh, smb, "
    "webdav, webdavs, hdfs, gdrive, dropbox, box, onedrive, b2, oss, rclone";

[[noreturn]] void throw_unknown_scheme(std::string_view scheme) {
  // The rest of the URL may hold a password, so it is not repeated.
  throw base::ConfigError(fmt::format(
      "source: expected a path or a URL of a known scheme ({}), found {}://; other storages can be "
      "reached as rclone://REMOTE/path by a remote of your own rclone configuration",
      kKnownSchemes, scheme));
}

Remote own_remote_of(const Url& url) {
  // rclone would read parameters behind a comma, and some of them name a program.
  if (url.host.find_first_of(",:\"'") != std::string::npos) {
    throw base::ConfigError(
        "source: expected rclone://REMOTE/PATH with the name of a remote alone, found more behind "
        "the name; write parameters into your rclone configuration");
  }
  return {.type = {},
          .parameters = nlohmann::json::object(),
          .own_name = url.host,
          .root = {},
          .path = below_root(url.path),
          .source_type = "rclone",
          .credentials =
              fmt::format("those of the remote \"{}\" in the rclone configuration", url.host),
          .public_root = {}};
}

// gdrive://folder/x is rclone://gdrive/folder/x.
Remote named_remote_of(const Url& url) {
  Url own = url;
  own.host = url.scheme;
  Remote remote = own_remote_of(own);
  remote.root = url.host;
  remote.source_type = url.scheme;
  return remote;
}

Remote family_remote(const Url& url, const Access& access, const Environment& environment) {
  const std::string& scheme = url.scheme;
  if (scheme == "s3" || scheme == "s3a") return s3_remote(url, access, environment);
  if (scheme == "gs" || scheme == "gcs") return google_remote(url, access, environment);
  if (scheme == "az" || scheme == "abfs" || scheme == "abfss" || scheme == "wasb" ||
      scheme == "wasbs" || is_azure_host(url)) {
    return azure_remote(url, access, environment);
  }
  if (scheme == "sftp" || scheme == "ssh") return sftp_remote(url, access, environment);
  if (scheme == "smb") return smb_remote(url, access);
  if (scheme == "webdav" || scheme == "webdavs") return webdav_remote(url, access);
  if (scheme == "hdfs") return hdfs_remote(url, access, environment);
  if (scheme == "ftp" || scheme == "ftps") return ftp_remote(url, access, environment);
  if (scheme == "http" || scheme == "https") return http_remote(url, access, environment);
  if (scheme == "rclone") return own_remote_of(url);
  if (named_remote(scheme) != nullptr) return named_remote_of(url);
  throw_unknown_scheme(scheme);
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

void check_scheme(const Url& url) {
  const std::string known = fmt::format(", {}, ", kKnownSchemes);
  if (known.find(fmt::format(", {}, ", url.scheme)) == std::string::npos) {
    throw_unknown_scheme(url.scheme);
  }
}

Remote remote_of(const Url& url, const Access& access, const Environment& environment) {
  Remote remote = family_remote(url, access, environment);
  if (remote.public_root.empty()) {
    Url root = url;
    root.path.clear();
    remote.public_root = public_text(root);
  }
  return remote;
}

bool may_use_tls(const Remote& remote) {
  if (remote.type == "sftp" || remote.type == "smb" || remote.type == "hdfs") return false;
  if (remote.type == "ftp") return remote.parameters.contains("tls");
  // Its tokens come from elsewhere.
  if (remote.type == "gcs") return true;
  constexpr auto kPlaces = std::to_array<const char*>({"url", "endpoint", "sas_url"});
  return std::ranges::none_of(kPlaces, [&](const char* place) {
    return remote.parameters.value(place, std::string()).starts_with("http://");
  });
}

std::string value_of(const Environment& environment, std::string_view name) {
  return environment(name).value_or("");
}

std::string first_of(const Environment& environment,
                     std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (std::string value = value_of(environment, name); !value.empty()) return value;
  }
  return {};
}

std::string below_root(std::string_view path) {
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  return std::string(path);
}

Login login_of(const Url& url, const Access& access) {
  const bool has_user = !url.user.empty();
  const bool has_password = !url.password.empty();
  Login login{.user = has_user ? url.user : access.user,
              .password = has_password ? url.password : access.password,
              .source = {}};
  if (has_user || has_password) {
    login.source = has_user && has_password ? "user and password of the URL"
                   : login.password.empty() ? "user of the URL, without a password"
                                            : "user of the URL, password of source.password";
  } else if (!login.user.empty() || !login.password.empty()) {
    login.source = "source.user and source.password";
  } else {
    login.source = "none: no user is given";
  }
  return login;
}

}  // namespace qvdhouse::source
