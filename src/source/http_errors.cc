#include "source/http_errors.h"

#include <fmt/format.h>

#include <algorithm>

namespace qvdhouse::source {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestDelay{30'000};
constexpr milliseconds kLongestRetryAfter{60'000};

bool is_given(const HttpTarget& target) {
  return !target.user.empty() || !target.password.empty() || !target.bearer_token.empty() ||
         !target.headers.empty();
}

std::string unauthorized_text(const HttpReply& reply, const HttpTarget& target) {
  const std::string scheme =
      reply.headers.authenticate.empty() ? "credentials" : reply.headers.authenticate;
  if (is_given(target)) {
    return fmt::format(
        "the server refuses the credentials given (status 401, it asks for {}); check user and "
        "password in the URL, or user, password, bearer_token and headers in [source]",
        scheme);
  }
  return fmt::format(
      "the server asks for {} and none was given (status 401); set user and password in the URL or "
      "in [source], bearer_token in [source], or a line for this host in ~/.netrc",
      scheme);
}

std::string status_text(const HttpReply& reply, const HttpTarget& target) {
  switch (reply.status) {
    case 401:
      return unauthorized_text(reply, target);
    case 403:
      return "the server forbids reading it (status 403); check that these credentials may read "
             "this "
             "file, and that the signature of a signed URL is right and has not expired";
    case 404:
    case 410:
      return fmt::format(
          "there is no such file (status {}); check the path, and upper and lower case in it",
          reply.status);
    case 407:
      return "the proxy asks for credentials (status 407); set them in http_proxy or https_proxy, "
             "or "
             "name the host in no_proxy";
    case 416:
      return "the server has no such range of the file (status 416)";
    case 429:
      return "the server asks for fewer requests (status 429)";
    default:
      break;
  }
  if (reply.bad_redirect) {
    return fmt::format(
        "expected the file, found more than 5 redirects or one that leaves https (status {}); give "
        "the URL that it leads to",
        reply.status);
  }
  if (reply.status >= 500) return fmt::format("the server failed (status {})", reply.status);
  return fmt::format("expected the file, found status {}", reply.status);
}

bool may_pass(long status) {
  constexpr long kRequestTimeout = 408, kTooEarly = 425, kTooManyRequests = 429;
  return status >= 500 || status == kRequestTimeout || status == kTooEarly ||
         status == kTooManyRequests;
}

HttpFailure tls_failure(const HttpReply& reply, const Access& access) {
  std::string fix = "check that this is a TLS port";
  if (reply.code == CURLE_PEER_FAILED_VERIFICATION) {
    fix = access.ca_file.empty()
              ? "set ca_file in [source] to the CA that signed it"
              : fmt::format("it is checked against ca_file = {} in [source]", access.ca_file);
  } else if (reply.code == CURLE_SSL_CACERT_BADFILE) {
    fix = fmt::format("check that ca_file in [source] ({}) is a PEM file", access.ca_file);
  } else if (reply.code == CURLE_SSL_CERTPROBLEM || reply.code == CURLE_SSL_CLIENTCERT) {
    fix = "check client_cert and client_key in [source]";
  }
  return {.text = fmt::format("no trusted connection: {}; {}", reply.detail, fix)};
}

// FTP has no status that says it better than libcurl's code does.
std::string ftp_text(const HttpReply& reply) {
  switch (reply.code) {
    case CURLE_LOGIN_DENIED:
      return "the server refuses the user or password; check those in the URL or in [source]";
    case CURLE_REMOTE_FILE_NOT_FOUND:
      return "there is no such file; check the path, and upper and lower case in it";
    case CURLE_REMOTE_ACCESS_DENIED:
      return "the server lets nobody of this name into that folder, or there is none; check the "
             "path "
             "and the user";
    default:
      return fmt::format("the server refuses: {} (status {})", reply.detail, reply.status);
  }
}

// A server that misses a client's certificate may just hang up, since TLS 1.3 after the handshake.
std::string broken_text(const HttpReply& reply, const HttpTarget& target, const Access& access) {
  const bool may_want_certificate =
      reply.status == 0 && access.client_cert.empty() && target.url.starts_with("https:");
  return fmt::format("the connection broke: {}{}", reply.detail,
                     may_want_certificate
                         ? "; if the server asks for a certificate of clients, set "
                           "client_cert and client_key in [source]"
                         : "");
}

HttpFailure transfer_failure(const HttpReply& reply, const HttpTarget& target,
                             const Access& access) {
  if (reply.detail.find("certificate required") != std::string::npos) {
    return {.text = fmt::format("{}; set client_cert and client_key in [source]", reply.detail)};
  }
  switch (reply.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return {
          .reaction = HttpReaction::kTryAgain,
          .text = fmt::format("{}; check host and port, and that the server runs", reply.detail)};
    case CURLE_OPERATION_TIMEDOUT:
      return {.reaction = HttpReaction::kTryAgain,
              .text = fmt::format(
                  "no answer in time (connect_timeout {} ms, stall_timeout {} ms): {}",
                  access.connect_timeout.count(), access.stall_timeout.count(), reply.detail)};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CLIENTCERT:
      return tls_failure(reply, access);
    case CURLE_SSL_CONNECT_ERROR:
      return {.reaction = HttpReaction::kTryAgain, .text = tls_failure(reply, access).text};
    case CURLE_LOGIN_DENIED:
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_REMOTE_ACCESS_DENIED:
      return {.text = ftp_text(reply)};
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {.text =
                  fmt::format("expected an HTTP or FTP answer, found none ({}); check scheme and "
                              "port",
                              reply.detail)};
    case CURLE_URL_MALFORMAT:
      return {.text = fmt::format("libcurl cannot send this URL: {}", reply.detail)};
    case CURLE_FAILED_INIT:
    case CURLE_OUT_OF_MEMORY:
      return {.text = reply.detail};
    default:
      break;
  }
  // 421 and 4xx of FTP are "try later", 5xx are "never".
  if (reply.is_ftp && reply.status >= 500) return {.text = ftp_text(reply)};
  return {.reaction = HttpReaction::kTryAgain, .text = broken_text(reply, target, access)};
}

}  // namespace

std::optional<HttpFailure> failure_of(const HttpReply& reply, const HttpTarget& target,
                                      const Access& access) {
  constexpr long kPreconditionFailed = 412;
  if (!reply.is_ftp && reply.status == kPreconditionFailed) {
    return HttpFailure{.reaction = HttpReaction::kChanged,
                       .text =
                           "expected the version that was listed, found another (status 412); "
                           "the file changed since"};
  }
  if (!reply.is_ftp && reply.status >= 300) {
    // Also when the connection broke while the error page came.
    return HttpFailure{
        .reaction = may_pass(reply.status) ? HttpReaction::kTryAgain : HttpReaction::kGiveUp,
        .text = status_text(reply, target),
        .retry_after = reply.headers.retry_after};
  }
  if (reply.code != CURLE_OK) return transfer_failure(reply, target, access);
  if (!reply.is_ftp && !reply.headers.complete) {
    return HttpFailure{.reaction = HttpReaction::kTryAgain,
                       .text = "the connection broke: it ended within the headers"};
  }
  return std::nullopt;
}

milliseconds retry_delay(unsigned failed, milliseconds first_delay,
                         std::optional<milliseconds> retry_after, double jitter) {
  milliseconds delay = std::min(first_delay, kLongestDelay);
  for (unsigned i = 1; i < failed && delay < kLongestDelay; ++i) delay *= 2;
  delay = std::min(delay, kLongestDelay);
  delay -=
      milliseconds(static_cast<milliseconds::rep>(static_cast<double>(delay.count()) * jitter / 2));
  return std::max(delay, std::min(retry_after.value_or(milliseconds(0)), kLongestRetryAfter));
}

}  // namespace qvdhouse::source
