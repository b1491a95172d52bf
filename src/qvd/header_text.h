// Finds the XML header in a file and makes it well-formed where Qlik itself wrote it malformed.
// Defined by docs/qvd-format.md, section 2. Works on bytes: what the elements mean is header.cc's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"

namespace qvdhouse::qvd {

// XML 1.0, production S.
inline constexpr std::string_view kWhiteSpace = " \t\r\n";

struct HeaderText {
  std::string text;               // from the first byte after a byte order mark up to the NUL
  std::uint64_t file_offset = 0;  // of text[0]
  std::uint64_t body_offset = 0;  // of the byte after the NUL
};

// Reads in growing chunks until the NUL is found, at most base::kMaxHeaderBytes. Throws InputError
// at once when the first bytes show that this is no QVD, and names what it is if that is known.
HeaderText read_header_text(const base::ByteSource& source);

struct MalformedXml {
  std::size_t position = 0;  // in the text
  std::string message;       // what was expected and found there
};

// The first thing in `text` that XML forbids but a lenient parser lets pass: control bytes, a `&`
// that begins no reference, anything but white space after the root's end tag.
std::optional<MalformedXml> find_malformed_xml(std::string_view text);

// True for elements that hold text and never other elements.
bool is_text_element(std::string_view name);
// True where a control byte may not stay: in all texts but numbers, which say so themselves.
bool has_forbidden_control(std::string_view element, std::string_view text);

// What section 2.4 of the format allows to be mended: the text is cut behind the root's end tag and
// a missing `>` is supplied, control bytes are dropped, stray `<` and `&` within text elements are
// escaped. Names each kind of repair in `warnings`.
std::string repair_header_text(const HeaderText& header, std::vector<std::string>& warnings);

}  // namespace qvdhouse::qvd
