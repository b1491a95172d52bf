// A fixture with a folder for a data directory of the test's own, and what tests of the engine ask.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "clickhouse/engine.h"
#include "clickhouse/engine_files.h"
#include "clickhouse/engine_process.h"
#include "clickhouse/test_engine.h"

namespace qvdhouse::clickhouse {

template <class Expected>
std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Expected& error) {
    return error.what();
  }
  throw std::runtime_error("expected an exception of that type, none came");
}

// Whether the engine ends within a minute.
inline bool ends(const EngineInfo& info) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (process_start_time(info.pid) == info.pid_start_time) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(tests::check_label());
    const auto libraries = engine_library_candidates({});
    if (std::ranges::none_of(libraries,
                             [](const auto& path) { return std::filesystem::exists(path); })) {
      GTEST_SKIP() << "libchdb.so is not installed: run \"npm ci\" in packaging/engine";
    }
    std::string name = std::filesystem::temp_directory_path() / "qvdhouse_engine_test_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for the test");
    folder_ = name;
    options_.data_dir = folder_ / "data";
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  Engine start() const { return Engine::attach_or_start(options_); }
  EngineInfo recorded() const { return read_engine_info(options_.data_dir).value(); }

  std::filesystem::path folder_;
  EngineOptions options_;
};

inline std::string query(const Engine& engine, std::string_view sql) {
  return Connection(engine.endpoint("default")).query(sql);
}

}  // namespace qvdhouse::clickhouse
