// Names of runs and files in the forms that traces and lineage want. All of them are made of the
// run's own id, so that whoever knows it finds the trace.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::observe {

// Where a run stands in a trace: W3C Trace Context. Hexadecimal, in lower case.
struct TraceContext {
  std::string trace_id;   // 32 digits
  std::string parent_id;  // 16 digits; empty: the run is the root
  std::string state;      // tracestate, handed on as it is
  bool is_sampled = true;
};

// What the environment variable TRACEPARENT says; empty when it says nothing that counts.
std::optional<TraceContext> parse_traceparent(std::string_view text, std::string_view state);

// That of a run: the caller's, or one of its own.
TraceContext trace_of(const std::string& run_id, const std::optional<TraceContext>& caller);

// 16 hexadecimal digits for a text that says what the span is.
std::string span_id(std::string_view text);

// A UUID for the text: version 5 of RFC 9562, in a namespace of our own.
std::string uuid_of(std::string_view text);

}  // namespace qvdhouse::observe
