// Tells collectors what becomes of runs and their files: spans to one of OpenTelemetry, events to
// one of OpenLineage. It hears of them by the hooks of a run (sync/recorded_run.h), as `qvdhouse
// sync` and the service have them, and sends from threads of its own: no collector, be it slow,
// gone or wrong, changes or delays a load.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "observe/ids.h"
#include "observe/lineage.h"
#include "observe/options.h"
#include "observe/sender.h"
#include "observe/told_run.h"
#include "sync/recorded_run.h"

namespace qvdhouse::observe {

struct ObserverOptions {
  TraceOptions traces;
  LineageOptions lineage;
  std::string version;                 // of qvdhouse
  std::string host;                    // this machine
  std::optional<TraceContext> caller;  // whose trace the runs belong to; empty: each has its own
  std::chrono::milliseconds patience{3'000};  // at the end, for a receiver that takes nothing
};

// Thread-safe.
class Observer {
 public:
  Observer(const ObserverOptions& options, spdlog::logger& log);
  ~Observer();  // finish()
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  // The hooks of a run, which tell us too. They must not outlive the observer.
  sync::RunHooks watch(ToldRun told, sync::RunHooks hooks);

  // Sends what is left, for as long as `patience` allows (Sender::finish), and logs what was not
  // taken. No run goes on then.
  void finish();

 private:
  struct Watched;
  void note_begin(Watched& run, const sync::Decision& decision);
  void note_file(Watched& run, const sync::FileOutcome& file);
  void note_end(Watched& run, const tracking::RunRecord& record);

  Producer producer_;
  std::optional<TraceContext> caller_;
  std::chrono::milliseconds patience_;
  // Null: nobody wants them.
  std::unique_ptr<Sender> spans_;
  std::unique_ptr<Sender> events_;
};

}  // namespace qvdhouse::observe
