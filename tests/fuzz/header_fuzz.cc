// read_header() on any bytes. A header that is accepted says the same after it was written again.
#include <vector>

#include "base/error.h"
#include "qvd/header.h"
#include "qvd/header_writer.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using qvdhouse::base::InputError;
using qvdhouse::base::MemorySource;
using qvdhouse::fuzz::require;
using namespace qvdhouse::qvd;

bool same_field(const FieldHeader& a, const FieldHeader& b) {
  return a.name == b.name && a.offset_bits == b.offset_bits && a.width_bits == b.width_bits &&
         a.bias == b.bias && a.symbol_count == b.symbol_count && a.offset == b.offset &&
         a.length == b.length && a.comment == b.comment && a.tags == b.tags &&
         a.number_format.type == b.number_format.type &&
         a.number_format.decimals == b.number_format.decimals &&
         a.number_format.format == b.number_format.format;
}

void require_same_when_written(const TableHeader& header) {
  const std::string text = format_header(header) + '\0';
  const TableHeader again = read_header(MemorySource(std::as_bytes(std::span(text))));
  require(again.table_name == header.table_name && again.comment == header.comment &&
              again.record_bytes == header.record_bytes &&
              again.record_count == header.record_count &&
              again.rows_offset == header.rows_offset && again.rows_length == header.rows_length &&
              again.fields.size() == header.fields.size() &&
              again.lineage.size() == header.lineage.size(),
          "a table header reads the same after it was written again");
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    require(same_field(header.fields[i], again.fields[i]),
            "a field header reads the same after it was written again");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemorySource source(std::as_bytes(std::span(data, size)));
  TableHeader header;
  try {
    header = read_header(source);
  } catch (const InputError&) {
    return 0;
  }
  // Written again the header is longer, which sizes near 2^64 do not survive.
  constexpr std::uint64_t kRoom = std::uint64_t{1} << 62;
  if (header.rows_offset < kRoom && header.rows_length < kRoom) require_same_when_written(header);
  try {
    check_complete(header);
  } catch (const InputError&) {
    return 0;
  }
  return 0;
}
