#include "observe/options.h"

#include <string_view>

namespace qvdhouse::observe {
namespace {

// One slash between them.
std::string joined(std::string base, std::string_view path) {
  while (base.ends_with('/')) base.pop_back();
  while (path.starts_with('/')) path.remove_prefix(1);
  return base.append("/").append(path);
}

}  // namespace

std::string TraceOptions::url() const {
  if (is_off) return "";
  if (!traces_endpoint.empty()) return traces_endpoint;
  return endpoint.empty() ? "" : joined(endpoint, "v1/traces");
}

std::string LineageOptions::target() const {
  if (is_off || url.empty()) return "";
  return url.starts_with("file://") ? url : joined(url, endpoint);
}

}  // namespace qvdhouse::observe
