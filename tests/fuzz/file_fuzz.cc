// A whole file of any bytes, read the way a load reads it: header, symbols, rows in batches.
#include <algorithm>
#include <vector>

#include "base/error.h"
#include "qvd/header.h"
#include "qvd/profile.h"
#include "qvd/rows.h"
#include "qvd/symbols.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace qvdhouse::qvd;
using qvdhouse::fuzz::require;

constexpr std::uint64_t kBatchRows = 1000;

void read_rows(const qvdhouse::base::ByteSource& source, const TableHeader& header,
               const std::vector<std::uint64_t>& symbol_counts) {
  const RowDecoder decoder(header);
  std::vector<std::byte> records;
  std::vector<std::uint32_t> codes;
  for (std::uint64_t row = 0; row < header.record_count; row += kBatchRows) {
    const std::uint64_t count = std::min(kBatchRows, header.record_count - row);
    read_records(source, header, row, count, records);
    codes.resize(count);
    for (std::size_t field = 0; field < header.fields.size(); ++field) {
      decoder.decode(field, records.data(), row, codes);
      for (const std::uint32_t code : codes) {
        require(code <= symbol_counts[field], "a code is NULL or a symbol that is there");
        require(code != 0 || decoder.may_be_null(field), "NULL only where it may be");
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const qvdhouse::base::MemorySource source(std::as_bytes(std::span(data, size)));
  try {
    TableHeader header = read_header(source);
    check_complete(header);
    std::vector<std::uint64_t> symbol_counts;
    for (std::size_t field = 0; field < header.fields.size(); ++field) {
      const SymbolTable symbols = read_symbols(source, header, field, InvalidUtf8::kKeep);
      profile_field(symbols);
      symbol_counts.push_back(symbols.size());
    }
    read_rows(source, header, symbol_counts);
  } catch (const qvdhouse::base::InputError&) {
    return 0;
  }
  return 0;
}
