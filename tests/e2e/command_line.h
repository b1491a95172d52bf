// A fixture for tests of the real binary: a folder of their own, runs of `qvdhouse` in it, and QVD
// files to run it on.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace qvdhouse::tests {

class CommandLine : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Runs `qvdhouse ARGUMENTS…` in the folder.
  Finished qvdhouse(const std::vector<std::string>& arguments,
                    const Environment& environment = {}) const;
  // The same with --json added; the output must be valid JSON and the exit code `exit_code`.
  nlohmann::json json(std::vector<std::string> arguments, int exit_code = 0) const;

  // A file of 3 rows: `id` 1, 2, 3 and a text field called `text_field`.
  std::filesystem::path write_qvd(const std::string& name,
                                  const std::string& text_field = "text") const;
  // The same cut short, and old enough not to be taken for one that is still being written.
  std::filesystem::path write_broken_qvd(const std::string& name) const;
  void write_text(const std::string& name, const std::string& text) const;

  static std::filesystem::path binary();
  static bool engine_is_installed();

  std::filesystem::path folder;
};

// The same, skipping where the embedded engine is not installed.
class EngineCommandLine : public CommandLine {
 protected:
  void SetUp() override;
};

}  // namespace qvdhouse::tests
