#include "decide/anomaly.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "base/quantity.h"
#include "base/shell.h"
#include "base/workers.h"

namespace qvdhouse::decide {
namespace {

using schema::AnomalyPolicy;
using tracking::FileRecord;
using tracking::FileState;
using tracking::PastLoad;

double median_of(std::vector<std::uint64_t> numbers) {
  std::ranges::sort(numbers);
  const std::size_t middle = numbers.size() / 2;
  const auto upper = static_cast<double>(numbers[middle]);
  if (numbers.size() % 2 == 1) return upper;
  return (static_cast<double>(numbers[middle - 1]) + upper) / 2;
}

bool is_far(double number, double from, double ratio) {
  return std::abs(number - from) > ratio * from;
}

// What is odd about one of its numbers; empty: nothing.
std::string deviation(std::uint64_t number, std::span<const PastLoad> past,
                      std::uint64_t PastLoad::*member, double ratio, std::string_view noun) {
  std::vector<std::uint64_t> numbers;
  for (const PastLoad& load : past) numbers.push_back(load.*member);
  const double median = median_of(numbers);
  const auto now = static_cast<double>(number);
  // What comes after nothing is not compared with it.
  if (median == 0 || !is_far(now, median, ratio)) return "";
  if (!is_far(now, static_cast<double>(numbers.front()), ratio)) return "";
  return fmt::format("{}, {:.1f} % {} than the median of its last {} ({})",
                     base::format_quantity(number, noun), std::abs(now - median) / median * 100,
                     now < median ? "fewer" : "more", base::format_quantity(past.size(), "load"),
                     base::format_quantity(static_cast<std::uint64_t>(std::llround(median)), noun));
}

AnomalyPolicy policy_of(const Decision& decision) { return decision.placement.rules.anomaly; }

// Rows that give way to later ones of the same key are in no count of a load.
bool are_rows_counted(const Decision& decision) {
  return decision.placement.rules.duplicate_keys != schema::DuplicateKeys::kLast;
}

}  // namespace

std::string anomaly_of(std::optional<std::uint64_t> rows, std::uint64_t bytes,
                       std::span<const PastLoad> past, double ratio) {
  if (past.size() < kLeastLoads) return "";
  std::string text;
  if (rows) text = deviation(*rows, past, &PastLoad::rows, ratio, "row");
  const std::string of_bytes = deviation(bytes, past, &PastLoad::bytes, ratio, "byte");
  if (!text.empty() && !of_bytes.empty()) text += "; ";
  return text + of_bytes;
}

bool looks_for_anomalies(const std::vector<schema::TableRules>& rules) {
  return std::ranges::any_of(
      rules, [](const schema::TableRules& rule) { return rule.anomaly != AnomalyPolicy::kOff; });
}

std::set<std::string> files_to_compare(const std::vector<Decision>& decisions, const Facts& facts) {
  std::set<std::string> paths;
  const auto is_due = [](const Decision& decision) {
    return decision.action == Action::kLoad && decision.reason_code != Reason::kNew &&
           decision.reason_code != Reason::kFull && policy_of(decision) != AnomalyPolicy::kOff;
  };
  for (const Decision& decision : decisions) {
    if (is_due(decision)) paths.insert(decision.file.path);
  }
  for (const FileRecord& record : facts.tracked) {
    const bool is_forgotten =
        record.status == FileState::kReset || record.status == FileState::kMoved;
    if (is_forgotten) paths.erase(record.file_path);
  }
  return paths;
}

void find_anomalies(std::vector<Decision>& decisions, const Facts& facts,
                    const tracking::PastLoads& past) {
  constexpr unsigned kThreads = 8;  // they wait for storage most of the time
  if (past.empty()) return;
  const std::set<std::string> paths = files_to_compare(decisions, facts);
  std::vector<std::pair<Decision*, const std::vector<PastLoad>*>> asked;
  for (Decision& decision : decisions) {
    const auto loads = past.find(decision.file.path);
    if (loads == past.end() || loads->second.size() < kLeastLoads) continue;
    if (paths.contains(decision.file.path)) asked.emplace_back(&decision, &loads->second);
  }
  base::for_each_index(asked.size(), kThreads, [&](std::size_t i) {
    auto& [decision, loads] = asked[i];
    const bool asks_rows = facts.row_count && are_rows_counted(*decision);
    const auto rows = asks_rows ? facts.row_count(decision->file) : std::nullopt;
    decision->anomaly =
        anomaly_of(rows, decision->file.size, *loads, decision->placement.rules.anomaly_ratio);
  });
  for (auto& [decision, loads] : asked) {
    if (decision->anomaly.empty()) continue;
    decision->anomaly =
        fmt::format("it is not as usual: {}; anomaly_ratio allows {:g} %", decision->anomaly,
                    decision->placement.rules.anomaly_ratio * 100);
    if (policy_of(*decision) != AnomalyPolicy::kHold) continue;
    decision->action = Action::kWait;
    decision->reason_code = Reason::kAnomaly;
    decision->reason = fmt::format(
        "{}; it waits, and its table stays as it is (anomaly = \"hold\"): `qvdhouse sync {} "
        "--full` "
        "loads it as it is",
        decision->anomaly, base::shell_quoted(decision->file.path));
  }
}

}  // namespace qvdhouse::decide
