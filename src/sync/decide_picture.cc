#include <set>
#include <utility>

#include "base/error.h"
#include "sync/decide_rules.h"

namespace qvdhouse::sync {
namespace {

using source::FileEntry;
using tracking::FileRecord;

using Paths = std::set<std::string_view>;

// Nothing is known of what lies below a folder that was not entered.
bool is_below_any(std::string_view path, const Paths& folders) {
  for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos && slash > 0;
       slash = path.rfind('/', slash - 1)) {
    if (folders.contains(path.substr(0, slash))) return true;
  }
  return false;
}

}  // namespace

Picture::Picture(const std::vector<FileEntry>& listing, const Facts& known)
    : files(listing), facts(known), placer(known.rules, known.policy) {
  for (const FileRecord& record : facts.tracked) {
    if (record.status == kMovedAway) continue;
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
      candidate.placement = placer.place(file.path);
    } catch (const base::SchemaError& error) {
      candidate.refusal_code = "name";
      candidate.refusal = error.what();
    }
    candidates.push_back(std::move(candidate));
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].refusal_code.empty()) claimants[candidates[i].placement.table].push_back(i);
  }
  for (const auto& [path, record] : records) {
    if (!listed.contains(path) && !is_below_any(path, skipped) && facts.is_gone &&
        facts.is_gone(record->file_path)) {
      gone.push_back(record);
    }
  }
}

const FileRecord* Picture::other_with_key(std::string_view table, std::string_view key,
                                          std::string_view than_path) const {
  const auto found = keys_.find({table, key});
  if (found == keys_.end()) return nullptr;
  for (const FileRecord* record : found->second) {
    if (record->file_path != than_path) return record;
  }
  return nullptr;
}

}  // namespace qvdhouse::sync
