// A whole load into a verified table beside the engine's own load of the same rows from a file,
// into an equal table, with equal threads: what load_bench and wide_bench compare.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "clickhouse/engine.h"
#include "load/load.h"
#include "source/storage.h"

namespace qvdhouse::bench {

// Wall and processor seconds, of this program and of the engine, of one kind of run.
struct Times {
  std::vector<double> wall;
  std::vector<double> our_cpu;
  std::vector<double> engine_cpu;

  // "  1.422 s wall,   0.613 s cpu of ours,   2.060 s of the engine": the medians.
  std::string text() const;
};

class EngineLoad {
 public:
  // Works in `dir`, where `write` makes the file if an earlier run did not.
  EngineLoad(std::filesystem::path dir, unsigned streams,
             const std::function<void(const std::filesystem::path& qvd)>& write);

  std::size_t column_count() const { return file_.plan.columns.size(); }
  // The rows as Parquet, written by the engine.
  std::filesystem::path make_parquet();
  // As Native, by our encoder: the engine reads what we would send.
  std::filesystem::path native() const { return dir_ / "same.native"; }

  void time_engine(Times& times, const std::filesystem::path& path, const char* format);
  // A load without check, verify, and what the server keeps for them.
  void time_bare(Times& times);
  load::Result time_ours(Times& times);

 private:
  load::Options options() const { return {.streams = streams_, .run_id = "bench"}; }
  void measure(Times& times, const std::function<void()>& body) const;
  void write_native();
  void make_table();
  void engine_load(const std::filesystem::path& path, const char* format);
  void drop(const std::string& name);

  std::filesystem::path dir_;
  unsigned streams_;
  clickhouse::Engine engine_;
  clickhouse::Connection connection_;
  source::Storage storage_;
  std::unique_ptr<base::ByteSource> source_;
  load::PreparedFile file_;
  clickhouse::TableDefinition table_;  // what the engine loads into, equal to ours
};

}  // namespace qvdhouse::bench
