#include "sync/failure.h"

#include <algorithm>
#include <random>

#include "base/error.h"
#include "base/pause.h"
#include "clickhouse/connection.h"

namespace qvdhouse::sync {
Failure describe_failure(const std::exception& error) {
  using tracking::ErrorClass;
  Failure failure{.error_class = tracking::class_of(error), .message = base::message_of(error)};
  failure.file_changed = dynamic_cast<const base::ChangedError*>(&error) != nullptr;
  switch (failure.error_class) {
    case ErrorClass::kCancelled:
    case ErrorClass::kInput:
    case ErrorClass::kSchema:
      return failure;
    case ErrorClass::kServer:
      failure.may_pass =
          clickhouse::is_retryable(dynamic_cast<const base::ServerError&>(error).code());
      break;
    case ErrorClass::kIo:
      // What is no IoError is a lack of memory, most likely: other files may be done by the next
      // run.
      failure.may_pass =
          dynamic_cast<const base::IoError*>(&error) != nullptr && !failure.file_changed;
      break;
    default:
      break;
  }
  failure.try_later = true;
  return failure;
}

Failure describe_failure(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return describe_failure(known);
  }
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

void with_retries(unsigned attempts, std::chrono::milliseconds first_delay,
                  const std::stop_token& stop, const std::function<void()>& step) {
  for (unsigned attempt = 1;; ++attempt) {
    try {
      step();
      return;
    } catch (const std::exception& error) {
      if (!describe_failure(error).may_pass || attempt >= attempts) throw;
    }
    if (!base::pause_for(delay_within_run(attempt, first_delay), stop)) {
      throw base::Cancelled("stopped before it was tried again");
    }
  }
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
