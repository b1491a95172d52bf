#include "clickhouse/answer_stream.h"

#include <utility>

#include "base/error.h"

namespace qvdhouse::clickhouse {
namespace {

constexpr std::size_t kHeldBytes = 4 * 1024 * 1024;
constexpr std::size_t kPieceBytes = 256 * 1024;  // smaller ones are joined while they wait

}  // namespace

AnswerStream::AnswerStream(Endpoint endpoint, std::string sql, Settings settings,
                           std::stop_token stop)
    : on_stop_(std::move(stop), [this] { stop_.request_stop(); }),
      thread_([this, endpoint = std::move(endpoint), sql = std::move(sql),
               settings = std::move(settings)] { receive(endpoint, sql, settings); }) {}

AnswerStream::~AnswerStream() { stop_.request_stop(); }

void AnswerStream::receive(const Endpoint& endpoint, const std::string& sql,
                           const Settings& settings) {
  std::exception_ptr failure;
  try {
    Connection connection(endpoint, stop_.get_token());
    connection.query_streamed(
        sql, [this](std::string_view bytes) { put(bytes); }, settings);
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  is_over_ = true;
  failure_ = failure;
  changed_.notify_all();
}

void AnswerStream::put(std::string_view bytes) {
  std::unique_lock lock(mutex_);
  const bool has_room =
      changed_.wait(lock, stop_.get_token(), [this] { return held_bytes_ < kHeldBytes; });
  if (!has_room) throw base::Cancelled("stopped while an answer of ClickHouse was read");
  if (!pieces_.empty() && pieces_.back().size() + bytes.size() <= kPieceBytes) {
    pieces_.back() += bytes;
  } else {
    pieces_.emplace_back(bytes);
  }
  held_bytes_ += bytes.size();
  changed_.notify_all();
}

std::string_view AnswerStream::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !pieces_.empty() || is_over_; });
  if (pieces_.empty()) {
    if (failure_) std::rethrow_exception(failure_);
    return {};
  }
  piece_ = std::move(pieces_.front());
  pieces_.pop_front();
  held_bytes_ -= piece_.size();
  byte_count_ += piece_.size();
  changed_.notify_all();
  return piece_;
}

}  // namespace qvdhouse::clickhouse
