// The formats in which rows of files are written: their names, as ClickHouse and as others call
// them, the endings of their files, and their media types.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::render {

enum class Format {
  kCsv,          // as ClickHouse's CSVWithNames
  kTsv,          // as its TabSeparatedWithNames
  kJsonEachRow,  // an object a line
  kMarkdown,     // a table
  kNative,       // ClickHouse's own blocks of columns
  kParquet,      // these two are made by ClickHouse out of Native
  kArrowStream,
};

struct FormatInfo {
  Format format;
  std::string_view name;
  std::vector<std::string_view> aliases;  // lower case, also those of ClickHouse
  std::vector<std::string_view> endings;  // of files: ".csv"
  std::string_view media_type;
  bool is_text = true;
  bool needs_clickhouse = false;
};

// All, in the order of the enumerators.
std::span<const FormatInfo> formats();
const FormatInfo& info(Format format);
// By name or alias, in any case; absent: none is called so.
std::optional<Format> find_format(std::string_view name);
// By the ending of a file's name, in any case; absent: it says none.
std::optional<Format> format_of_file(std::string_view path);
// "CSV, TSV, …" for messages.
std::string format_names();

}  // namespace qvdhouse::render
