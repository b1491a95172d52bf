// The table of damage: a name, which is also that of the golden file, and what is done to the file.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace qvdhouse::malformed {

struct Case {
  std::string name;
  // From sample_file() to the damaged one.
  std::function<std::string(std::string)> damage;
};

const std::vector<Case>& cases();

}  // namespace qvdhouse::malformed
