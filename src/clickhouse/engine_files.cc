#include "clickhouse/engine_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/error.h"

namespace qvdhouse::clickhouse {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr const char* kOtherReader = "qvdhouse_reader";
constexpr std::uintmax_t kMaxLogTail = 64 * 1024;

[[noreturn]] void throw_errno(const fs::path& path, std::string_view doing) {
  throw base::IoError(fmt::format("{}: {} failed: {}", path.string(), doing, std::strerror(errno)));
}

// Whole or not at all, and never readable by others, not even for a moment.
void write_private_file(const fs::path& path, std::string_view text) {
  const fs::path fresh = path.string() + ".new";
  unlink(fresh.c_str());
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) throw_errno(fresh, "creating it");
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (close(file) != 0 || !written) throw_errno(fresh, "writing it");
  if (rename(fresh.c_str(), path.c_str()) != 0) throw_errno(path, "replacing it");
}

// What a folder keeps when it is renamed, and a copy of it has of its own.
struct FolderId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t owner = 0;
  bool operator==(const FolderId&) const = default;
};

FolderId id_of(const fs::path& folder) {
  struct stat facts {};
  if (stat(folder.c_str(), &facts) != 0) throw_errno(folder, "looking at it");
  return {.device = facts.st_dev, .inode = facts.st_ino, .owner = facts.st_uid};
}

std::string xml_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&' || c == '<' || c == '>') {
      escaped += fmt::format("&#{};", static_cast<int>(c));
    } else if (static_cast<unsigned char>(c) < ' ') {
      throw base::ConfigError(
          "a control character in the embedded engine's password or path cannot be used");
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// A user's name is an element's name in users.xml.
void check_user_name(std::string_view user) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  constexpr std::string_view kMore =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-";
  if (user.empty() || kLetters.find(user[0]) == std::string_view::npos ||
      user.find_first_not_of(kMore) != std::string_view::npos || user == "default") {
    throw base::ConfigError(fmt::format(
        "user \"{}\" of the embedded engine: expected letters, digits, _ and -, a letter first, "
        "and not \"default\", which the engine needs for itself",
        user));
  }
}

// One that knows the other's password would be that one.
void check_reader(const EngineInfo& info) {
  if (info.reader_user == info.user) {
    throw base::ConfigError(fmt::format(
        "engine.reader_user and engine.user are both \"{}\": give the reader another name",
        info.user));
  }
  if (info.reader_password == info.password) {
    throw base::ConfigError(
        "engine.reader_password is the same as engine.password, so that a reader could log in as "
        "the other user: use another one");
  }
}

void check_password(const std::string& password) {
  try {
    static_cast<void>(nlohmann::json(password).dump());
  } catch (const nlohmann::json::type_error&) {
    throw base::ConfigError("the embedded engine's password is not UTF-8: use another one");
  }
}

std::uint64_t default_memory() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / 10 * 6;
}

// 16 idle threads stay: by default 1,000 do, with three descriptors each. And
// no connection is dropped because processors are busy (which it may be by default, from a ratio of
// 15 of waiting to working on): its users are our own commands, which would fail for it.
std::string config_xml(const EngineOptions& options, const EngineInfo& info) {
  const auto data = fs::absolute(options.data_dir).string();
  const auto tcp = info.tcp_port == 0 ? "" : fmt::format("<tcp_port>{}</tcp_port>", info.tcp_port);
  return fmt::format(
      R"(<clickhouse>
  <path>{data}/</path>
  <users_config>users.xml</users_config>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{http}</http_port>
  {tcp}
  <max_server_memory_usage>{memory}</max_server_memory_usage>
  <max_thread_pool_free_size>16</max_thread_pool_free_size>
  <min_os_cpu_wait_time_ratio_to_drop_connection>1000000</min_os_cpu_wait_time_ratio_to_drop_connection>
  <max_os_cpu_wait_time_ratio_to_drop_connection>1000001</max_os_cpu_wait_time_ratio_to_drop_connection>
  <log-level>error</log-level>
  <logger><log>{data}/engine.log</log><size>10M</size><count>2</count></logger>
  <http_handlers>
    <rule>
      <url>/</url>
      <handler>
        <type>dynamic_query_handler</type><query_param_name>query</query_param_name>
      </handler>
    </rule>
  </http_handlers>
</clickhouse>
)",
      fmt::arg("data", xml_text(data)), fmt::arg("http", info.http_port), fmt::arg("tcp", tcp),
      fmt::arg("memory", options.memory_bytes != 0 ? options.memory_bytes : default_memory()));
}

