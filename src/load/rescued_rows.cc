#include "load/rescued_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/quantity.h"
#include "schema/cast.h"

namespace qvdhouse::load {
namespace {

constexpr std::uint64_t kRowsOfAPass = 65'536;
// Their texts are in memory while a file is loaded.
constexpr std::size_t kMostValues = 20'000'000;

// One row after the other: the codes of its fields, as bytes.
class RowCodes {
 public:
  RowCodes(const std::vector<std::size_t>& fields, const qvd::RowDecoder& decoder,
           const std::byte* records, std::uint64_t first_row, std::size_t row_count)
      : width_(fields.size()), row_(width_) {
    for (const std::size_t field : fields) {
      of_fields_.emplace_back(row_count);
      decoder.decode(field, records, first_row, of_fields_.back());
    }
  }
  // Valid until the next call.
  std::span<const std::uint32_t> codes(std::size_t row) {
    for (std::size_t i = 0; i < width_; ++i) row_[i] = of_fields_[i][row];
    return row_;
  }

 private:
  std::size_t width_;
  std::vector<std::vector<std::uint32_t>> of_fields_;
  std::vector<std::uint32_t> row_;
};

std::string_view key_of(std::span<const std::uint32_t> codes) {
  return {reinterpret_cast<const char*>(codes.data()), codes.size_bytes()};
}

// Empty when all cells are NULL.
std::string json_of(const PreparedFile& file, std::span<const std::uint32_t> codes) {
  nlohmann::ordered_json cells;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == 0) continue;
    const schema::ColumnPlan& column = file.rescued[i];
    cells[file.header.fields[column.field_index].name] =
        schema::symbol_text(file.symbols[column.field_index], codes[i] - 1, column);
  }
  using Handler = nlohmann::ordered_json::error_handler_t;
  return cells.is_null() ? "" : cells.dump(-1, ' ', false, Handler::replace);
}

}  // namespace

RescuedRows::RescuedRows(const base::ByteSource& source, const PreparedFile& file,
                         clickhouse::Dictionary& dictionary, const std::stop_token& stop) {
  for (const schema::ColumnPlan& column : file.rescued) fields_.push_back(column.field_index);
  const qvd::RowDecoder decoder(file.header);
  std::vector<std::byte> records;
  for (std::uint64_t first = 0; first < file.header.record_count; first += kRowsOfAPass) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while rows were read");
    const auto count = std::min(kRowsOfAPass, file.header.record_count - first);
    qvd::read_records(source, file.header, first, count, records);
    RowCodes rows(fields_, decoder, records.data(), first, count);
    for (std::size_t row = 0; row < count; ++row) {
      const auto codes = rows.codes(row);
      if (codes_.contains(key_of(codes))) continue;
      if (codes_.size() == kMostValues) {
        throw base::SchemaError(
            fmt::format("the fields that the table has no columns for have more than {} "
                        "combinations of values; "
                        "set drift = \"evolve\" for this table, or exclude some of these fields",
                        base::format_count(kMostValues)));
      }
      codes_.emplace(key_of(codes), static_cast<std::uint32_t>(dictionary.slot_count()));
      dictionary.add_text(json_of(file, codes));
    }
  }
}

void RescuedRows::read_codes(const qvd::RowDecoder& decoder, const std::byte* records,
                             std::uint64_t first_row, std::span<std::uint32_t> out) const {
  RowCodes rows(fields_, decoder, records, first_row, out.size());
  for (std::size_t row = 0; row < out.size(); ++row) {
    const auto found = codes_.find(key_of(rows.codes(row)));
    if (found == codes_.end()) {
      throw base::ChangedError("the file changed while it was loaded: a row has other values now");
    }
    out[row] = found->second;
  }
}

void add_rescued(const base::ByteSource& source, const PreparedFile& file,
                 std::vector<ColumnValues>& columns, const std::stop_token& stop) {
  if (file.rescued.empty()) return;
  const auto column = std::ranges::find(columns, schema::kRescuedColumn, &ColumnValues::name);
  column->rescued = std::make_shared<const RescuedRows>(source, file, column->dictionary, stop);
  column->codes = ColumnValues::Codes::kRescued;
}

}  // namespace qvdhouse::load
