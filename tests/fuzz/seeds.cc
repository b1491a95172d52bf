// Writes the seed corpus: small files of every kind of symbol, layout and header.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qvd/writer.h"

namespace {

using namespace qvdhouse::qvd;
namespace fs = std::filesystem;

void write_seed(const fs::path& path, std::span<const std::byte> bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
}

template <typename Number>
void append(std::vector<std::byte>& out, Number number) {
  const auto bytes = std::as_bytes(std::span(&number, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

FieldData field(std::vector<Value> values, std::vector<std::uint32_t> codes) {
  return {.name = "F", .values = std::move(values), .codes = std::move(codes)};
}

TableData table_of(std::vector<FieldData> fields) {
  TableData table{.name = "T", .fields = std::move(fields)};
  table.row_count = table.fields[0].codes.size();
  return table;
}

struct NamedTable {
  std::string name;
  TableData table;
};

std::vector<NamedTable> tables() {
  std::vector<NamedTable> out;
  const std::vector<Value> all_kinds = {Value::of(7), Value::of(1.5), Value::of("é"),
                                        Value::dual(1, "Jan"), Value::dual(0.5, "half")};
  out.push_back({"kinds", table_of({field(all_kinds, {1, 2, 3, 4, 5})})});
  out.push_back({"nulls", table_of({field(all_kinds, {0, 1, 0, 5, 2})})});
  out.push_back({"constant", table_of({field({Value::of("x")}, {1, 1, 1})})});
  out.push_back({"all_null", table_of({field({}, {0, 0})})});
  out.push_back({"empty", table_of({field({}, {})})});

  TableData wide = table_of({field(all_kinds, {1, 5, 0})});
  wide.fields[0].bias = std::numeric_limits<std::int64_t>::min();
  wide.fields[0].offset_bits = 7;
  out.push_back({"wide", wide});

  TableData qvdrs = table_of({field(all_kinds, {0, 1, 5})});
  qvdrs.creator_document = "qvdrs 0.7.0";
  qvdrs.fields[0].bias = 0;
  out.push_back({"qvdrs", qvdrs});

  TableData rich = table_of({field(all_kinds, {1, 2}), field({Value::of("a b")}, {0, 1})});
  rich.lf_header = true;
  rich.comment = "a <comment> & more";
  rich.lineage = {{"RESIDENT x", "LOAD a,\r\n b;"}};
  rich.fields[0].tags = {"$numeric", "$date"};
  rich.fields[1].name = "%Ключ \"2\"";
  out.push_back({"rich", rich});
  return out;
}

void write_symbol_seeds(const fs::path& folder) {
  for (const NamedTable& item : tables()) {
    const QvdWriter writer(item.table, std::vector<bool>(item.table.fields.size(), true));
    const auto& head = writer.head();
    const auto nul = std::size_t(std::find(head.begin(), head.end(), std::byte{0}) - head.begin());
    std::vector<std::byte> seed;
    append(seed, static_cast<std::uint32_t>(item.table.fields[0].values.size()));
    seed.insert(seed.end(), head.begin() + std::ptrdiff_t(nul) + 1, head.end());
    write_seed(folder / item.name, seed);
  }
}

// A number behind which XML says NUL: a parser that ends its texts there would believe it.
void write_nul_reference_seed(const fs::path& path) {
  constexpr std::string_view kEnd = "</BitWidth>";
  constexpr std::string_view kNul = "&#0;7";
  std::vector<std::byte> header = write_qvd(tables().front().table);
  header.erase(std::find(header.begin(), header.end(), std::byte{0}) + 1, header.end());
  const auto end = std::search(header.begin(), header.end(), std::as_bytes(std::span(kEnd)).begin(),
                               std::as_bytes(std::span(kEnd)).end());
  const auto nul = std::as_bytes(std::span(kNul));
  header.insert(end, nul.begin(), nul.end());
  write_seed(path, header);
}

// As rows_fuzz.cc takes it.
void write_row_seed(const fs::path& path, std::uint16_t record_bytes, bool foreign_null,
                    std::uint32_t offset_bits, std::uint8_t width_bits, std::int64_t bias) {
  constexpr std::uint64_t kSymbols = 5;
  constexpr std::size_t kRows = 20;
  std::vector<std::byte> seed;
  append(seed, static_cast<std::uint16_t>(record_bytes - 1));
  append(seed, std::uint8_t{foreign_null});
  append(seed, std::uint8_t{0});
  append(seed, offset_bits);
  append(seed, width_bits);
  append(seed, bias);
  append(seed, kSymbols);
  for (std::size_t i = 0; i < kRows * record_bytes; ++i) append(seed, std::uint8_t(i % 5 << 4));
  write_seed(path, seed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  const fs::path folder = argv[1];
  for (const NamedTable& item : tables()) {
    const std::vector<std::byte> file = write_qvd(item.table);
    write_seed(folder / "file_fuzz" / item.name, file);
    const auto end = std::find(file.begin(), file.end(), std::byte{0}) - file.begin() + 1;
    write_seed(folder / "header_fuzz" / item.name, std::span(file).first(std::size_t(end)));
  }
  write_nul_reference_seed(folder / "header_fuzz" / "nul_reference");
  write_symbol_seeds(folder / "symbols_fuzz");
  const fs::path rows = folder / "rows_fuzz";
  write_row_seed(rows / "byte", 1, false, 4, 3, 0);
  write_row_seed(rows / "nulls", 3, false, 4, 4, -2);
  write_row_seed(rows / "foreign_null", 2, true, 4, 4, 0);
  write_row_seed(rows / "constant", 2, false, 4, 0, 0);
  write_row_seed(rows / "across_words", 12, false, 60, 31, -2);
  write_row_seed(rows / "widest", 9, false, 7, 64, std::numeric_limits<std::int64_t>::min());
}
