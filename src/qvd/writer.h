// Writes QVD files that Qlik accepts: Bias -2 where there are NULLs, widths that tile the record,
// every element in Qlik's order. Defined by docs/qvd-format.md, section 8. Used by samples and
// tests; output is byte-identical for identical input. Values are written in the order given: Qlik
// orders them by first use and has no two that are equal (equal numbers, or equal texts without a
// number).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qvd/header.h"
#include "qvd/symbols.h"

namespace qvdhouse::qvd {

// One distinct value to be written. Text must not contain NUL bytes.
struct Value {
  SymbolKind kind = SymbolKind::kText;
  double number = 0;  // kInt/kDualInt: a whole number within int32
  std::string text;
  static Value of(std::int32_t number);                     // kInt
  static Value of(double number);                           // kInt if it is an int32, else kDouble
  static Value of(std::string_view text);                   // kText
  static Value dual(double number, std::string_view text);  // kDualInt or kDualDouble, likewise
};

// One field: its distinct values, and for each row a code (0 = NULL, k + 1 = values[k]; the same
// numbering as qvd/rows.h).
struct FieldData {
  std::string name;
  std::vector<Value> values;
  std::vector<std::uint32_t> codes;
  NumberFormat number_format;  // an empty type is written as UNKNOWN
  std::string comment;
  std::vector<std::string> tags;
  // Layouts that other writers use, for tests; unset means what Qlik does. A bias of 0 forced on a
  // field with NULLs stores NULL as the number of values, as the qvdrs writer does. Offsets may be
  // in any order and leave gaps, which are filled with zero bits; a field without one follows the
  // field before it.
  std::optional<std::int64_t> bias;
  std::optional<std::uint64_t> width_bits;
  std::optional<std::uint64_t> offset_bits;
};

struct TableData {
  std::string name;
  std::vector<FieldData> fields;
  std::uint64_t row_count = 0;
  std::string comment;
  std::string creator_document = "qvdhouse";
  std::string created_at;  // "YYYY-MM-DD HH:MM:SS"; empty leaves the element empty
  std::vector<Lineage> lineage;
  std::vector<std::string> tags{};  // of the table
  bool lf_header = false;           // LF instead of CRLF, as Qlik's Linux engine writes
};

// A symbol table that is encoded already (append_symbol()), instead of FieldData::values.
struct EncodedSymbols {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

// Appends a value as it stands in a symbol table. Throws base::InputError for an int outside int32
// and for NUL in text; `field_name` goes into the message.
void append_symbol(std::string_view field_name, const Value& value, std::vector<std::byte>& out);

// The whole file. Throws base::InputError when the data break a rule: no field, code out of range,
// NUL in text, an int outside int32, forced width too narrow, forced offsets that overlap.
std::vector<std::byte> write_qvd(const TableData& table);

// The same in pieces, for files larger than memory: header and symbol tables first, then rows in
// order. `row_count` rows must follow; FieldData::codes are ignored (`nullable[i]` says whether
// field i may be NULL).
class QvdWriter {
 public:
  QvdWriter(const TableData& table, const std::vector<bool>& nullable);
  // The same of symbol tables that the caller keeps, one a field: head() is without them, and they
  // follow it in the order of the fields. FieldData::values are ignored.
  QvdWriter(const TableData& table, const std::vector<bool>& nullable,
            std::span<const EncodedSymbols> symbols);
  // XML header, NUL and all symbol tables that were not encoded by the caller.
  const std::vector<std::byte>& head() const { return head_; }
  std::size_t record_bytes() const { return record_bytes_; }
  // Appends records to `out`; codes[field][row], all of one length. Throws base::InputError for a
  // code that the field cannot hold.
  void append_rows(std::span<const std::vector<std::uint32_t>> codes,
                   std::vector<std::byte>& out) const;

 private:
  struct Layout {
    std::string name;
    std::uint64_t offset_bits;
    std::int64_t bias;
    std::uint64_t symbol_count;
    std::optional<std::uint64_t> stored_null;
  };
  void lay_out(const TableData& table, const std::vector<bool>& nullable,
               std::span<const EncodedSymbols> symbols);
  static std::uint64_t stored_index(const Layout& field, std::uint32_t code, std::size_t row);
  std::vector<std::byte> head_;
  std::vector<Layout> layout_;
  std::size_t record_bytes_ = 0;
};

}  // namespace qvdhouse::qvd
