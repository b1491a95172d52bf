// Sources as texts: what may be shown of them, and which file lies below which.
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::cli {

// The text with stars for user info and query of a URL, wherever they may stand, also in a text
// that is no good URL. A path stays as it is.
std::string masked_source(std::string_view text);

// What a file of this name is called in tracking: an absolute path, or a URL without user info and
// query. The text itself where that can not be told.
std::string identity_of(const std::string& text);

// The path of the file below the source, decoded; the identity where it lies elsewhere.
std::string path_below(const std::string& identity, const std::string& source);

// Whether the file of this identity lies below the source, or is it. The source may be a glob: then
// below the part of it that has no wildcard.
bool is_below(std::string_view identity, const std::string& source);

}  // namespace qvdhouse::cli
