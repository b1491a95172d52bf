// parse_symbols() on any bytes: 4 bytes NoOfSymbols, then the table. All that an accepted table can
// be asked is asked.
#include <vector>

#include "base/error.h"
#include "qvd/profile.h"
#include "qvd/symbols.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace qvdhouse::qvd;
using qvdhouse::fuzz::require;

void ask_everything(const SymbolTable& table, std::size_t byte_count) {
  std::size_t bytes = 0;
  for (std::size_t k = 0; k < table.size(); ++k) {
    std::size_t expected = 1;
    if (table.has_number(k)) {
      const bool is_int =
          table.kind(k) == SymbolKind::kInt || table.kind(k) == SymbolKind::kDualInt;
      if (is_int) require(table.number(k) == table.integer(k), "an int is one number");
      expected += is_int ? 4 : 8;
    }
    if (table.has_text(k)) expected += table.text(k).size() + 1;
    require(table.raw(k).size() == expected, "a symbol is its kind, its number and its text");
    bytes += expected;
  }
  require(bytes == byte_count, "symbols use up their bytes");
  const FieldProfile profile = profile_field(table);
  require(profile.symbol_count == table.size(), "the profile counts all symbols");
  require(profile.number_count() + profile.text_count == table.size(), "each symbol has one kind");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  qvdhouse::fuzz::FuzzInput input(data, size);
  FieldHeader field{.name = "F"};
  field.symbol_count = input.take<std::uint32_t>();
  const std::vector<std::byte> bytes(input.rest().begin(), input.rest().end());
  field.length = bytes.size();
  for (const InvalidUtf8 policy : {InvalidUtf8::kError, InvalidUtf8::kKeep}) {
    try {
      const SymbolTable table = parse_symbols(bytes, field, 100, policy);
      ask_everything(table, bytes.size());
      require(policy == InvalidUtf8::kKeep || table.invalid_utf8_count() == 0,
              "no text that is not UTF-8 gets through");
    } catch (const qvdhouse::base::InputError&) {
      continue;
    }
  }
  return 0;
}
