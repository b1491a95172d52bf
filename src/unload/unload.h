// The rows of a query become a QVD file. One pass over the answer: each column's distinct values
// are numbered as they come, the numbers of the rows wait in a file without a name, and at the end
// both are written. Memory holds the distinct values and one block of rows. docs/export.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "clickhouse/connection.h"
#include "qvd/header.h"
#include "qvd/symbols.h"

namespace qvdhouse::unload {

inline constexpr std::uint64_t kDefaultSymbolBytes = std::uint64_t{4} << 30U;

// ClickHouse could not be reached, or its answer broke off: not the file's disk.
struct AnswerError : base::IoError {
  using base::IoError::IoError;
};

struct Options {
  std::filesystem::path out;
  base::Existing existing = base::Existing::kKeep;
  std::string table_name;  // in the header
  std::string created_at;  // in the header: "YYYY-MM-DD HH:MM:SS" UTC
  qvd::InvalidUtf8 invalid_utf8 = qvd::InvalidUtf8::kError;
  // The most memory for distinct values of all columns, in bytes.
  std::uint64_t max_symbol_bytes = kDefaultSymbolBytes;
};

// How far it is.
struct Progress {
  std::uint64_t row_count = 0;     // that came
  std::uint64_t symbol_bytes = 0;  // of memory for distinct values
  std::uint64_t rows_written = 0;  // once all have come
};

struct ColumnResult {
  std::string name;
  std::string type;  // of the query's column
  qvd::NumberFormat number_format;
  std::uint64_t distinct_count = 0;
  std::uint64_t null_rows = 0;
  std::vector<std::string> warnings;  // what the file holds otherwise than the query; with counts
};

struct Result {
  std::uint64_t row_count = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t answer_bytes = 0;  // of Native that came
  std::vector<ColumnResult> columns;
};

// Runs `select`, one SELECT without FORMAT, at `endpoint`, and writes its rows to `options.out`,
// which has its name only when it is whole. Throws ServerError (also when the query fails in midst
// of its rows), ConfigError when the distinct values need more memory than allowed, InputError for
// what a QVD cannot hold (two columns of one name, text with NUL bytes), SchemaError for a type
// without values, AnswerError, IoError for the disk, Cancelled. After any of them nothing of the
// file is left.
Result unload(const clickhouse::Endpoint& endpoint, std::string_view select, const Options& options,
              const std::function<void(const Progress&)>& on_progress, std::stop_token stop);

}  // namespace qvdhouse::unload
