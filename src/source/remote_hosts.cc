// Storages that are a host with folders: sftp, smb, webdav, hdfs, ftp, http.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/encoding.h"
#include "base/error.h"
#include "base/files.h"
#include "source/glob.h"
#include "source/remote_families.h"

namespace qvdhouse::source {
namespace {

Remote host_remote(const Url& url, std::string type, std::string source_type) {
  return {.type = std::move(type),
          .parameters = nlohmann::json::object(),
          .own_name = {},
          .root = {},
          .path = below_root(url.path),
          .source_type = std::move(source_type),
          .credentials = {},
          .public_root = {}};
}

void add_host(nlohmann::json& parameters, const Url& url) {
  parameters["host"] = url.host;
  if (url.port != 0) parameters["port"] = std::to_string(url.port);
}

// "http://host:port/" for what rclone reaches by http.
std::string http_root(const Url& url, std::string_view scheme) {
  return request_url({.scheme = std::string(scheme),
                      .user = {},
                      .password = {},
                      .host = url.host,
                      .port = url.port,
                      .path = {},
                      .query = {}});
}

// What ~/.netrc has for the host, or else `otherwise`.
Login netrc_login_of(const Url& url, const Environment& environment, const Login& otherwise) {
  const std::optional<NetrcLogin> found = netrc_login(environment, url.host);
  if (!found) return otherwise;
  return {
      .user = found->user, .password = found->password, .source = "the host's line in ~/.netrc"};
}

// A list of rclone: fields in quotes, those within doubled.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

// The first of the user's keys that is there, as ssh itself names them.
std::string default_key(const Environment& environment) {
  const std::filesystem::path folder =
      std::filesystem::path(value_of(environment, "HOME")) / ".ssh";
  for (const char* name : {"id_ed25519", "id_ecdsa", "id_rsa"}) {
    std::error_code error;
    if (std::filesystem::is_regular_file(folder / name, error)) return (folder / name).string();
  }
  return {};
}

std::string add_sftp_key(nlohmann::json& parameters, const Access& access,
                         const Environment& environment) {
  std::string key = access.key_file;
  if (key.empty() && !value_of(environment, "SSH_AUTH_SOCK").empty()) {
    parameters["key_use_agent"] = "true";
    return "the keys of the SSH agent (SSH_AUTH_SOCK)";
  }
  if (key.empty()) key = default_key(environment);
  if (key.empty()) {
    throw base::ConfigError(
        "sftp: expected a password, a key or an SSH agent, found none; write the password in the "
        "URL or source.password, name a key with source.key_file, or start an agent");
  }
  parameters["key_file"] = key;
  if (!access.key_passphrase.empty()) parameters["key_file_pass"] = access.key_passphrase;
  return fmt::format("the key {}", key);
}

}  // namespace

Remote sftp_remote(const Url& url, const Access& access, const Environment& environment) {
  Remote remote = host_remote(url, "sftp", "sftp");
  remote.root = "/";
  add_host(remote.parameters, url);
  const Login login = login_of(url, access);
  const std::string user =
      login.user.empty() ? first_of(environment, {"USER", "LOGNAME"}) : login.user;
  if (!user.empty()) remote.parameters["user"] = user;
  // Without this file rclone takes any host key.
  remote.parameters["known_hosts_file"] = access.known_hosts.empty()
                                              ? value_of(environment, "HOME") + "/.ssh/known_hosts"
                                              : access.known_hosts;
  // No commands on the server: nothing but SFTP is needed, and many accounts allow nothing else.
  remote.parameters["shell_type"] = "none";
  remote.parameters["md5sum_command"] = "none";
  remote.parameters["sha1sum_command"] = "none";
  if (!login.password.empty() && access.key_file.empty()) {
    remote.parameters["pass"] = login.password;
    remote.credentials = login.source;
  } else {
    remote.credentials = add_sftp_key(remote.parameters, access, environment);
  }
  return remote;
}

Remote smb_remote(const Url& url, const Access& access) {
  Remote remote = host_remote(url, "smb", "smb");
  add_host(remote.parameters, url);
  Login login = login_of(url, access);
  std::string domain = access.domain;
  // smb://DOMAIN;USER:PASSWORD@HOST/SHARE/path
  if (const std::size_t semicolon = login.user.find(';'); semicolon != std::string::npos) {
    domain = login.user.substr(0, semicolon);
    login.user.erase(0, semicolon + 1);
  }
  if (!login.user.empty()) remote.parameters["user"] = login.user;
  if (!login.password.empty()) remote.parameters["pass"] = login.password;
  if (!domain.empty()) remote.parameters["domain"] = domain;
  remote.credentials = login.source;
  const std::size_t slash = std::min(remote.path.find('/'), remote.path.size());
  remote.root = remote.path.substr(0, slash);
  remote.path = below_root(std::string_view(remote.path).substr(slash));
  if (remote.root.empty()) {
    throw base::ConfigError("source: expected smb://HOST/SHARE/path, found no share");
  }
  Url root = url;
  root.path = "/" + remote.root;
  remote.public_root = public_text(root);
  return remote;
}

Remote webdav_remote(const Url& url, const Access& access) {
  Remote remote = host_remote(url, "webdav", "webdav");
  remote.parameters["url"] = http_root(url, url.scheme == "webdavs" ? "https" : "http");
  remote.parameters["vendor"] = "other";
  if (!access.bearer_token.empty() && url.user.empty()) {
    remote.parameters["bearer_token"] = access.bearer_token;
    remote.credentials = "source.bearer_token";
    return remote;
  }
  const Login login = login_of(url, access);
  if (!login.user.empty()) remote.parameters["user"] = login.user;
  if (!login.password.empty()) remote.parameters["pass"] = login.password;
  remote.credentials = login.source;
  return remote;
}

Remote hdfs_remote(const Url& url, const Access& access, const Environment& environment) {
  if (url.host.empty()) {
    throw base::ConfigError("source: expected hdfs://NAMENODE:PORT/path, found no name node");
  }
  constexpr std::uint16_t kDefaultPort = 8020;
  Remote remote = host_remote(url, "hdfs", "hdfs");
  remote.parameters["namenode"] =
      fmt::format("{}:{}", url.host, url.port == 0 ? kDefaultPort : url.port);
  std::string user = url.user.empty() ? access.user : url.user;
  if (user.empty()) user = first_of(environment, {"HADOOP_USER_NAME", "USER", "LOGNAME"});
  if (!user.empty()) remote.parameters["username"] = user;
  remote.credentials = user.empty() ? "none: no user is given" : fmt::format("user {}", user);
  return remote;
}

Remote ftp_remote(const Url& url, const Access& access, const Environment& environment) {
  Remote remote = host_remote(url, "ftp", "ftp");
  add_host(remote.parameters, url);
  if (url.scheme == "ftps") {
    remote.parameters["tls"] = "true";
    if (url.port == 0) remote.parameters["port"] = "990";
  }
  if (!access.verify_tls) remote.parameters["no_check_certificate"] = "true";
  Login login = login_of(url, access);
  if (login.user.empty()) login = netrc_login_of(url, environment, login);
  remote.parameters["user"] = login.user.empty() ? "anonymous" : login.user;
  remote.parameters["pass"] = login.password.empty() ? "anonymous" : login.password;
  remote.credentials = login.user.empty() ? "anonymous" : login.source;
  return remote;
}

Remote http_remote(const Url& url, const Access& access, const Environment& environment) {
  Remote remote = host_remote(url, "http", "http");
  remote.parameters["url"] = http_root(url, url.scheme);
  // Sizes and versions of the files that match are asked for by our own reader.
  remote.parameters["no_head"] = "true";
  std::string headers;
  const auto add = [&](std::string_view name, std::string_view value) {
    headers += fmt::format("{}{},{}", headers.empty() ? "" : ",", quoted(name), quoted(value));
  };
  Login login = login_of(url, access);
  const bool has_own = !access.bearer_token.empty() ||
                       std::ranges::any_of(access.headers, [](const std::string& header) {
                         return fold_case(header).starts_with("authorization:");
                       });
  if (login.user.empty() && !has_own) login = netrc_login_of(url, environment, login);
  remote.credentials = login.source;
  if (!login.user.empty()) {
    add("Authorization", "Basic " + base::encode_base64(login.user + ":" + login.password));
  } else if (!access.bearer_token.empty()) {
    add("Authorization", "Bearer " + access.bearer_token);
    remote.credentials = "source.bearer_token";
  }
  for (const std::string& header : access.headers) {
    const std::size_t colon = std::min(header.find(':'), header.size());
    const std::size_t value = std::min(header.find_first_not_of(" \t", colon + 1), header.size());
    add(std::string_view(header).substr(0, colon), std::string_view(header).substr(value));
  }
  if (!headers.empty()) remote.parameters["headers"] = headers;
  return remote;
}

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

// "a word", with backslashes before what is meant as it is.
std::string take_quoted(std::string_view& text) {
  std::string word;
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
    word += text.front();
    text.remove_prefix(1);
  }
  if (!text.empty()) text.remove_prefix(1);
  return word;
}

