// Servers of folders of a machine: sshd, smbd, and an FTP server.
#include <fmt/format.h>
#include <unistd.h>

#include "tests/servers/credentials.h"
#include "tests/servers/served.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace fs = std::filesystem;
namespace {

void make_key(const fs::path& path) {
  output_of(machine_program("ssh-keygen"), {"-q", "-t", "ed25519", "-N", "", "-f", path});
}

std::string text_of(const fs::path& path) { return output_of("/bin/cat", {path}); }

// A home folder of somebody who knows the server, and whose key is `key` (or who has none).
void make_home(const fs::path& home, const Served& served, const fs::path& host_key,
               const fs::path& key) {
  write_file(home / ".ssh" / "known_hosts",
             fmt::format("[127.0.0.1]:{} {}", served.port, text_of(host_key.string() + ".pub")));
  if (key.empty()) return;
  fs::copy_file(key, home / ".ssh" / "id_ed25519");
  fs::permissions(home / ".ssh" / "id_ed25519", fs::perms::owner_read);
}

// A server with two homes: work/home, from which one gets in with a key, and work/stranger, from
// which one does not.
Served sshd(const fs::path& work) {
  const fs::path program = unpacked("/usr/sbin/sshd");
  Served served;
  served.port = free_port();
  // sshd, started by root, insists on this folder; Debian's own service makes the same one.
  if (::geteuid() == 0) fs::create_directories("/run/sshd");
  for (const char* name : {"host_ed25519", "key", "other_key"}) make_key(work / name);
  write_file(work / "authorized_keys", text_of(work / "key.pub"));
  make_home(work / "home", served, work / "host_ed25519", work / "key");
  make_home(work / "stranger", served, work / "host_ed25519", work / "other_key");
  make_home(work / "keyless", served, work / "host_ed25519", {});
  write_configuration("sshd_config", work / "sshd_config",
                      {{"WORK", work},
                       {"PORT", std::to_string(served.port)},
                       {"SFTP", unpacked("/usr/lib/openssh/sftp-server")}});
  served.daemons.push_back(std::make_unique<Daemon>(
      program, std::vector<std::string>{"-D", "-e", "-f", work / "sshd_config"},
      own_user_database(work), work, served.port));
  return served;
}

Served ftp(const fs::path& folder, const fs::path& work, const char* scheme,
           std::vector<std::string> certificate) {
  unpacked("/usr/lib/python3/dist-packages/pyftpdlib/__init__.py");
  Served served;
  served.port = free_port();
  Environment environment = unpacked_environment();
  environment.emplace_back("FTP_PASSWORD", kPassword);
  std::vector<std::string> words{fs::path(QVDHOUSE_SOURCE_DIR) / "tests/servers/ftp.py", folder,
                                 std::to_string(served.port), kUser};
  words.insert(words.end(), certificate.begin(), certificate.end());
  served.daemons.push_back(
      std::make_unique<Daemon>("/usr/bin/python3", words, environment, work, served.port));
  const auto url = [&](const char* password, const char* path) {
    return fmt::format("{}://{}:{}@127.0.0.1:{}{}", scheme, kUser, password, served.port, path);
  };
  served.source = url(kPasswordEncoded, "/");
  served.wrong_source = url(kWrongPassword, "/");
  served.missing_source = url(kPasswordEncoded, "/nothing/");
  served.secrets = {kPassword, kPasswordEncoded};
  return served;
}

}  // namespace

Served serve_sftp(const fs::path& folder, const fs::path& work) {
  Served served = sshd(work);
  served.source = fmt::format("sftp://{}@127.0.0.1:{}{}", kUser, served.port, folder.string());
  served.environment = {{"HOME", work / "home"}, {"SSH_AUTH_SOCK", ""}};
  served.wrong_source = served.source;
  served.wrong_environment = {{"HOME", work / "stranger"}, {"SSH_AUTH_SOCK", ""}};
  served.missing_source = served.source + "/nothing";
  return served;
}

Served serve_sftp_password(const fs::path& folder, const fs::path& work) {
  Served served = sshd(work);
  const auto url = [&](const char* password, const std::string& path) {
    return fmt::format("sftp://{}:{}@127.0.0.1:{}{}", kUser, password, served.port, path);
  };
  served.source = url(kPasswordEncoded, folder);
  served.wrong_source = url(kWrongPassword, folder);
  served.missing_source = url(kPasswordEncoded, folder / "nothing");
  served.environment = {{"HOME", work / "keyless"}, {"SSH_AUTH_SOCK", ""}};
  served.wrong_environment = served.environment;
  served.secrets = {kPassword, kPasswordEncoded};
  return served;
}

Served serve_ftp(const fs::path& folder, const fs::path& work) {
  return ftp(folder, work, "ftp", {});
}

Served serve_ftps(const fs::path& folder, const fs::path& work) {
  write_certificates(work);
  Served served = ftp(folder, work, "ftps", {work / "server.crt", work / "server.key"});
  served.settings = fmt::format("ca_file = '{}'\n", (work / "ca.crt").string());
  return served;
}

Served serve_smb(const fs::path& folder, const fs::path& work) {
  const fs::path program = unpacked("/usr/sbin/smbd");
  if (::geteuid() != 0) throw NotAvailable("TEST SERVER MISSING: smbd runs as root only");
  Served served;
  served.port = free_port();
  write_configuration(
      "smb.conf", work / "smb.conf",
      {{"WORK", work}, {"ROOT", folder}, {"USER", kUser}, {"PORT", std::to_string(served.port)}});
  Environment environment = own_user_database(work);
  Environment with_password = environment;
  with_password.emplace_back("PASSWORD", kPassword);
  output_of("/bin/sh",
            {"-c", R"(printf '%s\n%s\n' "$PASSWORD" "$PASSWORD" | "$0" -c "$1" -a -s "$2")",
             unpacked("/usr/bin/smbpasswd"), work / "smb.conf", kUser},
            with_password);
  served.daemons.push_back(std::make_unique<Daemon>(
      program,
      std::vector<std::string>{"--foreground", "--no-process-group", "--configfile",
                               work / "smb.conf", "--log-basename", work},
      environment, work, served.port));
  const auto url = [&](const char* password, const char* path) {
    return fmt::format("smb://{}:{}@127.0.0.1:{}{}", kUser, password, served.port, path);
  };
  served.source = url(kPasswordEncoded, "/share/");
  served.wrong_source = url(kWrongPassword, "/share/");
  served.missing_source = url(kPasswordEncoded, "/nothing/");
  served.secrets = {kPassword, kPasswordEncoded};
  return served;
}

}  // namespace qvdhouse::tests
