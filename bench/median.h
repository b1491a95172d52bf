// What repeated runs come to.
#pragma once

#include <algorithm>
#include <vector>

namespace qvdhouse::bench {

// At least one value; with an even number of them, the upper of the two in the middle.
inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace qvdhouse::bench
