// A folder of files and runs of it into the real engine.
#pragma once

#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "clickhouse/test_engine.h"
#include "qvd/writer.h"
#include "sync/sync.h"

namespace qvdhouse::sync {

namespace fs = std::filesystem;

inline std::string as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A field `id` of 0, 1, 2, …
inline std::string qvd_bytes(std::uint32_t rows) {
  qvd::FieldData id{.name = "id"};
  for (std::uint32_t row = 0; row < rows; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row)));
    id.codes.push_back(row + 1);
  }
  return as_text(qvd::write_qvd({.name = "T", .fields = {id}, .row_count = rows}));
}

class SyncTest : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    source_ = folder() / "source";
    fs::remove_all(folder() / "source");
    fs::create_directories(source_);
    options_ = {.source = source_.string(),
                .selection = {.pattern = "**/*.qvd"},
                .load = {.streams = 2},
                .database = kDatabase,
                .lock_dir = folder() / "locks",
                .first_delay = std::chrono::milliseconds(1)};
  }

  // Written an hour ago, so that nobody takes it for one that still grows; `age_s` less for another
  // version.
  void put(const std::string& name, const std::string& bytes, int age_s = 3'600) {
    fs::create_directories((source_ / name).parent_path());
    std::ofstream(source_ / name, std::ios::binary) << bytes;
    fs::last_write_time(source_ / name,
                        fs::file_time_type::clock::now() - std::chrono::seconds(age_s));
  }
  Summary sync(std::stop_token stop = {},
               const std::function<void(const FileOutcome&)>& on_file = {}) {
    Monitor monitor;
    spdlog::logger log("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    return run(options_, storage_, endpoint(), monitor, log, on_file, std::move(stop));
  }
  // File name → reason code of every file, loaded ones in capitals.
  static std::map<std::string, std::string> fates(const Summary& summary) {
    std::map<std::string, std::string> fates;
    for (const FileOutcome& file : summary.files) {
      static const char* const kNames[] = {"LOADED ",    "",         "WAITING ", "FAILED ",
                                           "CANCELLED ", "ADOPTED ", "REMOVED "};
      fates[file.decision.file.name] = kNames[static_cast<int>(file.outcome)] +
                                       std::string(base::to_string(file.decision.reason_code));
    }
    return fates;
  }
  static std::string tracked(const std::string& columns) {
    return query("SELECT " + columns + " FROM tested.QvdFileTracking FINAL ORDER BY file_name");
  }

  fs::path source_;
  Options options_;
  source::Storage storage_{source::Access{.attempts = 1}};
};

}  // namespace qvdhouse::sync
