// What becomes of files that are gone: they were moved, or they vanished.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/quantity.h"
#include "base/workers.h"
#include "decide/inventory.h"

namespace qvdhouse::decide {
namespace {

using schema::LoadMode;
using schema::VanishedPolicy;
using tracking::FileRecord;
using tracking::FileState;

// Size, and the content hash or (false) the fingerprint of a record that has none:
// is_same_content() by key.
using Content = std::tuple<std::uint64_t, bool, std::string_view>;

Content content_of(const FileRecord& record) {
  if (record.content_hash.empty()) return {record.file_size, false, record.fingerprint};
  return {record.file_size, true, record.content_hash};
}

bool is_arrival(const Candidate& candidate) {
  return candidate.refusal.empty() &&
         (candidate.record == nullptr || candidate.record->status != FileState::kCompleted);
}

// Whether all rows of the record's table are its own (kReplace), or those of its key (a set).
bool owns_its_rows(const Inventory& inventory, const FileRecord& origin, const Candidate& arrival) {
  const std::string rows = all_rows_of(mode_of_hash(origin.settings_hash), origin.table_name);
  if (inventory.facts.tables && !inventory.facts.tables->contains(rows)) return false;
  if (arrival.placement.is_set()) {
    return inventory.other_with_key(origin.table_name, file_key(origin), origin.file_path) ==
           nullptr;
  }
  for (const FileRecord* record : inventory.records_of.at(origin.table_name)) {
    if (record != &origin && record != arrival.record) return false;
  }
  return true;
}

// Whether the rows of `origin` are exactly what loading the arrival would give.
bool gives_the_same(const Inventory& inventory, const FileRecord& origin,
                    const Candidate& arrival) {
  const Placement& placement = arrival.placement;
  if (mode_of_hash(origin.settings_hash) != placement.mode) return false;
  if (!owns_its_rows(inventory, origin, arrival)) return false;
  try {
    const Placement before = inventory.placer.place(origin.file_path, origin.table_name);
    if (before.name_parts != placement.name_parts ||
        before.rules.is_deletes != placement.rules.is_deletes) {
      return false;
    }
  } catch (const base::SchemaError&) {
    return false;
  }
  if (origin.table_name == placement.table) return true;
  // The table is renamed with the file, when nothing else has to do with either name.
  return !placement.is_set() && inventory.facts.tables &&
         !inventory.facts.tables->contains(placement.table) &&
         !inventory.claimants.contains(origin.table_name) &&
         origin.settings_hash == settings_hash(inventory.facts.settings_hash, placement);
}

Decision adopt(const Inventory& inventory, const FileRecord& origin, const Candidate& arrival) {
  std::string reason = fmt::format("it is {}, which was loaded at {} and is not there any more",
                                   origin.file_path, time_text(origin.processed_at_us));
  if (origin.table_name != arrival.placement.table) {
    reason +=
        fmt::format("; table {} is renamed to {}", origin.table_name, arrival.placement.table);
  }
  return {.file = *arrival.file,
          .action = Action::kAdopt,
          .reason_code = Reason::kMoved,
          .reason = std::move(reason),
          .table = arrival.placement.table,
          .placement = arrival.placement,
          .stored_as = file_key(origin),
          .moved_from = origin.file_path,
          .settings_hash = settings_hash(inventory.facts.settings_hash, arrival.placement),
          .content_hash = arrival.content.content_hash};
}

// A folder in which nothing is mounted looks like one whose files are all deleted.
bool has_no_file(const std::vector<source::FileEntry>& files) {
  return std::ranges::none_of(files,
                              [](const source::FileEntry& file) { return file.skip_code.empty(); });
}

// Whether a whole table may go with its one file: nobody else has to do with it.
bool table_is_unclaimed(const Inventory& inventory, const FileRecord& record) {
  if (inventory.claimants.contains(record.table_name)) return false;
  const Inventory::Records& owners = inventory.records_of.at(record.table_name);
  return std::ranges::all_of(owners, [&](const FileRecord* owner) {
    return std::ranges::count(inventory.gone, owner) > 0;
  });
}

// Why the rows stay; empty when they go.
std::string why_kept(const Inventory& inventory, const FileRecord& record,
                     const Placement& placement) {
  if (placement.rules.vanished == VanishedPolicy::kKeep) return "vanished = \"keep\"";
  if (has_no_file(inventory.files)) {
    return "the source has no file at all now, which may be a storage that is not mounted";
  }
  if (placement.table != record.table_name ||
      placement.mode != mode_of_hash(record.settings_hash)) {
    return fmt::format("today's rules would make it table {} in mode {}", placement.table,
                       mode_name(placement.mode));
  }
  if (placement.is_set()) {
    const FileRecord* other =
        inventory.other_with_key(record.table_name, file_key(record), record.file_path);
    return other == nullptr ? "" : "they are those of " + other->file_path + " now";
  }
  return table_is_unclaimed(inventory, record) ? "" : "its table is another file's too";
}

// What tracking says of a file that is gone is wrong: no failure stands, and nothing is waited for.
bool stands_open(const FileRecord& record) {
  return record.status != FileState::kCompleted && record.status != FileState::kReset &&
         record.status != FileState::kVanished;
}

// A table without `_file` goes as a whole, so its file must have been loaded. Of a set, rows of an
// earlier version may lie there whatever happened last.
bool may_have_rows(const FileRecord& record) {
  return record.status == FileState::kCompleted ||
         mode_of_hash(record.settings_hash) != LoadMode::kReplace;
}

Decision decide_one(const Inventory& inventory, const FileRecord& record) {
  Decision decision{.file = loaded_version(record),
                    .reason_code = Reason::kVanished,
                    .table = record.table_name,
                    .stored_as = file_key(record),
                    .settings_hash = record.settings_hash};
  std::string kept;
  try {
    decision.placement = inventory.placer.place(record.file_path, record.table_name);
    kept = may_have_rows(record) ? why_kept(inventory, record, decision.placement)
                                 : "it was not loaded as it last was";
  } catch (const base::SchemaError& error) {
    kept = error.what();
  }
  if (kept.empty()) {
    decision.action = Action::kRemove;
    decision.reason = fmt::format(
        "it vanished, and its rows in {} go with it (vanished = \"delete\")", record.table_name);
  } else if (stands_open(record)) {
    decision.action = Action::kAdopt;
    decision.reason =
        fmt::format("it was {} and vanished: that is settled; rows of it in {} are kept",
                    record.status, record.table_name);
  } else {
    decision.reason =
        fmt::format("it vanished; its rows in {} are kept: {}", record.table_name, kept);
  }
  return decision;
}

}  // namespace

void name_contents(Inventory& inventory) {
  constexpr unsigned kThreads = 8;  // they wait for storage most of the time
  const Facts& facts = inventory.facts;
  if (facts.full) return;
  using Records = std::vector<const FileRecord*>;
  std::map<std::uint64_t, Records> origins;  // by size
  for (const FileRecord* record : inventory.gone) {
    if (record->status == FileState::kCompleted && !record->fingerprint.empty()) {
      origins[record->file_size].push_back(record);
    }
  }
  std::vector<std::pair<Candidate*, Records>> asked;
  for (Candidate& candidate : inventory.candidates) {
    Records records;
    const auto as_large = origins.find(candidate.file->size);
    if (is_arrival(candidate) && as_large != origins.end()) records = as_large->second;
    if (candidate.refusal.empty() && candidate.outside.empty() &&
        may_be_touched(*candidate.file, candidate.placement, candidate.record, facts)) {
      records.push_back(candidate.record);
    }
    if (!records.empty()) asked.emplace_back(&candidate, std::move(records));
  }
  base::for_each_index(asked.size(), kThreads, [&](std::size_t i) {
    auto& [candidate, records] = asked[i];
    candidate->content = name_content(*candidate->file, candidate->placement.mode, facts, records);
  });
}

std::map<std::size_t, Decision> find_moved(const Inventory& inventory) {
  // Where two files have the same content, it cannot be told which one went where.
  struct Pair {
    std::vector<const FileRecord*> origins;
    std::vector<std::size_t> arrivals;
  };
  std::map<Content, Pair> pairs;
  for (const FileRecord* record : inventory.gone) {
    if (record->status == FileState::kCompleted && !record->fingerprint.empty()) {
      pairs[content_of(*record)].origins.push_back(record);
    }
  }
  for (std::size_t i = 0; i < inventory.candidates.size(); ++i) {
    const Candidate& candidate = inventory.candidates[i];
    const ContentNames& names = candidate.content;
    if (!is_arrival(candidate) || names.content_hash.empty()) continue;
    const auto proven = pairs.find({candidate.file->size, true, names.content_hash});
    const auto like = candidate.placement.mode == schema::LoadMode::kAppend
                          ? pairs.find({candidate.file->size, false, names.fingerprint})
                          : pairs.end();
    if ((proven == pairs.end()) == (like == pairs.end())) continue;
    (proven == pairs.end() ? like : proven)->second.arrivals.push_back(i);
  }
  std::map<std::size_t, Decision> moved;
  for (const auto& [content, pair] : pairs) {
    if (pair.origins.size() != 1 || pair.arrivals.size() != 1) continue;
    const Candidate& arrival = inventory.candidates[pair.arrivals[0]];
    if (!gives_the_same(inventory, *pair.origins[0], arrival)) continue;
    moved.emplace(pair.arrivals[0], adopt(inventory, *pair.origins[0], arrival));
  }
  return moved;
}

std::vector<Decision> decide_vanished(const Inventory& inventory,
                                      const std::map<std::size_t, Decision>& moved) {
  std::set<std::string_view> origins;
  for (const auto& [index, decision] : moved) origins.insert(decision.moved_from);
  std::vector<Decision> decisions;
  for (const FileRecord* record : inventory.gone) {
    if (origins.contains(record->file_path) || inventory.gone_outside.contains(record)) continue;
    if (!record->taken.empty()) continue;  // we took it, and its rows stay
    if (!may_have_rows(*record) && !stands_open(*record)) continue;
    decisions.push_back(decide_one(inventory, *record));
  }
  return decisions;
}

std::string why_source_is_lost(const std::vector<source::FileEntry>& files, const Facts& facts) {
  if (!has_no_file(files)) return "";
  const Inventory inventory(files, facts);
  const FileRecord* example = nullptr;
  std::size_t count = 0;
  for (const FileRecord* record : inventory.gone) {
    if (record->status == FileState::kReset || record->status == FileState::kVanished) continue;
    if (!record->taken.empty()) continue;
    if (count++ == 0) example = record;
  }
  if (count == 0) return "";
  return fmt::format(
      "the source has no file now, but had {} before, such as {}: its storage may not be mounted. "
      "Nothing was loaded or deleted. If the files are gone on purpose, forget them with "
      "`qvdhouse reset --file {}`{}",
      base::format_quantity(count, "file"), example->file_path, example->file_name,
      count == 1 ? "" : " (`--table` and `--all` forget several)");
}

}  // namespace qvdhouse::decide
