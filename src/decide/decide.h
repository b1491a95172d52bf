// The rules by which a listed file is loaded, skipped, made to wait or refused: pure functions of
// what is known. docs/operations.md, "Change detection", explains them to users.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/words.h"
#include "decide/choice.h"
#include "decide/placement.h"
#include "load/load.h"
#include "schema/policy.h"
#include "schema/table_rules.h"
#include "source/listing.h"
#include "tracking/tracking.h"

namespace qvdhouse::decide {

enum class Action {
  kLoad,
  kSkip,
  kWait,
  kRefuse,
  kAdopt,   // nothing to load: only what tracking says of it changes (touched, moved, vanished)
  kRemove,  // the file has vanished and its rows go (vanished = "delete")
};

constexpr auto words(Action) {
  return std::to_array<std::string_view>({"load", "skip", "wait", "refuse", "adopt", "remove"});
}

enum class Reason {
  // kLoad
  kNew,
  kChanged,
  kFull,
  kRetry,
  kMissing,   // its table is gone
  kRenamed,   // its table's name is another now
  kMode,      // its table's load mode is another now
  kSettings,  // the settings are others now: it failed, or changed ones are to be applied
  // kAdopt
  kTouched,
  kMoved,
  // kRemove; kSkip, when its rows are kept; kAdopt, when it failed or waited before
  kVanished,
  // kSkip
  kUnchanged,
  kBackoff,
  kFailedUnchanged,
  kWindow,  // it is not of the time that was asked for
  kLimit,   // it is to be loaded, and not among the first of those
  kHidden,  // from here to kNotAFile: the listing left it out
  kTemporary,
  kExcluded,
  kLink,
  kUnreadable,
  kNotAFile,
  // kWait
  kUnfinished,
  kWaitFor,  // its batch is not whole yet (wait_for)
  kAnomaly,  // its rows or bytes are far from those of its last loads (anomaly = "hold")
  // kRefuse
  kCollision,
  kName,
};
constexpr auto words(Reason) {
  return std::to_array<std::string_view>({"new",        "changed",
                                          "full",       "retry",
                                          "missing",    "renamed",
                                          "mode",       "settings",
                                          "touched",    "moved",
                                          "vanished",   "unchanged",
                                          "backoff",    "failed-unchanged",
                                          "window",     "limit",
                                          "hidden",     "temporary",
                                          "excluded",   "link",
                                          "unreadable", "not-a-file",
                                          "unfinished", "wait-for",
                                          "anomaly",    "collision",
                                          "name"});
}

// What sync would do with one file, and why (the sentence that `explain` prints).
struct Decision {
  source::FileEntry file;
  Action action = Action::kSkip;
  Reason reason_code = Reason::kNew;
  std::string reason;
  std::string table;  // empty for what the listing skipped
  Placement placement;
  std::string stored_as;      // value of `_file`; the path unless the file was moved since its load
  std::string moved_from;     // kAdopt, moved: the path that it was loaded from; its record's table
                              // may have another name (kReplace): it is renamed
  std::string settings_hash;  // of today's settings and rules, for the record
  // kSkip, of a file that failed before or is unreadable: why.
  tracking::ErrorClass error_class = tracking::ErrorClass::kNone;
  std::string content_hash{};  // kAdopt: of the file (sync/content.h)
  // kSkip: its rows are those of a load under other settings.
  bool has_other_settings = false;
  std::int64_t time_us = 0;  // by Choice::by, where times matter and it has one
  std::size_t turn = 0;      // kLoad: how many files are loaded before it, by Choice::order
  std::string anomaly{};     // how far it is from its last loads (anomaly.h); empty: it is not
};

// What names the content of a file (sync/content.h); empty: not known.
struct ContentNames {
  std::string fingerprint;
  std::string content_hash;
};

// What the rules may look at.
struct Facts {
  std::vector<tracking::FileRecord> tracked;
  std::optional<std::set<std::string>> tables;  // of the database; absent: not known
  std::int64_t now_us = 0;
  std::chrono::seconds settle{60};
  std::chrono::seconds min_age{0};
  bool full = false;
  // A load that began at this time or later is new enough for a full run; 0: none is.
  std::int64_t full_since_us = 0;
  bool retry_failed = false;  // failed files are tried again whatever their back-off
  // Files that were loaded under other settings are loaded again.
  bool reload_changed_settings = false;
  schema::Policy policy;
  std::string settings_hash;  // of today's settings, without those of single tables
  std::vector<schema::TableRules> rules{};
  std::string source{};  // that the rules' patterns are relative to; empty: none
  Choice choice{};
  // Without a rule of its own, a table's files wait for these (held_back.cc): names of markers that
  // say that a batch is whole, and names of files (*.qvd) that it consists of; * is a wildcard.
  std::vector<std::string> wait_for{};
  std::vector<source::FileEntry> markers{};  // that are there now, of the source and all rules
  std::string folder{};                      // of the source: a marker there is for all below it
  // CreateUtcTime of the file's header, "2024-05-06 07:08:09"; empty when it has none or cannot be
  // read. Asked only where that time counts; from several threads.
  std::function<std::string(const source::FileEntry&)> created{};
  // The number of rows that the file's header says; absent when it cannot be read. Asked only of
  // files to load that were loaded several times; from several threads.
  std::function<std::optional<std::uint64_t>(const source::FileEntry&)> row_count{};
  // Why a file is not complete yet; empty when it is, or when that cannot be told. Asked only of
  // files that were written to within `settle`.
  std::function<std::string(const source::FileEntry&)> missing;
  // Whether the first path leads to a file that exists and is another one than the second.
  std::function<bool(const std::string& path, const std::string& other_path)> is_another_file;
  // The file's fingerprint (sync/content.h); empty when it cannot be read. Asked only of files
  // that are as large as one that was loaded; from several threads. None: nothing counts as touched
  // or moved.
  std::function<std::string(const source::FileEntry&)> fingerprint{};
  // The hash of its whole content (sync/content.h); empty when it cannot be read. Asked only
  // of files whose fingerprint is that of one that was loaded; from several threads.
  std::function<std::string(const source::FileEntry&)> content_hash{};
  // Whether a file is not there any more, given that the listing does not name it; false also when
  // the listing would not have named it anyway. None: nothing vanishes.
  std::function<bool(const std::string& path)> is_gone{};

