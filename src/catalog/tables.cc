#include "catalog/tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "clickhouse/quote.h"
#include "schema/plan.h"
#include "tracking/tables.h"

namespace qvdhouse::catalog {

namespace {

using clickhouse::Dialect;
using clickhouse::quote_identifier;
using clickhouse::quote_literal;
using tracking::column;
using tracking::Column;
using tracking::RowWriter;
using enum tracking::Kind;

// A column whose value is computed; T is the C++ type of what `write` writes.
template <class T, tracking::Kind kind = kPlain, class Record>
constexpr Column<Record> computed(std::string_view name, void (*write)(RowWriter&, const Record&),
                                  std::string_view comment) {
  return {name, &tracking::type_name<T, kind>, write, nullptr, comment};
}

template <auto member>
void put_format(RowWriter& writer, const FieldRow& row) {
  writer(row.number_format.*member);
}
void put_decimals(RowWriter& writer, const FieldRow& row) {
  writer(static_cast<std::int32_t>(row.number_format.decimals));
}
void put_field_count(RowWriter& writer, const FileRow& row) {
  writer(static_cast<std::uint64_t>(row.fields.size()));
}

// Columns that are a value of the file.
constexpr std::array kFileColumns = {
    column<&FileRow::source>("source", "Name of the source; its path or URL where it has none"),
    column<&FileRow::source_url>("source_url", "Path or URL, without secrets"),
    column<&FileRow::source_type, kWord>("source_type", "file, s3, sftp, …"),
    column<&FileRow::file_path>("file_path",
                                "Absolute path or URL: the file's identity, as in QvdFileTracking"),
    column<&FileRow::file_name>("file_name", "Its last part"),
    column<&FileRow::file_size>("file_size", "Bytes"),
    column<&FileRow::file_mtime_us, kTime>(
        "file_mtime", "When it was last written; NULL where the storage does not say"),
    column<&FileRow::file_etag>("file_etag", "Empty where the storage has none"),
    column<&FileRow::table_name>("table_name", "The table that sync makes of it"),
    column<&FileRow::load_mode, kWord>("load_mode", "replace, replace_by_file, append or upsert"),
    column<&FileRow::order_by>("order_by", "Sort key of the table"),
    column<&FileRow::qvd_table_name>("qvd_table_name",
                                     "The name that Qlik gave the table (TableName)"),
    column<&FileRow::record_count>("record_count", "Rows (NoOfRecords)"),
    column<&FileRow::record_bytes>("record_bytes", "Bytes of a row"),
    computed<std::uint64_t>("field_count", put_field_count, "Fields"),
    column<&FileRow::symbol_bytes>("symbol_bytes", "Bytes of all symbol tables"),
    column<&FileRow::row_bytes>("row_bytes", "Bytes of all rows"),
    column<&FileRow::creator_document>("creator_document",
                                       "The Qlik document whose script wrote it (CreatorDoc)"),
    column<&FileRow::build_number>("build_number", "Of Qlik (QvBuildNo)"),
    column<&FileRow::created_at_us, kTime>("created_at",
                                           "When it was written, by the header (CreateUtcTime)"),
    column<&FileRow::comment>("comment", "Comment of the table"),
    column<&FileRow::tags>("tags", "Tags of the table"),
    column<&FileRow::lineage_discriminators>("lineage.discriminator",
                                             "Where its data came from, secrets as stars"),
    column<&FileRow::lineage_statements>("lineage.statement",
                                         "The statement that read it there, secrets as stars"),
    column<&FileRow::warnings>("warnings", "Repairs and oddities of the header"),
    column<&FileRow::error>("error", "Why it cannot be loaded; empty: it can"),
    column<&FileRow::error_class, kWord>("error_class",
                                         "input, schema, io, config; empty: no error"),
    column<&FileRow::catalogued_at_us, kTime>("catalogued_at", "When this was read"),
};

// Columns that are an array of a value of each field: "fields.field_name", in the view
// "field_name".
constexpr std::array kFieldColumns = {
    column<&FieldRow::position>("position", "From 1, in the file's order"),
    column<&FieldRow::name>("field_name", "As Qlik calls it"),
    column<&FieldRow::columns>(
        "column_names",
        "Columns that sync makes of it; none when it is left out, or the file cannot be "
        "loaded"),
    column<&FieldRow::types>("column_types", "Their types"),
    column<&FieldRow::reasons>("column_reasons", "Why these types"),
    column<&FieldRow::warnings>("column_warnings", "What a reader of the columns should know"),
    column<&FieldRow::symbol_count>("symbol_count", "Distinct values"),
    column<&FieldRow::int_count>(
        "int_symbols",
        "Of these integers; NULL, as for the next seven, where symbols were not read"),
    column<&FieldRow::double_count>("double_symbols", "Floats"),
    column<&FieldRow::dual_int_count>("dual_int_symbols", "Integers with a text of their own"),
    column<&FieldRow::dual_double_count>("dual_double_symbols", "Floats with a text of their own"),
    column<&FieldRow::text_count>("text_symbols", "Texts"),
    column<&FieldRow::blank_text_count>("blank_symbols",
                                        "Of the texts those that are empty or blanks"),
    column<&FieldRow::max_text_bytes>("max_text_bytes", "Of the longest text"),
    column<&FieldRow::min_number>("min_number",
                                  "Over all finite numbers; NULL when there are none"),
    column<&FieldRow::max_number>("max_number", "Likewise"),
    column<&FieldRow::may_be_null, kBool>(
        "may_be_null", "Whether rows may have no value; NULL where the file cannot be loaded"),
    column<&FieldRow::symbol_bytes>("field_symbol_bytes", "Bytes of the symbol table"),
    column<&FieldRow::width_bits>("width_bits", "Of its index in a row"),
    column<&FieldRow::offset_bits>("offset_bits", "Of its index in a row"),
    column<&FieldRow::bias>("bias", "Added to the index"),
    computed<std::string>("format_type", put_format<&qvd::NumberFormat::type>,
                          "How Qlik shows it: DATE, MONEY, …; often wrong"),
    computed<std::string>("format", put_format<&qvd::NumberFormat::format>,
                          "Pattern, as DD.MM.YYYY"),
    computed<std::int32_t>("format_decimals", put_decimals, "Decimals shown (nDec)"),
    computed<bool, kBool>("format_thousands", put_format<&qvd::NumberFormat::use_thousands>,
                          "Whether thousands are parted (UseThou)"),
    computed<std::string>("decimal_sign", put_format<&qvd::NumberFormat::decimal_sign>, "Dec"),
    computed<std::string>("thousands_sign", put_format<&qvd::NumberFormat::thousands_sign>, "Thou"),
    column<&FieldRow::tags>("field_tags", "$numeric, $date, …"),
    column<&FieldRow::comment>("field_comment", "Comment of the field"),
};

// Columns of a file that each row of the view begins with.
constexpr std::array<std::string_view, 6> kOfFile = {"source",     "file_path",    "file_name",
                                                     "table_name", "record_count", "catalogued_at"};

}  // namespace

std::vector<clickhouse::ColumnDefinition> file_columns(const Dialect& dialect) {
  auto columns = tracking::definitions(kFileColumns, dialect);
  for (clickhouse::ColumnDefinition& column : tracking::definitions(kFieldColumns, dialect)) {
    column.name = "fields." + column.name;
    column.type = "Array(" + column.type + ")";
    columns.push_back(std::move(column));
  }
  return columns;
}

clickhouse::TableDefinition file_table(const std::string& database, const Dialect& dialect) {
  return {
      .database = database,
      .name = std::string(kFileTable),
      .columns = file_columns(dialect),
      .order_by = {"source", "file_path"},
      .partition_by = "source",
      .comment = fmt::format("{}headers of QVD files, a row a file", schema::kTableCommentPrefix)};
}

std::vector<clickhouse::ColumnDefinition> field_columns(const Dialect& dialect) {
  auto columns = tracking::definitions(kFileColumns, dialect);
  std::erase_if(columns, [](const clickhouse::ColumnDefinition& column) {
    return std::ranges::find(kOfFile, column.name) == kOfFile.end();
  });
  std::ranges::move(tracking::definitions(kFieldColumns, dialect), std::back_inserter(columns));
  return columns;
}

std::string create_field_view(const std::string& database, const Dialect& dialect) {
  std::vector<std::string> definitions;
  for (const clickhouse::ColumnDefinition& column : field_columns(dialect)) {
    definitions.push_back(
        fmt::format("  {} {}{}", quote_identifier(column.name), column.type,
                    dialect.has_table_comment ? " COMMENT " + quote_literal(column.comment) : ""));
  }
  std::vector<std::string> values;
  for (const std::string_view name : kOfFile) values.push_back(quote_identifier(name));
  for (const Column<FieldRow>& column : kFieldColumns) {
    values.push_back(fmt::format("f.{0} AS {0}", column.name));
  }
  return fmt::format(
      "CREATE VIEW {}{}\n(\n{}\n)\nAS SELECT\n  {}\nFROM {}\nARRAY JOIN fields AS f{}",
      clickhouse::qualified(database, kFieldView), dialect.replication.on_cluster(),
      fmt::join(definitions, ",\n"), fmt::join(values, ",\n  "),
      clickhouse::qualified(database, kFileTable),
      tracking::comment(
          fmt::format("{}headers of QVD files, a row a field", schema::kTableCommentPrefix),
          dialect));
}

void encode(const FileRow& row, RowWriter& writer) {
  tracking::write_row(writer, kFileColumns, row);
  for (const Column<FieldRow>& column : kFieldColumns) {
    writer.length(row.fields.size());
    for (const FieldRow& field : row.fields) column.write(writer, field);
  }
}

}  // namespace qvdhouse::catalog
