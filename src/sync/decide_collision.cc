#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sync/decide_rules.h"

namespace qvdhouse::sync {
namespace {

using tracking::FileRecord;

// Names are for people: of a thousand files a few say enough.
constexpr std::size_t kMostNames = 5;

std::string rule_of(const Placement& placement) {
  return placement.rules.where.empty() ? "no rule" : placement.rules.where;
}

// Files that the table was loaded from, still there, and not of this listing's claimants.
std::vector<std::string> owners_elsewhere(const Picture& picture, std::string_view table,
                                          const std::vector<std::size_t>& claimants) {
  std::vector<std::string> paths;
  const auto owners = picture.records_of.find(table);
  if (owners == picture.records_of.end()) return paths;
  const Facts& facts = picture.facts;
  if (facts.tables && !facts.tables->contains(std::string(table))) return paths;  // dropped by hand
  const Candidate& first = picture.candidates[claimants.front()];
  for (const FileRecord* owner : owners->second) {
    if (paths.size() >= kMostNames) break;
    if (owner->status != "completed") continue;
    // Fellows of a set may come from several sources.
    if (first.placement.is_set() &&
        mode_of_hash(owner->settings_hash) != schema::LoadMode::kReplace)
      continue;
    const bool claims = std::ranges::any_of(claimants, [&](std::size_t i) {
      return picture.candidates[i].file->path == owner->file_path;
    });
    if (!claims && facts.is_another_file(owner->file_path, first.file->path)) {
      paths.push_back(owner->file_path + " (loaded before)");
    }
  }
  return paths;
}

void refuse(Candidate& candidate, std::string reason) {
  candidate.refusal_code = "collision";
  candidate.refusal = std::move(reason);
}

// True when all are of one mode.
bool agree_on_mode(Picture& picture, std::string_view table,
                   const std::vector<std::size_t>& claimants) {
  const Candidate& first = picture.candidates[claimants.front()];
  const auto differs = std::ranges::find_if(claimants, [&](std::size_t i) {
    return picture.candidates[i].placement.mode != first.placement.mode;
  });
  if (differs == claimants.end()) return true;
  const auto side = [](const Candidate& candidate) {
    return fmt::format("{} ({}: {})", mode_name(candidate.placement.mode),
                       rule_of(candidate.placement), candidate.file->path);
  };
  const std::string reason = fmt::format(
      "expected one load mode for table {}, found {} and {}; give one of them another name, or "
      "both the same mode",
      table, side(first), side(picture.candidates[*differs]));
  for (const std::size_t i : claimants) refuse(picture.candidates[i], reason);
  return false;
}

// `elsewhere`: files beside the claimants that stand against them.
void refuse_each(Picture& picture, std::string_view table,
                 const std::vector<std::size_t>& claimants,
                 const std::vector<std::string>& elsewhere) {
  for (const std::size_t i : claimants) {
    Candidate& candidate = picture.candidates[i];
    std::vector<std::string> others;
    if (!candidate.placement.is_set()) {
      for (std::size_t k = 0; k < claimants.size() && others.size() < kMostNames; ++k) {
        if (claimants[k] != i) others.push_back(picture.candidates[claimants[k]].file->path);
      }
    }
    const std::size_t fellows = candidate.placement.is_set() ? 0 : claimants.size() - 1;
    const std::size_t unnamed = fellows - others.size();
    others.insert(others.end(), elsewhere.begin(), elsewhere.end());
    refuse(candidate,
           fmt::format("expected {} for table {}, found {} and {}{}; rename one, exclude "
                       "one, load them with different table prefixes, forget one that "
                       "is gone (qvdhouse reset --file), or make all of them one table "
                       "(mode = \"replace_by_file\")",
                       candidate.placement.is_set() ? "files of one set" : "one file", table,
                       candidate.file->path, fmt::join(others, ", "),
                       unnamed > 0 ? fmt::format(" and {} more", unnamed) : ""));
  }
}

}  // namespace

void refuse_collisions(Picture& picture) {
  for (const auto& [table, claimants] : picture.claimants) {
    if (!agree_on_mode(picture, table, claimants)) continue;
    const std::vector<std::string> elsewhere = owners_elsewhere(picture, table, claimants);
    const bool is_set = picture.candidates[claimants.front()].placement.is_set();
    if (!elsewhere.empty() || (!is_set && claimants.size() > 1)) {
      refuse_each(picture, table, claimants, elsewhere);
    }
  }
}

}  // namespace qvdhouse::sync
