#include <fmt/format.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/error.h"
#include "base/hmac.h"
#include "source/remote_families.h"

namespace qvdhouse::source {
namespace {

constexpr std::string_view kPublicSuffix = "blob.core.windows.net";
// What UseDevelopmentStorage=true stands for; the key is published by its makers.
constexpr std::string_view kEmulatorAccount = "devstoreaccount1";
constexpr std::string_view kEmulatorKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
constexpr std::string_view kEmulatorEndpoint = "http://127.0.0.1:10000/devstoreaccount1";

// A shared access signature (read and list, of all blobs of the account) for an endpoint that
// rclone's own parameters cannot name ("Create an account SAS" of Azure's REST reference). Ends at
// the midnight (UTC) after next week's, so that the same day gives the same text. Throws
// ConfigError for a key that is not base64.
std::string account_signature(const std::string& account, const std::string& key) {
  using std::chrono::days;
  const std::chrono::year_month_day end(std::chrono::floor<days>(std::chrono::system_clock::now()) +
                                        days(8));
  const std::string expiry =
      fmt::format("{:04}-{:02}-{:02}T00:00:00Z", static_cast<int>(end.year()),
                  static_cast<unsigned>(end.month()), static_cast<unsigned>(end.day()));
  constexpr const char* kVersion = "2018-11-09";
  constexpr const char* kPermissions = "rl";
  constexpr const char* kServices = "b";
  constexpr const char* kResources = "co";
  constexpr const char* kProtocols = "https,http";  // emulators have no TLS
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}\n\n{}\n\n{}\n{}\n", account, kPermissions,
                                          kServices, kResources, expiry, kProtocols, kVersion);
  const std::optional<std::string> key_bytes = base::decode_base64(key);
  if (!key_bytes || key_bytes->empty()) {
    throw base::ConfigError(
        "Azure's account key: expected base64, found another text; copy it again from the portal "
        "(Access keys)");
  }
  const std::string signature = base::encode_base64(base::hmac_sha256(*key_bytes, to_sign));
  return fmt::format("sv={}&ss={}&srt={}&sp={}&se={}&spr={}&sig={}", kVersion, kServices,
                     kResources, kPermissions, base::encode_component(expiry),
                     base::encode_component(kProtocols), base::encode_component(signature));
}

struct Place {
  std::string account;   // empty: the credentials say it
  std::string suffix;    // "blob.core.windows.net"; empty: the credentials say it
  std::string endpoint;  // of the emulator or another host; else empty
  std::string container;
  std::string path;
};

// "account.blob.core.windows.net" or, for the same data, "account.dfs.core.windows.net".
bool split_host(const std::string& host, Place& place) {
  for (const std::string_view kind : {".blob.core.", ".dfs.core."}) {
    const std::size_t at = host.find(kind);
    if (at == std::string::npos || at == 0) continue;
    place.account = host.substr(0, at);
    place.suffix = fmt::format("blob.core.{}", host.substr(at + kind.size()));
    return true;
  }
  return false;
}

Place place_of(const Url& url) {
  Place place{.path = below_root(url.path)};
  if (!url.user.empty()) {  // abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/path
    place.container = url.user;
    if (!split_host(url.host, place)) place.account = url.host;
    return place;
  }
  if (!split_host(url.host, place)) {  // az://CONTAINER/path
    place.container = url.host;
    return place;
  }
  // https://ACCOUNT.blob.core.windows.net/CONTAINER/path
  const std::size_t slash = std::min(place.path.find('/'), place.path.size());
  place.container = place.path.substr(0, slash);
  place.path = below_root(std::string_view(place.path).substr(slash));
  if (place.container.empty()) {
    throw base::ConfigError(fmt::format(
        "source: expected {0}://ACCOUNT.blob.core.windows.net/CONTAINER/path, found no container",
        url.scheme));
  }
  return place;
}

std::map<std::string, std::string> split_connection(const std::string& text) {
  std::map<std::string, std::string> parts;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(';', start), text.size());
    const std::string item = text.substr(start, end - start);
    // Keys and signatures hold '=' themselves: only the first one parts.
    if (const std::size_t equals = item.find('='); equals != std::string::npos) {
      parts[item.substr(0, equals)] = item.substr(equals + 1);
    }
    start = end + 1;
  }
  return parts;
}

struct Credentials {
  std::string account;
  std::string key;
  std::string sas;
  std::string suffix;
  std::string endpoint;
  std::string source;
};

Credentials connection_credentials(const std::string& text) {
  std::map<std::string, std::string> parts = split_connection(text);
  Credentials found{.account = parts["AccountName"],
                    .key = parts["AccountKey"],
                    .sas = parts["SharedAccessSignature"],
                    .endpoint = parts["BlobEndpoint"],
                    .source = "AZURE_STORAGE_CONNECTION_STRING"};
  if (parts["UseDevelopmentStorage"] == "true") {
    found.account = kEmulatorAccount;
    found.key = kEmulatorKey;
    found.endpoint = kEmulatorEndpoint;
  }
  while (found.endpoint.ends_with('/')) found.endpoint.pop_back();
  if (found.endpoint.starts_with("https://")) {
    Place named;
    if (split_host(found.endpoint.substr(8), named)) {
      found.suffix = named.suffix;
      found.endpoint.clear();
      if (found.account.empty()) found.account = named.account;
    }
  }
  if (found.suffix.empty() && !parts["EndpointSuffix"].empty()) {
    found.suffix = "blob." + parts["EndpointSuffix"];
  }
  if (found.key.empty() && found.sas.empty()) {
    throw base::ConfigError(
        "AZURE_STORAGE_CONNECTION_STRING: expected an AccountKey or a SharedAccessSignature in it, "
        "found neither; copy it again from the portal (Access keys)");
  }
  return found;
}

