// Sends what is told of loads from beside them: texts wait in a bounded queue, and a thread of its
// own sends them in batches, so that no load waits for a receiver. What does not get through is
// dropped, counted, and warned of once for as long as the receiver takes nothing.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace qvdhouse::http {
class Handle;
}

namespace qvdhouse::observe {

// What is asked how.
struct Receiver {
  std::string what;                  // for messages: "span", "lineage event"
  std::string url;                   // http(s); or file:///PATH, which gets a line an item
  std::vector<std::string> headers;  // "name: value"
  std::string prefix;                // a request's body: prefix, items with commas between, suffix
  std::string suffix;
  std::size_t batch = 1;                      // most items of a request
  std::chrono::milliseconds timeout{10'000};  // of a request
  std::chrono::milliseconds linger{1'000};    // for more items to come, while the batch is not full
  std::chrono::milliseconds first_pause{1'000};  // before a second attempt; doubles
  unsigned attempts = 4;
  std::size_t queue_bytes = std::size_t{32} << 20U;
};

// Thread-safe.
class Sender {
 public:
  Sender(Receiver receiver, spdlog::logger& log);
  // Drops what has not been sent.
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // One JSON text. Never waits.
  void add(std::string item);
  // Waits until nothing is left, as long as the receiver takes something at least each `patience`,
  // counted from `begin` on, and at most for kLongestEnd (or `patience`, where that is longer); one
  // that takes nothing now is given up. Says how many items were dropped. Nothing is to be added
  // from then on.
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kLongestEnd{20'000};  // orchestrators kill after 30 s
  void finish(std::chrono::milliseconds patience, Clock::time_point begin = Clock::now());
  struct Counts {
    std::uint64_t delivered = 0;  // items
    std::uint64_t dropped = 0;
  };
  Counts counts() const;

 private:
  void work(const std::stop_token& stop);
  std::vector<std::string> next_batch(const std::stop_token& stop);
  void send(const std::vector<std::string>& items, const std::stop_token& stop);
  struct Attempt {
    std::string why;             // it was not taken; empty: it was
    bool may_repeat = false;     // it may be taken later
    std::uint64_t rejected = 0;  // items of a request that was taken
  };
  Attempt try_once(const std::vector<std::string>& items, const std::stop_token& stop);
  void give_up(const std::string& why);                    // locked
  void drop(std::uint64_t items, const std::string& why);  // locked
  void tell_drops();                                       // locked
  void tell_recovery();                                    // locked

  Receiver receiver_;
  std::string host_;  // what may be said of the URL
  bool is_loopback_ = false;
  spdlog::logger& log_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  bool is_busy_ = false;
  bool is_finishing_ = false;
  bool is_given_up_ = false;
  Clock::time_point last_taken_;  // when the receiver took something
  std::uint64_t untold_ = 0;      // dropped since it was said last
  bool is_outage_told_ = false;
  std::string why_;  // of the last drop
  Counts counts_;
  std::unique_ptr<http::Handle> connection_;  // of the thread
  std::jthread thread_;
};

}  // namespace qvdhouse::observe
