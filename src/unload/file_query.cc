#include "unload/file_query.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/ascii.h"
#include "base/error.h"
#include "clickhouse/quote.h"

namespace qvdhouse::unload {
namespace {

struct FileFormat {
  std::string_view extension;
  std::string_view format;  // as ClickHouse calls it
};
constexpr auto kFormats = std::to_array<FileFormat>({{".parquet", "Parquet"},
                                                     {".csv", "CSVWithNames"},
                                                     {".tsv", "TSVWithNames"},
                                                     {".jsonl", "JSONEachRow"},
                                                     {".ndjson", "JSONEachRow"},
                                                     {".json", "JSONEachRow"},
                                                     {".arrow", "Arrow"},
                                                     {".orc", "ORC"},
                                                     {".avro", "Avro"}});
constexpr auto kCompressions =
    std::to_array<std::string_view>({".gz", ".zst", ".xz", ".bz2", ".lz4", ".br"});

std::string extension_of(const std::filesystem::path& file) {
  return base::to_lower(file.extension().string());
}

std::string_view format_of(const std::filesystem::path& file) {
  std::string extension = extension_of(file);
  if (std::ranges::count(kCompressions, extension) != 0) extension = extension_of(file.stem());
  const auto* const found = std::ranges::find(kFormats, extension, &FileFormat::extension);
  if (found != kFormats.end()) return found->format;
  throw base::ConfigError(fmt::format(
      "{}: expected a file .parquet, .csv, .tsv, .jsonl, .ndjson, .json, .arrow, .orc or .avro, "
      "also "
      "compressed (.gz, .zst, .xz, .bz2, .lz4, .br), found the extension '{}'; rename it, or write "
      "the query yourself: SELECT * FROM file('PATH', FORMAT)",
      file.string(), extension));
}

}  // namespace

std::string select_from_file(const std::filesystem::path& file) {
  const std::string_view format = format_of(file);
  const std::string path = std::filesystem::absolute(file).string();
  if (access(path.c_str(), R_OK) != 0) {
    throw base::IoError(fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  }
  if (!std::filesystem::is_regular_file(path)) {
    throw base::IoError(fmt::format("{} cannot be read: it is not a regular file", path));
  }
  if (path.find_first_of("*?{}") != std::string::npos || path.find("::") != std::string::npos) {
    throw base::ConfigError(fmt::format(
        "{}: ClickHouse takes * ? {{ }} and :: in a path for a pattern; rename the file "
        "or its folder",
        path));
  }
  return fmt::format("SELECT * FROM file({}, {})", clickhouse::quote_literal(path),
                     clickhouse::quote_literal(format));
}

}  // namespace qvdhouse::unload
