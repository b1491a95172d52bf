// Where runs and their files are told to: a collector of OpenTelemetry, and one of OpenLineage.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace qvdhouse::observe {

struct TraceOptions {
  std::string endpoint;              // of a collector: /v1/traces is added; empty: none
  std::string traces_endpoint;       // the same as it is asked; the stronger one
  std::vector<std::string> headers;  // "name: value"
  std::string service_name;          // empty: that of `resource`, else qvdhouse
  std::vector<std::pair<std::string, std::string>> resource;  // attributes of what sends
  bool is_off = false;

  // Where spans are sent to; empty: nowhere.
  std::string url() const;
};

struct LineageOptions {
  std::string url;  // http(s), or file:///PATH: one event a line; empty: none
  std::string endpoint = "api/v1/lineage";  // behind an http URL
  std::string api_key;                      // sent as Authorization: Bearer
  std::string job_namespace = "qvdhouse";
  bool is_off = false;

  // Where events are sent to; empty: nowhere.
  std::string target() const;
};

}  // namespace qvdhouse::observe
