// The files by which the embedded engine is run: its configuration, its record engine.json, its
// locks. All are readable by their owner alone. engine.h says how they work together.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/file_lock.h"
#include "clickhouse/engine.h"

namespace qvdhouse::clickhouse {

// Waits until it gets the lock. Throws IoError after `patience`, saying `busy_with`.
base::FileLock lock_within(std::chrono::milliseconds patience, const std::filesystem::path& path,
                           base::FileLock::Kind kind, const std::string& busy_with);

// Where the engine answers its nonce to anybody, without a password.
inline constexpr const char* kNoncePath = "/qvdhouse-nonce";

struct EngineConfigFiles {
  std::filesystem::path config;  // ClickHouse's own, which names users.xml beside it
  std::filesystem::path gate;    // which connections reach it (engine/main.cc)
};

// Writes DATA/engine-config/{config.xml,users.xml,gate} for this start. Throws ConfigError for a
// user name that ClickHouse's configuration cannot hold. Names the reader otherwise in `info` where
// its name by default is that of the engine's user.
EngineConfigFiles write_engine_config(const EngineOptions& options, EngineInfo& info);

// Takes from everybody but the owner what earlier versions of the engine let them do with the
// folders that it keeps in `data_dir`. Those of another owner stay as they are.
void make_subfolders_private(const std::filesystem::path& data_dir);

// DATA/engine.json. It names the folder that it is of (device, inode, owner). Reading gives nothing
// when there is none, it is not whole, or it is of another folder: that of which this is a copy.
void write_engine_info(const std::filesystem::path& data_dir, const EngineInfo& info);
std::optional<EngineInfo> read_engine_info(const std::filesystem::path& data_dir);

// DATA/engine.linger: how long the engine stays after its last user. Where it cannot be written, on
// a full disk for one, the last word stays.
inline constexpr const char* kLingerFile = "engine.linger";
void write_linger(const std::filesystem::path& data_dir, std::chrono::seconds linger);

// `bytes` random bytes in hex.
std::string random_hex(std::size_t bytes);

// The file's last `count` lines, for messages; empty when there are none.
std::string last_lines(const std::filesystem::path& path, std::size_t count);

}  // namespace qvdhouse::clickhouse
