#include "sync/decide.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "schema/names.h"

namespace qvdhouse::sync {
namespace {

using source::FileEntry;
using tracking::FileRecord;

constexpr std::int64_t kMicroseconds = 1'000'000;

struct Verdict {
  Action action;
  std::string code;
  std::string reason;
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

Verdict judge_completed(const FileEntry& file, const std::string& table, const FileRecord& record,
                        const Facts& facts) {
  if (record.table_name != table) {
    return {
        Action::kLoad, "renamed",
        fmt::format("it was loaded as table {}, and is to be {} now", record.table_name, table)};
  }
  if (facts.tables && !facts.tables->contains(table)) {
    return {Action::kLoad, "missing", fmt::format("its table {} does not exist any more", table)};
  }
  return {Action::kSkip, "unchanged",
          fmt::format("{} are those of the load at {}",
                      have_etags(file, record) ? "size and ETag" : "size and modification time",
                      time_text(record.processed_at_us))};
}

Verdict judge_failed(const FileRecord& record, const Facts& facts) {
  if (record.retry_at_us == 0 && record.settings_hash != facts.settings_hash) {
    return {
        Action::kLoad, "settings",
        fmt::format("settings changed since it failed at {}", time_text(record.processed_at_us))};
  }
  if (record.retry_at_us == 0) {
    return {Action::kSkip, "failed-unchanged",
            fmt::format("it failed at {} and has not changed since: {}",
                        time_text(record.processed_at_us), record.error_message)};
  }
  if (facts.now_us < record.retry_at_us) {
    return {
        Action::kSkip, "backoff",
        fmt::format("it failed {} times in a row, and is tried again from {} on, or at once when "
                    "it changes: {}",
                    record.failure_count, time_text(record.retry_at_us), record.error_message)};
  }
  return {Action::kLoad, "retry",
          fmt::format("it failed at {} and is tried again", time_text(record.processed_at_us))};
}

Verdict judge(const FileEntry& file, const std::string& table, const FileRecord* record,
              const Facts& facts) {
  if (record == nullptr) return {Action::kLoad, "new", "it was not loaded before"};
  if (facts.full) return {Action::kLoad, "full", "a full run loads every file"};
  if (!is_same_version(file, *record)) {
    return {Action::kLoad, "changed", "it changed: " + changes(file, *record)};
  }
  if (record->status == "completed") return judge_completed(file, table, *record, facts);
  if (record->status == "failed") return judge_failed(*record, facts);
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

// Another file's table is never replaced behind its back: not by a file of the same listing, and
// not by one of another source while the first still exists.
std::string collision(const FileEntry& file, const std::string& table,
                      const std::vector<const FileEntry*>& claimants,
                      const std::vector<const FileRecord*>& owners, const Facts& facts) {
  std::vector<std::string> others;
  for (const FileEntry* other : claimants) {
    if (other->path != file.path) others.push_back(other->path);
  }
  const bool table_is_gone = facts.tables && !facts.tables->contains(table);
  for (const FileRecord* owner : owners) {
    if (table_is_gone || owner->file_path == file.path ||
        std::ranges::count(others, owner->file_path) > 0)
      continue;
    const bool listed = std::ranges::any_of(
        claimants, [&](const FileEntry* other) { return other->path == owner->file_path; });
    if (!listed && facts.is_another_file(owner->file_path, file.path)) {
      others.push_back(owner->file_path + " (loaded before)");
    }
  }
  if (others.empty()) return "";
  return fmt::format(
      "expected one file for table {}, found {} and {}; rename one, exclude one, load them with "
      "different table prefixes, or forget one that is gone (qvdhouse reset --file)",
      table, file.path, fmt::join(others, ", "));
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

Decision decide_file(FileEntry file, std::string table, const FileRecord* record,
                     const Facts& facts) {
  Verdict verdict = judge(file, table, record, facts);
  if (verdict.action == Action::kLoad && may_still_grow(file, record, facts)) {
    const std::string missing = facts.missing(file);
    if (!missing.empty()) {
      verdict = {Action::kWait, "unfinished",
                 fmt::format("it is probably still being written (modified at {}): {}",
                             time_text(file.mtime_us), missing)};
    }
  }
  return {.file = std::move(file),
          .action = verdict.action,
          .reason_code = std::move(verdict.code),
          .reason = std::move(verdict.reason),
          .table = std::move(table)};
}

std::vector<Decision> decide_files(std::vector<FileEntry> files, const Facts& facts) {
  std::map<std::string_view, const FileRecord*> records;
  std::map<std::string_view, std::vector<const FileRecord*>> owners;
  for (const FileRecord& record : facts.tracked) {
    records[record.file_path] = &record;
    if (record.status == "completed") owners[record.table_name].push_back(&record);
  }
  std::vector<std::string> tables(files.size());
  std::vector<std::string> name_errors(files.size());
  std::map<std::string_view, std::vector<const FileEntry*>> claimants;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!files[i].skip_code.empty()) continue;
    try {
      tables[i] = schema::table_name(files[i].name, facts.policy);
      claimants[tables[i]].push_back(&files[i]);
    } catch (const base::SchemaError& error) {
      name_errors[i] = error.what();
    }
  }

  std::vector<Decision> decisions;
  decisions.reserve(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const FileEntry& file = files[i];
    const auto refuse = [&](std::string code, std::string reason) {
      decisions.push_back({.file = file,
                           .action = Action::kRefuse,
                           .reason_code = std::move(code),
                           .reason = std::move(reason),
                           .table = tables[i]});
    };
    if (!file.skip_code.empty()) {
      decisions.push_back({.file = file,
                           .action = Action::kSkip,
                           .reason_code = file.skip_code,
                           .reason = file.skip_reason,
                           .table = {}});
      continue;
    }
    if (!name_errors[i].empty()) {
      refuse("name", name_errors[i]);
      continue;
    }
    const std::string clash =
        collision(file, tables[i], claimants[tables[i]], owners[tables[i]], facts);
    if (!clash.empty()) {
      refuse("collision", clash);
      continue;
    }
    const auto record = records.find(file.path);
    decisions.push_back(
        decide_file(file, tables[i], record == records.end() ? nullptr : record->second, facts));
  }
  return decisions;
}

}  // namespace qvdhouse::sync
