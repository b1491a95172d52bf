// What `wait_for` holds back: a batch of files that belong together is not loaded before it is
// whole (docs/operations.md, "Files that belong together"). Only times of the storage are compared
// with each other where a marker says when that is, so that no clock of ours and no run that was
// killed matters: a marker is for the files that were written before it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "decide/inventory.h"
#include "source/archive_name.h"
#include "source/glob.h"

namespace qvdhouse::decide {
namespace {

using source::FileEntry;
using tracking::FileRecord;
using tracking::FileState;

bool is_named(std::string_view name, const std::string& item) {
  source::NamePattern pattern(item);
  pattern.ignore_extension_case();
  return pattern.matches(name);
}

// An earlier batch had this version of the file.
bool was_taken_up(const FileEntry& file, const FileRecord* record) {
  return record != nullptr && is_same_version(file, *record) &&
         (record->status == FileState::kCompleted || record->status == FileState::kFailed ||
          record->status == FileState::kCancelled);
}

// The named files of a batch: all of them must be newer than the last load of any that lags behind.
struct NamedSet {
  std::string lacking;       // the first that is not newer; empty: the batch is whole
  std::int64_t last_us = 0;  // the last load of the one that was loaded longest ago
  // The newest of those that were loaded: what was written before it is of their batch.
  std::int64_t loaded_mtime_us = 0;
};

NamedSet named_set(const Inventory& inventory, const std::vector<std::string>& items) {
  constexpr double kMicroseconds = 1e6;
  struct Item {
    std::int64_t mtime_us = 0;
    std::int64_t loaded_us = 0;
  };
  NamedSet set;
  std::vector<Item> found(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (const Candidate& candidate : inventory.candidates) {
      if (!is_named(candidate.file->name, items[i])) continue;
      found[i].mtime_us = std::max(found[i].mtime_us, candidate.file->mtime_us);
      const FileRecord* record = candidate.record;
      if (record == nullptr || record->processed_at_us == 0) continue;
      if (!was_taken_up(loaded_version(*record), record)) continue;
      const double began = static_cast<double>(record->processed_at_us) -
                           record->processing_duration_seconds * kMicroseconds;
      found[i].loaded_us = std::max(found[i].loaded_us, static_cast<std::int64_t>(began));
      set.loaded_mtime_us = std::max(set.loaded_mtime_us, record->file_mtime_us);
    }
  }
  set.last_us = std::ranges::min(found, {}, &Item::loaded_us).loaded_us;
  for (std::size_t i = 0; i < items.size() && set.lacking.empty(); ++i) {
    if (found[i].mtime_us <= set.last_us) set.lacking = items[i];
  }
  return set;
}

// What is known of each list of named files: the same for all files that wait for it.
using NamedSets = std::map<std::vector<std::string>, NamedSet>;

std::string why_held_by_set(const FileEntry& file, const Inventory& inventory,
                            const std::vector<std::string>& items, NamedSets& sets) {
  if (items.empty()) return "";
  auto known = sets.find(items);
  if (known == sets.end()) known = sets.emplace(items, named_set(inventory, items)).first;
  const NamedSet& set = known->second;
  if (set.lacking.empty()) return "";
  const bool is_of_loaded = file.mtime_us != 0 && file.mtime_us <= set.loaded_mtime_us;
  const bool is_in_set = std::ranges::any_of(
      items, [&](const std::string& item) { return is_named(file.name, item); });
  if (is_of_loaded && !is_in_set) return "";
  if (set.last_us == 0) return fmt::format("it waits for {}, which is not there", set.lacking);
  return fmt::format("it waits for {} to be written again after the load that began at {}",
                     set.lacking, time_text(set.last_us));
}

// The newest marker of the name beside the file, or in the source's folder.
const FileEntry* marker_for(const FileEntry& file, const std::string& item, const Facts& facts) {
  const FileEntry* newest = nullptr;
  for (const FileEntry& marker : facts.markers) {
    const std::string folder = source::folder_of_file(marker.path);
    if (folder != source::folder_of_file(file.path) && folder != facts.folder) continue;
    if (!is_named(marker.name, item)) continue;
    if (newest == nullptr || marker.mtime_us > newest->mtime_us) newest = &marker;
  }
  return newest;
}

std::string why_held_by_marker(const FileEntry& file, const std::string& item, const Facts& facts) {
  const FileEntry* marker = marker_for(file, item, facts);
  if (marker == nullptr) return fmt::format("it waits for {}, which is not there", item);
  if (marker->mtime_us == 0 || file.mtime_us == 0) {
    return fmt::format(
        "it waits for {}, but the storage does not say when this file and {} were written, so that "
        "a new one cannot be told from that of the last batch; wait_for cannot be used here",
        item, marker->name);
  }
  if (marker->mtime_us >= file.mtime_us) return "";
  return fmt::format("it was written at {}, after {} ({}), and waits for the next one",
                     time_text(file.mtime_us), marker->name, time_text(marker->mtime_us));
}

std::string why_held(const Decision& decision, const std::vector<std::string>& wait_for,
                     const Inventory& inventory, NamedSets& sets) {
  std::vector<std::string> files;
  for (const std::string& item : wait_for) {
    if (is_name_of_qvd(item)) {
      files.push_back(item);
      continue;
    }
    std::string why = why_held_by_marker(decision.file, item, inventory.facts);
    if (!why.empty()) return why;
  }
  return why_held_by_set(decision.file, inventory, files, sets);
}

}  // namespace

bool is_name_of_qvd(std::string_view item) {
  constexpr std::string_view kExtension = ".qvd";
  return item.size() >= kExtension.size() &&
         base::equal_ignoring_case(item.substr(item.size() - kExtension.size()), kExtension);
}

void hold_back(std::vector<Decision>& decisions, const Inventory& inventory) {
  NamedSets sets;
  std::vector<const std::vector<std::string>*> held_lists;
  const auto list_of = [&](const Decision& decision) -> const std::vector<std::string>& {
    const std::vector<std::string>& own = decision.placement.rules.wait_for;
    return own.empty() ? inventory.facts.wait_for : own;
  };
  const auto hold = [](Decision& decision, std::string why) {
    decision.action = Action::kWait;
    decision.reason_code = Reason::kWaitFor;
    decision.reason = std::move(why);
  };
  for (Decision& decision : decisions) {
    const std::vector<std::string>& wait_for = list_of(decision);
    // What is adopted would count as loaded with the batch.
    const bool is_due = decision.action == Action::kLoad ||
                        decision.reason_code == Reason::kUnfinished ||
                        decision.reason_code == Reason::kTouched;
    if (!is_due || wait_for.empty()) continue;
    const auto record = inventory.records.find(decision.file.path);
    const FileRecord* known = record == inventory.records.end() ? nullptr : record->second;
    if (was_taken_up(decision.file, known)) continue;
    std::string why = why_held(decision, wait_for, inventory, sets);
    if (why.empty()) continue;
    hold(decision, std::move(why));
    held_lists.push_back(&wait_for);
  }
  // A batch that is under way may have begun by deleting the files of the last one.
  for (Decision& decision : decisions) {
    if (decision.action != Action::kRemove) continue;
    const std::vector<std::string>& wait_for = list_of(decision);
    const bool is_under_way = std::ranges::any_of(
        held_lists, [&](const std::vector<std::string>* held) { return *held == wait_for; });
    if (!wait_for.empty() && is_under_way) {
      hold(decision,
           fmt::format("it vanished, and its rows wait for the next batch as files do ({})",
                       fmt::join(wait_for, ", ")));
    }
  }
}

}  // namespace qvdhouse::decide
