// Percent coding of URLs (RFC 3986, section 2.1).
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::http {

// Encodes each byte but letters, digits and "-._~/": a path keeps its separators.
std::string encode_path(std::string_view path);

// Encodes each byte but letters, digits and "-._~": one segment of a path, or a value of a query.
std::string encode_component(std::string_view text);

// Decodes each "%XX"; a '%' without two hexadecimal digits stays as it is.
std::string decode_percent(std::string_view text);

}  // namespace qvdhouse::http
