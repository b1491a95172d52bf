#include "cli/shown_settings.h"

#include <fmt/format.h>

#include "cli/config_sources.h"
#include "cli/config_tables.h"
#include "cli/settings_table.h"

namespace qvdhouse::cli {

std::vector<ShownSetting> shown_settings(const Config& config) {
  std::vector<ShownSetting> shown;
  const auto add = [&](std::string_view key, std::string_view env, const std::string& value,
                       const std::string& origin) {
    shown.push_back({std::string(key), std::string(env), value, origin});
  };
  for (const Setting& setting : settings_table()) {
    const auto found = config.values.find(std::string(setting.key));
    if (found == config.values.end()) {
      add(setting.key, setting.env, std::string(setting.default_text), "default");
    } else {
      const Origin& origin = found->second.origin;
      add(setting.key, setting.env, masked(setting, found->second.text),
          origin.rank == Origin::Rank::kEnvironment ? fmt::format("${}", setting.env)
                                                    : origin.where);
    }
  }
  for (const auto& [key, value] : config.values) {
    if (const auto named = named_key(key)) {
      add(key, "", masked(*find_setting(named->setting_key), value.text), value.origin.where);
    }
    if (key.starts_with(std::string(kTypesKey) + ".")) add(key, "", value.text, value.origin.where);
  }
  for (std::size_t i = 0; i < config.raw_tables.size(); ++i) {
    for (const RawTable::Entry& entry : config.raw_tables[i].entries) {
      add(entry_name(config, i, entry), "", entry.value.text, entry.value.origin.where);
    }
  }
  return shown;
}

}  // namespace qvdhouse::cli