std::string reader_revokes() {
  // Also those that the library does not have: a grant asks for no table.
  constexpr std::array kTables = {"asynchronous_inserts",
                                  "errors",
                                  "grants",
                                  "named_collections",
                                  "processes",
                                  "query_log",
                                  "quotas",
                                  "role_grants",
                                  "roles",
                                  "row_policies",
                                  "session_log",
                                  "settings_profiles",
                                  "text_log",
                                  "user_processes",
                                  "users"};
  std::string revokes;
  for (const char* table : kTables) {
    revokes += fmt::format("<query>REVOKE SELECT ON system.{}</query>", table);
  }
  return revokes;
}

// `default` runs the two queries that start the engine and cannot have a password. The gate keeps
// strangers away (engine/gate.h). Behind it, `default` is granted these queries' needs only, and
// its quota, of 68 years, is used up by them and by two failed logins at the start: constant
// queries do not count, and functions such as file() ask for no grant. (users.xml is not read again
// when it changes, so that `default` cannot be taken away after the start.)
// The reader reads all tables but those of the system that tell of users and of what others ask. It
// has no grant for a file, URL or other server, but for the function file(), which asks for none.
// What it can do its grants say, not a profile with `readonly`, which could not be made stricter
// for a request.
std::string users_xml(const EngineInfo& info) {
  return fmt::format(
      R"(<clickhouse>
  <profiles>
    <default>
      <cancel_http_readonly_queries_on_client_close>1</cancel_http_readonly_queries_on_client_close>
    </default>
  </profiles>
  <quotas>
    <default/>
    <start>
      <interval>
        <duration>2147483647</duration>
        <queries>2</queries>
        <failed_sequential_authentications>1</failed_sequential_authentications>
      </interval>
    </start>
  </quotas>
  <users>
    <default>
      <password/>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>start</quota>
      <grants>
        <query>GRANT SYSTEM LISTEN ON *.*</query>
        <query>GRANT SELECT ON system.numbers</query>
      </grants>
    </default>
    <{user}>
      <password>{password}</password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <access_management>1</access_management>
      <named_collection_control>1</named_collection_control>
    </{user}>
    <{reader}>
      <password>{reader_password}</password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SHOW DATABASES, SHOW TABLES, SHOW COLUMNS, SHOW DICTIONARIES, SELECT, dictGet ON *.*</query>
        {secret}
      </grants>
    </{reader}>
  </users>
</clickhouse>
)",
      fmt::arg("user", info.user), fmt::arg("password", xml_text(info.password)),
      fmt::arg("reader", info.reader_user), fmt::arg("secret", reader_revokes()),
      fmt::arg("reader_password", xml_text(info.reader_password)));
}

}  // namespace

