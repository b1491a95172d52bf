// Sources as texts: what may be shown of them.
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::cli {

// The text with stars for user info and query of a URL, wherever they may stand, also in a text
// that is not a valid URL. A path stays as it is.
std::string masked_source(std::string_view text);

}  // namespace qvdhouse::cli