  // For looking at one file once more, after another run had it: the tables that there are may be
  // others by now, and a load that is as fresh as that is new enough for a full run too.
  Facts without_tracked(std::int64_t now_us) const;
};

// What is to be done, sorted by path: a decision for each file of the listing, and one for each
// file that vanished and whose rows go, or which is failed or waiting in tracking.
std::vector<Decision> decide_files(const std::vector<source::FileEntry>& files, const Facts& facts);

// The same, and files that vanished and whose rows are kept (kSkip, "vanished").
std::vector<Decision> decide_and_tell_kept(const std::vector<source::FileEntry>& files,
                                           const Facts& facts);

// Whether an item of wait_for names files of the source; else it names a marker.
bool is_name_of_qvd(std::string_view item);

// Puts the files to load into their order (Decision::turn), and leaves out those beyond the limit
// (kSkip, "limit"). `begun`: files that count towards the limit and are not among these.
void take_turns(std::vector<Decision>& decisions, const Choice& choice, std::uint64_t begun = 0);

// Why a source that has no file now is a source that failed: tracking knows files of it, so that
// its storage may not be mounted. Empty when it has files, or none is known (`reset` forgets them).
std::string why_source_is_lost(const std::vector<source::FileEntry>& files, const Facts& facts);

// The same for one file that no other one of the listing collides with. `record` is what tracking
// says of it, null when it says nothing.
Decision decide_file(source::FileEntry file, Placement placement,
                     const tracking::FileRecord* record, const Facts& facts);

// Whether the record was made under settings that decide columns and layout and are others now.
bool has_other_settings(const tracking::FileRecord& record, const std::string& todays_hash);

// The file is the version that the record speaks of: by size and ETag where both have one, else by
// size and modification time.
bool is_same_version(const source::FileEntry& file, const tracking::FileRecord& record);

// Equal exactly when all settings are equal that decide how a file is read and what it becomes: a
// file that failed under other settings is worth another try.
std::string settings_hash(const load::Options& options);
// With those of the file's table: what FileRecord.settings_hash says. `general` is the above.
std::string settings_hash(const std::string& general, const Placement& placement);
// "replace_by_file", as it is set.
std::string_view mode_name(schema::LoadMode mode);
// The mode of the table when the hash was made.
schema::LoadMode mode_of_hash(std::string_view settings_hash);
// Equal exactly when the same protects the same values, by the same key; empty: nothing does.
std::string_view protection_of_hash(std::string_view settings_hash);

// The file as it was when the record was made.
source::FileEntry loaded_version(const tracking::FileRecord& record);

// What the rows of a file are known by: the value of `_file`.
const std::string& file_key(const tracking::FileRecord& record);
const std::string& file_key(const Decision& decision);

}  // namespace qvdhouse::decide
