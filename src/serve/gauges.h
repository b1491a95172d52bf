// Gauges of a registry, for the files that fill one.
#pragma once

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace qvdhouse::serve {

inline prometheus::Family<prometheus::Gauge>& gauge(prometheus::Registry& registry,
                                                    const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

// A gauge without labels.
inline void set_gauge(prometheus::Registry& registry, const char* name, const char* help,
                      double value) {
  gauge(registry, name, help).Add({}).Set(value);
}

}  // namespace qvdhouse::serve
