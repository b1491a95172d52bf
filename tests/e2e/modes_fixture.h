// A folder with files for every load mode, in generation after generation, and what the tables must
// hold then: for tests in which something dies or breaks.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "tests/e2e/target_fixture.h"

namespace qvdhouse::tests {

// From the environment, e.g. how often to kill.
std::uint64_t number_from(const char* variable, std::uint64_t otherwise);

// Two files that are a table each (QvdR0, QvdR1), four of the set Sales, two of the log Log.
class ModesCommandLine : public TargetCommandLine {
 protected:
  // Starts the target and loads generation 0.
  void start_with_files(TargetKind kind);
  // Writes all files again: other rows, another number of them.
  void write_generation(int generation);
  // Runs sync until nothing is left to do, on a server that runs: once, and once more for files
  // that failed, which would wait for their time otherwise.
  void repair();
  // Every table holds what it must after the newest generation: count, sums, versions.
  void expect_exact() const;

  // kill -9 of the server or the embedded engine.
  void kill_server();
  // Starts the server again; the next command does so with the engine.
  void restart_server();
  // The endpoint of the running server; no URL when there is none.
  clickhouse::Endpoint endpoint() const;

  int newest = 0;
};

// The rows of a file in a generation, as the queries of the tests show them:
// "generation, count, sum of ids, NULLs".
std::string state_of(const std::string& file, int generation);

// File, generation and rows of all parts of a table that must be whole: one line each.
std::string states_sql(const std::string& table, bool is_set);

}  // namespace qvdhouse::tests
