// In which order the decisions of a run are worked off, and how many at once.
//
// Runs that work on the same tables must never wait for each other in a circle. A table of many
// files is held until the last of them is written down, so its files follow each other: no other
// table is waited for while some of them have not been begun. And all runs take tables in the order
// of their names.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "load/load.h"
#include "sync/file_task.h"
#include "sync/sync.h"
#include "sync/table_session.h"

namespace qvdhouse::sync {

struct WorkItem {
  std::size_t index = 0;  // of the decision
  std::shared_ptr<TableSession> session;
};

// Files that are worked on side by side, and what each of them gets. One batch ends before the next
// begins.
struct Batch {
  std::vector<WorkItem> items;
  unsigned workers = 1;
  load::Options load;
};

// What needs its table: loads, and rows or tables that go or change their name. Small files side by
// side, each with one stream or few; large ones one by one, each with all.
std::vector<Batch> plan_work(const RunContext& context, const std::vector<Decision>& decisions);

// Whether the decision is of that kind.
bool needs_table(const Decision& decision);

}  // namespace qvdhouse::sync
