#include "observe/ids.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <new>
#include <vector>

#include "base/ascii.h"
#include "base/encoding.h"

namespace qvdhouse::observe {
namespace {

constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kSpanDigits = 16;

std::string digest(const EVP_MD* kind, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, kind, nullptr) != 1) {
    throw std::bad_alloc();
  }
  return {bytes.begin(), bytes.begin() + size};
}

bool is_id(std::string_view text, std::size_t digits) {
  const bool is_hex =
      std::ranges::all_of(text, [](char c) { return base::is_digit(c) || (c >= 'a' && c <= 'f'); });
  return text.size() == digits && is_hex && text.find_first_not_of('0') != text.npos;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text, std::string_view state) {
  // version-trace-parent-flags; a later version may have more behind them.
  constexpr std::size_t kSize = 2 + 1 + kTraceDigits + 1 + kSpanDigits + 1 + 2;
  if (text.size() < kSize || (text.size() > kSize && text[kSize] != '-')) return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  if (version == "ff" || (version == "00" && text.size() != kSize)) return std::nullopt;
  const std::string_view trace = text.substr(3, kTraceDigits);
  const std::string_view parent = text.substr(3 + kTraceDigits + 1, kSpanDigits);
  const std::string_view flags = text.substr(kSize - 2, 2);
  const bool is_hex = is_id("1" + std::string(version) + std::string(flags), 5);
  const bool has_dashes = text[2] == '-' && text[3 + kTraceDigits] == '-' && text[kSize - 3] == '-';
  if (!is_hex || !has_dashes || !is_id(trace, kTraceDigits) || !is_id(parent, kSpanDigits)) {
    return std::nullopt;
  }
  constexpr std::string_view kOdd = "13579bdf";
  return TraceContext{.trace_id = std::string(trace),
                      .parent_id = std::string(parent),
                      .state = std::string(state),
                      .is_sampled = kOdd.find(flags[1]) != kOdd.npos};
}

TraceContext trace_of(const std::string& run_id, const std::optional<TraceContext>& caller) {
  if (caller) return *caller;
  const std::string id = digest(EVP_sha256(), "trace " + run_id);
  return {
      .trace_id = base::encode_hex(id.substr(0, kTraceDigits / 2)), .parent_id = {}, .state = {}};
}

std::string span_id(std::string_view text) {
  return base::encode_hex(digest(EVP_sha256(), text).substr(0, kSpanDigits / 2));
}

std::string uuid_of(std::string_view text) {
  constexpr std::string_view kNamespace =
      "\x8f\x1c\x0a\x52\x3e\x6b\x54\x7d\x9a\x21\x71\x76\x64\x68\x6f\x75";
  std::string bytes = digest(EVP_sha1(), std::string(kNamespace).append(text)).substr(0, 16);
  bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0fU) | 0x50U);
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3fU) | 0x80U);
  std::string uuid = base::encode_hex(bytes);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) uuid.insert(at, "-");
  return uuid;
}

}  // namespace qvdhouse::observe
