// A fixture with one embedded engine for all tests of a suite and a fresh database for each test.
// Skips, saying why, where the engine's library is not installed.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "clickhouse/engine.h"

namespace qvdhouse::tests {

// To be called by each fixture that starts the engine: such tests have a label of their own, so
// that those that need nothing can be run by themselves.
inline void check_label() {
  const char* label = std::getenv("TEST_LABEL");  // of ctest
  ASSERT_TRUE(label == nullptr || std::string(label) != "unit")
      << "this suite starts the engine: name it in CMakeLists.txt, behind ENGINE of its module";
}

class SharedEngine : public ::testing::Test {
 protected:
  static constexpr const char* kDatabase = "tested";

  static void SetUpTestSuite() {
    folder() = std::filesystem::temp_directory_path() / fmt::format("qvdhouse_test_{}", ::getpid());
    const clickhouse::EngineOptions options{.data_dir = folder() / "engine"};
    const auto libraries = clickhouse::engine_library_candidates(options);
    const bool installed = std::ranges::any_of(
        libraries, [](const auto& path) { return std::filesystem::exists(path); });
    if (installed) {
      engine() = std::make_unique<clickhouse::Engine>(clickhouse::Engine::attach_or_start(options));
    }
  }
  static void TearDownTestSuite() {
    engine().reset();
    std::filesystem::remove_all(folder());
  }
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(check_label());
    if (!engine()) GTEST_SKIP() << "libchdb.so is not installed: ./dev test installs it";
    query(fmt::format("DROP DATABASE IF EXISTS {} SYNC", kDatabase));
  }

  // A folder of the suite's own, removed at its end.
  static std::filesystem::path& folder() {
    static std::filesystem::path path;
    return path;
  }
  static clickhouse::Endpoint endpoint() { return engine()->endpoint(kDatabase); }
  // The answer, without the line break at its end.
  static std::string query(const std::string& sql) {
    std::string answer = clickhouse::Connection(engine()->endpoint("system")).query(sql);
    if (answer.ends_with('\n')) answer.pop_back();
    return answer;
  }

 private:
  static std::unique_ptr<clickhouse::Engine>& engine() {
    static std::unique_ptr<clickhouse::Engine> engine;
    return engine;
  }
};

}  // namespace qvdhouse::tests
