// Between libmicrohttpd's connections and our plain requests and responses.
#pragma once

#include <microhttpd.h>

#include <functional>
#include <memory>

#include "serve/http_server.h"

namespace qvdhouse::serve {

// All of a request but its body.
HttpRequest read_request(MHD_Connection* connection, const char* path, const char* method);

using OwnedResponse = std::unique_ptr<MHD_Response, decltype(&MHD_destroy_response)>;

// Takes the body. `stream`: what libmicrohttpd pulls a stream's bytes with; it owns `context` and
// gives it to `free_context` at the end. Null: the response has a body.
struct StreamReader {
  MHD_ContentReaderCallback read = nullptr;
  void* context = nullptr;
  MHD_ContentReaderFreeCallback free_context = nullptr;
};
OwnedResponse make_response(HttpResponse&& response, const StreamReader& stream);

}  // namespace qvdhouse::serve
