// What the tables of tracking hold as one of a few words: states of files and runs, what started a
// run, and the class of an error. A word of a newer version of qvdhouse is read as kOther, and
// shown as "other".
#pragma once

#include <array>
#include <exception>
#include <string_view>

#include "base/error.h"
#include "base/words.h"

namespace qvdhouse::tracking {

enum class FileState {
  kNew,         // no run has taken it up; never written
  kProcessing,  // it is being loaded; not written any more
  kCompleted,
  kFailed,
  kWaiting,
  kCancelled,
  kMoved,     // its file is tracked under another path now: as if it were not tracked
  kReset,     // `reset` forgot the file but for the key of its rows
  kVanished,  // it is not there any more, and was not loaded as it last was
  kOther,
};
constexpr auto words(FileState) {
  return std::to_array<std::string_view>({"new", "processing", "completed", "failed", "waiting",
                                          "cancelled", "moved", "reset", "vanished", "other"});
}

enum class RunState {
  kWaiting,  // for its turn; never written
  kRunning,
  kCompleted,
  kPartial,  // a file failed, now or earlier, and others are well
  kFailed,
  kCancelled,
  kSkipped,
  kLost,  // its process died
  kOther,
};
constexpr auto words(RunState) {
  return std::to_array<std::string_view>({"waiting", "running", "completed", "partial", "failed",
                                          "cancelled", "skipped", "lost", "other"});
}

enum class RunTrigger {
  kCommand,
  kFirst,
  kSchedule,
  kCatchUp,
  kManual,
  kRetry,
  kBackfill,
  kWatch,  // files came in
  kOther,
};
constexpr auto words(RunTrigger) {
  return std::to_array<std::string_view>({"command", "first", "schedule", "catch-up", "manual",
                                          "retry", "backfill", "watch", "other"});
}

enum class ErrorClass {
  kNone,  // nothing failed
  kInput,
  kIo,
  kServer,
  kConfig,
  kSchema,
  kVerify,
  kTimeout,
  kCancelled,
  // Only runs have these:
  kStopped,  // the service ended it
  kLost,     // its process died
  kOverlap,  // it was left out: the run before was still under way
  kMissed,   // it was left out: it was due longer ago than is made up for
  kOther,
};
constexpr auto words(ErrorClass) {
  return std::to_array<std::string_view>({"", "input", "io", "server", "config", "schema", "verify",
                                          "timeout", "cancelled", "stopped", "lost", "overlap",
                                          "missed", "other"});
}

// kIo for an error that is not one of ours, such as a lack of memory.
inline ErrorClass class_of(const std::exception& error) {
  if (dynamic_cast<const base::Cancelled*>(&error)) return ErrorClass::kCancelled;
  if (dynamic_cast<const base::TimedOut*>(&error)) return ErrorClass::kTimeout;
  if (dynamic_cast<const base::InputError*>(&error)) return ErrorClass::kInput;
  if (dynamic_cast<const base::SchemaError*>(&error)) return ErrorClass::kSchema;
  if (dynamic_cast<const base::ServerError*>(&error)) return ErrorClass::kServer;
  if (dynamic_cast<const base::ConfigError*>(&error)) return ErrorClass::kConfig;
  if (dynamic_cast<const base::VerifyError*>(&error)) return ErrorClass::kVerify;
  return ErrorClass::kIo;
}

}  // namespace qvdhouse::tracking
