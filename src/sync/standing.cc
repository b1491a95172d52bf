#include "sync/standing.h"

namespace qvdhouse::sync {

bool stands_failed(const FileOutcome& file) {
  const std::string& code = file.decision.reason_code;
  return file.outcome == Outcome::kSkipped &&
         (code == "failed-unchanged" || code == "backoff" || code == "unreadable");
}

bool is_failing(const FileOutcome& file) {
  return file.outcome == Outcome::kFailed || stands_failed(file);
}

bool is_good(const FileOutcome& file) {
  switch (file.outcome) {
    case Outcome::kLoaded:
    case Outcome::kAdopted:
    case Outcome::kRemoved:
      return true;
    case Outcome::kSkipped:
      return file.decision.reason_code == "unchanged";
    case Outcome::kWaiting:
    case Outcome::kFailed:
    case Outcome::kCancelled:
      return false;
  }
  return false;
}

const std::string& failure_class(const FileOutcome& file) {
  return file.outcome == Outcome::kFailed ? file.error_class : file.decision.error_class;
}

const std::string& failure_message(const FileOutcome& file) {
  return file.outcome == Outcome::kFailed ? file.error : file.decision.reason;
}

}  // namespace qvdhouse::sync