base::FileLock lock_within(std::chrono::milliseconds patience, const fs::path& path,
                           base::FileLock::Kind kind, const std::string& busy_with) {
  base::FileLock lock(path, 0600);
  const auto deadline = steady_clock::now() + patience;
  while (!lock.try_lock(kind)) {
    if (steady_clock::now() >= deadline) {
      throw base::IoError(fmt::format("{}: {}", path.string(), busy_with));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return lock;
}

EngineConfigFiles write_engine_config(const EngineOptions& options, EngineInfo& info) {
  // Configurations of before there was a reader may call the engine's user so.
  if (info.reader_user == info.user && info.reader_user == EngineOptions().reader_user) {
    info.reader_user = kOtherReader;
  }
  check_user_name(info.user);
  check_user_name(info.reader_user);
  check_password(info.password);
  check_password(info.reader_password);
  check_reader(info);
  const auto folder = fs::absolute(options.data_dir) / "engine-config";
  fs::create_directories(folder);
  fs::permissions(folder, fs::perms::owner_all);
  write_private_file(folder / "users.xml", users_xml(info));
  write_private_file(folder / "config.xml", config_xml(options, info));
  write_private_file(
      folder / "gate",
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n", info.http_port, info.tcp_port, info.password,
                  kNoncePath, info.nonce, info.reader_user, info.reader_password));
  return {.config = folder / "config.xml", .gate = folder / "gate"};
}

void make_subfolders_private(const fs::path& data_dir) {
  constexpr std::array kFolders = {"access",
                                   "backups",
                                   "coordination",
                                   "data",
                                   "dictionaries_lib",
                                   "disks",
                                   "dynamic_user_defined_executable_functions",
                                   "engine-config",
                                   "flags",
                                   "format_schemas",
                                   "metadata",
                                   "metadata_dropped",
                                   "named_collections",
                                   "preprocessed_configs",
                                   "snapshots",
                                   "store",
                                   "tmp",
                                   "user_defined",
                                   "user_files",
                                   "user_scripts"};
  for (const char* name : kFolders) {
    const fs::path folder = data_dir / name;
    std::error_code failed;
    if (!fs::is_directory(fs::symlink_status(folder, failed))) continue;
    fs::permissions(folder, fs::perms::owner_all, failed);
  }
}

void write_engine_info(const fs::path& data_dir, const EngineInfo& info) {
  const FolderId folder = id_of(data_dir);
  const nlohmann::json record = {
      {"device", folder.device},
      {"inode", folder.inode},
      {"owner", folder.owner},
      {"pid", info.pid},
      {"pid_start_time", info.pid_start_time},
      {"http_port", info.http_port},
      {"tcp_port", info.tcp_port},
      {"user", info.user},
      {"password", info.password},
      {"reader_user", info.reader_user},
      {"reader_password", info.reader_password},
      {"nonce", info.nonce},
      {"data_dir", info.data_dir.string()},
      {"memory_bytes", info.memory_bytes},
      {"library", info.library},
      {"binary", info.binary},
  };
  write_private_file(data_dir / "engine.json",
                     record.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::optional<EngineInfo> read_engine_info(const fs::path& data_dir) {
  std::ifstream file(data_dir / "engine.json");
  if (!file) return std::nullopt;
  try {
    const auto record = nlohmann::json::parse(file);
    const FolderId recorded{.device = record.at("device").get<std::uint64_t>(),
                            .inode = record.at("inode").get<std::uint64_t>(),
                            .owner = record.at("owner").get<std::uint64_t>()};
    if (recorded != id_of(data_dir)) return std::nullopt;
    return EngineInfo{.pid = record.at("pid").get<int>(),
                      .pid_start_time = record.at("pid_start_time").get<std::uint64_t>(),
                      .http_port = record.at("http_port").get<std::uint16_t>(),
                      .tcp_port = record.at("tcp_port").get<std::uint16_t>(),
                      .user = record.at("user").get<std::string>(),
                      .password = record.at("password").get<std::string>(),
                      .reader_user = record.value("reader_user", std::string()),
                      .reader_password = record.value("reader_password", std::string()),
                      .nonce = record.at("nonce").get<std::string>(),
                      .data_dir = record.value("data_dir", data_dir.string()),
                      .memory_bytes = record.value("memory_bytes", std::uint64_t{0}),
                      .library = record.value("library", std::string()),
                      .binary = record.value("binary", std::string())};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

void write_linger(const fs::path& data_dir, std::chrono::seconds linger) try {
  write_private_file(data_dir / kLingerFile, fmt::format("{}\n", linger.count()));
} catch (const base::IoError&) {
  // The engine stays longer or shorter than asked for, which harms nobody.
}

std::string random_hex(std::size_t bytes) {
  std::string random(bytes, '\0');
  if (getrandom(random.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
    throw base::IoError("the system gave no random bytes for the engine's password");
  }
  return base::encode_hex(random);
}

std::string last_lines(const fs::path& path, std::size_t count) {
  std::error_code none;
  const auto size = fs::file_size(path, none);
  std::ifstream file(path, std::ios::binary);
  if (none || !file) return {};
  file.seekg(static_cast<std::streamoff>(size - std::min(size, kMaxLogTail)));
  std::string tail(std::istreambuf_iterator<char>(file), {});
  while (!tail.empty() && tail.back() == '\n') tail.pop_back();
  std::size_t start = tail.size();
  while (start != 0 && (tail[start - 1] != '\n' || --count != 0)) --start;
  return tail.substr(start);
}

}  // namespace qvdhouse::clickhouse
