// For tests of the configuration: a folder of its own that load_config() reads its files from.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "config/config.h"

namespace qvdhouse::config {

class ConfigFolder : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::path(testing::TempDir()) /
                 (std::string("qvdhouse_") + info->test_suite_name() + "_" + info->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    sources_.directory = directory_;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name, std::ios::binary) << text;
    set_mode(name, 0600);
  }
  void set_mode(const std::string& name, unsigned mode) {
    std::filesystem::permissions(directory_ / name, static_cast<std::filesystem::perms>(mode));
  }
  Config load() const { return load_config(sources_); }
  // The message of the ConfigError that load() must throw.
  std::string error() const {
    try {
      load();
    } catch (const base::ConfigError& error) {
      return error.what();
    }
    ADD_FAILURE() << "no ConfigError";
    return "";
  }

  std::filesystem::path directory_;
  ConfigSources sources_;
};

}  // namespace qvdhouse::config