// The next word, which a '#' in front makes a comment up to the line's end. Empty: there is none.
std::string take_word(std::string_view& text, bool may_be_comment) {
  skip_blanks(text);
  while (may_be_comment && text.starts_with('#')) {
    text.remove_prefix(std::min(text.find('\n'), text.size()));
    skip_blanks(text);
  }
  if (text.starts_with('"')) return take_quoted(text);
  std::size_t size = 0;
  while (size < text.size() && !is_blank(text[size])) ++size;
  std::string word(text.substr(0, size));
  text.remove_prefix(size);
  return word;
}

// A macro ends with an empty line.
void skip_macro(std::string_view& text) {
  const std::size_t end = text.find("\n\n");
  text.remove_prefix(std::min(end, text.size()));
}

}  // namespace

std::optional<NetrcLogin> login_in_netrc(std::string_view text, std::string_view host) {
  std::optional<NetrcLogin> found;
  bool is_wanted = false;
  while (true) {
    const std::string word = take_word(text, true);
    if (word.empty()) return found;
    const bool is_default = word == "default";
    if (word == "machine" || is_default) {
      if (found) return found;
      is_wanted = is_default || fold_case(take_word(text, false)) == fold_case(host);
      if (is_wanted) found.emplace();
    } else if (word == "macdef") {
      skip_macro(text);
    } else if (word == "login" || word == "password" || word == "account") {
      const std::string value = take_word(text, false);
      if (is_wanted && word == "login") found->user = value;
      if (is_wanted && word == "password") found->password = value;
    }
  }
}

std::optional<NetrcLogin> netrc_login(const Environment& environment, std::string_view host) {
  std::string path = value_of(environment, "NETRC");
  if (path.empty()) path = value_of(environment, "HOME") + "/.netrc";
  return login_in_netrc(base::read_text(path).value_or(""), host);
}

}  // namespace qvdhouse::source
