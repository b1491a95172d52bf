#include "sync/take_loaded.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "base/error.h"
#include "base/quantity.h"
#include "decide/decide.h"
#include "source/archive_name.h"
#include "source/scope.h"
#include "source/url.h"

namespace qvdhouse::sync {
namespace {

using tracking::FileRecord;

// Written down together, then taken: a stop comes between two of these.
constexpr std::size_t kTogether = 100;

std::string without_slashes(std::string text) {
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

// The folder that the source is, or that its one file lies in.
std::string source_folder(const source::Scope& scope, const source::FileEntry& file) {
  const std::string& folder = scope.folder();
  return scope.is_source(file.path) ? source::folder_of_file(folder) : folder;
}

// Where the file is moved to: below after_load_to as it lies below the source.
std::string target_of(const Options& options, const source::FileEntry& file) {
  const source::Scope scope(options.source);
  const std::string folder = source_folder(scope, file);
  const std::string to = without_slashes(options.after_load_to);
  const std::string below = file.path.substr(folder.size() + 1);
  if (source::is_url(file.path)) {
    const bool is_encoded = source::has_encoded_path(file.path.substr(0, file.path.find(':')));
    return fmt::format("{}/{}/{}", folder, is_encoded ? base::encode_path(to) : to, below);
  }
  return (std::filesystem::path(folder) / to / below).lexically_normal().string();
}

// With a number before its extension where there is a file of that name already.
std::string free_target(const Options& options, const source::FileEntry& file,
                        source::Storage& storage, const std::set<std::string>& promised) {
  const std::string target = target_of(options, file);
  const std::size_t dot = source::plain_name(target).rfind('.');
  std::string name = target;
  for (unsigned n = 2; promised.contains(name) || storage.exists(name); ++n) {
    name = fmt::format("{}.{}{}", target.substr(0, dot), n, target.substr(dot));
  }
  return name;
}

// It may be that this run did not look at it closely; tracking has the last word.
bool may_be_loaded(const FileOutcome& file) {
  if (file.outcome == Outcome::kSkipped) return file.decision.reason_code == Reason::kUnchanged;
  return file.outcome == Outcome::kLoaded || file.outcome == Outcome::kAdopted;
}

class Taker {
 public:
  Taker(const Options& options, source::Storage& storage, tracking::Tracking& tracking,
        spdlog::logger& log)
      : options_(options), storage_(storage), tracking_(tracking), log_(log) {}

  void take(const std::vector<FileOutcome*>& files);
  // Files that stayed.
  std::size_t failures() const { return failures_; }
  // A storage that lets nobody write may take long to say so: it is not asked for each file.
  bool is_hopeless() const { return in_a_row_ >= 3; }

 private:
  std::map<std::string, FileRecord> promise(const std::vector<FileOutcome*>& files);
  bool is_there(const source::FileEntry& entry);
  const Options& options_;
  source::Storage& storage_;
  tracking::Tracking& tracking_;
  spdlog::logger& log_;
  std::size_t failures_ = 0;
  std::size_t in_a_row_ = 0;
};

// Writes down which files are taken, and where to. A row of another run that loads a newer version
// meanwhile has a greater version and wins.
std::map<std::string, FileRecord> Taker::promise(const std::vector<FileOutcome*>& files) {
  std::set<std::string> paths;
  for (const FileOutcome* file : files) paths.insert(file->decision.file.path);
  std::map<std::string, FileRecord> records;
  for (FileRecord& record : tracking_.files_at(paths)) {
    records.emplace(record.file_path, std::move(record));
  }
  std::set<std::string> promised;
  std::vector<FileRecord> rows;
  for (const FileOutcome* file : files) {
    const source::FileEntry& entry = file->decision.file;
    const auto found = records.find(entry.path);
    if (found == records.end()) continue;
    FileRecord& record = found->second;
    if (record.status != tracking::FileState::kCompleted ||
        !decide::is_same_version(entry, record)) {
      records.erase(found);
      continue;
    }
    record.taken = options_.after_load == AfterLoad::kDelete
                       ? std::string(tracking::kDeleted)
                       : free_target(options_, entry, storage_, promised);
    promised.insert(record.taken);
    ++record.version;
    rows.push_back(record);
  }
  tracking_.record(rows);
  return records;
}

void Taker::take(const std::vector<FileOutcome*>& files) {
  std::map<std::string, FileRecord> records = promise(files);
  std::vector<FileRecord> kept;
  for (FileOutcome* file : files) {
    const source::FileEntry& entry = file->decision.file;
    const auto found = records.find(entry.path);
    if (found == records.end()) continue;
    FileRecord& record = found->second;
    try {
      if (is_hopeless()) throw base::IoError(entry.path + " stays, as those before it");
      storage_.take(entry, options_.after_load == AfterLoad::kDelete ? "" : record.taken);
      file->taken = record.taken;
      in_a_row_ = 0;
    } catch (const base::Cancelled&) {
      break;  // tracking says so already, and the next run does it
    } catch (const base::Error& error) {
      // What keeps one file mostly keeps all.
      const bool is_first = failures_++ == 0;
      ++in_a_row_;
      log_.log(is_first ? spdlog::level::warn : spdlog::level::info, "after_load: {}",
               error.what());
      if (!is_there(entry)) continue;
      record.taken.clear();
      ++record.version;
      kept.push_back(record);
    }
  }
  tracking_.record(kept);
}

// A file that another run took meanwhile goes on to count as taken: with the rules of today, its
// rows might go with one that vanished. So does one of which nothing can be found out now; if it
// is still there, the next run takes it.
bool Taker::is_there(const source::FileEntry& entry) {
  try {
    return storage_.exists(entry.path);
  } catch (const base::Error&) {
    return false;
  }
}

}  // namespace

void check_after_load(const Options& options, const std::vector<source::FileEntry>& files) {
  if (options.after_load == AfterLoad::kKeep) return;
  if (source::archive_place(options.source)) {
    throw base::ConfigError(fmt::format(
        "after_load: expected keep for a source that is an archive, whose members stay in "
        "it; found {}; remove after_load from this source",
        options.after_load == AfterLoad::kMove ? "move" : "delete"));
  }
  if (!source::Storage::can_take(options.source)) {
    throw base::ConfigError(
        "after_load: expected keep for a source of http or https, which can only be read; found "
        "another value");
  }
  if (options.after_load != AfterLoad::kMove) return;
  if (source::is_url(options.source) &&
      (options.after_load_to.starts_with('/') || source::is_url(options.after_load_to))) {
    throw base::ConfigError(
        fmt::format("after_load_to: expected a folder relative to the source, as its storage moves "
                    "no file elsewhere, found {}",
                    options.after_load_to));
  }
  const source::Reach reach(options.source, options.selection);
  for (const source::FileEntry& file : files) {
    if (!file.skip_code.empty()) continue;
    const std::string target = target_of(options, file);
    if (!reach.takes(target)) continue;
    throw base::ConfigError(fmt::format(
        "after_load_to = \"{}\": a file that is moved to {} would be found there again; "
        "name a folder outside of the source, or leave it out with exclude_files = "
        "\"{}/**\"",
        options.after_load_to, target, without_slashes(options.after_load_to)));
  }
}

void take_loaded(const Options& options, source::Storage& storage, tracking::Tracking& tracking,
                 std::vector<FileOutcome>& files, spdlog::logger& log,
                 const std::stop_token& stop) {
  if (options.after_load == AfterLoad::kKeep) return;
  std::vector<FileOutcome*> loaded;
  for (FileOutcome& file : files) {
    if (may_be_loaded(file)) loaded.push_back(&file);
  }
  Taker taker(options, storage, tracking, log);
  try {
    for (std::size_t i = 0; i < loaded.size() && !stop.stop_requested() && !taker.is_hopeless();
         i += kTogether) {
      const auto begin = loaded.begin() + static_cast<std::ptrdiff_t>(i);
      const auto end =
          loaded.begin() + static_cast<std::ptrdiff_t>(std::min(loaded.size(), i + kTogether));
      taker.take({begin, end});
    }
  } catch (const base::Cancelled&) {
    return;
  } catch (const base::Error& error) {
    log.warn("after_load: files that are loaded stay where they are until the next run: {}",
             error.what());
  }
  if (taker.failures() > 1) {
    log.warn("after_load: {} stay where they are until the next run",
             base::format_quantity(taker.failures(), "file"));
  }
}

}  // namespace qvdhouse::sync
