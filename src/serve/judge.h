// What the service and tracking know of the verdict's facts (verdict.h), asked for now.
#pragma once

#include <stop_token>

#include "serve/owners.h"
#include "serve/service.h"
#include "serve/verdict.h"
#include "tracking/overview.h"

namespace qvdhouse::serve {

// Broken files that are named, at most; all are counted.
inline constexpr std::size_t kMostBrokenFiles = 1'000;

// What the service knows by itself.
VerdictFacts facts_of(const Service& service);
// The workflows of it.
std::vector<WorkflowFacts> workflow_facts(const Service& service);
TableFacts facts_of(const tracking::TableOverview& table, const Owners& owners);
// With what tracking says. Throws what the questions do.
void add_tracked(VerdictFacts& facts, tracking::Overview& overview, const Owners& owners,
                 const std::vector<tracking::TableOverview>& tables,
                 const tracking::Totals& totals);
// All of them, asked now; without ClickHouse what the service knows. Throws ServerError, IoError.
VerdictFacts ask_facts(const Service& service, const std::stop_token& stop = {});

}  // namespace qvdhouse::serve
