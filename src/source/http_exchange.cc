#include "source/http_exchange.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <new>

#include "base/error.h"
#include "base/loopback.h"

namespace qvdhouse::source {
namespace {

constexpr long kBufferBytes = 512 * 1024;
constexpr int kMostRedirects = 5;

template <class T, void (*Free)(T*)>
struct Freer {
  void operator()(T* pointer) const { Free(pointer); }
};
using HeaderList = std::unique_ptr<curl_slist, Freer<curl_slist, curl_slist_free_all>>;
using CurlUrl = std::unique_ptr<CURLU, Freer<CURLU, curl_url_cleanup>>;
using CurlText = std::unique_ptr<char, Freer<void, curl_free>>;

void add_header(HeaderList& list, const std::string& line, const std::string& shown) {
  if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    throw base::ConfigError(fmt::format(
        "{}: a header with a line break or NUL can not be sent; check [source] headers", shown));
  }
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

struct Origin {
  std::string scheme;
  std::string host;
  std::string port;
  bool operator==(const Origin&) const = default;
};

// Of a URL that libcurl does not understand: nothing.
Origin origin_of(const std::string& url) {
  const CurlUrl parsed(curl_url());
  if (!parsed) throw std::bad_alloc();
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
      CURLUE_OK) {
    return {};
  }
  const auto part = [&](CURLUPart which) -> std::string {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
    return CurlText(text).get();
  };
  return {part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT)};
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

HeaderList headers_of(const HttpRequest& request, bool at_home, bool is_ftp) {
  HeaderList headers;
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

HttpExchange::HttpExchange(const Access& access) : access_(access) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw base::IoError("libcurl does not start");
  easy_.reset(curl_easy_init());
  if (!easy_) throw std::bad_alloc();
}

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
  CURL* h = easy_.get();
  curl_easy_reset(h);  // keeps its connections
  set_common(url, request.target);
  set_tls(easy_.get(), access_);
  set_credentials(request.target, at_home);

  HttpReply reply;
  const std::string scheme = origin_of(url).scheme;
  reply.is_ftp = scheme.starts_with("ftp");
  reply.has_tls = scheme.ends_with('s');
  const HeaderList headers = headers_of(request, at_home, reply.is_ftp);
  curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers.get());
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
  error_text_[0] = '\0';
  reply.code = curl_easy_perform(h);

  if (access_.stop.stop_requested()) throw base::Cancelled("stopped");
  curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &reply.status);
  if (reply.code != CURLE_OK) {
    reply.detail = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(reply.code);
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
  CURL* h = easy_.get();
  curl_easy_setopt(h, CURLOPT_URL, url.c_str());
  curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps");
  curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);  // "a/../b" is a name to an object store
  // One connection a range is faster for bulk than streams that share one.
  curl_easy_setopt(h, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(h, CURLOPT_USERAGENT, "qvdhouse");
  curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(h, CURLOPT_ERRORBUFFER, error_text_.data());
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

void set_tls(CURL* easy, const Access& access) {
  const auto set_file = [&](CURLoption option, const std::string& path) {
    if (!path.empty()) curl_easy_setopt(easy, option, path.c_str());
  };
  set_file(CURLOPT_CAINFO, access.ca_file);
  set_file(CURLOPT_SSLCERT, access.client_cert);
  set_file(CURLOPT_SSLKEY, access.client_key);  // without one, libcurl looks in the certificate's
  if (!access.verify_tls) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

void HttpExchange::set_credentials(const HttpTarget& target, bool at_home) {
  CURL* h = easy_.get();
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
