// Exit codes: stable, and documented in docs/commands.md.
#pragma once

#include <exception>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tracking/states.h"

namespace qvdhouse::sync {
struct Summary;
}

namespace qvdhouse::cli {

enum ExitCode : int {
  kOk = 0,
  kUsage = 1,       // the command line
  kConfig = 2,      // a setting
  kSchema = 3,      // a policy forbids this schema
  kSource = 4,      // a file is wrong or needs more memory than there is, storage not reached
  kClickHouse = 5,  // the server or the embedded engine
  kVerify = 6,      // a table is not what its file is, or two files differ
  kPartial = 7,     // some files failed and others did not
  kStopped = 130,   // Ctrl-C or SIGTERM
};

// What each means, as docs/commands.md has it.
struct ExitMeaning {
  ExitCode code;
  std::string_view text;
};
std::span<const ExitMeaning> exit_meanings();

// The command line is wrong: an argument that names nothing, a combination that cannot be.
struct UsageError : base::Error {
  using base::Error::Error;
};

// The same for init-qvd, whose original ends such with 2.
struct InitQvdError : base::Error {
  using base::Error::Error;
};

// ClickHouse could not be reached at all, which the connection reports as a plain IoError.
struct TargetError : base::Error {
  using base::Error::Error;
};

// The source differs from its schema lock: a line for each difference.
struct LockDriftError : base::SchemaError {
  using SchemaError::SchemaError;
};

// Whether the message has lines of its own, in which nothing stands as a file says it: what the
// engine's log says, or a schema lock.
bool has_lines(const std::exception& error);

int exit_code_of(const std::exception& error);

// The code of a file's failure.
int exit_code_of_class(tracking::ErrorClass error_class);

// The code of the runs of one command, one a source. 130 when stopped. A file that failed in an
// earlier run and is left alone counts as if it had failed in this one, and a file that is
// unchanged since its load as if it had been loaded. 0 when no file or source failed; 7 beside a
// good file or a source that could be listed, or when failures are of several classes; else the
// class of the failures.
int exit_code_of_runs(const std::vector<sync::Summary>& runs);

}  // namespace qvdhouse::cli
