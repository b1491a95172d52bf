#include "serve/http_message.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "base/ascii.h"

namespace qvdhouse::serve {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kStreamBlock = 32 << 10;

MHD_Result add_pair(void* pairs, MHD_ValueKind /*kind*/, const char* key, std::size_t key_size,
                    const char* value, std::size_t value_size) {
  std::string text;
  if (value != nullptr) text.assign(value, value_size);  // "?key" has none
  static_cast<Pairs*>(pairs)->emplace_back(std::string(key, key_size), std::move(text));
  return MHD_YES;
}

Pairs values(MHD_Connection* connection, MHD_ValueKind kind) {
  Pairs pairs;
  MHD_get_connection_values_n(connection, kind, &add_pair, &pairs);
  return pairs;
}

std::vector<std::string> values_of(const HttpRequest& request, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [key, value] : request.headers) {
    if (base::equal_ignoring_case(key, name)) values.push_back(value);
  }
  return values;
}

// What RFC 9110 calls a token.
bool is_header_name(std::string_view name) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return base::is_lower(c) || base::is_upper(c) || base::is_digit(c) ||
           kSigns.find(c) != std::string_view::npos;
  });
}

// 10^18 bytes are more than any body has, and fit in 64 bits.
bool is_length(std::string_view text) {
  constexpr std::size_t kMostDigits = 18;
  return !text.empty() && text.size() <= kMostDigits &&
         std::ranges::all_of(text, [](char c) { return base::is_digit(c); });
}

void free_body(void* body) { delete static_cast<std::string*>(body); }

MHD_Response* body_response(std::string&& body) {
  auto owned = std::make_unique<std::string>(std::move(body));
  std::string* bytes = owned.get();
  MHD_Response* response = MHD_create_response_from_buffer_with_free_callback_cls(
      bytes->size(), bytes->data(), &free_body, bytes);
  if (response != nullptr) static_cast<void>(owned.release());  // free_body() owns it now
  return response;
}

}  // namespace

std::optional<std::string> HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (base::equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string> HttpRequest::parameter(std::string_view name) const {
  const auto found = std::find_if(query.rbegin(), query.rend(),
                                  [&](const auto& pair) { return pair.first == name; });
  if (found == query.rend()) return std::nullopt;
  return found->second;
}

std::string peer_address(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return "";
  const socklen_t size =
      info->client_addr->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  char host[NI_MAXHOST] = "";
  getnameinfo(info->client_addr, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return host;
}

HttpRequest read_request(MHD_Connection* connection, const char* path, const char* method) {
  HttpRequest request;
  request.method = method;
  request.path = path;
  request.query = values(connection, MHD_GET_ARGUMENT_KIND);
  request.headers = values(connection, MHD_HEADER_KIND);
  request.peer = peer_address(connection);
  return request;
}

std::string framing_fault(const HttpRequest& request, std::string_view version) {
  for (const auto& [name, value] : request.headers) {
    if (!is_header_name(name)) return "the name of a header has a character that none may have";
    // libmicrohttpd joins a line that goes on (obs-fold, RFC 9112, 5.2) to the header's name when
    // the value is empty.
    for (const std::string_view framing : {"content-length", "transfer-encoding"}) {
      if (name.size() > framing.size() &&
          base::equal_ignoring_case(std::string_view(name).substr(0, framing.size()), framing)) {
        return "expected each header on one line, found one that goes on";
      }
    }
  }
  const std::vector<std::string> lengths = values_of(request, "Content-Length");
  const std::vector<std::string> codings = values_of(request, "Transfer-Encoding");
  if (values_of(request, "Host").size() > 1) return "expected one Host header, found several";
  if (lengths.size() > 1) return "expected one Content-Length header, found several";
  if (codings.size() > 1) return "expected one Transfer-Encoding header, found several";
  if (!lengths.empty() && !codings.empty()) {
    return "expected Content-Length or Transfer-Encoding, found both";
  }
  if (!lengths.empty() && !is_length(lengths.front())) {
    return "expected digits as Content-Length";
  }
  if (codings.empty()) return "";
  if (!base::equal_ignoring_case(codings.front(), "chunked")) {
    return "expected no Transfer-Encoding but chunked";
  }
  return version == MHD_HTTP_VERSION_1_0 ? "HTTP/1.0 has no Transfer-Encoding" : "";
}

OwnedResponse make_response(HttpResponse&& response, const StreamReader& stream) {
  MHD_Response* made = stream.read != nullptr ? MHD_create_response_from_callback(
                                                    MHD_SIZE_UNKNOWN, kStreamBlock, stream.read,
                                                    stream.context, stream.free_context)
                                              : body_response(std::move(response.body));
  OwnedResponse owned(made, &MHD_destroy_response);
  if (!owned) return owned;
  if (!response.type.empty()) {
    MHD_add_response_header(made, MHD_HTTP_HEADER_CONTENT_TYPE, response.type.c_str());
  }
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(made, name.c_str(), value.c_str());
  }
  return owned;
}

}  // namespace qvdhouse::serve
