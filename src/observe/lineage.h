// Events of OpenLineage (spec 2-0-2): the load of a file into its table is a run of a job, whose
// input is the file and, where the file's header says from which table it was selected, that table
// too. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "observe/options.h"
#include "observe/told_run.h"
#include "sync/outcome.h"

namespace qvdhouse::observe {

// What all events have in common.
struct Producer {
  std::string version;        // of qvdhouse
  std::string job_namespace;  // LineageOptions
};

// The load of a file begins.
std::string start_event(const Producer& producer, const ToldRun& told,
                        const sync::Decision& decision, std::int64_t now_us);

// It has ended: COMPLETE, FAIL, or ABORT where it was stopped or given up.
std::string end_event(const Producer& producer, const ToldRun& told, const sync::FileOutcome& file,
                      std::int64_t now_us);

// The run that loaded it has ended without a word of it.
std::string abort_event(const Producer& producer, const ToldRun& told,
                        const sync::Decision& decision, std::int64_t now_us);

}  // namespace qvdhouse::observe
