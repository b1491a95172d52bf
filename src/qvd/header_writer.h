// The XML header as text, the way Qlik writes it: every element, in Qlik's order and indentation.
// The counterpart of read_header(). Defined by docs/qvd-format.md, sections 2.2 and 8.
#pragma once

#include <string>

#include "qvd/header.h"

namespace qvdhouse::qvd {

// The text of `header`, without the NUL that ends it in a file. It says exactly what `header` says:
// nothing is checked but that each text can stand in XML (body_offset, file_bytes and warnings are
// not part of the text). Lines end in CRLF, or in LF when `lf` is set, as Qlik's Linux engine
// writes. Throws InputError for a control character that XML cannot hold.
std::string format_header(const TableHeader& header, bool lf = false);

}  // namespace qvdhouse::qvd
