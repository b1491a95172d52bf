// The files of the web page (src/serve/dashboard and the libraries that it uses), embedded in the
// binary by cmake/embed.cmake: no file is needed on the machine that serves it.
#pragma once

#include <span>
#include <string_view>

namespace qvdhouse::serve {

struct Asset {
  std::string_view path;  // "/" or "/assets/app.js", as in the request
  std::string_view type;  // for Content-Type
  std::string_view body;
  std::string_view etag;  // of the content, in its quotes: for ETag and If-None-Match
};

// All of them; valid for ever.
std::span<const Asset> assets();

// The description of the API for programs: src/serve/api/openapi.json.
std::string_view openapi_document();

}  // namespace qvdhouse::serve
