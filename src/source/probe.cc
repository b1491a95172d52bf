// The way to a source, step by step.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/error.h"
#include "source/archive_name.h"
#include "source/http_exchange.h"
#include "source/storage_state.h"
#include "source/url.h"

namespace qvdhouse::source {
namespace {

using Step = Storage::Step;

// Where the first connection goes.
struct Gate {
  std::string host;
  std::uint16_t port = 0;
  bool has_tls = false;
};

Gate gate_of_url(const std::string& text) {
  const std::optional<Url> url = parse_url(text);
  if (!url) return {};
  const bool has_tls = url->scheme == "https" || url->scheme == "ftps" || url->scheme == "webdavs";
  std::uint16_t port = url->port;
  if (port == 0) port = has_tls ? 443 : 80;
  return {.host = url->host, .port = port, .has_tls = has_tls};
}

std::string text_of(const nlohmann::json& parameters, const char* name) {
  return parameters.value(name, std::string());
}

// Empty host: unknown (a remote of the user's own configuration).
Gate gate_of(const Url& url, const Remote& remote) {
  const nlohmann::json& parameters = remote.parameters;
  const auto at = [&](std::uint16_t port, bool has_tls) {
    return Gate{.host = url.host, .port = url.port == 0 ? port : url.port, .has_tls = has_tls};
  };
  if (remote.type == "s3") {
    const std::string endpoint = text_of(parameters, "endpoint");
    if (endpoint.empty()) {
      return {.host = fmt::format("s3.{}.amazonaws.com", text_of(parameters, "region")),
              .port = 443,
              .has_tls = true};
    }
    return gate_of_url(!is_url(endpoint) ? "https://" + endpoint : endpoint);
  }
  if (remote.type == "gcs") {
    const std::string endpoint = text_of(parameters, "endpoint");
    return gate_of_url(endpoint.empty() ? "https://storage.googleapis.com" : endpoint);
  }
  if (remote.type == "azureblob") {
    const std::string signed_url = text_of(parameters, "sas_url");
    if (!signed_url.empty()) return gate_of_url(signed_url);
    return {.host = fmt::format("{}.{}", text_of(parameters, "account"),
                                text_of(parameters, "endpoint")),
            .port = 443,
            .has_tls = true};
  }
  if (remote.type == "sftp") return at(22, false);
  if (remote.type == "smb") return at(445, false);
  if (remote.type == "hdfs") return at(8020, false);
  if (remote.type == "ftp") return url.scheme == "ftps" ? at(990, true) : at(21, false);
  if (remote.type == "http") return gate_of_url(request_url(url));
  if (remote.type == "webdav") return gate_of_url(text_of(parameters, "url"));
  return {};
}

struct Connection {
  CURLcode code = CURLE_OK;
  std::string detail;   // libcurl's words
  std::string address;  // "127.0.0.1:443"; empty: not reached
  std::string proxy;
};

// Connects, with TLS if the gate has it, and sends nothing.
Connection connect_to(const Gate& gate, const Access& access) {
  http::Handle handle;
  const bool is_ipv6 = gate.host.find(':') != std::string::npos;
  const std::string url = fmt::format("{}://{}{}{}:{}/", gate.has_tls ? "https" : "http",
                                      is_ipv6 ? "[" : "", gate.host, is_ipv6 ? "]" : "", gate.port);
  CURL* h = handle.get();
  curl_easy_setopt(h, CURLOPT_URL, url.c_str());
  curl_easy_setopt(h, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(access.connect_timeout.count()));
  http::set_tls(handle, tls_of(access));
  Connection connection;
  connection.code = handle.perform();
  connection.detail = handle.error_text(connection.code);
  const char* ip = nullptr;
  long port = 0;
  curl_easy_getinfo(h, CURLINFO_PRIMARY_IP, &ip);
  curl_easy_getinfo(h, CURLINFO_PRIMARY_PORT, &port);
  if (ip != nullptr && *ip != '\0') connection.address = fmt::format("{}, port {}", ip, port);
  return connection;
}

bool is_resolve_failure(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY;
}

bool is_tls_failure(CURLcode code) {
  constexpr std::array<CURLcode, 7> kCodes = {
      CURLE_SSL_CONNECT_ERROR,    CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_CACERT_BADFILE,   CURLE_SSL_ISSUER_ERROR,         CURLE_SSL_CIPHER,
      CURLE_SSL_ENGINE_INITFAILED};
  return std::ranges::find(kCodes, code) != kCodes.end();
}

// The steps up to where the server is reached; true when it was.
bool reach(const Gate& gate, const Access& access, std::vector<Step>& steps) {
  const Connection connection = connect_to(gate, access);
  const std::string place = fmt::format("{}:{}", gate.host, gate.port);
  if (is_resolve_failure(connection.code)) {
    steps.push_back({"resolve", false, connection.detail,
                     "check the host's name in the URL or the endpoint, and this machine's DNS; "
                     "behind a proxy set http_proxy and https_proxy"});
    return false;
  }
  steps.push_back({"resolve", true, gate.host, {}});
  const bool is_tls = is_tls_failure(connection.code);
  if (connection.code != CURLE_OK && !is_tls) {
    steps.push_back({"connect", false, fmt::format("{}: {}", place, connection.detail),
                     "check host and port, that the server runs, and firewalls between"});
    return false;
  }
  steps.push_back({"connect", true, connection.address.empty() ? place : connection.address, {}});
  if (!gate.has_tls) return true;
  if (is_tls) {
    steps.push_back({"tls", false, connection.detail,
                     "if the server's certificate comes from a CA of your own, name that with "
                     "ca_file in [source]; if it asks for a certificate, set client_cert"});
    return false;
  }
  steps.push_back({"tls",
                   true,
                   access.verify_tls ? "the certificate is good"
                                     : "not checked (verify_tls = false in [source])",
                   {}});
  return true;
}

// Runs one step; what it throws is its failure.
template <typename Work>
bool run_step(std::vector<Step>& steps, const std::string& name, const std::string& fix,
              const Work& work) {
  try {
    steps.push_back({name, true, work(), {}});
    return true;
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error& error) {
    steps.push_back({name, false, error.what(), fix});
    return false;
  }
}

std::string counted(const std::vector<FileEntry>& files) {
  const auto taken =
      std::ranges::count_if(files, [](const FileEntry& file) { return file.skip_code.empty(); });
  return fmt::format("{} files to load, {} left out", taken,
                     static_cast<std::ptrdiff_t>(files.size()) - taken);
}

}  // namespace

std::vector<Step> Storage::probe(const std::string& source, const Selection& selection) {
  std::vector<Step> steps;
  std::optional<Url> url;
  try {
    url = parse_url(outer_place(source));
  } catch (const base::ConfigError& error) {
    return {{"resolve", false, error.what(), "correct the URL"}};
  }
  if (url && url->scheme != "file") {
    const Url full = state_->remembered(*url);
    Remote remote;
    // Said after the connection, but needed for where it goes.
    std::vector<Step> credentials;
    const bool known = run_step(credentials, "credentials", "set what is missing", [&] {
      remote = state_->remote(full);
      return remote.credentials;
    });
    if (!known) return credentials;
    const Gate gate = gate_of(full, remote);
    if (!gate.host.empty() && !reach(gate, state_->access, steps)) return steps;
    steps.push_back(credentials.front());
  }
  std::vector<FileEntry> files;
  const bool is_listed = run_step(steps, "list", "check path, credentials and their rights", [&] {
    files = list(source, selection);
    return counted(files);
  });
  const auto first = std::ranges::find_if(
      files, [](const FileEntry& file) { return file.skip_code.empty() && file.size > 0; });
  if (!is_listed || first == files.end()) return steps;
  run_step(steps, "first bytes", "check that these credentials may read files, not only list them",
           [&] {
             constexpr std::uint64_t kBytes = 4096;
             const auto file = open(*first);
             std::vector<std::byte> bytes(std::min(file->size(), kBytes));
             file->read_at(0, bytes);
             return fmt::format("{} bytes of {}", bytes.size(), first->path);
           });
  return steps;
}

}  // namespace qvdhouse::source
