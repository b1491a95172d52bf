#include "sync/decide.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "sync/decide_rules.h"

namespace qvdhouse::sync {
namespace {

using source::FileEntry;
using tracking::FileRecord;

constexpr std::int64_t kMicroseconds = 1'000'000;

struct Verdict {
  Action action;
  std::string code;
  std::string reason;
  std::string error_class{};  // of a failure that stands
};

bool have_etags(const FileEntry& file, const FileRecord& record) {
  return !file.etag.empty() && !record.file_etag.empty();
}

// "size 10 → 12 bytes, modification time … → …"
std::string changes(const FileEntry& file, const FileRecord& record) {
  std::vector<std::string> parts;
  if (file.size != record.file_size) {
    parts.push_back(fmt::format("size {} → {} {}", record.file_size, file.size,
                                file.size == 1 ? "byte" : "bytes"));
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

// Of a record whose file is the version that it speaks of.
Verdict judge_completed(const FileEntry& file, const Placement& placement, const FileRecord& record,
                        const Facts& facts) {
  if (record.table_name != placement.table) {
    return {Action::kLoad, "renamed",
            fmt::format("it was loaded as table {}, and is to be {} now", record.table_name,
                        placement.table)};
  }
  if (const schema::LoadMode mode = mode_of_hash(record.settings_hash); mode != placement.mode) {
    return {Action::kLoad, "mode",
            fmt::format("it was loaded in mode {}, and its table's mode is {} now", mode_name(mode),
                        mode_name(placement.mode))};
  }
  if (facts.tables && !facts.tables->contains(placement.table)) {
    return {Action::kLoad, "missing",
            fmt::format("its table {} does not exist any more", placement.table)};
  }
  return {Action::kSkip, "unchanged",
          fmt::format("{} are those of the load at {}",
                      have_etags(file, record) ? "size and ETag" : "size and modification time",
                      time_text(record.processed_at_us))};
}

Verdict judge_failed(const FileRecord& record, const std::string& todays_hash, const Facts& facts) {
  if (facts.retry_failed) {
    return {Action::kLoad, "retry",
            fmt::format("it failed at {} and is tried again, as was asked for",
                        time_text(record.processed_at_us))};
  }
  if (record.retry_at_us == 0 && record.settings_hash != todays_hash) {
    return {
        Action::kLoad, "settings",
        fmt::format("settings changed since it failed at {}", time_text(record.processed_at_us))};
  }
  if (record.retry_at_us == 0) {
    return {Action::kSkip, "failed-unchanged",
            fmt::format("it failed at {} and has not changed since: {}",
                        time_text(record.processed_at_us), record.error_message),
            record.error_class};
  }
  if (facts.now_us < record.retry_at_us) {
    return {
        Action::kSkip, "backoff",
        fmt::format("it failed {} times in a row, and is tried again from {} on, or at once when "
                    "it changes: {}",
                    record.failure_count, time_text(record.retry_at_us), record.error_message),
        record.error_class};
  }
  return {Action::kLoad, "retry",
          fmt::format("it failed at {} and is tried again", time_text(record.processed_at_us))};
}

Verdict judge(const FileEntry& file, const Placement& placement, const std::string& todays_hash,
              const FileRecord* record, const Facts& facts, const std::string& fingerprint) {
  if (record == nullptr) return {Action::kLoad, "new", "it was not loaded before"};
  if (facts.full) return {Action::kLoad, "full", "a full run loads every file"};
  if (!is_same_version(file, *record)) {
    if (!fingerprint.empty() && fingerprint == record->fingerprint) {
      return {Action::kAdopt, "touched",
              fmt::format("its content is that of the load at {} (start, middle and end of it), "
                          "only this changed: {}",
                          time_text(record->processed_at_us), changes(file, *record))};
    }
    return {Action::kLoad, "changed", "it changed: " + changes(file, *record)};
  }
  if (record->status == "completed") return judge_completed(file, placement, *record, facts);
  if (record->status == "failed") return judge_failed(*record, todays_hash, facts);
  return {Action::kLoad, "retry",
          fmt::format("its last state is \"{}\", at {}", record->status,
                      time_text(record->processed_at_us))};
}

// A file that nobody has touched for a while will not grow any more. Where clocks differ its
// modification time may lie in the future; then what counts is how long we have seen it stay so.
bool may_still_grow(const FileEntry& file, const FileRecord* record, const Facts& facts) {
  const std::int64_t settle_us = facts.settle.count() * kMicroseconds;
  if (file.mtime_us <= facts.now_us - settle_us) return false;
  const bool seen_waiting =
      record != nullptr && record->status == "waiting" && is_same_version(file, *record);
  return !seen_waiting || facts.now_us - record->processed_at_us < settle_us;
}

}  // namespace

bool is_same_version(const FileEntry& file, const FileRecord& record) {
  if (file.size != record.file_size) return false;
  return have_etags(file, record) ? source::same_etag(file.etag, record.file_etag)
                                  : file.mtime_us == record.file_mtime_us;
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
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

const std::string& file_key(const FileRecord& record) {
  return record.stored_as.empty() ? record.file_path : record.stored_as;
}

bool may_be_touched(const FileEntry& file, const Placement& placement, const FileRecord* record,
                    const Facts& facts) {
  return record != nullptr && record->status == "completed" && !record->fingerprint.empty() &&
         file.size == record->file_size && !facts.full && !is_same_version(file, *record) &&
         judge_completed(file, placement, *record, facts).action == Action::kSkip;
}

Decision decide_with(FileEntry file, Placement placement, const FileRecord* record,
                     const Facts& facts, const std::string& fingerprint) {
  std::string hash = settings_hash(facts.settings_hash, placement);
  Verdict verdict = judge(file, placement, hash, record, facts, fingerprint);
  if (verdict.action == Action::kLoad && may_still_grow(file, record, facts)) {
    const std::string missing = facts.missing(file);
    if (!missing.empty()) {
      verdict = {Action::kWait, "unfinished",
                 fmt::format("it is probably still being written (modified at {}): {}",
                             time_text(file.mtime_us), missing)};
    }
  }
  // A load into a table of its own replaces all rows. Else the rows that may be there keep theirs.
  const bool keeps_key = record != nullptr && record->table_name == placement.table &&
                         (placement.is_set() || verdict.action != Action::kLoad);
  std::string key = keeps_key ? file_key(*record) : file.path;
  std::string table = placement.table;
  return {.file = std::move(file),
          .action = verdict.action,
          .reason_code = std::move(verdict.code),
          .reason = std::move(verdict.reason),
          .table = std::move(table),
          .placement = std::move(placement),
          .stored_as = std::move(key),
          .moved_from = {},
          .settings_hash = std::move(hash),
          .error_class = std::move(verdict.error_class)};
}

Decision decide_file(FileEntry file, Placement placement, const FileRecord* record,
                     const Facts& facts) {
  if (record != nullptr && record->status == kMovedAway) record = nullptr;
  const std::string fingerprint =
      facts.fingerprint && may_be_touched(file, placement, record, facts) ? facts.fingerprint(file)
                                                                          : "";
  return decide_with(std::move(file), std::move(placement), record, facts, fingerprint);
}

}  // namespace qvdhouse::sync
