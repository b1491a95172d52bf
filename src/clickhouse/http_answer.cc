#include "clickhouse/http_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "clickhouse/connection.h"
#include "clickhouse/error_code.h"

namespace qvdhouse::clickhouse {
namespace {

constexpr std::size_t kMaxErrorText = 64 * 1024;
constexpr std::size_t kMaxTag = 64;

int leading_number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Servers before 20 give the code only in the text: "Code: 60, e.displayText() = …".
int code_in_text(std::string_view text) {
  constexpr std::string_view kCode = "Code: ";
  const auto at = text.find(kCode);
  return at == std::string_view::npos ? 0 : leading_number(text.substr(at + kCode.size()));
}

}  // namespace

HttpAnswer::HttpAnswer(std::function<void(std::string_view)> on_bytes)
    : on_bytes_(std::move(on_bytes)) {}

void HttpAnswer::add_header(std::string_view line) {
  line = base::trimmed(line);
  if (line.empty()) header_is_whole_ = true;
  if (line.starts_with("HTTP/")) {
    const auto blank = line.find(' ');
    status_ = blank == std::string_view::npos ? 0 : leading_number(line.substr(blank + 1));
    exception_code_ = 0;
    header_is_whole_ = false;
    marker_.clear();
    return;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const auto name = line.substr(0, colon);
  const auto value = base::trimmed(line.substr(colon + 1));
  if (base::equal_ignoring_case(name, "X-ClickHouse-Exception-Code")) {
    exception_code_ = leading_number(value);
  } else if (base::equal_ignoring_case(name, "X-ClickHouse-Exception-Tag") && !value.empty() &&
             value.size() <= kMaxTag) {
    tag_ = value;
    marker_ = fmt::format("\r\n__exception__\r\n{}\r\n", value);
  }
}

void HttpAnswer::add_body(std::string_view bytes) {
  if (has_error()) {
    error_text_.append(
        bytes.substr(0, kMaxErrorText - std::min(kMaxErrorText, error_text_.size())));
    return;
  }
  if (marker_.empty()) return on_bytes_(bytes);

  // The marker may be torn by the pieces in which bytes arrive: the last ones wait for the next.
  std::string joined;
  if (!held_back_.empty()) {
    joined = std::exchange(held_back_, {});
    joined.append(bytes);
    bytes = joined;
  }
  if (const auto at = bytes.find(marker_); at != std::string_view::npos) {
    if (at != 0) on_bytes_(bytes.substr(0, at));
    in_exception_ = true;
    return add_body(bytes.substr(at + marker_.size()));
  }
  const std::size_t longest = std::min(bytes.size(), marker_.size() - 1);
  std::size_t hold = longest;
  while (hold != 0 && !std::string_view(marker_).starts_with(bytes.substr(bytes.size() - hold))) {
    --hold;
  }
  held_back_.assign(bytes.substr(bytes.size() - hold));
  if (bytes.size() != hold) on_bytes_(bytes.substr(0, bytes.size() - hold));
}

void HttpAnswer::finish(const std::string& origin) {
  if (!header_is_whole_ && exception_code_ == 0) {
    throw base::IoError(fmt::format(
        "connection to ClickHouse at {} broke within the header of its answer", origin));
  }
  if (!has_error()) {
    if (!held_back_.empty()) on_bytes_(std::exchange(held_back_, {}));
    return;
  }
  std::string_view text = error_text_;
  if (in_exception_) {
    // "<message>\n<length> <tag>\r\n__exception__\r\n"
    text = text.substr(0, text.rfind(fmt::format(" {}", tag_)));
    text = text.substr(0, text.rfind('\n'));
  }
  text = base::trimmed(text);
  const int code = exception_code_ != 0 ? exception_code_ : code_in_text(text);
  if (code != 0) {
    const auto what_to_do = advice(code);
    throw base::ServerError(fmt::format("ClickHouse at {}: {}{}{}", origin, text,
                                        what_to_do.empty() ? "" : "; ", what_to_do),
                            code);
  }
  const auto message =
      fmt::format("{} answered HTTP status {} without a ClickHouse error code: {}", origin, status_,
                  text.empty() ? "(no text)" : text.substr(0, 500));
  if (status_ == 429 || (status_ >= 502 && status_ <= 504)) throw base::IoError(message);
  throw base::ServerError(message, 0);
}

// How we react to ClickHouse's error codes. docs/clickhouse.md, "HTTP facts".

bool is_retryable(int server_code) {
  // In the order of ClickHouse's ErrorCodes.cpp.
  constexpr std::array kPassing = {
      error_code::kTimeoutExceeded,       error_code::kTooManySimultaneousQueries,
      error_code::kNoFreeConnection,      error_code::kSocketTimeout,
      error_code::kNetworkError,          error_code::kNoZookeeper,
      error_code::kMemoryLimitExceeded,   error_code::kTableIsReadOnly,
      error_code::kTooManyParts,          error_code::kAllConnectionTriesFailed,
      error_code::kTooFewLiveReplicas,    error_code::kUnsatisfiedQuorumForPreviousWrite,
      error_code::kUnknownStatusOfInsert, error_code::kCannotScheduleTask,
      error_code::kDeadlockAvoided,       error_code::kKeeperException,
  };
  return std::ranges::find(kPassing, server_code) != kPassing.end();
}

bool is_absent(int server_code) {
  return server_code == error_code::kUnknownTable || server_code == error_code::kUnknownDatabase;
}

bool is_soon_over(int server_code) {
  const bool takes_as_long_again = server_code == error_code::kTimeoutExceeded ||
                                   server_code == error_code::kMemoryLimitExceeded;
  return is_retryable(server_code) && !takes_as_long_again;
}

std::string_view advice(int server_code) {
  switch (server_code) {
    case error_code::kUnknownDatabase:
      return "create the database, or choose another by CLICKHOUSE_DB";
    case error_code::kReadonly:
    case error_code::kDatabaseAccessDenied:
    case error_code::kAccessDenied:
      return "qvdhouse doctor shows which GRANT is missing";
    case error_code::kUnknownUser:
    case error_code::kWrongPassword:
    case error_code::kRequiredPassword:
    case error_code::kAuthenticationFailed:
      return "check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD";
    case error_code::kMemoryLimitExceeded:
      return "lower streams or parallel_files, or give the server more memory";
    case error_code::kNotEnoughSpace:
      return "free space on the server's disk";
    case error_code::kTooManyParts:
      return "the server merges more slowly than rows come: lower parallel_files, or wait";
    default:
      return {};
  }
}

}  // namespace qvdhouse::clickhouse
