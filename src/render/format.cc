#include "render/format.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/ascii.h"

namespace qvdhouse::render {

std::span<const FormatInfo> formats() {
  static const std::array kFormats = {
      FormatInfo{Format::kCsv,
                 "CSV",
                 {"csv", "csvwithnames"},
                 {".csv"},
                 "text/csv; charset=utf-8; header=present"},
      FormatInfo{Format::kTsv,
                 "TSV",
                 {"tsv", "tsvwithnames", "tabseparated", "tabseparatedwithnames"},
                 {".tsv", ".tab"},
                 "text/tab-separated-values; charset=utf-8"},
      FormatInfo{Format::kJsonEachRow,
                 "JSONEachRow",
                 {"jsoneachrow", "jsonlines", "jsonl", "ndjson", "json"},
                 {".jsonl", ".ndjson", ".json"},
                 "application/x-ndjson"},
      FormatInfo{Format::kMarkdown,
                 "Markdown",
                 {"markdown", "md"},
                 {".md"},
                 "text/markdown; charset=utf-8"},
      FormatInfo{Format::kNative,
                 "Native",
                 {"native"},
                 {".native"},
                 "application/octet-stream",
                 /*is_text=*/false},
      FormatInfo{Format::kParquet,
                 "Parquet",
                 {"parquet"},
                 {".parquet"},
                 "application/vnd.apache.parquet",
                 /*is_text=*/false,
                 /*needs_clickhouse=*/true},
      FormatInfo{Format::kArrowStream,
                 "ArrowStream",
                 {"arrowstream", "arrows"},
                 {".arrows"},
                 "application/vnd.apache.arrow.stream",
                 /*is_text=*/false,
                 /*needs_clickhouse=*/true},
  };
  return kFormats;
}

const FormatInfo& info(Format format) { return formats()[static_cast<std::size_t>(format)]; }

std::optional<Format> find_format(std::string_view name) {
  const std::string lower = base::to_lower(name);
  for (const FormatInfo& format : formats()) {
    if (std::ranges::find(format.aliases, lower) != format.aliases.end()) return format.format;
  }
  return std::nullopt;
}

std::optional<Format> format_of_file(std::string_view path) {
  const std::string lower = base::to_lower(path);
  for (const FormatInfo& format : formats()) {
    for (const std::string_view ending : format.endings) {
      if (lower.ends_with(ending)) return format.format;
    }
  }
  return std::nullopt;
}

std::string format_names() {
  std::string names;
  for (const FormatInfo& format : formats()) {
    if (!names.empty()) names += ", ";
    names += format.name;
  }
  return names;
}

}  // namespace qvdhouse::render
