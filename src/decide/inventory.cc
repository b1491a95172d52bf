#include "decide/inventory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "source/archive_name.h"
#include "source/glob.h"

namespace qvdhouse::decide {
namespace {

using source::FileEntry;
using tracking::FileRecord;
using tracking::FileState;

// Names are for people: of a thousand files a few say enough.
constexpr std::size_t kMostNames = 5;

std::string rule_of(const Placement& placement) {
  return placement.rules.where.empty() ? "no rule" : placement.rules.where;
}

// Files that the table was loaded from, still there, and not of this listing's claimants.
std::vector<std::string> owners_elsewhere(const Inventory& inventory, std::string_view table,
                                          const std::vector<std::size_t>& claimants) {
  std::vector<std::string> paths;
  const auto owners = inventory.records_of.find(table);
  if (owners == inventory.records_of.end()) return paths;
  const Facts& facts = inventory.facts;
  if (facts.tables && !facts.tables->contains(std::string(table))) return paths;  // dropped by hand
  const Candidate& first = inventory.candidates[claimants.front()];
  for (const FileRecord* owner : owners->second) {
    if (paths.size() >= kMostNames) break;
    if (owner->status != FileState::kCompleted) continue;
    // Fellows of a set may come from several sources.
    if (first.placement.is_set() &&
        mode_of_hash(owner->settings_hash) != schema::LoadMode::kReplace)
      continue;
    const bool claims = std::ranges::any_of(claimants, [&](std::size_t i) {
      return inventory.candidates[i].file->path == owner->file_path;
    });
    if (!claims && facts.is_another_file(owner->file_path, first.file->path)) {
      paths.push_back(owner->file_path + " (loaded before)");
    }
  }
  return paths;
}

void refuse(Candidate& candidate, std::string reason) {
  candidate.refusal_code = Reason::kCollision;
  candidate.refusal = std::move(reason);
}

// True when all are of one mode.
bool agree_on_mode(Inventory& inventory, std::string_view table,
                   const std::vector<std::size_t>& claimants) {
  const Candidate& first = inventory.candidates[claimants.front()];
  const auto differs = std::ranges::find_if(claimants, [&](std::size_t i) {
    return inventory.candidates[i].placement.mode != first.placement.mode;
  });
  if (differs == claimants.end()) return true;
  const auto side = [](const Candidate& candidate) {
    return fmt::format("{} ({}: {})", mode_name(candidate.placement.mode),
                       rule_of(candidate.placement), candidate.file->path);
  };
  const std::string reason = fmt::format(
      "expected one load mode for table {}, found {} and {}; give one of them another name, or "
      "both the same mode",
      table, side(first), side(inventory.candidates[*differs]));
  for (const std::size_t i : claimants) refuse(inventory.candidates[i], reason);
  return false;
}

// `elsewhere`: files beside the claimants that stand against them.
void refuse_each(Inventory& inventory, std::string_view table,
                 const std::vector<std::size_t>& claimants,
                 const std::vector<std::string>& elsewhere) {
  for (const std::size_t i : claimants) {
    Candidate& candidate = inventory.candidates[i];
    std::vector<std::string> others;
    if (!candidate.placement.is_set()) {
      for (std::size_t k = 0; k < claimants.size() && others.size() < kMostNames; ++k) {
        if (claimants[k] != i) others.push_back(inventory.candidates[claimants[k]].file->path);
      }
    }
    const std::size_t fellows = candidate.placement.is_set() ? 0 : claimants.size() - 1;
    const std::size_t unnamed = fellows - others.size();
    others.insert(others.end(), elsewhere.begin(), elsewhere.end());
    refuse(
        candidate,
        fmt::format("expected {} for table {}, found {} and {}{}; rename one, exclude "
                    "one, load them with different table prefixes, forget one that "
                    "is gone (qvdhouse reset --file), make all of them one table "
                    "(mode = \"replace_by_file\"), or give each a table of its folder's name "
                    "(below [[table]]: match = \"{}\" and name = \"{{folder}}_{{file}}\")",
                    candidate.placement.is_set() ? "files of one set" : "one file", table,
                    candidate.file->path, fmt::join(others, ", "),
                    unnamed > 0 ? fmt::format(" and {} more", unnamed) : "", candidate.file->name));
  }
}

// Where names of tables differ in capitals alone, those that are not there yet are refused: people
// would take one for the other, and ClickHouse would not.
void refuse_likenesses(Inventory& inventory) {
  std::map<std::string, std::vector<std::string_view>> alike;
  for (const auto& [table, claimants] : inventory.claimants) {
    alike[source::fold_case(table)].push_back(table);
  }
  const auto& tables = inventory.facts.tables;
  for (const auto& [folded, names] : alike) {
    if (names.size() < 2) continue;
    for (const std::string_view table : names) {
      if (tables && tables->contains(std::string(table))) continue;
      const std::string_view other = names[0] == table ? names[1] : names[0];
      const Candidate& first = inventory.candidates[inventory.claimants[other].front()];
      for (const std::size_t i : inventory.claimants[table]) {
        Candidate& candidate = inventory.candidates[i];
        refuse(candidate,
               fmt::format("expected tables whose names differ in more than capitals, found "
                           "{} for {} and {} for {}; rename one, exclude one, or give its "
                           "table another name (name = \"…\" below [[table]])",
                           table, candidate.file->path, other, first.file->path));
      }
    }
  }
}

using Paths = std::set<std::string_view>;

// Nothing is known of what lies below a folder that was not entered.
bool is_below_any(std::string_view path, const Paths& folders) {
  const std::string archive = source::outer_place(std::string(path));
  if (archive != path && (folders.contains(archive) || is_below_any(archive, folders))) return true;
  for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos && slash > 0;
       slash = path.rfind('/', slash - 1)) {
    if (folders.contains(path.substr(0, slash))) return true;
  }
  return false;
}

}  // namespace

