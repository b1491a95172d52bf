#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "sync/decide_rules.h"

namespace qvdhouse::sync {
namespace {

using schema::LoadMode;
using schema::VanishedPolicy;
using tracking::FileRecord;

// A folder in which nothing is mounted looks like one whose files are all deleted.
bool has_no_file(const std::vector<source::FileEntry>& files) {
  return std::ranges::none_of(files,
                              [](const source::FileEntry& file) { return file.skip_code.empty(); });
}

// Whether a whole table may go with its one file: nobody else has to do with it.
bool table_is_unclaimed(const Picture& picture, const FileRecord& record) {
  if (picture.claimants.contains(record.table_name)) return false;
  const Picture::Records& owners = picture.records_of.at(record.table_name);
  return std::ranges::all_of(
      owners, [&](const FileRecord* owner) { return std::ranges::count(picture.gone, owner) > 0; });
}

// Why the rows stay; empty when they go.
std::string why_kept(const Picture& picture, const FileRecord& record, const Placement& placement) {
  if (placement.rules.vanished == VanishedPolicy::kKeep) return "vanished = \"keep\"";
  if (has_no_file(picture.files)) {
    return "the source has no file at all now, which may be a storage that is not mounted";
  }
  if (placement.table != record.table_name ||
      placement.mode != mode_of_hash(record.settings_hash)) {
    return fmt::format("today's rules would make it table {} in mode {}", placement.table,
                       mode_name(placement.mode));
  }
  if (placement.is_set()) {
    const FileRecord* other =
        picture.other_with_key(record.table_name, file_key(record), record.file_path);
    return other == nullptr ? "" : "they are those of " + other->file_path + " now";
  }
  return table_is_unclaimed(picture, record) ? "" : "its table is another file's too";
}

// A table without `_file` goes as a whole, so its file must have been loaded. Of a set, rows of an
// earlier version may lie there whatever happened last.
bool may_have_rows(const FileRecord& record) {
  return record.status == "completed" || mode_of_hash(record.settings_hash) != LoadMode::kReplace;
}

Decision decide_one(const Picture& picture, const FileRecord& record) {
  Decision decision{.file = {.path = record.file_path,
                             .name = record.file_name,
                             .size = record.file_size,
                             .mtime_us = record.file_mtime_us,
                             .etag = record.file_etag,
                             .source_type = record.source_type,
                             .skip_reason = {},
                             .skip_code = {}},
                    .reason_code = "vanished",
                    .reason = {},
                    .table = record.table_name,
                    .placement = {},
                    .stored_as = file_key(record),
                    .moved_from = {},
                    .settings_hash = record.settings_hash};
  std::string kept;
  try {
    decision.placement = picture.placer.place(record.file_path);
    kept = why_kept(picture, record, decision.placement);
  } catch (const base::SchemaError& error) {
    kept = error.what();
  }
  decision.action = kept.empty() ? Action::kRemove : Action::kSkip;
  decision.reason =
      kept.empty()
          ? fmt::format("it vanished, and its rows in {} go with it (vanished = \"delete\")",
                        record.table_name)
          : fmt::format("it vanished; its rows in {} are kept: {}", record.table_name, kept);
  return decision;
}

}  // namespace

std::vector<Decision> decide_vanished(const Picture& picture,
                                      const std::map<std::size_t, Decision>& moved) {
  std::set<std::string_view> origins;
  for (const auto& [index, decision] : moved) origins.insert(decision.moved_from);
  std::vector<Decision> decisions;
  for (const FileRecord* record : picture.gone) {
    if (origins.contains(record->file_path) || !may_have_rows(*record)) continue;
    decisions.push_back(decide_one(picture, *record));
  }
  return decisions;
}

std::string why_source_is_lost(const std::vector<source::FileEntry>& files, const Facts& facts) {
  if (!has_no_file(files)) return "";
  const Picture picture(files, facts);
  const FileRecord* example = nullptr;
  std::size_t count = 0;
  for (const FileRecord* record : picture.gone) {
    if (record->status == kReset) continue;
    if (count++ == 0) example = record;
  }
  if (count == 0) return "";
  return fmt::format(
      "the source has no file now, but had {} before, such as {}: its storage may not be mounted. "
      "Nothing was loaded or deleted. If the files are gone on purpose, forget them with "
      "`qvdhouse reset --file {}`{}",
      count == 1 ? "one file" : fmt::format("{} files", count), example->file_path,
      example->file_name, count == 1 ? "" : " (`--table` and `--all` forget several)");
}

}  // namespace qvdhouse::sync
