#include "base/workers.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace qvdhouse::base {

void run_workers(unsigned count, const std::function<void()>& work,
                 const std::function<void()>& on_failure) {
  std::mutex mutex;
  std::exception_ptr failure;  // guarded by mutex
  const auto guarded = [&] {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      on_failure();
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < count; ++i) others.emplace_back(guarded);
    guarded();
  }
  if (failure) std::rethrow_exception(failure);
}

void for_each_index(std::size_t count, unsigned threads,
                    const std::function<void(std::size_t)>& body) {
  std::atomic<std::size_t> next{0};
  run_workers(
      static_cast<unsigned>(std::min<std::size_t>(threads, count)),
      [&] {
        for (std::size_t i = next++; i < count; i = next++) body(i);
      },
      [&] { next = count; });
}

}  // namespace qvdhouse::base
