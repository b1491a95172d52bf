// nginx for http and https, Apache for its index pages and WebDAV.
#include <fmt/format.h>
#include <unistd.h>

#include "tests/servers/credentials.h"
#include "tests/servers/served.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace fs = std::filesystem;
namespace {

std::string url(const char* scheme, const char* password, std::uint16_t port, const char* path) {
  return fmt::format("{}://{}:{}@127.0.0.1:{}{}", scheme, kUser, password, port, path);
}

Served nginx(const fs::path& folder, const fs::path& work, const char* scheme) {
  const fs::path program = unpacked("/usr/sbin/nginx");
  Served served;
  const std::uint16_t plain_port = free_port();
  const std::uint16_t tls_port = free_port();
  write_htpasswd(work);
  write_certificates(work);
  write_configuration("nginx.conf", work / "nginx.conf",
                      {{"WORK", work},
                       {"ROOT", folder},
                       {"PORT", std::to_string(plain_port)},
                       {"TLS_PORT", std::to_string(tls_port)}});
  served.daemons.push_back(std::make_unique<Daemon>(
      program, std::vector<std::string>{"-e", "stderr", "-c", work / "nginx.conf"},
      unpacked_environment(), work, tls_port));
  served.port = std::string(scheme) == "https" ? tls_port : plain_port;
  served.source = url(scheme, kPasswordEncoded, served.port, "/private/");
  served.wrong_source = url(scheme, kWrongPassword, served.port, "/private/");
  served.missing_source = url(scheme, kPasswordEncoded, served.port, "/private/nothing/");
  served.secrets = {kPassword, kPasswordEncoded};
  return served;
}

Served apache(const fs::path& folder, const fs::path& work) {
  const fs::path program = unpacked("/usr/sbin/apache2");
  Served served;
  served.port = free_port();
  write_htpasswd(work);
  // Started by root, Apache serves as somebody else, who needs a place for the locks.
  fs::create_directories(work / "locks");
  fs::permissions(work / "locks", fs::perms::all);
  fs::permissions(work, fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
  write_configuration("apache.conf", work / "apache.conf",
                      {{"WORK", work},
                       {"ROOT", folder},
                       {"PORT", std::to_string(served.port)},
                       {"USER", ::geteuid() == 0 ? "User www-data\nGroup www-data" : ""},
                       {"MODULES", unpacked("/usr/lib/apache2")}});
  served.daemons.push_back(std::make_unique<Daemon>(
      program, std::vector<std::string>{"-DFOREGROUND", "-f", work / "apache.conf"},
      unpacked_environment(), work, served.port));
  return served;
}

}  // namespace

Served serve_http(const fs::path& folder, const fs::path& work) {
  return nginx(folder, work, "http");
}

Served serve_https(const fs::path& folder, const fs::path& work) {
  Served served = nginx(folder, work, "https");
  served.settings = fmt::format("ca_file = '{}'\n", (work / "ca.crt").string());
  return served;
}

Served serve_apache(const fs::path& folder, const fs::path& work) {
  Served served = apache(folder, work);
  served.source = fmt::format("http://127.0.0.1:{}/", served.port);
  served.missing_source = served.source + "nothing/";
  return served;
}

Served serve_webdav(const fs::path& folder, const fs::path& work) {
  Served served = apache(folder, work);
  served.source = url("webdav", kPasswordEncoded, served.port, "/dav/");
  served.wrong_source = url("webdav", kWrongPassword, served.port, "/dav/");
  served.missing_source = url("webdav", kPasswordEncoded, served.port, "/dav/nothing/");
  served.secrets = {kPassword, kPasswordEncoded};
  return served;
}

}  // namespace qvdhouse::tests
