// What a pass of a run holds of the tables that it shares with other runs. What it has not begun it
// gives away to runs that have nothing to do: tables first, and then files of tables that it works
// on. All members but held() and put_off_files() are safe from any thread, and throw nothing.
#pragma once

#include <spdlog/logger.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "claim/lease.h"
#include "sync/outcome.h"
#include "sync/table_session.h"

namespace qvdhouse::sync {

// The unit of a file to be loaded into a table of many files; empty for any other decision, which
// needs its whole table.
std::string unit_of(const Decision& decision);

class HeldUnits {
 public:
  // `lease` may be null: nothing is shared. `held`: its units. `decisions`: those of the pass.
  HeldUnits(claim::Lease* lease, const std::set<std::string>& held,
            const std::vector<Decision>& decisions, spdlog::logger& log);

  // To be called before a decision is worked on that writes these tables. False when they, or the
  // file, were given to another run.
  bool begin(const Decision& decision, const claim::TableGroup& tables,
             const std::shared_ptr<TableSession>& session);
  // To be called again and again while the pass goes on: asks the server once a second at most.
  void give_to_waiting();
  // What became of it is written down.
  void end(const Decision& decision);
  // It is left to a pass that holds the whole table.
  void put_off(const Decision& decision);
  // Nothing more is going to be begun.
  void give_back_rest();

  const std::set<std::string>& held() const { return held_; }
  const std::set<std::string>& put_off_files() const { return put_off_; }  // paths

 private:
  // What is held of a table of many files.
  struct Files {
    std::set<std::string> left;  // units that were not begun
    std::set<std::string> open;  // that are not written down yet
    std::size_t others = 0;      // decisions that need the whole table and are not written down
    std::weak_ptr<TableSession> session;
  };
  void give_away();
  void give_tables(std::size_t count);
  void give_files(const std::string& table, Files& files, std::size_t count);

  claim::Lease* lease_;
  spdlog::logger& log_;
  std::mutex mutex_;
  std::set<std::string> held_;
  std::set<std::string, std::less<>> left_;  // tables that were not begun
  std::map<std::string, Files> files_;
  std::set<std::string> given_;  // units
  std::set<std::string> put_off_;
};

}  // namespace qvdhouse::sync
