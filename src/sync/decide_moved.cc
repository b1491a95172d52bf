#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/workers.h"
#include "sync/decide_rules.h"

namespace qvdhouse::sync {
namespace {

using tracking::FileRecord;

// Size, and the content hash or (false) the fingerprint of a record that has none:
// is_same_content() by key.
using Content = std::tuple<std::uint64_t, bool, std::string_view>;

Content content_of(const FileRecord& record) {
  if (record.content_hash.empty()) return {record.file_size, false, record.fingerprint};
  return {record.file_size, true, record.content_hash};
}

bool is_arrival(const Candidate& candidate) {
  return candidate.refusal_code.empty() &&
         (candidate.record == nullptr || candidate.record->status != "completed");
}

// Whether all rows of the record's table are its own (kReplace), or those of its key (a set).
bool owns_its_rows(const Picture& picture, const FileRecord& origin, const Candidate& arrival) {
  if (picture.facts.tables && !picture.facts.tables->contains(origin.table_name)) return false;
  if (arrival.placement.is_set()) {
    return picture.other_with_key(origin.table_name, file_key(origin), origin.file_path) == nullptr;
  }
  for (const FileRecord* record : picture.records_of.at(origin.table_name)) {
    if (record != &origin && record != arrival.record) return false;
  }
  return true;
}

// Whether the rows of `origin` are exactly what loading the arrival would give.
bool gives_the_same(const Picture& picture, const FileRecord& origin, const Candidate& arrival) {
  const Placement& placement = arrival.placement;
  if (mode_of_hash(origin.settings_hash) != placement.mode) return false;
  if (!owns_its_rows(picture, origin, arrival)) return false;
  try {
    if (picture.placer.place(origin.file_path).name_parts != placement.name_parts) return false;
  } catch (const base::SchemaError&) {
    return false;
  }
  if (origin.table_name == placement.table) return true;
  // The table is renamed with the file, when nothing else has to do with either name.
  return !placement.is_set() && picture.facts.tables &&
         !picture.facts.tables->contains(placement.table) &&
         !picture.claimants.contains(origin.table_name) &&
         origin.settings_hash == settings_hash(picture.facts.settings_hash, placement);
}

Decision adopt(const Picture& picture, const FileRecord& origin, const Candidate& arrival) {
  std::string reason = fmt::format("it is {}, which was loaded at {} and is not there any more",
                                   origin.file_path, time_text(origin.processed_at_us));
  if (origin.table_name != arrival.placement.table) {
    reason +=
        fmt::format("; table {} is renamed to {}", origin.table_name, arrival.placement.table);
  }
  return {.file = *arrival.file,
          .action = Action::kAdopt,
          .reason_code = "moved",
          .reason = std::move(reason),
          .table = arrival.placement.table,
          .placement = arrival.placement,
          .stored_as = file_key(origin),
          .moved_from = origin.file_path,
          .settings_hash = settings_hash(picture.facts.settings_hash, arrival.placement),
          .content_hash = arrival.content.content_hash};
}

}  // namespace

void name_contents(Picture& picture) {
  constexpr unsigned kThreads = 8;  // they wait for storage most of the time
  const Facts& facts = picture.facts;
  if (facts.full) return;
  using Records = std::vector<const FileRecord*>;
  std::map<std::uint64_t, Records> origins;  // by size
  for (const FileRecord* record : picture.gone) {
    if (record->status == "completed" && !record->fingerprint.empty()) {
      origins[record->file_size].push_back(record);
    }
  }
  std::vector<std::pair<Candidate*, Records>> asked;
  for (Candidate& candidate : picture.candidates) {
    Records records;
    const auto as_large = origins.find(candidate.file->size);
    if (is_arrival(candidate) && as_large != origins.end()) records = as_large->second;
    if (candidate.refusal_code.empty() &&
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

std::map<std::size_t, Decision> find_moved(const Picture& picture) {
  // Where two files have the same content, it cannot be told which one went where.
  struct Pair {
    std::vector<const FileRecord*> origins;
    std::vector<std::size_t> arrivals;
  };
  std::map<Content, Pair> pairs;
  for (const FileRecord* record : picture.gone) {
    if (record->status == "completed" && !record->fingerprint.empty()) {
      pairs[content_of(*record)].origins.push_back(record);
    }
  }
  for (std::size_t i = 0; i < picture.candidates.size(); ++i) {
    const Candidate& candidate = picture.candidates[i];
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
    const Candidate& arrival = picture.candidates[pair.arrivals[0]];
    if (!gives_the_same(picture, *pair.origins[0], arrival)) continue;
    moved.emplace(pair.arrivals[0], adopt(picture, *pair.origins[0], arrival));
  }
  return moved;
}

}  // namespace qvdhouse::sync
