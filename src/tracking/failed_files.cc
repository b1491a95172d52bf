#include "tracking/failed_files.h"

#include <fmt/format.h>

#include "clickhouse/quote.h"
#include "tracking/row_binary.h"
#include "tracking/tables.h"
#include "tracking/tracking.h"

namespace qvdhouse::tracking {

std::vector<FailedFile> failed_files(const clickhouse::Endpoint& endpoint,
                                     const std::string& database, const std::stop_token& stop) {
  clickhouse::Connection connection(endpoint, stop);
  const std::string answer =
      ask(connection, fmt::format("SELECT file_path, toString(error_class) FROM {} FINAL WHERE "
                                  "status = 'failed' LIMIT {}",
                                  clickhouse::qualified(database, kFileTable), kMostFailedFiles));
  std::vector<FailedFile> files;
  for (RowReader reader(answer); !reader.done();) {
    FailedFile& file = files.emplace_back();
    reader(file.path, file.error_class);
  }
  return files;
}

}  // namespace qvdhouse::tracking
