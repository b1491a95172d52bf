// Is a text UTF-8? As The Unicode Standard, table 3-7 defines it: no overlong forms, no surrogates,
// nothing above U+10FFFF. Fast where text is ASCII, which most of it is.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace qvdhouse::qvd {

// Where the first byte that is not UTF-8 stands: the first byte of the faulty sequence. Empty when
// all of `text` is UTF-8.
std::optional<std::size_t> find_invalid_utf8(std::string_view text) noexcept;

}  // namespace qvdhouse::qvd