Credentials environment_credentials(const Environment& environment) {
  if (const std::string text = value_of(environment, "AZURE_STORAGE_CONNECTION_STRING");
      !text.empty()) {
    return connection_credentials(text);
  }
  Credentials found{
      .account = first_of(environment, {"AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"}),
      .key = first_of(environment, {"AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"})};
  if (!found.key.empty()) {
    found.source = "AZURE_STORAGE_ACCOUNT_KEY of the environment";
    return found;
  }
  found.sas = value_of(environment, "AZURE_STORAGE_SAS_TOKEN");
  if (!found.sas.empty()) found.source = "AZURE_STORAGE_SAS_TOKEN of the environment";
  return found;
}

std::string base_of(const Place& place) {
  if (!place.endpoint.empty()) return place.endpoint;
  return fmt::format("https://{}.{}", place.account, place.suffix);
}

std::string signed_url(const Place& place, std::string_view signature) {
  if (signature.starts_with('?')) signature.remove_prefix(1);
  const std::string url = fmt::format("{}/{}", base_of(place), base::encode_path(place.container));
  return signature.empty() ? url : fmt::format("{}?{}", url, signature);
}

// What neither key nor signature is needed for. The parameters of a service principal are those of
// rclone 1.61; before it there was only a file for it.
std::string add_identity(nlohmann::json& parameters, const Environment& environment) {
  const auto either = [&](const std::string& name) {
    return first_of(environment, {"AZURE_STORAGE_" + name, "AZURE_" + name});
  };
  const std::string tenant = either("TENANT_ID");
  const std::string client = either("CLIENT_ID");
  const std::string secret = either("CLIENT_SECRET");
  if (!tenant.empty() && !client.empty() && !secret.empty()) {
    parameters["tenant"] = tenant;
    parameters["client_id"] = client;
    parameters["client_secret"] = secret;
    return "the service principal of AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET";
  }
  parameters["use_msi"] = "true";
  if (!client.empty()) parameters["msi_client_id"] = client;
  return "the machine's managed identity";
}

std::string add_credentials(nlohmann::json& parameters, const Url& url, const Access& access,
                            const Environment& environment, Place& place) {
  const std::string& query = url.query;
  Credentials found;
  const std::string wanted = place.account;
  if (query.empty()) found = environment_credentials(environment);
  // What is known of another account is of no use here.
  if (!wanted.empty() && !found.account.empty() && found.account != wanted) found = {};
  if (place.account.empty()) place.account = found.account;
  if (place.suffix.empty()) place.suffix = found.suffix;
  if (place.suffix.empty()) place.suffix = kPublicSuffix;
  place.endpoint = found.endpoint;
  if (place.account.empty() && place.endpoint.empty()) {
    throw base::ConfigError(fmt::format(
        "source: expected the storage account of the container {0}, found none; write "
        "abfs://{0}@ACCOUNT.dfs.core.windows.net/path, or set AZURE_STORAGE_ACCOUNT_NAME or "
        "AZURE_STORAGE_CONNECTION_STRING",
        place.container));
  }
  if (access.anonymous || value_of(environment, "AZURE_STORAGE_ANON") == "true") {
    parameters["sas_url"] = signed_url(place, "");
    return access.anonymous ? "anonymous (source.anonymous)" : "anonymous (AZURE_STORAGE_ANON)";
  }
  if (!query.empty()) {
    parameters["sas_url"] = signed_url(place, query);
    return "the shared access signature of the URL";
  }
  if (!found.key.empty()) {
    if (place.endpoint.empty()) {
      parameters["account"] = place.account;
      parameters["key"] = found.key;
      parameters["endpoint"] = place.suffix;
    } else {
      parameters["sas_url"] = signed_url(place, account_signature(place.account, found.key));
    }
    return found.source;
  }
  if (!found.sas.empty()) {
    parameters["sas_url"] = signed_url(place, found.sas);
    return found.source;
  }
  parameters["account"] = place.account;
  parameters["endpoint"] = place.suffix;
  return add_identity(parameters, environment);
}

}  // namespace

bool is_azure_host(const Url& url) {
  Place place;
  return (url.scheme == "https" || url.scheme == "http") &&
         url.host.find(".blob.core.") != std::string::npos && split_host(url.host, place);
}

Remote azure_remote(const Url& url, const Access& access, const Environment& environment) {
  Place place = place_of(url);
  Remote remote{.type = "azureblob",
                .parameters = nlohmann::json::object(),
                .own_name = {},
                .root = place.container,
                .path = place.path,
                .source_type = "az",
                .credentials = {},
                .public_root = {}};
  remote.credentials = add_credentials(remote.parameters, url, access, environment, place);
  if (is_azure_host(url)) {
    Url root = url;
    root.path = "/" + place.container;
    remote.public_root = public_text(root);
  }
  return remote;
}

}  // namespace qvdhouse::source
