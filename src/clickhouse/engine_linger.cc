#include "clickhouse/engine_linger.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/files.h"

namespace qvdhouse::clickhouse {
namespace {

// The last unit of a path such as /user.slice/user@1000.service/app.slice/run-1.scope is the one
// that the process belongs to; below it there may be groups of its own.
bool ends_in_service(std::string_view path) {
  while (!path.empty()) {
    const auto slash = path.rfind('/');
    const std::string_view unit = slash == path.npos ? path : path.substr(slash + 1);
    if (unit.ends_with(".service")) return true;
    if (unit.ends_with(".scope") || unit.ends_with(".slice")) return false;
    path = slash == path.npos ? std::string_view() : path.substr(0, slash);
  }
  return false;
}

// Docker, Podman, Kubernetes, and what follows systemd's container interface (LXC, nspawn); in any
// other one, the first process.
bool is_in_container() {
  std::error_code unknown;
  return ::getpid() == 1 || std::filesystem::exists("/.dockerenv", unknown) ||
         std::filesystem::exists("/run/.containerenv", unknown) ||
         std::getenv("container") != nullptr || std::getenv("KUBERNETES_SERVICE_HOST") != nullptr;
}

}  // namespace

bool is_of_service(std::string_view cgroups) {
  while (!cgroups.empty()) {
    // "ID:CONTROLLERS:PATH"; systemd's hierarchy is the one without controllers, or its own.
    const std::string_view line = cgroups.substr(0, cgroups.find('\n'));
    cgroups.remove_prefix(std::min(cgroups.size(), line.size() + 1));
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool is_systemds = controllers.empty() || controllers == "name=systemd";
    if (is_systemds && ends_in_service(line.substr(second + 1))) return true;
  }
  return false;
}

std::chrono::seconds usual_linger() {
  const bool is_ended_by_others =
      is_in_container() || is_of_service(base::read_text("/proc/self/cgroup").value_or(""));
  return is_ended_by_others ? std::chrono::seconds(0) : kUsualLinger;
}

}  // namespace qvdhouse::clickhouse
