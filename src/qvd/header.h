// The XML header of a QVD file: what the table is called, which fields it has and where symbol
// tables and rows lie. Defined by docs/qvd-format.md, section 2.
// Texts that people wrote into it (comments, tags, lineage, the creator) come without their secrets
// (base/scrub.h): the file's bytes alone have them.
//
// Only this file's .cc knows XML. Reading touches the header's bytes only. Headers that Qlik
// itself writes malformed (stray `<`, `&`, control bytes) are repaired and each repair is named in
// `warnings`; everything else that is wrong is an InputError with element and byte offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"

namespace qvdhouse::qvd {

// How Qlik would display the field. A hint that often lies (docs/qvd-format.md, section 2.3).
struct NumberFormat {
  std::string
      type;  // UNKNOWN, INTEGER, REAL, FIX, MONEY, DATE, TIME, TIMESTAMP, INTERVAL, ASCII, 0
  int decimals = 0;            // nDec
  bool use_thousands = false;  // UseThou
  std::string format;          // Fmt, a Qlik pattern such as "DD/MM/YYYY"
  std::string decimal_sign;    // Dec
  std::string thousands_sign;  // Thou
};

struct FieldHeader {
  std::string name;               // verbatim, never trimmed
  std::uint64_t offset_bits = 0;  // BitOffset within the record
  std::uint64_t width_bits = 0;   // BitWidth, 0 for a constant
  std::int64_t bias = 0;          // Bias, added to the stored index; -2 in fields with NULLs
  NumberFormat number_format;
  std::uint64_t symbol_count = 0;  // NoOfSymbols
  std::uint64_t offset = 0;        // of the symbol table, bytes from the start of the body
  std::uint64_t length = 0;        // of the symbol table, bytes
  std::string comment;
  std::vector<std::string> tags;  // "$numeric", "$date", …
};

struct Lineage {
  std::string discriminator;  // a connection string, a path, a URL
  std::string statement;
};

struct TableHeader {
  std::string build_number;      // QvBuildNo
  std::string creator_document;  // CreatorDoc
  std::string created_at;        // CreateUtcTime, "YYYY-MM-DD HH:MM:SS" UTC, may be empty
  std::string table_name;
  std::string comment;
  std::vector<FieldHeader> fields;
  std::uint64_t record_bytes = 0;  // RecordByteSize
  std::uint64_t record_count = 0;  // NoOfRecords
  std::uint64_t rows_offset = 0;   // Offset: of the rows, bytes from the start of the body
  std::uint64_t rows_length = 0;   // Length: of the rows, bytes
  std::vector<Lineage> lineage;
  std::vector<std::string> table_tags;

  std::uint64_t body_offset = 0;      // bytes from the start of the file to the body (past the NUL)
  std::uint64_t file_bytes = 0;       // size of the file the header was read from
  std::vector<std::string> warnings;  // repairs and oddities, for people; never fatal

  // The size in bytes that a complete file with this header has.
  std::uint64_t expected_file_bytes() const { return body_offset + rows_offset + rows_length; }
};

// Reads and checks the header alone: XML, element values, every claimed size against
// `base/limits.h`, bit fields against the record (inside it, no overlap), ranges against each
// other. Compressed and encrypted files are recognised here and refused. The file may be shorter
// than expected_file_bytes(): call check_complete() before reading symbols or rows. Throws
// InputError, IoError.
TableHeader read_header(const base::ByteSource& source);

// True for files of the qvdrs writer, which stores NULL as index NoOfSymbols with Bias 0
// (docs/qvd-format.md, section 5). read_header() warns of them.
bool writes_foreign_null(const TableHeader& header);

// Throws InputError, naming both sizes, when the file is cut. A longer file gets a warning in
// `header.warnings` (trailing bytes are ignored).
void check_complete(TableHeader& header);

}  // namespace qvdhouse::qvd
