#include "decide/decide.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/quantity.h"
#include "decide/inventory.h"
#include "tracking/original_table.h"

namespace qvdhouse::decide {
namespace {

using source::FileEntry;
using tracking::ErrorClass;
using tracking::FileRecord;
using tracking::FileState;

constexpr std::int64_t kMicroseconds = 1'000'000;

struct Verdict {
  Action action;
  Reason code;
  std::string reason;
  ErrorClass error_class = ErrorClass::kNone;  // of a failure that stands
};

bool have_etags(const FileEntry& file, const FileRecord& record) {
  return !file.etag.empty() && !record.file_etag.empty();
}

// "size 10 → 12 bytes, modification time … → …"
std::string changes(const FileEntry& file, const FileRecord& record) {
  std::vector<std::string> parts;
  if (file.size != record.file_size) {
    parts.push_back(fmt::format("size {} → {}", base::format_count(record.file_size),
                                base::format_quantity(file.size, "byte")));
  }
  if (file.mtime_us != record.file_mtime_us) {
    parts.push_back(fmt::format("modification time {} → {}", time_text(record.file_mtime_us),
                                time_text(file.mtime_us)));
  }
  if (have_etags(file, record) && !source::same_etag(file.etag, record.file_etag)) {
    parts.push_back(fmt::format("ETag {} → {}", record.file_etag, file.etag));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

bool is_same_time(const FileEntry& file, const FileRecord& record) {
  const std::int64_t tolerance_us = record.run_id == tracking::kOriginalRun ? 1 : 0;
  return std::abs(file.mtime_us - record.file_mtime_us) <= tolerance_us;
}

// For a record whose file is the version that it speaks of.
Verdict judge_completed(const FileEntry& file, const Placement& placement,
                        const std::string& todays_hash, const FileRecord& record,
                        const Facts& facts) {
  if (record.table_name != placement.table) {
    return {Action::kLoad, Reason::kRenamed,
            fmt::format("it was loaded as table {}, and is to be {} now", record.table_name,
                        placement.table)};
  }
  if (const schema::LoadMode mode = mode_of_hash(record.settings_hash); mode != placement.mode) {
    return {Action::kLoad, Reason::kMode,
            fmt::format("it was loaded in mode {}, and its table's mode is {} now", mode_name(mode),
                        mode_name(placement.mode))};
  }
  for (const std::string& table : {placement.table, all_rows_of(placement.mode, placement.table)}) {
    if (!facts.tables || facts.tables->contains(table)) continue;
    return {Action::kLoad, Reason::kMissing,
            fmt::format("its table {} does not exist any more", table)};
  }
  if (protection_of_hash(record.settings_hash) != protection_of_hash(todays_hash)) {
    return {Action::kLoad, Reason::kSettings,
            fmt::format("what protects its values is another than at its load at {}",
                        time_text(record.processed_at_us))};
  }
  if (has_other_settings(record, todays_hash) && facts.reload_changed_settings) {
    return {Action::kLoad, Reason::kSettings,
            fmt::format("it was loaded under other settings at {} (settings_changed = \"reload\")",
                        time_text(record.processed_at_us))};
  }
  return {Action::kSkip, Reason::kUnchanged,
          fmt::format("{} are those of the load at {}{}",
                      have_etags(file, record) ? "size and ETag" : "size and modification time",
                      time_text(record.processed_at_us),
                      has_other_settings(record, todays_hash)
                          ? ", which was under other settings: --full or settings_changed = "
                            "\"reload\" applies today's"
                          : "")};
}

Verdict judge_failed(const FileRecord& record, const std::string& todays_hash, const Facts& facts) {
  if (facts.retry_failed) {
    return {Action::kLoad, Reason::kRetry,
            fmt::format("it failed at {} and is tried again, as was asked for",
                        time_text(record.processed_at_us))};
  }
  if (record.retry_at_us == 0 && record.settings_hash != todays_hash) {
    return {
        Action::kLoad, Reason::kSettings,
        fmt::format("settings changed since it failed at {}", time_text(record.processed_at_us))};
  }
  if (record.retry_at_us == 0) {
    return {Action::kSkip, Reason::kFailedUnchanged,
            fmt::format("it failed at {} and has not changed since: {}",
                        time_text(record.processed_at_us), record.error_message),
            record.error_class};
  }
  if (facts.now_us < record.retry_at_us) {
    return {
        Action::kSkip, Reason::kBackoff,
        fmt::format("it failed {} times in a row, and is tried again from {} on, or at once when "
                    "it changes: {}",
                    record.failure_count, time_text(record.retry_at_us), record.error_message),
        record.error_class};
  }
  return {Action::kLoad, Reason::kRetry,
          fmt::format("it failed at {} and is tried again", time_text(record.processed_at_us))};
}

// Whether the file was loaded, from that time on.
bool began_since(const FileRecord& record, std::int64_t since_us) {
  constexpr double kMicroseconds = 1e6;
  const double began = static_cast<double>(record.processed_at_us) -
                       record.processing_duration_seconds * kMicroseconds;
  return since_us != 0 && record.status == FileState::kCompleted &&
         began >= static_cast<double>(since_us);
}

Verdict judge(const FileEntry& file, const Placement& placement, const std::string& todays_hash,
              const FileRecord* record, const Facts& facts, const ContentNames& content) {
  if (record == nullptr) return {Action::kLoad, Reason::kNew, "it was not loaded before"};
  if (facts.full &&
      (has_other_settings(*record, todays_hash) || !began_since(*record, facts.full_since_us))) {
    return {Action::kLoad, Reason::kFull, "a full run loads every file"};
  }
  if (!is_same_version(file, *record)) {
    if (is_same_content(content, *record, placement.mode)) {
      return {Action::kAdopt, Reason::kTouched,
              fmt::format("its content is that of the load at {} ({}), only this changed: {}",
                          time_text(record->processed_at_us),
                          record->content_hash.empty()
                              ? "start, middle and end of it, which is all that the load kept"
                              : "by a hash over all of it",
                          changes(file, *record))};
    }
    return {Action::kLoad, Reason::kChanged, "it changed: " + changes(file, *record)};
  }
  if (record->status == FileState::kCompleted)
    return judge_completed(file, placement, todays_hash, *record, facts);
  if (record->status == FileState::kFailed) return judge_failed(*record, todays_hash, facts);
  return {Action::kLoad, Reason::kRetry,
          fmt::format("its last state is \"{}\", at {}", record->status,
                      time_text(record->processed_at_us))};
}

// A file that nobody has touched for a while will not grow any more. Where clocks differ its
// modification time may lie in the future; then what counts is how long we have seen it stay so.
bool is_younger(std::chrono::seconds age, const FileEntry& file, const FileRecord* record,
                const Facts& facts) {
  const std::int64_t age_us = age.count() * kMicroseconds;
  if (age_us == 0 || file.mtime_us <= facts.now_us - age_us) return false;
  const bool seen_waiting =
      record != nullptr && record->status == FileState::kWaiting && is_same_version(file, *record);
  return !seen_waiting || facts.now_us - record->processed_at_us < age_us;
}

// Why a file that is to be loaded waits; empty when it need not.
std::string why_unfinished(const FileEntry& file, const FileRecord* record, const Facts& facts) {
  if (is_younger(facts.min_age, file, record, facts)) {
    return fmt::format("it was modified at {}, and min_age lets it wait for {} s from then on",
                       time_text(file.mtime_us), facts.min_age.count());
  }
  if (!is_younger(facts.settle, file, record, facts)) return "";
  const std::string missing = facts.missing(file);
  if (missing.empty()) return "";
  return fmt::format("it is probably still being written (modified at {}): {}",
                     time_text(file.mtime_us), missing);
}

Decision without_table(const FileEntry& file, Action action, Reason code,
                       const std::string& reason) {
  return {.file = file,
          .action = action,
          .reason_code = code,
          .reason = reason,
          .stored_as = file.path};
}

Decision refused(const Candidate& candidate, const Facts& facts) {
  Decision decision =
      without_table(*candidate.file, Action::kRefuse, candidate.refusal_code, candidate.refusal);
  decision.table = candidate.placement.table;
  decision.placement = candidate.placement;
  decision.settings_hash = settings_hash(facts.settings_hash, candidate.placement);
  return decision;
}

Decision left_out(const Candidate& candidate) {
  Decision decision =
      without_table(*candidate.file, Action::kSkip, Reason::kWindow, candidate.outside);
  decision.table = candidate.placement.table;
  decision.placement = candidate.placement;
  return decision;
}

// A key of the file's own for its rows: a path that was left by a file which moved may come back
// with another file, whose rows must not be taken for those of the first.
std::string free_key(const Inventory& inventory, const Decision& decision,
                     const tracking::FileRecord* record) {
  const auto is_taken = [&](const std::string& key) {
    return inventory.other_with_key(decision.table, key, decision.file.path) != nullptr;
  };
  if (record != nullptr && record->status == FileState::kCompleted) return decision.stored_as;
  std::string key = decision.stored_as;
  for (unsigned n = 2; is_taken(key); ++n) key = fmt::format("{}#{}", decision.file.path, n);
  return key;
}

}  // namespace

Facts Facts::without_tracked(std::int64_t now) const {
  Facts facts = *this;
  facts.tracked.clear();
  facts.tables.reset();
  facts.now_us = now;
  facts.full = false;
  facts.retry_failed = false;
  return facts;
}

bool has_other_settings(const FileRecord& record, const std::string& todays_hash) {
  return !record.settings_hash.empty() && record.settings_hash != todays_hash;
}

bool is_same_version(const FileEntry& file, const FileRecord& record) {
  if (file.size != record.file_size) return false;
  return have_etags(file, record) ? source::same_etag(file.etag, record.file_etag)
                                  : is_same_time(file, record);
}

std::string time_text(std::int64_t time_us) {
  // The years 1 to 9999; beyond them no calendar text is asked of the library.
  if (time_us < -62'135'596'800 * kMicroseconds || time_us >= 253'402'300'800 * kMicroseconds) {
    return fmt::format("{} µs since 1970", time_us);
  }
  const auto time =
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(time_us));
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const std::int64_t fraction = (time - second).count();
  return fmt::format("{:%F %T}.{:06} UTC", fmt::gmtime(second.time_since_epoch().count()),
                     fraction);
}

FileEntry loaded_version(const FileRecord& record) {
  return {.path = record.file_path,
          .name = record.file_name,
          .size = record.file_size,
          .mtime_us = record.file_mtime_us,
          .etag = record.file_etag,
          .source_type = record.source_type};
}

const std::string& file_key(const FileRecord& record) {
  return record.stored_as.empty() ? record.file_path : record.stored_as;
}

const std::string& file_key(const Decision& decision) {
  return decision.stored_as.empty() ? decision.file.path : decision.stored_as;
}

bool may_be_touched(const FileEntry& file, const Placement& placement, const FileRecord* record,
                    const Facts& facts) {
  return record != nullptr && record->status == FileState::kCompleted &&
         !record->fingerprint.empty() && file.size == record->file_size && !facts.full &&
         !is_same_version(file, *record) &&
         judge_completed(file, placement, settings_hash(facts.settings_hash, placement), *record,
                         facts)
                 .action == Action::kSkip;
}

bool is_same_content(const ContentNames& content, const FileRecord& record, schema::LoadMode mode) {
  if (content.content_hash.empty() || content.fingerprint != record.fingerprint) return false;
  if (record.content_hash.empty()) return mode == schema::LoadMode::kAppend;
  return content.content_hash == record.content_hash;
}

ContentNames name_content(const FileEntry& file, schema::LoadMode mode, const Facts& facts,
                          const std::vector<const FileRecord*>& records) {
  ContentNames content;
  if (!facts.fingerprint || !facts.content_hash || records.empty()) return content;
  content.fingerprint = facts.fingerprint(file);
  const bool may_be_same = std::ranges::any_of(records, [&](const FileRecord* record) {
    return record->file_size == file.size && record->fingerprint == content.fingerprint &&
           (!record->content_hash.empty() || mode == schema::LoadMode::kAppend);
  });
  if (may_be_same && !content.fingerprint.empty()) content.content_hash = facts.content_hash(file);
  return content;
}

Decision decide_with(FileEntry file, Placement placement, const FileRecord* record,
                     const Facts& facts, const ContentNames& content) {
  std::string hash = settings_hash(facts.settings_hash, placement);
  Verdict verdict = judge(file, placement, hash, record, facts, content);
  // A version that was loaded was complete then.
  const bool was_loaded = record != nullptr && record->status == FileState::kCompleted &&
                          is_same_version(file, *record);
  if (verdict.action == Action::kLoad && !was_loaded) {
    std::string why = why_unfinished(file, record, facts);
    if (!why.empty()) verdict = {Action::kWait, Reason::kUnfinished, std::move(why)};
  }
  // A load into a table of its own replaces all rows. Else the rows that may be there keep theirs.
  const bool keeps_key = record != nullptr && record->table_name == placement.table &&
                         (placement.is_set() || verdict.action != Action::kLoad);
  std::string key = keeps_key ? file_key(*record) : file.path;
  std::string table = placement.table;
  const bool is_as_it_was = verdict.code == Reason::kUnchanged && has_other_settings(*record, hash);
  return {.file = std::move(file),
          .action = verdict.action,
          .reason_code = verdict.code,
          .reason = std::move(verdict.reason),
          .table = std::move(table),
          .placement = std::move(placement),
          .stored_as = std::move(key),
          .settings_hash = std::move(hash),
          .error_class = verdict.error_class,
          .content_hash = verdict.action == Action::kAdopt ? content.content_hash : "",
          .has_other_settings = is_as_it_was};
}

Decision decide_file(FileEntry file, Placement placement, const FileRecord* record,
                     const Facts& facts) {
  if (record != nullptr && record->status == FileState::kMoved) record = nullptr;
  ContentNames content;
  if (may_be_touched(file, placement, record, facts)) {
    content = name_content(file, placement.mode, facts, {record});
  }
  return decide_with(std::move(file), std::move(placement), record, facts, content);
}

std::vector<Decision> decide_and_tell_kept(const std::vector<FileEntry>& files,
                                           const Facts& facts) {
  // See which file claims which table, and who may not have it.
  Inventory inventory(files, facts);
  refuse_collisions(inventory);
  apply_window(inventory);

  // Find what was moved or removed.
  name_contents(inventory);
  std::map<std::size_t, Decision> moved = find_moved(inventory);
  std::vector<Decision> decisions = decide_vanished(inventory, moved);

  // Judge each file that is there.
  for (const FileEntry& file : files) {
    if (file.skip_code.empty()) continue;
    const Reason code = base::parse<Reason>(file.skip_code).value_or(Reason::kUnreadable);
    decisions.push_back(without_table(file, Action::kSkip, code, file.skip_reason));
    if (code == Reason::kUnreadable) decisions.back().error_class = ErrorClass::kIo;
  }
  for (std::size_t i = 0; i < inventory.candidates.size(); ++i) {
    const Candidate& candidate = inventory.candidates[i];
    if (!candidate.outside.empty()) {
      decisions.push_back(left_out(candidate));
    } else if (!candidate.refusal.empty()) {
      decisions.push_back(refused(candidate, facts));
    } else if (const auto origin = moved.find(i); origin != moved.end()) {
      decisions.push_back(std::move(origin->second));
    } else {
      decisions.push_back(decide_with(*candidate.file, candidate.placement, candidate.record, facts,
                                      candidate.content));
      Decision& decision = decisions.back();
      if (decision.placement.is_set()) {
        decision.stored_as = free_key(inventory, decision, candidate.record);
      }
    }
    decisions.back().time_us = candidate.time_us;
  }
  hold_back(decisions, inventory);
  std::ranges::stable_sort(decisions, {}, [](const Decision& decision) -> const std::string& {
    return decision.file.path;
  });
  return decisions;
}

std::vector<Decision> decide_files(const std::vector<FileEntry>& files, const Facts& facts) {
  std::vector<Decision> decisions = decide_and_tell_kept(files, facts);
  std::erase_if(decisions, [](const Decision& decision) {
    return decision.action == Action::kSkip && decision.reason_code == Reason::kVanished;
  });
  return decisions;
}

}  // namespace qvdhouse::decide
