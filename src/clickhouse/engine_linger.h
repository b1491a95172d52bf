// How long the embedded engine stays for the next command where nobody has said it.
#pragma once

#include <chrono>
#include <string_view>

namespace qvdhouse::clickhouse {

inline constexpr std::chrono::seconds kUsualLinger{5};

// Whether a process of these groups (the text of /proc/self/cgroup) belongs to a service of
// systemd, which ends all that a service left behind: cgroups(7), systemd.kill(5).
bool is_of_service(std::string_view cgroups);

// kUsualLinger, or 0 where an engine that stays behind would be ended by others, or would keep them
// waiting: in a container and in a service of systemd.
std::chrono::seconds usual_linger();

}  // namespace qvdhouse::clickhouse
