// Writes tracking rows for many loads at once: a thousand tiny files are not two thousand inserts.
// A load hands over its row together with its claim, which is given back only when the row is in
// the table; so another run that gets the claim sees the row. If we are killed in between, the row
// is missing and the file is loaded once more, which changes nothing. What a claim stands for whose
// lease may have expired is not written: another run may have taken the table.
#pragma once

#include <spdlog/logger.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "claim/lease.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

class Recorder {
 public:
  struct Entry {
    // Those of one entry are written in one insert: all are there, or none. Empty: the rows stay
    // as they are.
    std::vector<tracking::FileRecord> files;
    std::vector<std::string> forget;  // paths whose rows go when `files` are there
    std::vector<tracking::Attempt> attempts;
    std::shared_ptr<const void> claim;  // given back when all of it is written
    // Called when all of it is written, with an empty text, or with why it is not, "that could not
    // be recorded, …"; from one thread at a time.
    std::function<void(const std::string& error)> done;
  };

  // `lease`: of the claims; null where the target needs none. It outlives the recorder.
  Recorder(tracking::Tracking tracking, const claim::Lease* lease, spdlog::logger& log);
  // Writes what is still waiting.
  ~Recorder();
  void add(Entry entry);

 private:
  void run();
  void write(std::vector<Entry> batch);
  tracking::Tracking tracking_;
  const claim::Lease* lease_;
  spdlog::logger& log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace qvdhouse::sync
