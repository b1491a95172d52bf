// From a file's bytes to its plan and its columns' values.
#include <optional>
#include <utility>

#include "base/workers.h"
#include "load/load.h"
#include "qvd/rows.h"
#include "schema/cast.h"

namespace qvdhouse::load {

PreparedFile prepare(const base::ByteSource& source, const std::string& file_name,
                     const Options& options) {
  PreparedFile file;
  file.header = qvd::read_header(source);
  qvd::check_complete(file.header);
  const qvd::RowDecoder decoder(file.header);
  file.symbols.resize(file.header.fields.size());
  base::for_each_index(file.symbols.size(), options.streams, [&](std::size_t i) {
    file.symbols[i] = qvd::read_symbols(source, file.header, i, options.invalid_utf8);
  });
  for (std::size_t i = 0; i < file.header.fields.size(); ++i) {
    file.may_be_null.push_back(decoder.may_be_null(i));
  }
  file.plan = schema::plan_table(file.header, file_name, file.symbols, file.may_be_null,
                                 options.policy, options.streams);
  return file;
}

std::vector<ColumnValues> cast_columns(PreparedFile& file, unsigned threads) {
  std::vector<std::optional<ColumnValues>> cast(file.plan.columns.size());
  base::for_each_index(cast.size(), threads, [&](std::size_t i) {
    const schema::ColumnPlan& column = file.plan.columns[i];
    cast[i] = ColumnValues{column.name, column.field_index,
                           schema::cast_symbols(file.symbols[column.field_index], column)};
  });
  file.symbols.clear();
  std::vector<ColumnValues> columns;
  for (auto& column : cast) columns.push_back(std::move(*column));
  return columns;
}

}  // namespace qvdhouse::load
