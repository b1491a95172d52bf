#include "base/did_you_mean.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/ascii.h"

namespace qvdhouse::base {
namespace {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (three rows of
// the usual table).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto is_same = [&](std::size_t i, std::size_t j) {
    return to_lower(a[i]) == to_lower(b[j]);
  };
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  std::vector<std::size_t> above;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::vector<std::size_t> next(b.size() + 1, i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      next[j + 1] = std::min({row[j] + (is_same(i, j) ? 0 : 1), row[j + 1] + 1, next[j] + 1});
      const bool is_swap = i > 0 && j > 0 && is_same(i, j - 1) && is_same(i - 1, j);
      if (is_swap) next[j + 1] = std::min(next[j + 1], above[j - 1] + 1);
    }
    above = std::exchange(row, std::move(next));
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::size_t most_edits = std::max<std::size_t>(1, word.size() / 3);
  std::string best;
  std::size_t best_distance = most_edits + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string best = nearest(word, candidates);
  return best.empty() ? "" : "; did you mean " + best + "?";
}

}  // namespace qvdhouse::base
