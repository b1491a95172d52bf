#include "source/http_exchange.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "base/ascii.h"
#include "base/error.h"
#include "base/loopback.h"

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

namespace {

constexpr long kBufferBytes = 512 * 1024;
constexpr int kMostRedirects = 5;

void add_header(http::HeaderList& list, const std::string& line, const std::string& shown) {
  if (!http::is_header_text(line)) {
    throw base::ConfigError(fmt::format(
        "{}: a header with a line break or NUL cannot be sent; check [source] headers", shown));
  }
  list.add(line);
}

struct Origin {
  std::string scheme;
  std::string host;
  std::string port;
  bool operator==(const Origin&) const = default;
};

// Empty for a URL that libcurl does not understand.
Origin origin_of(const std::string& text) {
  const std::optional<http::Url> url = http::Url::parse(text, CURLU_NON_SUPPORT_SCHEME);
  if (!url) return {};
  return {url->part(CURLUPART_SCHEME), url->part(CURLUPART_HOST),
          url->part(CURLUPART_PORT, CURLU_DEFAULT_PORT)};
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

http::HeaderList headers_of(const HttpRequest& request, bool at_home, bool is_ftp) {
  http::HeaderList headers;
  if (is_ftp) return headers;
  const std::string& shown = request.target.shown;
  // Ranges of a compressed file would be no ranges of the file.
  add_header(headers, "Accept-Encoding: identity", shown);
  if (!request.if_match.empty()) add_header(headers, "If-Match: " + request.if_match, shown);
  if (request.json != nullptr) {
    add_header(headers, "Content-Type: application/json", shown);
    add_header(headers, "Expect:", shown);  // no "100 Continue" to be waited for
  }
  for (const std::string& line : request.target.headers) {
    if (at_home) add_header(headers, line, shown);
  }
  return headers;
}

void take_ftp_stat(CURL* easy, HttpHeaders& headers) {
  curl_off_t size = -1;
  curl_off_t seconds = -1;
  curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
  curl_easy_getinfo(easy, CURLINFO_FILETIME_T, &seconds);
  if (size >= 0) headers.content_length = static_cast<std::uint64_t>(size);
  if (seconds >= 0) headers.mtime_us = seconds * 1'000'000;
}

}  // namespace

// What libcurl's callbacks share.
struct HttpExchange::Transfer {
  using Clock = std::chrono::steady_clock;

  const HttpRequest& request;
  HttpReply& reply;
  CURL* easy;
  const Access& access;
  bool may_stall;
  Clock::time_point last_byte = Clock::now();
  curl_off_t body_bytes = 0;
  bool is_stalled = false;

  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* shared);
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* shared);
  static int on_progress(void* shared, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
};

std::size_t HttpExchange::Transfer::on_header(char* bytes, std::size_t size, std::size_t count,
                                              void* shared) {
  auto* transfer = static_cast<Transfer*>(shared);
  transfer->last_byte = Clock::now();
  // An FTP server's lines come here too.
  if (!transfer->reply.is_ftp) transfer->reply.headers.add_line({bytes, size * count});
  return size * count;
}

std::size_t HttpExchange::Transfer::on_body(char* bytes, std::size_t size, std::size_t count,
                                            void* shared) {
  auto* transfer = static_cast<Transfer*>(shared);
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->reply.status);
  // libcurl gives the result of an FTP stat as a body too.
  if (transfer->request.is_ftp_stat) return size * count;
  const bool wanted = transfer->request.on_body(transfer->reply, {bytes, size * count});
  return wanted ? size * count : CURL_WRITEFUNC_ERROR;
}

// Called at least once a second. libcurl's own limit of low speed takes a mean over seconds, and so
// notices late that a fast transfer has stopped.
int HttpExchange::Transfer::on_progress(void* shared, curl_off_t, curl_off_t received, curl_off_t,
                                        curl_off_t) {
  auto* transfer = static_cast<Transfer*>(shared);
  const auto now = Clock::now();
  if (received != transfer->body_bytes) {
    transfer->body_bytes = received;
    transfer->last_byte = now;
  }
  transfer->is_stalled =
      transfer->may_stall && now - transfer->last_byte >= transfer->access.stall_timeout;
  return transfer->is_stalled || transfer->access.stop.stop_requested() ? 1 : 0;
}

HttpExchange::HttpExchange(const Access& access) : access_(access) {}

