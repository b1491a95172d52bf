// What traces and lineage say of a run beside its own record.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tracking/runs.h"

namespace qvdhouse::observe {

struct ToldRun {
  tracking::RunRecord run;  // as it was ordered: its id, workflow, trigger
  std::string source;       // path or URL, without secrets
  std::string database;     // that gets the tables
  std::string target;       // namespace of its tables: server_namespace() or embedded_namespace()
};

// How lineage calls a ClickHouse server: "clickhouse://host:8123".
std::string server_namespace(const std::string& url);
// The embedded one has another port each time, and is called by its machine and folder:
// "clickhouse://host/folder".
std::string embedded_namespace(const std::string& host, const std::filesystem::path& data_dir);

// As it is sent: a name that is not UTF-8 has replacement characters.
inline std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace qvdhouse::observe
