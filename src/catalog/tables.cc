#include "catalog/tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "clickhouse/quote.h"
#include "schema/plan.h"
#include "tracking/tables.h"

namespace qvdhouse::catalog {

// One value of a field, on its way into an array.
struct FieldCell {
  const FieldRow* field;
  void (*write)(tracking::RowWriter&, const FieldRow&);
};
// Found by the writer.
void code(tracking::RowWriter& writer, const FieldCell& cell);

void code(tracking::RowWriter& writer, const FieldCell& cell) { cell.write(writer, *cell.field); }

namespace {

using clickhouse::Dialect;
using clickhouse::quote_identifier;
using clickhouse::quote_literal;
using tracking::RowWriter;

// Types that not every server has; all others stand for themselves.
constexpr std::string_view kTime = "time";
constexpr std::string_view kNullableTime = "time or NULL";
constexpr std::string_view kNullableBool = "bool or NULL";
constexpr std::string_view kBool = "bool";

std::string_view type_of(std::string_view type, const Dialect& dialect) {
  if (type == kTime) return tracking::time_type(dialect);
  if (type == kNullableTime) {
    return dialect.has_datetime64 ? "Nullable(DateTime64(6, 'UTC'))" : "Nullable(Int64)";
  }
  if (type == kNullableBool) return dialect.has_bool ? "Nullable(Bool)" : "Nullable(UInt8)";
  if (type == kBool) return dialect.has_bool ? "Bool" : "UInt8";
  return type;
}

// A column of the table that is a value of the file.
struct FilePart {
  std::string_view name;
  std::string_view type;
  void (*write)(RowWriter&, const FileRow&);
  std::string_view comment;
};

// One that is an array of a value of each field: "fields.field_name", in the view "field_name".
struct FieldPart {
  std::string_view name;
  std::string_view type;
  void (*write)(RowWriter&, const FieldRow&);
  std::string_view comment;
};

template <auto Member, class Row>
void put(RowWriter& writer, const Row& row) {
  writer(row.*Member);
}
template <auto Member>
void put_format(RowWriter& writer, const FieldRow& row) {
  writer(row.number_format.*Member);
}
void put_decimals(RowWriter& writer, const FieldRow& row) {
  writer(static_cast<std::int32_t>(row.number_format.decimals));
}
void put_field_count(RowWriter& writer, const FileRow& row) {
  writer(static_cast<std::uint64_t>(row.fields.size()));
}

constexpr std::string_view kText = "String";
constexpr std::string_view kTexts = "Array(String)";
constexpr std::string_view kCount = "UInt64";

constexpr std::array kFileParts = {
    FilePart{"source", kText, put<&FileRow::source>,
             "Name of the source; its path or URL where it has none"},
    FilePart{"source_url", kText, put<&FileRow::source_url>, "Path or URL, without secrets"},
    FilePart{"source_type", tracking::kWord, put<&FileRow::source_type>, "file, s3, sftp, …"},
    FilePart{"file_path", kText, put<&FileRow::file_path>,
             "Absolute path or URL: the file's identity, as in QvdFileTracking"},
    FilePart{"file_name", kText, put<&FileRow::file_name>, "Its last part"},
    FilePart{"file_size", kCount, put<&FileRow::file_size>, "Bytes"},
    FilePart{"file_mtime", kNullableTime, put<&FileRow::file_mtime_us>,
             "When it was last written; NULL where the storage does not say"},
    FilePart{"file_etag", kText, put<&FileRow::file_etag>, "Empty where the storage has none"},
    FilePart{"table_name", kText, put<&FileRow::table_name>, "The table that sync makes of it"},
    FilePart{"load_mode", tracking::kWord, put<&FileRow::load_mode>,
             "replace, replace_by_file or append"},
    FilePart{"order_by", kTexts, put<&FileRow::order_by>, "Sort key of the table"},
    FilePart{"qvd_table_name", kText, put<&FileRow::qvd_table_name>,
             "The name that Qlik gave the table (TableName)"},
    FilePart{"record_count", kCount, put<&FileRow::record_count>, "Rows (NoOfRecords)"},
    FilePart{"record_bytes", kCount, put<&FileRow::record_bytes>, "Bytes of a row"},
    FilePart{"field_count", kCount, put_field_count, "Fields"},
    FilePart{"symbol_bytes", kCount, put<&FileRow::symbol_bytes>, "Bytes of all symbol tables"},
    FilePart{"row_bytes", kCount, put<&FileRow::row_bytes>, "Bytes of all rows"},
    FilePart{"creator_document", kText, put<&FileRow::creator_document>,
             "The Qlik document whose script wrote it (CreatorDoc)"},
    FilePart{"build_number", kText, put<&FileRow::build_number>, "Of Qlik (QvBuildNo)"},
    FilePart{"created_at", kNullableTime, put<&FileRow::created_at_us>,
             "When it was written, by the header (CreateUtcTime)"},
    FilePart{"comment", kText, put<&FileRow::comment>, "Comment of the table"},
    FilePart{"tags", kTexts, put<&FileRow::tags>, "Tags of the table"},
    FilePart{"lineage.discriminator", kTexts, put<&FileRow::lineage_discriminators>,
             "Where its data came from, secrets as stars"},
    FilePart{"lineage.statement", kTexts, put<&FileRow::lineage_statements>,
             "The statement that read it there, secrets as stars"},
    FilePart{"warnings", kTexts, put<&FileRow::warnings>, "Repairs and oddities of the header"},
    FilePart{"error", kText, put<&FileRow::error>, "Why it cannot be loaded; empty: it can"},
    FilePart{"error_class", tracking::kWord, put<&FileRow::error_class>,
             "input, schema, io, config; empty: no error"},
    FilePart{"catalogued_at", kTime, put<&FileRow::catalogued_at_us>, "When this was read"},
};

constexpr std::string_view kNullableCount = "Nullable(UInt64)";
constexpr std::string_view kNullableNumber = "Nullable(Float64)";

constexpr std::array kFieldParts = {
    FieldPart{"position", "UInt32", put<&FieldRow::position>, "From 1, in the file's order"},
    FieldPart{"field_name", kText, put<&FieldRow::name>, "As Qlik calls it"},
    FieldPart{"column_names", kTexts, put<&FieldRow::columns>,
              "Columns that sync makes of it; none when it is left out, or the file cannot be "
              "loaded"},
    FieldPart{"column_types", kTexts, put<&FieldRow::types>, "Their types"},
    FieldPart{"column_reasons", kTexts, put<&FieldRow::reasons>, "Why these types"},
    FieldPart{"column_warnings", kTexts, put<&FieldRow::warnings>,
              "What a reader of the columns should know"},
    FieldPart{"symbol_count", kCount, put<&FieldRow::symbol_count>, "Distinct values"},
    FieldPart{"int_symbols", kNullableCount, put<&FieldRow::int_count>,
              "Of these integers; NULL, as for the next seven, where symbols were not read"},
    FieldPart{"double_symbols", kNullableCount, put<&FieldRow::double_count>, "Floats"},
    FieldPart{"dual_int_symbols", kNullableCount, put<&FieldRow::dual_int_count>,
              "Integers with a text of their own"},
    FieldPart{"dual_double_symbols", kNullableCount, put<&FieldRow::dual_double_count>,
              "Floats with a text of their own"},
    FieldPart{"text_symbols", kNullableCount, put<&FieldRow::text_count>, "Texts"},
    FieldPart{"blank_symbols", kNullableCount, put<&FieldRow::blank_text_count>,
              "Of the texts those that are empty or blanks"},
    FieldPart{"max_text_bytes", kNullableCount, put<&FieldRow::max_text_bytes>,
              "Of the longest text"},
    FieldPart{"min_number", kNullableNumber, put<&FieldRow::min_number>,
              "Over all finite numbers; NULL when there are none"},
    FieldPart{"max_number", kNullableNumber, put<&FieldRow::max_number>, "Likewise"},
    FieldPart{"may_be_null", kNullableBool, put<&FieldRow::may_be_null>,
              "Whether rows may have no value; NULL where the file cannot be loaded"},
    FieldPart{"field_symbol_bytes", kCount, put<&FieldRow::symbol_bytes>,
              "Bytes of the symbol table"},
    FieldPart{"width_bits", kCount, put<&FieldRow::width_bits>, "Of its index in a row"},
    FieldPart{"offset_bits", kCount, put<&FieldRow::offset_bits>, "Of its index in a row"},
    FieldPart{"bias", "Int64", put<&FieldRow::bias>, "Added to the index"},
    FieldPart{"format_type", kText, put_format<&qvd::NumberFormat::type>,
              "How Qlik shows it: DATE, MONEY, …; often wrong"},
    FieldPart{"format", kText, put_format<&qvd::NumberFormat::format>, "Pattern, as DD.MM.YYYY"},
    FieldPart{"format_decimals", "Int32", put_decimals, "Decimals shown (nDec)"},
    FieldPart{"format_thousands", kBool, put_format<&qvd::NumberFormat::use_thousands>,
              "Whether thousands are parted (UseThou)"},
    FieldPart{"decimal_sign", kText, put_format<&qvd::NumberFormat::decimal_sign>, "Dec"},
    FieldPart{"thousands_sign", kText, put_format<&qvd::NumberFormat::thousands_sign>, "Thou"},
    FieldPart{"field_tags", kTexts, put<&FieldRow::tags>, "$numeric, $date, …"},
    FieldPart{"field_comment", kText, put<&FieldRow::comment>, "Comment of the field"},
};

// Columns of a file that each row of the view begins with.
constexpr std::array<std::string_view, 6> kOfFile = {"source",     "file_path",    "file_name",
                                                     "table_name", "record_count", "catalogued_at"};

std::string nested(const FieldPart& part) { return fmt::format("fields.{}", part.name); }

const FilePart& file_part(std::string_view name) {
  return *std::ranges::find(kFileParts, name, &FilePart::name);
}

}  // namespace

std::vector<clickhouse::ColumnDefinition> file_columns(const Dialect& dialect) {
  std::vector<clickhouse::ColumnDefinition> columns;
  for (const FilePart& part : kFileParts) {
    columns.push_back({.name = std::string(part.name),
                       .type = std::string(type_of(part.type, dialect)),
                       .comment = std::string(part.comment)});
  }
  for (const FieldPart& part : kFieldParts) {
    columns.push_back({.name = nested(part),
                       .type = fmt::format("Array({})", type_of(part.type, dialect)),
                       .comment = std::string(part.comment)});
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
  std::vector<clickhouse::ColumnDefinition> columns;
  for (const std::string_view name : kOfFile) {
    const FilePart& part = file_part(name);
    columns.push_back({.name = std::string(name),
                       .type = std::string(type_of(part.type, dialect)),
                       .comment = std::string(part.comment)});
  }
  for (const FieldPart& part : kFieldParts) {
    columns.push_back({.name = std::string(part.name),
                       .type = std::string(type_of(part.type, dialect)),
                       .comment = std::string(part.comment)});
  }
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
  for (const FieldPart& part : kFieldParts) {
    values.push_back(fmt::format("f.{0} AS {0}", part.name));
  }
  return fmt::format("CREATE VIEW {}\n(\n{}\n)\nAS SELECT\n  {}\nFROM {}\nARRAY JOIN fields AS f{}",
                     clickhouse::qualified(database, kFieldView), fmt::join(definitions, ",\n"),
                     fmt::join(values, ",\n  "), clickhouse::qualified(database, kFileTable),
                     tracking::comment(fmt::format("{}headers of QVD files, a row a field",
                                                   schema::kTableCommentPrefix),
                                       dialect));
}

void encode(const FileRow& row, RowWriter& writer) {
  for (const FilePart& part : kFileParts) part.write(writer, row);
  std::vector<FieldCell> cells(row.fields.size());
  for (const FieldPart& part : kFieldParts) {
    std::ranges::transform(row.fields, cells.begin(), [&](const FieldRow& field) {
      return FieldCell{&field, part.write};
    });
    writer(cells);
  }
}

}  // namespace qvdhouse::catalog
