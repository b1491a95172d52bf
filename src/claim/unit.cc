#include "claim/unit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "base/quantity.h"

namespace qvdhouse::claim {
namespace {

constexpr char kSeparator = '\0';
constexpr std::size_t kTablesTold = 5;

bool is_table(std::string_view unit) { return unit.find(kSeparator) == std::string_view::npos; }

}  // namespace

std::string file_unit(std::string_view table, std::string_view file_key) {
  return fmt::format("{}{}{}", table, kSeparator, file_key);
}

std::string any_file_of(std::string_view table) { return file_unit(table, {}); }

std::string_view table_of(std::string_view unit) { return unit.substr(0, unit.find(kSeparator)); }

std::string said_of(const std::set<std::string>& units) {
  std::map<std::string_view, std::size_t> files;  // by table; 0: all of it
  for (const std::string& unit : units) {
    std::size_t& count = files[table_of(unit)];
    if (!is_table(unit)) ++count;
  }
  std::vector<std::string> told;
  for (const auto& [table, count] : files) {
    if (told.size() == kTablesTold) break;
    told.push_back(count == 0
                       ? std::string(table)
                       : fmt::format("{} of {}", base::format_quantity(count, "file"), table));
  }
  const std::size_t more = files.size() - told.size();
  return fmt::format("{}{}", fmt::join(told, ", "),
                     more == 0 ? "" : fmt::format(" and {} more tables", more));
}

void UnitSet::add(std::string_view unit) {
  Held& held = tables_[std::string(table_of(unit))];
  if (is_table(unit)) {
    held.is_whole = true;
  } else {
    held.files.emplace(unit);
  }
}

bool UnitSet::blocks(std::string_view unit) const {
  const auto found = tables_.find(table_of(unit));
  if (found == tables_.end()) return false;
  return is_table(unit) || found->second.is_whole || found->second.files.contains(unit);
}

}  // namespace qvdhouse::claim
