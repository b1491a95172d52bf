// The settings of the service, by topic: rows of the table of all settings (config/settings.cc).
#pragma once

#include <vector>

#include "config/setting.h"

namespace qvdhouse::config {

std::vector<Setting> of_schedule();
std::vector<Setting> of_service();
std::vector<Setting> of_logs();
std::vector<Setting> of_alerts();
std::vector<Setting> of_observation();

}  // namespace qvdhouse::config
