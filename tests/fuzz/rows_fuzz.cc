// RowDecoder on any records in any layout: 2 bytes RecordByteSize, then 21 bytes for each of up to
// 4 fields, then the records. The decoder says what the plain reference decoder says, or both
// refuse.
#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "qvd/header.h"
#include "qvd/reference_decoder.h"
#include "qvd/rows.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace qvdhouse::qvd;
using qvdhouse::base::InputError;
using qvdhouse::fuzz::FuzzInput;
using qvdhouse::fuzz::require;

// A field that read_header() would let pass, in a record of `record_bits`.
FieldHeader take_field(FuzzInput& input, std::uint64_t record_bits) {
  FieldHeader field;
  field.offset_bits = input.take<std::uint32_t>() % record_bits;
  field.width_bits =
      std::min<std::uint64_t>(input.take<std::uint8_t>() % 65, record_bits - field.offset_bits);
  field.bias = input.take<std::int64_t>();
  field.symbol_count = input.take<std::uint64_t>() % ((std::uint64_t{1} << 31) + 1);
  return field;
}

std::optional<std::vector<std::uint32_t>> decoded(const TableHeader& header, std::size_t field,
                                                  std::span<const std::byte> records,
                                                  bool foreign_null) {
  std::vector<std::uint32_t> codes(header.record_count);
  try {
    RowDecoder(header, foreign_null).decode(field, records.data(), 0, codes);
  } catch (const InputError&) {
    return std::nullopt;
  }
  return codes;
}

std::optional<std::vector<std::uint32_t>> reference(const TableHeader& header, std::size_t field,
                                                    std::span<const std::byte> records,
                                                    bool foreign_null) {
  std::vector<std::uint32_t> codes;
  try {
    for (std::uint64_t row = 0; row < header.record_count; ++row) {
      const auto record = records.subspan(row * header.record_bytes, header.record_bytes);
      const ReferenceCell cell = reference_cell(header, field, record, foreign_null);
      codes.push_back(cell ? static_cast<std::uint32_t>(*cell + 1) : 0);
    }
  } catch (const InputError&) {
    return std::nullopt;
  }
  return codes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  TableHeader header;
  header.record_bytes = input.take<std::uint16_t>() % 300 + 1;
  const bool foreign_null = (input.take<std::uint8_t>() & 1) != 0;
  const std::size_t field_count = input.take<std::uint8_t>() % 4 + 1U;
  for (std::size_t i = 0; i < field_count; ++i) {
    header.fields.push_back(take_field(input, header.record_bytes * 8));
  }
  header.record_count = input.rest().size() / header.record_bytes;
  // Exactly the padding that decode() may touch, so that a byte more is a finding.
  std::vector<std::byte> records(input.rest().begin(), input.rest().end());
  records.resize(header.record_count * header.record_bytes + RowDecoder::kPaddingBytes,
                 std::byte{0xA5});
  for (std::size_t i = 0; i < field_count; ++i) {
    require(
        decoded(header, i, records, foreign_null) == reference(header, i, records, foreign_null),
        "the decoder and the reference decoder give the same codes");
  }
  return 0;
}
