// The answer to a query, pulled piece by piece while a thread of its own receives it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

class AnswerStream {
 public:
  // Sends `sql` (with its FORMAT) at once. At most 4 MiB that came are held until they are asked
  // for; then the server waits. Without next(), for long, it may give up.
  AnswerStream(Endpoint endpoint, std::string sql, Settings settings, std::stop_token stop);
  ~AnswerStream();  // ends the query where it is not over
  AnswerStream(const AnswerStream&) = delete;
  AnswerStream& operator=(const AnswerStream&) = delete;

  // The next bytes, valid until the next call; nothing at the end of the whole answer. Throws what
  // Connection::query_streamed() throws, also for a query that fails in midst of its rows.
  std::string_view next();
  // How many bytes next() gave.
  std::uint64_t byte_count() const { return byte_count_; }

 private:
  void receive(const Endpoint& endpoint, const std::string& sql, const Settings& settings);
  void put(std::string_view bytes);

  std::stop_source stop_;  // of the query
  std::stop_callback<std::function<void()>> on_stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::string> pieces_;
  std::size_t held_bytes_ = 0;
  bool is_over_ = false;
  std::exception_ptr failure_;
  std::string piece_;  // the one that next() gave
  std::uint64_t byte_count_ = 0;
  std::jthread thread_;
};

}  // namespace qvdhouse::clickhouse
