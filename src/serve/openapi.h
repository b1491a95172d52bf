// The description of the API for programs: src/serve/api/openapi.json, embedded in the binary.
#pragma once

#include <string_view>

namespace qvdhouse::serve {

std::string_view openapi_document();

}  // namespace qvdhouse::serve
