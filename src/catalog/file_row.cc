#include "catalog/file_row.h"

#include <fmt/format.h>

#include <exception>
#include <memory>
#include <string_view>
#include <utility>

#include "qvd/profile.h"
#include "schema/temporal.h"

namespace qvdhouse::catalog {
namespace {

FieldRow field_row(const qvd::FieldHeader& field, std::size_t index) {
  return {.position = static_cast<std::uint32_t>(index + 1),
          .name = field.name,
          .comment = field.comment,
          .tags = field.tags,
          .symbol_count = field.symbol_count,
          .symbol_bytes = field.length,
          .width_bits = field.width_bits,
          .offset_bits = field.offset_bits,
          .bias = field.bias,
          .number_format = field.number_format};
}

void add_header(const qvd::TableHeader& header, FileRow& row) {
  row.qvd_table_name = header.table_name;
  row.record_count = header.record_count;
  row.record_bytes = header.record_bytes;
  row.row_bytes = header.rows_length;
  row.creator_document = header.creator_document;
  row.build_number = header.build_number;
  row.created_at_us = parse_time(header.created_at);
  row.comment = header.comment;
  row.tags = header.table_tags;
  row.warnings = header.warnings;
  if (!header.created_at.empty() && !row.created_at_us) {
    row.warnings.push_back(
        fmt::format("CreateUtcTime: expected a time such as 2024-05-06 07:08:09 between 1900 and "
                    "2299, found \"{}\"",
                    header.created_at));
  }
  for (const qvd::Lineage& part : header.lineage) {
    row.lineage_discriminators.push_back(part.discriminator);
    row.lineage_statements.push_back(part.statement);
  }
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    row.fields.push_back(field_row(header.fields[i], i));
    row.symbol_bytes += header.fields[i].length;
  }
}

void add_profile(const qvd::FieldProfile& profile, FieldRow& field) {
  field.int_count = profile.int_count;
  field.double_count = profile.double_count;
  field.dual_int_count = profile.dual_int_count;
  field.dual_double_count = profile.dual_double_count;
  field.text_count = profile.text_count;
  field.blank_text_count = profile.blank_text_count;
  field.max_text_bytes = profile.max_text_bytes;
  field.min_number = profile.min_number;
  field.max_number = profile.max_number;
}

void add_plan(const load::PreparedFile& file, FileRow& row) {
  row.table_name = file.plan.table;
  row.warnings.insert(row.warnings.end(), file.alerts.begin(), file.alerts.end());
  row.order_by = file.plan.order_by;
  for (const schema::ColumnPlan& column : file.plan.columns) {
    if (column.field_index >= row.fields.size()) continue;
    FieldRow& field = row.fields[column.field_index];
    field.columns.push_back(column.name);
    field.types.push_back(column.type.name());
    field.reasons.push_back(column.reason);
    field.warnings.insert(field.warnings.end(), column.warnings.begin(), column.warnings.end());
  }
  for (std::size_t i = 0; i < row.fields.size(); ++i) {
    row.fields[i].may_be_null = file.may_be_null[i];
    // The symbols of a field that is left out are not read.
    if (!row.fields[i].columns.empty()) {
      add_profile(qvd::profile_field(file.symbols[i]), row.fields[i]);
    }
  }
}

void read_file(const source::FileEntry& entry, source::Storage& storage,
               const Destination& destination, const std::stop_token& stop, FileRow& row) {
  const std::unique_ptr<base::ByteSource> bytes = storage.open(entry);
  qvd::TableHeader header = qvd::read_header(*bytes);
  add_header(header, row);
  if (!destination.error.empty()) throw base::SchemaError(destination.error);
  add_plan(load::prepare(*bytes, std::move(header), entry.name, destination.options,
                         destination.target, stop),
           row);
}

}  // namespace

std::optional<std::int64_t> parse_time(const std::string& text) {
  constexpr std::string_view kShape = "0000-00-00 00:00:00";
  constexpr std::size_t kBlank = 10;
  if (text.size() != kShape.size() || text[kBlank] != kShape[kBlank]) return std::nullopt;
  constexpr int kMicroseconds = 6;
  return schema::parse_iso_stamp(text, kMicroseconds);
}

FileRow describe_file(const source::FileEntry& entry, source::Storage& storage,
                      const Destination& destination, const std::stop_token& stop) {
  FileRow row{.source_type = entry.source_type,
              .file_path = entry.path,
              .file_name = entry.name,
              .file_size = entry.size,
              .file_etag = entry.etag,
              .table_name = destination.target.table,
              .load_mode = destination.mode};
  if (entry.mtime_us != 0) row.file_mtime_us = entry.mtime_us;
  try {
    read_file(entry, storage, destination, stop, row);
  } catch (const base::Cancelled&) {
    throw;
  } catch (const std::exception& error) {
    row.error = base::message_of(error);
    row.error_class = tracking::class_of(error);
  }
  return row;
}

}  // namespace qvdhouse::catalog
