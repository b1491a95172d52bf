// Spans of OpenTelemetry in the JSON encoding of OTLP (opentelemetry-proto 1.x, "JSON Protobuf
// Encoding"): a run, below it its files, below them the steps of their last attempt. Pure
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "observe/ids.h"
#include "observe/options.h"
#include "observe/told_run.h"
#include "sync/outcome.h"
#include "tracking/runs.h"

namespace qvdhouse::observe {

// The span of a run that has ended as `record` says.
std::string run_span(const TraceContext& trace, const ToldRun& told,
                     const tracking::RunRecord& record);

// The spans of a file and its steps; none of a file that was left alone. `now_us`: when it ended,
// where no attempt was made.
std::vector<std::string> file_spans(const TraceContext& trace, const ToldRun& told,
                                    const sync::FileOutcome& file, std::int64_t now_us);

// What stands around the spans of a request.
struct Envelope {
  std::string prefix;
  std::string suffix;
};
Envelope envelope_of(const TraceOptions& options, const std::string& version,
                     const std::string& host);

}  // namespace qvdhouse::observe
