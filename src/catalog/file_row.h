// What the catalogue says of one file: its header, and of each field what its symbols are and which
// columns would be made of it. Only header and symbol tables are read, never a row.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "load/load.h"
#include "qvd/header.h"
#include "source/listing.h"
#include "source/storage.h"
#include "tracking/states.h"

namespace qvdhouse::catalog {

struct FieldRow {
  std::uint32_t position = 0;  // from 1
  std::string name;
  std::string comment;
  std::vector<std::string> tags;
  // The columns that are made of it; none when it is left out, or the file could not be planned.
  std::vector<std::string> columns;
  std::vector<std::string> types;
  std::vector<std::string> reasons;
  std::vector<std::string> warnings;
  std::uint64_t symbol_count = 0;  // as the header says
  // Kinds of symbols, sizes and numbers: nothing where the symbols were not read.
  std::optional<std::uint64_t> int_count;
  std::optional<std::uint64_t> double_count;
  std::optional<std::uint64_t> dual_int_count;
  std::optional<std::uint64_t> dual_double_count;
  std::optional<std::uint64_t> text_count;
  std::optional<std::uint64_t> blank_text_count;
  std::optional<std::uint64_t> max_text_bytes;
  std::optional<double> min_number;
  std::optional<double> max_number;
  std::optional<bool> may_be_null;
  std::uint64_t symbol_bytes = 0;  // of the symbol table
  std::uint64_t width_bits = 0;
  std::uint64_t offset_bits = 0;
  std::int64_t bias = 0;
  qvd::NumberFormat number_format;
};

struct FileRow {
  std::string source;
  std::string source_url;
  std::string source_type;
  std::string file_path;
  std::string file_name;
  std::uint64_t file_size = 0;
  std::optional<std::int64_t> file_mtime_us;  // microseconds since 1970 UTC
  std::string file_etag;
  std::string table_name;
  std::string load_mode;
  std::vector<std::string> order_by;
  // From the header; empty and 0 where it could not be read.
  std::string qvd_table_name;
  std::uint64_t record_count = 0;
  std::uint64_t record_bytes = 0;
  std::uint64_t symbol_bytes = 0;
  std::uint64_t row_bytes = 0;
  std::string creator_document;
  std::string build_number;
  std::optional<std::int64_t> created_at_us;
  std::string comment;
  std::vector<std::string> tags;
  std::vector<std::string> lineage_discriminators;
  std::vector<std::string> lineage_statements;
  std::vector<std::string> warnings;
  std::vector<FieldRow> fields;
  std::string error;                                               // why the file cannot be loaded
  tracking::ErrorClass error_class = tracking::ErrorClass::kNone;  // input, schema, io, config
  std::int64_t catalogued_at_us = 0;
};

// Where a file's rows would go, or why they can go nowhere.
struct Destination {
  load::Options options;
  load::Target target;
  std::string mode;
  std::string error;  // a SchemaError's
};

// Reads header and symbol tables. What is wrong with the file or keeps it from being read is in
// the row, together with what could be read before. Throws Cancelled.
FileRow describe_file(const source::FileEntry& entry, source::Storage& storage,
                      const Destination& destination, const std::stop_token& stop = {});

// "2024-05-06 07:08:09" → microseconds since 1970 UTC; nothing for a text that is not such a time
// that DateTime64 holds (1900 to 2299).
std::optional<std::int64_t> parse_time(const std::string& text);

}  // namespace qvdhouse::catalog
