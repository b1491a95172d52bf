// Real storage servers, each serving one folder on loopback, with everything that a client needs to
// be let in and to be refused.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/servers/daemon.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {

struct Served {
  std::string source;        // URL of the folder, credentials included where it can hold them
  Environment environment;   // credentials and settings that do not stand in the URL
  std::string settings;      // lines for [source] in qvdhouse.toml
  std::string wrong_source;  // the same for a client that is to be refused
  Environment wrong_environment;
  std::string missing_source;  // a bucket, share or folder that is not there
  std::vector<std::string> secrets;
  std::uint16_t port = 0;
  // Makes the server show what is in the folder now.
  std::function<void()> publish = [] {};
  std::vector<std::unique_ptr<Daemon>> daemons;
};

// One server of tests/servers. `folder` is what is served; `work` an empty folder for the server's
// own files. Throws NotAvailable when it has not been fetched.
struct Scheme {
  const char* name;
  Served (*serve)(const std::filesystem::path& folder, const std::filesystem::path& work);
};
// What tests are called.
inline std::ostream& operator<<(std::ostream& out, const Scheme& scheme) {
  return out << scheme.name;
}

Served serve_http(const std::filesystem::path& folder, const std::filesystem::path& work);
Served serve_https(const std::filesystem::path& folder, const std::filesystem::path& work);
// Apache's index pages, open to all.
Served serve_apache(const std::filesystem::path& folder, const std::filesystem::path& work);
Served serve_webdav(const std::filesystem::path& folder, const std::filesystem::path& work);
// Let in by a key of ~/.ssh, known by ~/.ssh/known_hosts.
Served serve_sftp(const std::filesystem::path& folder, const std::filesystem::path& work);
Served serve_sftp_password(const std::filesystem::path& folder, const std::filesystem::path& work);
Served serve_ftp(const std::filesystem::path& folder, const std::filesystem::path& work);
Served serve_ftps(const std::filesystem::path& folder, const std::filesystem::path& work);
Served serve_smb(const std::filesystem::path& folder, const std::filesystem::path& work);
Served serve_s3(const std::filesystem::path& folder, const std::filesystem::path& work);
Served serve_az(const std::filesystem::path& folder, const std::filesystem::path& work);
Served serve_gs(const std::filesystem::path& folder, const std::filesystem::path& work);

// All of the above, by the names of their functions without "serve_".
const std::vector<Scheme>& schemes();

}  // namespace qvdhouse::tests