HttpReply HttpExchange::run(const HttpRequest& request) {
  const Origin home = origin_of(request.target.url);
  std::string url = request.target.url;
  for (int redirects = 0;; ++redirects) {
    const Origin origin = origin_of(url);
    std::string location;
    HttpReply reply = hop(request, url, origin == home, location);
    if (location.empty() || reply.code != CURLE_OK) return reply;
    const std::string next = origin_of(location).scheme;
    const bool is_safe = next == "https" || (next == "http" && origin.scheme == "http");
    if (!is_safe || redirects == kMostRedirects || request.json != nullptr) {
      reply.bad_redirect = true;
      return reply;
    }
    url = std::move(location);
  }
}

HttpReply HttpExchange::hop(const HttpRequest& request, const std::string& url, bool at_home,
                            std::string& location) {
  if (access_.stop.stop_requested()) throw base::Cancelled("stopped");
  CURL* h = handle_.get();
  handle_.reset();
  set_common(url, request.target);
  http::set_tls(handle_, tls_of(access_));
  set_credentials(request.target, at_home);

  HttpReply reply;
  const std::string scheme = origin_of(url).scheme;
  reply.is_ftp = scheme.starts_with("ftp");
  reply.has_tls = scheme.ends_with('s');
  const http::HeaderList headers = headers_of(request, at_home, reply.is_ftp);
  headers.set_on(handle_);
  if (!request.range.empty()) curl_easy_setopt(h, CURLOPT_RANGE, request.range.c_str());
  if (request.is_ftp_stat) curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
  if (request.json != nullptr) {
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.json->size()));
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, request.json->data());
  }

  // rclone is silent until a listing is complete, and sees to its servers' silence itself.
  Transfer transfer{request, reply, h, access_, request.json == nullptr};
  curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, Transfer::on_header);
  curl_easy_setopt(h, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, Transfer::on_body);
  curl_easy_setopt(h, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, Transfer::on_progress);
  curl_easy_setopt(h, CURLOPT_XFERINFODATA, &transfer);
  reply.code = handle_.perform();

  if (access_.stop.stop_requested()) throw base::Cancelled("stopped");
  reply.status = handle_.status();
  if (reply.code != CURLE_OK) {
    reply.detail = handle_.error_text(reply.code);
    if (transfer.is_stalled) {
      reply.code = CURLE_OPERATION_TIMEDOUT;
      reply.detail = "nothing came";
    }
  }
  if (request.is_ftp_stat) take_ftp_stat(h, reply.headers);
  const char* next = nullptr;
  curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &next);
  if (next != nullptr && is_redirect(reply.status)) location = next;
  return reply;
}

void HttpExchange::set_common(const std::string& url, const HttpTarget& target) {
  CURL* h = handle_.get();
  curl_easy_setopt(h, CURLOPT_URL, url.c_str());
  curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps");
  curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);  // "a/../b" is a name to an object store
  // One connection a range is faster for bulk than streams that share one.
  curl_easy_setopt(h, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(h, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(h, CURLOPT_FILETIME, 1L);
  curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
  const bool no_proxy = !target.use_proxy || base::is_loopback_host(origin_of(url).host);
  if (no_proxy) curl_easy_setopt(h, CURLOPT_PROXY, "");

  curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(access_.connect_timeout.count()));
}

http::Tls tls_of(const Access& access) {
  return {.ca_file = access.ca_file,
          .client_cert = access.client_cert,
          .client_key = access.client_key,
          .verify = access.verify_tls};
}

void HttpExchange::set_credentials(const HttpTarget& target, bool at_home) {
  CURL* h = handle_.get();
  const bool has_user = !target.user.empty() || !target.password.empty();
  const bool has_own = has_user || !target.bearer_token.empty();
  if (at_home && !target.bearer_token.empty()) {
    curl_easy_setopt(h, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(h, CURLOPT_XOAUTH2_BEARER, target.bearer_token.c_str());
  } else if (at_home && has_user) {
    curl_easy_setopt(h, CURLOPT_USERNAME, target.user.c_str());
    curl_easy_setopt(h, CURLOPT_PASSWORD, target.password.c_str());
  }
  if (target.use_netrc && !has_own) {
    // By host, so another host gets its own line or nothing.
    curl_easy_setopt(h, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
    if (const char* file = std::getenv("NETRC")) curl_easy_setopt(h, CURLOPT_NETRC_FILE, file);
  }
}

}  // namespace qvdhouse::source
