// Bytes as text and back: percent coding of URLs (RFC 3986, section 2.1), base64 and hexadecimal
// digits (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::base {

// Encodes each byte but letters, digits and "-._~/": a path keeps its separators.
std::string encode_path(std::string_view path);

// Encodes each byte but letters, digits and "-._~": one segment of a path, or a value of a query.
std::string encode_component(std::string_view text);

// Decodes each "%XX"; a '%' without two hexadecimal digits stays as it is.
std::string decode_percent(std::string_view text);

// With `=` at the end up to a multiple of four characters.
std::string encode_base64(std::string_view bytes);

// Two digits a byte, in lower case.
std::string encode_hex(std::string_view bytes);

// Blanks around the text do not count, and `=` at its end may be missing. Empty when it is not
// base64.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace qvdhouse::base
