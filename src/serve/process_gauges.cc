#include "serve/process_gauges.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace qvdhouse::serve {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Entries of a folder of /proc/self; 0: it can't be read.
double entries(const char* folder) {
  std::error_code error;
  const std::filesystem::directory_iterator first(folder, error);
  if (error) return 0;
  return static_cast<double>(std::distance(first, std::filesystem::directory_iterator()));
}

double resident_bytes() {
  std::ifstream stream("/proc/self/statm");
  double all = 0;
  double resident = 0;
  stream >> all >> resident;
  return stream ? resident * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace

void add_process_gauges(prometheus::Registry& registry) {
  const auto set = [&](const char* name, const char* help, double value) {
    if (value <= 0) return;
    prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({}).Set(value);
  };
  set("process_resident_memory_bytes", "Memory of the service that is resident.", resident_bytes());
  set("process_open_fds", "Open file descriptors of the service.", entries("/proc/self/fd"));
  set("process_threads", "Threads of the service.", entries("/proc/self/task"));
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return;
  prometheus::BuildCounter()
      .Name("process_cpu_seconds_total")
      .Help("Processor time of the service, user and system.")
      .Register(registry)
      .Add({})
      .Increment(seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

}  // namespace qvdhouse::serve
