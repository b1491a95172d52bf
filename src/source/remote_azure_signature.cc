#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/percent.h"
#include "source/remote_families.h"

namespace qvdhouse::source {
namespace {

std::vector<unsigned char> base64_decoded(const std::string& text) {
  std::vector<unsigned char> bytes(text.size());
  const int size =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  if (size < 0 || text.empty()) {
    throw base::ConfigError(
        "Azure's account key: expected base64, found another text; copy it again from the portal "
        "(Access keys)");
  }
  // EVP_DecodeBlock counts the padding as bytes.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::string hmac_sha256_base64(const std::vector<unsigned char>& key, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  std::array<unsigned char, EVP_MAX_MD_SIZE * 2> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return {encoded.begin(), encoded.begin() + length};
}

}  // namespace

// "Create an account SAS" of Azure's REST reference.
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
  const std::string signature = hmac_sha256_base64(base64_decoded(key), to_sign);
  return fmt::format("sv={}&ss={}&srt={}&sp={}&se={}&spr={}&sig={}", kVersion, kServices,
                     kResources, kPermissions, http::encode_component(expiry),
                     http::encode_component(kProtocols), http::encode_component(signature));
}

}  // namespace qvdhouse::source
