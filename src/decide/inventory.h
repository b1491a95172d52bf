// What the parts of deciding share: the inventory, and the questions that they ask of it. Other
// modules include decide.h.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "decide/decide.h"
#include "decide/placement.h"

namespace qvdhouse::decide {

// Whether only its fingerprint tells if the file is another than the one that was loaded.
bool may_be_touched(const source::FileEntry& file, const Placement& placement,
                    const tracking::FileRecord* record, const Facts& facts);

// Whether the content is that of the record's load: proven by a hash over all of it. A record that
// has none proves nothing, except in a table of mode append, where loading the same content under
// another name for it would add its rows a second time: there the fingerprint has to do.
bool is_same_content(const ContentNames& content, const tracking::FileRecord& record,
                     schema::LoadMode mode);

// What is needed to tell whether the content is that of one of the records; what is not needed
// stays empty, and so does what cannot be read.
ContentNames name_content(const source::FileEntry& file, schema::LoadMode mode, const Facts& facts,
                          const std::vector<const tracking::FileRecord*>& records);

// decide_file() with the names of the content at hand; empty when they are not known.
Decision decide_with(source::FileEntry file, Placement placement,
                     const tracking::FileRecord* record, const Facts& facts,
                     const ContentNames& content);

// A listed file that is not left out.
struct Candidate {
  const source::FileEntry* file = nullptr;
  const tracking::FileRecord* record = nullptr;  // null: not tracked
  Placement placement{};
  Reason refusal_code = Reason::kCollision;  // or kName
  std::string refusal{};                     // empty: it is not refused
  ContentNames content{};                    // empty: not asked for
  std::int64_t time_us = 0;                  // by Choice::by, where it matters
  std::string outside{};                     // why it is outside of the window; empty: it is not
};

// A listing beside what is tracked. What it was made from must outlive it.
struct Inventory {
  Inventory(const std::vector<source::FileEntry>& listing, const Facts& known);

  using Records = std::vector<const tracking::FileRecord*>;
  const std::vector<source::FileEntry>& files;
  const Facts& facts;
  Placer placer;
  std::map<std::string_view, const tracking::FileRecord*> records;  // by path
  std::map<std::string_view, Records> records_of;                   // by table
  std::vector<Candidate> candidates;                                // in the listing's order
  std::map<std::string_view, std::vector<std::size_t>> claimants;   // by table: candidates
  Records gone;                                        // not listed, and not there any more
  std::set<const tracking::FileRecord*> gone_outside;  // of the window: they are left alone

  // A tracked file but `than_path` whose rows are known by this key in the table; null: none.
  const tracking::FileRecord* other_with_key(std::string_view table, std::string_view key,
                                             std::string_view than_path) const;

 private:
  std::map<std::pair<std::string_view, std::string_view>, Records> keys_;  // by table and key
};

// Sets refusals: another file's table is never replaced behind its back, not by a file of the same
// listing, and not by one of another source while the first still exists.
void refuse_collisions(Inventory& inventory);

// Fills in the times of candidates, and which files are outside of the window. Throws ConfigError
// when no pattern has the part that the window is by.
void apply_window(Inventory& inventory);

// Lets loads wait whose batch is not whole (kWaitFor).
void hold_back(std::vector<Decision>& decisions, const Inventory& inventory);

// Fills in the content's names of those candidates that may be touched or moved files.
void name_contents(Inventory& inventory);

// Decides which candidates are files that were loaded from another path, by candidate.
std::map<std::size_t, Decision> find_moved(const Inventory& inventory);

// Files that are gone, without those of `moved`: kRemove or kSkip.
std::vector<Decision> decide_vanished(const Inventory& inventory,
                                      const std::map<std::size_t, Decision>& moved);

// "2026-07-12 10:15:00.250000 UTC"
std::string time_text(std::int64_t time_us);

}  // namespace qvdhouse::decide
