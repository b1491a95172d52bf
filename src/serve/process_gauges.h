// What this process itself uses, by the names that Prometheus' own libraries give it.
#pragma once

#include <prometheus/registry.h>

namespace qvdhouse::serve {

// Registers process_* as of now. Figures that the system does not tell are left out.
void add_process_gauges(prometheus::Registry& registry);

}  // namespace qvdhouse::serve
