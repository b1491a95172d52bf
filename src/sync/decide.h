// The rules by which a listed file is loaded, skipped, made to wait or refused: pure functions of
// what is known. docs/operations.md, "Change detection", explains them to users.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "load/load.h"
#include "schema/policy.h"
#include "source/listing.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// What the rules may look at.
struct Facts {
  std::vector<tracking::FileRecord> tracked;
  std::optional<std::set<std::string>> tables;  // of the database; absent: not known
  std::int64_t now_us = 0;
  std::chrono::seconds settle{60};
  bool full = false;
  schema::Policy policy;
  std::string settings_hash;  // of today's settings
  // Why a file is not complete yet; empty when it is, or when that can not be told. Asked only of
  // files that were written to within `settle`.
  std::function<std::string(const source::FileEntry&)> missing;
  // Whether the first path leads to a file that exists and is another one than the second.
  std::function<bool(const std::string& path, const std::string& other_path)> is_another_file;
};

// The facts of this moment, with questions that look at the files themselves; `storage` must
// outlive them.
Facts gather_facts(const Options& options, source::Storage& storage,
                   std::vector<tracking::FileRecord> tracked,
                   std::optional<std::set<std::string>> tables);

std::vector<Decision> decide_files(std::vector<source::FileEntry> files, const Facts& facts);

// The same for one file that no other one of the listing collides with. `record` is what tracking
// says of it, null when it says nothing.
Decision decide_file(source::FileEntry file, std::string table, const tracking::FileRecord* record,
                     const Facts& facts);

// The file is the version that the record speaks of: by size and ETag where both have one, else by
// size and modification time.
bool is_same_version(const source::FileEntry& file, const tracking::FileRecord& record);

// Equal exactly when all settings are equal that decide how a file is read and what it becomes: a
// file that failed under other settings is worth another try.
std::string settings_hash(const load::Options& options);

// Microseconds since 1970 UTC.
std::int64_t now_us();

// "2026-07-12 10:15:00.250000 UTC"
std::string time_text(std::int64_t time_us);

}  // namespace qvdhouse::sync
