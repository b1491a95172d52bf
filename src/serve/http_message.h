// Between libmicrohttpd's connections and our plain requests and responses.
#pragma once

#include <microhttpd.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "serve/http_server.h"

namespace qvdhouse::serve {

// All of a request but its body.
HttpRequest read_request(MHD_Connection* connection, const char* path, const char* method);

// The address of the client, in numbers.
std::string peer_address(MHD_Connection* connection);

// Why it is not sure where a request of this header ends or whom it is for, as a sentence; empty:
// it is. A proxy before us may read such a header in another way, and take the rest of the body for
// the next client's request (request smuggling). `version` is "HTTP/1.1" or what else it says.
std::string framing_fault(const HttpRequest& request, std::string_view version);

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
