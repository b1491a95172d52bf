#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "sync/decide_rules.h"

namespace qvdhouse::sync {
namespace {

using source::FileEntry;

Decision without_table(const FileEntry& file, Action action, const std::string& code,
                       const std::string& reason) {
  return {.file = file,
          .action = action,
          .reason_code = code,
          .reason = reason,
          .table = {},
          .placement = {},
          .stored_as = file.path,
          .moved_from = {},
          .settings_hash = {}};
}

Decision refused(const Candidate& candidate, const Facts& facts) {
  Decision decision =
      without_table(*candidate.file, Action::kRefuse, candidate.refusal_code, candidate.refusal);
  decision.table = candidate.placement.table;
  decision.placement = candidate.placement;
  decision.settings_hash = settings_hash(facts.settings_hash, candidate.placement);
  return decision;
}

// A key of the file's own for its rows: a path that was left by a file which moved may come back
// with another file, whose rows must not be taken for those of the first.
std::string free_key(const Picture& picture, const Decision& decision,
                     const tracking::FileRecord* record) {
  const auto is_taken = [&](const std::string& key) {
    return picture.other_with_key(decision.table, key, decision.file.path) != nullptr;
  };
  if (record != nullptr && record->status == "completed") return decision.stored_as;
  std::string key = decision.stored_as;
  for (unsigned n = 2; is_taken(key); ++n) key = fmt::format("{}#{}", decision.file.path, n);
  return key;
}

}  // namespace

std::vector<Decision> decide_and_tell_kept(const std::vector<FileEntry>& files,
                                           const Facts& facts) {
  // See which file claims which table, and who may not have it.
  Picture picture(files, facts);
  refuse_collisions(picture);

  // Find what was moved or removed.
  name_contents(picture);
  std::map<std::size_t, Decision> moved = find_moved(picture);
  std::vector<Decision> decisions = decide_vanished(picture, moved);

  // Judge each file that is there.
  for (const FileEntry& file : files) {
    if (file.skip_code.empty()) continue;
    decisions.push_back(without_table(file, Action::kSkip, file.skip_code, file.skip_reason));
    if (file.skip_code == "unreadable") decisions.back().error_class = "io";
  }
  for (std::size_t i = 0; i < picture.candidates.size(); ++i) {
    const Candidate& candidate = picture.candidates[i];
    if (!candidate.refusal_code.empty()) {
      decisions.push_back(refused(candidate, facts));
    } else if (const auto origin = moved.find(i); origin != moved.end()) {
      decisions.push_back(std::move(origin->second));
    } else {
      decisions.push_back(decide_with(*candidate.file, candidate.placement, candidate.record, facts,
                                      candidate.content));
      Decision& decision = decisions.back();
      if (decision.placement.is_set()) {
        decision.stored_as = free_key(picture, decision, candidate.record);
      }
    }
  }
  std::ranges::stable_sort(decisions, {}, [](const Decision& decision) -> const std::string& {
    return decision.file.path;
  });
  return decisions;
}

std::vector<Decision> decide_files(const std::vector<FileEntry>& files, const Facts& facts) {
  std::vector<Decision> decisions = decide_and_tell_kept(files, facts);
  std::erase_if(decisions, [](const Decision& decision) {
    return decision.action == Action::kSkip && decision.reason_code == "vanished";
  });
  return decisions;
}

}  // namespace qvdhouse::sync
