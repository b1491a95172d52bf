#include "source/http_headers.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/ascii.h"

namespace qvdhouse::source {
namespace {

bool is_letter(char c) { return base::is_lower(c) || base::is_upper(c); }

bool equals_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Seconds since 1970 UTC.
std::optional<std::time_t> http_date(const std::string& text) {
  const std::time_t seconds = ::curl_getdate(text.c_str(), nullptr);
  return seconds < 0 ? std::nullopt : std::optional(seconds);
}

std::optional<std::chrono::milliseconds> parse_retry_after(const std::string& text) {
  constexpr std::uint64_t kMostSeconds = 1'000'000;  // no overflow; callers wait far less
  if (const auto seconds = number(text)) {
    return std::chrono::seconds(std::min(*seconds, kMostSeconds));
  }
  if (const auto date = http_date(text)) {
    const std::time_t wait = std::max<std::time_t>(*date - std::time(nullptr), 0);
    return std::chrono::seconds(std::min(static_cast<std::uint64_t>(wait), kMostSeconds));
  }
  return std::nullopt;
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (text.size() < kUnit.size() || !equals_in_any_case(text.substr(0, kUnit.size()), kUnit)) {
    return std::nullopt;
  }
  text = base::trimmed(text.substr(kUnit.size()));
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view span = text.substr(0, slash);
  const std::string_view total = text.substr(slash + 1);

  ContentRange range;
  range.total = number(total);
  if (!range.total && total != "*") return std::nullopt;
  if (span == "*") return range;
  const std::size_t dash = span.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  range.first = number(span.substr(0, dash));
  range.last = number(span.substr(dash + 1));
  const bool valid = range.first && range.last && *range.first <= *range.last &&
                     (!range.total || *range.last < *range.total);
  return valid ? std::optional(range) : std::nullopt;
}

void HttpHeaders::add_line(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    *this = {};
    return;
  }
  if (line == "\r\n" || line == "\n") complete = true;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = base::trimmed(line.substr(0, colon));
  const std::string value(base::trimmed(line.substr(colon + 1)));
  if (equals_in_any_case(name, "Content-Range")) {
    content_range = parse_content_range(value);
  } else if (equals_in_any_case(name, "Content-Length")) {
    content_length = number(value);
  } else if (equals_in_any_case(name, "ETag")) {
    etag = value;
  } else if (equals_in_any_case(name, "Last-Modified")) {
    mtime_us = http_date(value).value_or(0) * 1'000'000;
  } else if (equals_in_any_case(name, "Retry-After")) {
    retry_after = parse_retry_after(value);
  } else if (equals_in_any_case(name, "WWW-Authenticate") && authenticate.empty()) {
    authenticate.assign(value.begin(), std::ranges::find_if_not(value, is_letter));
  }
}

}  // namespace qvdhouse::source