Inventory::Inventory(const std::vector<FileEntry>& listing, const Facts& known)
    : files(listing), facts(known), placer(known.rules, known.policy, known.source) {
  for (const FileRecord& record : facts.tracked) {
    if (record.status == FileState::kMoved) continue;
    records[record.file_path] = &record;
    records_of[record.table_name].push_back(&record);
    keys_[{record.table_name, file_key(record)}].push_back(&record);
  }
  Paths listed;
  Paths skipped;
  candidates.reserve(files.size());
  for (const FileEntry& file : files) {
    listed.insert(file.path);
    if (!file.skip_code.empty()) {
      skipped.insert(file.path);
      continue;
    }
    const auto record = records.find(file.path);
    Candidate candidate{.file = &file,
                        .record = record == records.end() ? nullptr : record->second};
    try {
      candidate.placement =
          placer.place(file.path, candidate.record == nullptr ? "" : candidate.record->table_name);
    } catch (const base::SchemaError& error) {
      candidate.refusal_code = Reason::kName;
      candidate.refusal = error.what();
    }
    candidates.push_back(std::move(candidate));
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].refusal.empty()) claimants[candidates[i].placement.table].push_back(i);
  }
  for (const auto& [path, record] : records) {
    if (!listed.contains(path) && !is_below_any(path, skipped) && facts.is_gone &&
        facts.is_gone(record->file_path)) {
      gone.push_back(record);
    }
  }
}

const FileRecord* Inventory::other_with_key(std::string_view table, std::string_view key,
                                            std::string_view than_path) const {
  const auto found = keys_.find({table, key});
  if (found == keys_.end()) return nullptr;
  for (const FileRecord* record : found->second) {
    if (record->file_path != than_path) return record;
  }
  return nullptr;
}

void refuse_collisions(Inventory& inventory) {
  for (const auto& [table, claimants] : inventory.claimants) {
    if (!agree_on_mode(inventory, table, claimants)) continue;
    const std::vector<std::string> elsewhere = owners_elsewhere(inventory, table, claimants);
    const bool is_set = inventory.candidates[claimants.front()].placement.is_set();
    if (!elsewhere.empty() || (!is_set && claimants.size() > 1)) {
      refuse_each(inventory, table, claimants, elsewhere);
    }
  }
  refuse_likenesses(inventory);
}

}  // namespace qvdhouse::decide
