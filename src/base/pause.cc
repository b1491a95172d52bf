#include "base/pause.h"

#include <condition_variable>
#include <mutex>

namespace qvdhouse::base {

bool pause_for(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace qvdhouse::base
