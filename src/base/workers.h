// The same work on several threads at once.
#pragma once

#include <cstddef>
#include <functional>

namespace qvdhouse::base {

// Runs `work` on `count` threads, one of them the caller's, and waits for all. The first exception
// calls `on_failure` (which makes the others end soon; it must not throw) and is thrown again at
// the end.
void run_workers(unsigned count, const std::function<void()>& work,
                 const std::function<void()>& on_failure);

// Runs `body(i)` for every i below `count` on up to `threads` threads, in no particular order.
// Throws what the first failing one threw; those not begun by then are left out.
void for_each_index(std::size_t count, unsigned threads,
                    const std::function<void(std::size_t)>& body);

}  // namespace qvdhouse::base
