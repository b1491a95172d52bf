// The catalogue of one source, rebuilt: rows go into a staging table and become what the
// catalogue says of the source in one statement. Readers see what it said before or what it says
// now, never none, half or both; whatever dies, the old catalogue stays (docs/architecture.md,
// "Exactly once").
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "catalog/file_row.h"
#include "clickhouse/connection.h"

namespace qvdhouse::catalog {

class SourceCatalog {
 public:
  // Makes the tables where they are missing. `endpoint` has the database; `source` is what the
  // rows' FileRow::source says; `run_id` becomes part of the staging table's name. The caller holds
  // the claim on kFileTable for as long as this lives. Throws ConfigError when another program's
  // table has one of the names, ServerError, IoError, Cancelled.
  SourceCatalog(const clickhouse::Endpoint& endpoint, std::string source, const std::string& run_id,
                std::stop_token stop = {});
  // Drops what is staged.
  ~SourceCatalog();
  SourceCatalog(const SourceCatalog&) = delete;
  SourceCatalog& operator=(const SourceCatalog&) = delete;

  // Sends rows in batches. From any thread.
  void add(const FileRow& row);

  // The rows added take the place of what the catalogue said of the source.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::catalog
