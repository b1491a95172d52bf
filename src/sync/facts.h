// The facts of this moment that a run decides by (decide/decide.h): questions that look at the
// files themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "decide/decide.h"
#include "source/storage.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// What a source holds.
struct Listing {
  std::vector<source::FileEntry> files;    // Storage::list()
  std::vector<source::FileEntry> markers;  // that wait_for names
};
// Throws as Storage::list() does.
Listing list_all(const Options& options, source::Storage& storage);

// The facts of this moment, with questions that look at the files themselves; `storage` must
// outlive them. `stop` ends the reading of files that may have been touched or moved with
// Cancelled.
decide::Facts gather_facts(const Options& options, source::Storage& storage,
                           std::vector<tracking::FileRecord> tracked,
                           std::optional<std::set<std::string>> tables, const Listing& listing,
                           const std::stop_token& stop = {});

// Whether a file that was loaded is not there any more although its folder is: a folder that is
// missing may be one of another machine, or not mounted. `storage` is asked for a file of a remote
// storage; without it, such a file counts as there.
bool is_vanished(const std::string& path, source::Storage* storage = nullptr);

// Is a file still being written? Qlik writes header first, then symbols and rows, so that a file
// which is shorter than its header says is on its way, or was cut. A program that copies may set
// the size first: then zero bytes or holes are where the rest is to come.
//
// What is missing of a file that begins like a QVD, as a sentence with numbers; empty when nothing
// is, and for a file that is wrong in another way: loading it says how. Throws IoError.
std::string missing_part(const base::ByteSource& source);

}  // namespace qvdhouse::sync
