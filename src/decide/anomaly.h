// Files whose rows or bytes are far from those of their last loads: half an export, or everything
// twice. Decided by the header's number of rows before anything is loaded, so that a file that is
// held leaves its table as it is (docs/operations.md, "Files that are not as usual").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "decide/decide.h"
#include "tracking/tracking.h"

namespace qvdhouse::decide {

inline constexpr std::size_t kLoadsCompared = 10;
inline constexpr std::size_t kLeastLoads = 3;  // fewer say nothing

// What is odd about a file of so many rows (absent: not known) and bytes beside its last loads, the
// newest first: "10 rows, 90.0 % fewer than the median of its last 5 loads (100 rows)". Odd is what
// is further than `ratio` from their median and from the newest of them: a file that was let
// through once is not odd the next time. Empty: nothing is.
std::string anomaly_of(std::optional<std::uint64_t> rows, std::uint64_t bytes,
                       std::span<const tracking::PastLoad> past, double ratio);

// Whether any of these rules does.
bool looks_for_anomalies(const std::vector<schema::TableRules>& rules);

// The paths of the files whose last loads find_anomalies() asks for: those to be loaded that were
// loaded before, where their tables look for anomalies. Not those that somebody lets through: by
// --full, or by reset.
std::set<std::string> files_to_compare(const std::vector<Decision>& decisions, const Facts& facts);

// Says of each of these files what is odd about it (Decision::anomaly), and lets those wait whose
// table holds such files (kWait, "anomaly").
void find_anomalies(std::vector<Decision>& decisions, const Facts& facts,
                    const tracking::PastLoads& past);

}  // namespace qvdhouse::decide
