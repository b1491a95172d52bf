#include "cli/service_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cctype>
#include <memory>

#include "base/error.h"
#include "cli/exit_code.h"

namespace qvdhouse::cli {
namespace {

constexpr long kTimeoutSeconds = 60;

std::size_t append(char* data, std::size_t size, std::size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

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

ServiceClient::ServiceClient(const ServeSettings& settings)
    : origin_(fmt::format("{}://{}:{}", settings.tls_certificate.empty() ? "http" : "https",
                          host_of(settings.address), settings.port)),
      token_(settings.token),
      ca_file_(settings.tls_ca.empty() ? settings.tls_certificate : settings.tls_ca) {}

Json ServiceClient::ask(const std::string& method, const std::string& path,
                        const std::string& body) const {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> owner(curl_easy_init(),
                                                                  &curl_easy_cleanup);
  CURL* curl = owner.get();
  if (curl == nullptr) throw base::IoError("libcurl could not be started");
  curl_slist* list = curl_slist_append(nullptr, "Content-Type: application/json");
  if (!token_.empty()) {
    list = curl_slist_append(list, ("Authorization: Bearer " + token_).c_str());
  }
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list,
                                                                            &curl_slist_free_all);
  std::string answer;
  const std::string url = origin_ + path;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, kTimeoutSeconds);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  if (!ca_file_.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file_.c_str());
  if (method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  }
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) {
    throw base::IoError(fmt::format(
        "no service answers at {} ({}): start one with `qvdhouse serve`, or say where it is with "
        "serve.address and serve.port",
        origin_, curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  Json json = Json::parse(answer, nullptr, false);
  if (status < 200 || status >= 300) fail(status, json);
  if (json.is_discarded()) {
    throw base::IoError("what answers at " + origin_ + " is no qvdhouse service");
  }
  return json;
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ||
                          c == '_' || c == '.' || c == '~';
    out += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace qvdhouse::cli
