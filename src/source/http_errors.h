// What a failed answer means: whether it may pass, and what to tell people. Texts are made
// of HttpTarget::shown, numbers and libcurl's words, never of what was sent or of a server's body,
// which may repeat it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "source/access.h"
#include "source/http_exchange.h"

namespace qvdhouse::source {

enum class HttpReaction {
  kTryAgain,  // it may pass
  kGiveUp,    // it will not
  kChanged,   // the file is not the one that was listed
};

struct HttpFailure {
  HttpReaction reaction = HttpReaction::kGiveUp;
  std::string text;  // expected, found, where, what to do
  std::optional<std::chrono::milliseconds> retry_after;
};

// Why the exchange did not end with an HTTP status below 300, or nothing.
std::optional<HttpFailure> failure_of(const HttpReply& reply, const HttpTarget& target,
                                      const Access& access);

// The wait before the next try, after `failed` tries in a row (1, 2, …): first_delay doubled each
// time, up to 30 s, of which `jitter` (0 to 1) takes up to a half away; no less than Retry-After,
// of which no more than 60 s are granted.
std::chrono::milliseconds retry_delay(unsigned failed, std::chrono::milliseconds first_delay,
                                      std::optional<std::chrono::milliseconds> retry_after,
                                      double jitter);

}  // namespace qvdhouse::source
