// A fixture for tests of the whole way into each kind of target: the embedded engine, and servers
// of the newest and the oldest version.
#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "qvd/writer.h"
#include "tests/e2e/command_line.h"
#include "tests/servers/clickhouse.h"

namespace qvdhouse::tests {

enum class TargetKind { kEmbedded, kNewest, kNewestTls, kOldest };
// "embedded", "http_26_7", "https_26_7", "http_18_16"
std::ostream& operator<<(std::ostream& out, TargetKind kind);

// One field and its value in each row; no value is NULL.
struct TestField {
  std::string name;
  std::vector<std::optional<qvd::Value>> cells;
};
// Writes a QVD file whole or not at all, dated later than any that was written before.
void write_table(const std::filesystem::path& path, const std::vector<TestField>& fields);

// Rows `first`, `first` + 1, …: a key, a text of few values, and halves that are NULL in every
// seventh row.
std::vector<TestField> plain_rows(int first, int count);

class TargetCommandLine : public CommandLine {
 protected:
  void TearDown() override;

  // Starts the server, or an embedded engine that runs on between commands. Skips the test when it
  // has not been fetched; ask IsSkipped() afterwards.
  void start(TargetKind kind);

  // Runs a command on the target. `environment` is added.
  Finished on_target(const std::vector<std::string>& arguments,
                     const Environment& environment = {}) const;
  // "sync qvds --json" and its answer, which must be JSON.
  nlohmann::json sync(int exit_code = 0, const Environment& environment = {}) const;
  // What the target answers, without the last line end.
  std::string query(const std::string& sql) const;
  // Every table is exact by `verify`, none of staging is left, no file has failed.
  void expect_all_is_well() const;

  // Where files are written: folder / "qvds" / `name`.
  std::filesystem::path qvd(const std::string& name) const { return folder / "qvds" / name; }

  std::string database = "shop";
  std::unique_ptr<ClickHouseServer> server;  // null for the embedded engine
  Environment target;                        // variables that lead there

 private:
  std::unique_ptr<Process> keeper_;
};

}  // namespace qvdhouse::tests
