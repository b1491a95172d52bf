#include "sync/failure.h"

#include <algorithm>
#include <random>

#include "base/error.h"
#include "base/pause.h"
#include "clickhouse/connection.h"

namespace qvdhouse::sync {
namespace {

template <class Type>
const Type* as(const std::exception& error) {
  return dynamic_cast<const Type*>(&error);
}

}  // namespace

Failure describe_failure(const std::exception& error) {
  const std::string message = base::message_of(error);
  if (as<base::Cancelled>(error)) return {.error_class = "cancelled", .message = message};
  if (as<base::TimedOut>(error)) {
    return {.error_class = "timeout", .message = message, .try_later = true};
  }
  if (as<base::InputError>(error)) return {.error_class = "input", .message = message};
  if (as<base::SchemaError>(error)) return {.error_class = "schema", .message = message};
  if (as<base::ChangedError>(error)) {
    return {.error_class = "io", .message = message, .try_later = true, .file_changed = true};
  }
  if (as<base::IoError>(error)) {
    return {.error_class = "io", .message = message, .may_pass = true, .try_later = true};
  }
  if (const auto* server = as<base::ServerError>(error)) {
    return {.error_class = "server",
            .message = message,
            .may_pass = clickhouse::is_retryable(server->code()),
            .try_later = true};
  }
  if (as<base::ConfigError>(error)) {
    return {.error_class = "config", .message = message, .try_later = true};
  }
  if (as<base::VerifyError>(error)) {
    return {.error_class = "verify", .message = message, .try_later = true};
  }
  // Out of memory, most likely: other files may be done by the next run.
  return {.error_class = "io", .message = message, .try_later = true};
}

std::chrono::milliseconds delay_within_run(unsigned attempt, std::chrono::milliseconds first) {
  constexpr std::chrono::milliseconds kMost{30'000};
  const std::chrono::milliseconds full =
      std::min<std::chrono::milliseconds>(kMost, first * (1LL << std::min(attempt - 1, 20U)));
  thread_local std::minstd_rand random{std::random_device{}()};
  return full - std::chrono::milliseconds(
                    std::uniform_int_distribution<std::int64_t>(0, full.count() / 2)(random));
}

std::chrono::seconds delay_between_runs(unsigned failure_count) {
  constexpr std::chrono::seconds kFirst{30};
  constexpr std::chrono::seconds kMost{6 * 3'600};
  return std::min<std::chrono::seconds>(
      kMost, kFirst * (1LL << std::min(std::max(failure_count, 1U) - 1, 20U)));
}

TimeLimit::TimeLimit(std::chrono::seconds limit, const std::stop_token& outer)
    : limit_(limit), forward_(outer, [this] { source_.request_stop(); }) {
  if (limit.count() == 0) return;
  timer_ = std::jthread([this, limit](const std::stop_token& end) {
    if (!base::pause_for(limit, end)) return;
    is_over_ = true;
    source_.request_stop();
  });
}

void TimeLimit::throw_if_over() const {
  if (is_over_) throw base::TimedOut(limit_);
}

}  // namespace qvdhouse::sync
