// The settings in effect as people may see them: secrets masked.
#pragma once

#include <string>
#include <vector>

#include "cli/config.h"

namespace qvdhouse::cli {

struct ShownSetting {
  std::string key;
  std::string environment;  // the variable's name; empty: it has none
  std::string value;
  std::string origin;  // "qvdhouse.toml:12", "$QVD_SOURCE", "default"
};
std::vector<ShownSetting> shown_settings(const Config& config);

}  // namespace qvdhouse::cli
