#include "serve/auth.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/error.h"
#include "base/loopback.h"

namespace qvdhouse::serve {
namespace {

constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::size_t kTokenBytes = 32;

// "host:port" → "host", "[::1]:80" → "::1".
std::string host_part(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return std::string(authority.substr(1, end == std::string_view::npos ? end : end - 1));
  }
  return std::string(authority.substr(0, authority.find(':')));
}

bool is_ip_address(const std::string& host) {
  in6_addr bytes;
  return inet_pton(AF_INET, host.c_str(), &bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &bytes) == 1;
}

}  // namespace

std::string new_token() {
  std::string bytes(kTokenBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), kTokenBytes) != 1) {
    throw base::IoError("the system gives no random bytes for a token");
  }
  std::string token = "qvd_" + base::encode_base64(bytes);
  while (token.ends_with('=')) token.pop_back();
  std::ranges::replace(token, '+', '-');
  std::ranges::replace(token, '/', '_');
  return token;
}

std::string hash_token(std::string_view token) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(token.data(), token.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return std::string(kHashPrefix) +
         base::encode_hex({reinterpret_cast<const char*>(digest.data()), size});
}

bool is_token_hash(std::string_view text) {
  return text.starts_with(kHashPrefix) && text.size() == kHashPrefix.size() + 64 &&
         text.find_first_not_of("0123456789abcdef", kHashPrefix.size()) == std::string_view::npos;
}

bool has_token(const HttpRequest& request, std::string_view token_hash) {
  const std::string given = request.header("Authorization").value_or("");
  constexpr std::string_view kScheme = "bearer ";
  if (base::to_lower(given).rfind(kScheme, 0) != 0) return false;
  const std::string hash = hash_token(std::string_view(given).substr(kScheme.size()));
  return hash.size() == token_hash.size() &&
         CRYPTO_memcmp(hash.data(), token_hash.data(), hash.size()) == 0;
}

void check_token(std::string_view token, std::string_view key) {
  if (token.size() >= kShortestSecret) return;
  throw base::ConfigError(
      fmt::format("{}: expected at least {} characters, found {}; make one with `qvdhouse token`",
                  key, kShortestSecret, token.size()));
}

void check_exposure(const std::string& address, bool has_token, bool allow_anonymous) {
  if (base::is_loopback_host(address) || has_token || allow_anonymous) return;
  throw base::ConfigError(fmt::format(
      "serve.address is {}, which other machines reach, and no token is set: make one with "
      "`qvdhouse token`, set serve.address = \"127.0.0.1\", or let everybody in with "
      "serve.allow_anonymous = true",
      address));
}

bool is_from_another_site(const HttpRequest& request) {
  const auto site = request.header("Sec-Fetch-Site");
  return site && *site != "same-origin" && *site != "none";
}

bool follows_a_link(const HttpRequest& request) {
  return request.header("Sec-Fetch-Mode") == "navigate" &&
         request.header("Sec-Fetch-Dest") == "document";
}

bool is_own_page_or_none(const HttpRequest& request) {
  if (is_from_another_site(request)) return false;
  const auto origin = request.header("Origin");
  if (!origin) return true;
  const std::size_t scheme_end = origin->find("://");
  if (scheme_end == std::string::npos) return false;  // "null"
  return base::equal_ignoring_case(origin->substr(scheme_end + 3),
                                   request.header("Host").value_or(""));
}

bool names_loopback_host(const HttpRequest& request) {
  const std::string host = base::to_lower(host_part(request.header("Host").value_or("")));
  return host == "localhost" || host.ends_with(".localhost") || is_ip_address(host);
}

}  // namespace qvdhouse::serve
