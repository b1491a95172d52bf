// Fixtures for tests of remote sources: a tree of QVD files, a real server of it, and commands that
// are given the source and its credentials as users give them.
#pragma once

#include <string>
#include <vector>

#include "tests/e2e/command_line.h"
#include "tests/servers/served.h"

namespace qvdhouse::tests {

// Every character that has ever been lost on the way to a storage; and the same for Windows shares,
// which cannot hold the '*'.
inline constexpr const char* kHardShareName = "Продажи 2024+a&b=c%20(x)~'!#.qvd";
inline constexpr const char* kHardName = "Продажи 2024+a&b=c%20(x)~'!*#.qvd";

class SourceCommandLine : public EngineCommandLine {
 protected:
  // Makes tree/ with ten files.
  void SetUp() override;
  void TearDown() override;

  // Serves the tree. Skips the test when the server has not been fetched; ask IsSkipped()
  // afterwards.
  void start(const Scheme& scheme);

  // A file of `rows` rows: `id` counts from 1, `Name` is a text, `Amount` is all different.
  void write_table(const std::string& path, std::uint32_t rows) const;

  // The URL of a file, folder or glob of the tree, as users write it.
  std::string url_of(const std::string& path) const;

  // Runs a command on the served source: its URL and credentials are in the environment. What it
  // printed is kept for expect_no_secrets().
  Finished on_source(const std::vector<std::string>& arguments, const Environment& more = {});
  Finished on_source(const std::string& source, const Environment& credentials,
                     const std::vector<std::string>& arguments);
  nlohmann::json sync_json(const Environment& more = {});
  // One value or several lines, of the tables that `environment` leads to.
  std::string query(const std::string& sql, const Environment& environment = {});

  // For every table but those of tracking: name, columns with types, rows, and a sum over all
  // cells.
  std::string tables_of(const Environment& environment);
  // Nothing that was printed holds a secret of the server.
  void expect_no_secrets_printed();
  // Nor does anything that tracking keeps, after a sync.
  void expect_no_secrets();

  std::filesystem::path tree;
  std::string hard_name = kHardName;  // of the tenth file
  Served served;

 private:
  std::string printed_;
};

}  // namespace qvdhouse::tests
