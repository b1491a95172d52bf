// What runs and services claim beside tables, and what all claims together say of who works on
// what. Claims themselves are made by claim/lease.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"

namespace qvdhouse::claim {

// The unit (claim/unit.h) that is the right to run a workflow by its schedule: a part of the table
// that keeps the states of workflows, which no table of files can be.
std::string schedule_claim(std::string_view workflow);

// A run that claims tables just now.
struct Worker {
  std::string host;
  std::uint32_t process = 0;
  std::string run_id;
  bool is_working = false;          // it holds tables; else it waits for some
  std::int64_t since_us = 0;        // when it began to claim, by the server's clock
  std::int64_t silent_seconds = 0;  // since its last heartbeat
  std::vector<std::string> tables;  // that it holds, or waits for; sorted
  std::size_t files = 0;            // of these tables, where it claims single ones
};

// The workers of all machines, those that have claimed for the longest time first; none where
// nobody has ever claimed a table. Creates nothing. Throws ServerError, IoError, Cancelled.
std::vector<Worker> workers(const clickhouse::Endpoint& endpoint, const std::string& database,
                            const std::stop_token& stop);

}  // namespace qvdhouse::claim
