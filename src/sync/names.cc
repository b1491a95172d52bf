// What sync does with a file and what became of it, as people and programs read it.
#include "sync/sync.h"

namespace qvdhouse::sync {

std::string_view action_name(Action action) {
  switch (action) {
    case Action::kLoad:
      return "load";
    case Action::kSkip:
      return "skip";
    case Action::kWait:
      return "wait";
    case Action::kRefuse:
      return "refuse";
    case Action::kAdopt:
      return "adopt";
    case Action::kRemove:
      return "remove";
  }
  return "";
}

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kLoaded:
      return "loaded";
    case Outcome::kSkipped:
      return "skipped";
    case Outcome::kWaiting:
      return "waiting";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kCancelled:
      return "rolled back";
    case Outcome::kAdopted:
      return "adopted";
    case Outcome::kRemoved:
      return "removed";
  }
  return "";
}

}  // namespace qvdhouse::sync
