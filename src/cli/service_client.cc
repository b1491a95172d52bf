#include "cli/service_client.h"

#include <fmt/format.h>

#include "base/error.h"
#include "cli/exit_code.h"
#include "http/fetch.h"

namespace qvdhouse::cli {
namespace {

// What to connect to for what is listened on.
std::string host_of(const std::string& address) {
  if (address == "0.0.0.0") return "127.0.0.1";
  if (address == "::") return "[::1]";
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

[[noreturn]] void fail(long status, const Json& problem) {
  std::string detail = "the service answered " + std::to_string(status);
  if (problem.is_object()) detail = problem.value("detail", detail);
  if (status == 401) {
    throw base::ConfigError(
        "the service wants its token: set serve.token (QVD_TOKEN) to what `qvdhouse token` "
        "printed");
  }
  if (problem.is_object() && problem.contains("allowed")) {
    std::string allowed;
    for (const Json& item : problem["allowed"]) {
      if (item.is_string()) allowed += (allowed.empty() ? "" : ", ") + item.get<std::string>();
    }
    detail += fmt::format(" (there is: {})", allowed);
  }
  if (status >= 400 && status < 500) throw UsageError(detail);
  throw base::IoError(detail);
}

}  // namespace

ServiceClient::ServiceClient(const config::ServeSettings& settings)
    : origin_(fmt::format("{}://{}:{}", settings.http.tls_certificate.empty() ? "http" : "https",
                          host_of(settings.http.address), settings.port)),
      token_(settings.token),
      ca_file_(settings.tls_ca.empty() ? settings.http.tls_certificate : settings.tls_ca) {}

Json ServiceClient::ask(const std::string& method, const std::string& path,
                        const std::string& body) const {
  http::Request request{.url = origin_ + path, .ca_file = ca_file_, .use_proxy = false};
  if (!token_.empty()) request.headers.push_back("Authorization: Bearer " + token_);
  if (method == "POST") request.json = body;
  const http::Response response = http::fetch(request);
  if (!response.failure.empty()) {
    throw base::IoError(fmt::format(
        "no service answers at {} ({}): start one with `qvdhouse serve`, or say where it is with "
        "serve.address and serve.port",
        origin_, response.failure));
  }
  Json json = Json::parse(response.body, nullptr, false);
  if (response.status < 200 || response.status >= 300) fail(response.status, json);
  if (json.is_discarded()) {
    throw base::IoError("the server at " + origin_ + " is not a qvdhouse service");
  }
  return json;
}

}  // namespace qvdhouse::cli
