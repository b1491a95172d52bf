// The distinct values of one column while its rows come in: each gets a number when it is first
// seen, and is encoded as a symbol of a QVD file then. Rows cost one look-up each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clickhouse/native_decoder.h"
#include "qvd/header.h"
#include "qvd/symbols.h"
#include "qvd/writer.h"
#include "schema/temporal.h"
#include "unload/reading.h"

namespace qvdhouse::unload {

// A code is 0 for NULL and k + 1 for symbol k, as in qvd::FieldData.
using Code = std::uint32_t;

// Values of up to 8 bytes, by their bits.
class BitsTable {
 public:
  // The code of `bits`; a new one gets `next`, and `added` is set.
  Code find_or_add(std::uint64_t bits, Code next, bool& added);
  // Starts to fetch what find_or_add() will look at, so that it need not wait for memory.
  void prefetch(std::uint64_t bits) const;
  // Another code for bits that are there.
  void set(std::uint64_t bits, Code code);
  std::size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t bits = 0;
    Code code = 0;  // 0: free
  };
  void grow();
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

// Texts. They are kept as text symbols, one behind the other, so that a column of texts has its
// symbol table here.
class TextTable {
 public:
  struct Entry {
    std::uint64_t offset;  // of the text in symbols()
    std::uint64_t length;  // in bytes
    Code code;
  };
  static std::uint32_t hash_of(std::string_view text);
  // The entry of `text`, valid until the next call; a new one gets the code `next`, and `added` is
  // set.
  Entry& find_or_add(std::string_view text, std::uint32_t hash, Code next, bool& added);
  // Start to fetch what find_or_add() will look at: first the one for some texts, then the other.
  void prefetch_slot(std::uint32_t hash) const;
  void prefetch_entry(std::uint32_t hash) const;
  std::size_t memory_bytes() const;
  const std::vector<std::byte>& symbols() const { return symbols_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t entry = 0;  // 0: free; else entries_[entry - 1]
  };
  void grow();
  std::vector<std::byte> symbols_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;
};

// What is to be said of a column once its rows are known. Counts are of distinct values unless they
// say otherwise.
struct ColumnFacts {
  std::uint64_t number_count = 0;
  std::uint64_t text_count = 0;
  std::uint64_t null_rows = 0;
  bool all_whole = true;       // of the numbers
  bool all_within_day = true;  // of times: from 00:00 to 24:00
  bool all_ascii = true;
  std::uint64_t digits_as_text = 0;   // numbers of more digits than a double holds
  std::uint64_t rounded = 0;          // times that are not exact to a microsecond
  std::uint64_t ambiguous_times = 0;  // stamps in an hour that the zone's clock shows twice
  std::uint64_t nul_rows = 0;         // rows whose text holds a NUL byte
  std::uint64_t invalid_rows = 0;     // rows whose text is not UTF-8, where that is refused
};

class ColumnSymbols {
 public:
  // Throws SchemaError for a time zone that this machine does not know.
  ColumnSymbols(Reading reading, qvd::InvalidUtf8 invalid_utf8);

  // The codes of the rows of `column`, one each. Throws IoError when its values are not those that
  // the reading expects.
  void encode(const clickhouse::DecodedColumn& column, std::vector<Code>& codes);

  const Reading& reading() const { return reading_; }
  const ColumnFacts& facts() const { return facts_; }
  std::uint64_t count() const { return count_; }
  const std::vector<std::byte>& symbols() const {
    return keeps_texts() ? texts_.symbols() : symbols_;
  }
  std::size_t memory_bytes() const;
  // Whether the field can hold NULL: by the column's type, whether there is one or not.
  bool nullable() const { return reading_.nullable || facts_.null_rows > 0; }

  qvd::NumberFormat number_format() const;
  std::vector<std::string> tags() const;  // as Qlik writes them

 private:
  bool keeps_texts() const {
    return reading_.conversion == Conversion::kText ||
           reading_.conversion == Conversion::kFixedText;
  }
  template <class Bits>
  void encode_bits(const clickhouse::DecodedValues& values, std::span<const std::uint8_t> nulls,
                   std::span<Code> codes);
  void encode_texts(const clickhouse::DecodedValues& values, std::span<const std::uint8_t> nulls,
                    std::span<Code> codes);
  void encode_values(const clickhouse::DecodedValues& values, std::span<const std::uint8_t> nulls,
                     std::span<Code> codes);
  void encode_dictionary(const clickhouse::DecodedColumn& column, std::span<Code> codes);
  Code code_of_bits(std::uint64_t bits, std::size_t value_bytes);
  Code code_of_text(std::string_view text, std::uint32_t hash);
  Code add(const qvd::Value& value);
  void note_text(std::string_view text);
  void count_refused(std::span<const Code> codes);
  bool may_share_numbers() const;
  qvd::Value value_of(std::uint64_t bits, std::size_t value_bytes);
  qvd::Value whole_value(std::int64_t number);
  qvd::Value unsigned_value(std::uint64_t number);
  qvd::Value digits_value(std::string_view digits);
  qvd::Value stamp_value(std::int64_t ticks);
  qvd::Value time_value(std::int64_t ticks);
  qvd::Value interval_value(std::int64_t units);
  std::int64_t microseconds_of(std::int64_t ticks);

  Reading reading_;
  qvd::InvalidUtf8 invalid_utf8_;
  schema::Zone zone_;
  BitsTable bits_;
  TextTable texts_;
  std::vector<std::byte> symbols_;
  std::uint64_t count_ = 0;
  // Numbers of which several values may have one: stamps of an hour that came twice, or that differ
  // by nanoseconds only. Qlik has no two symbols with one number.
  std::unordered_map<std::uint64_t, Code> by_number_;
  std::set<Code> with_nul_;
  std::set<Code> not_utf8_;
  std::vector<Code> of_keys_;  // of a block's dictionary
  ColumnFacts facts_;
};

}  // namespace qvdhouse::unload
