// qvdhouse config: the values in effect and where each was set, secrets masked.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/config_sources.h"
#include "cli/config_tables.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/settings_table.h"
#include "cli/target.h"

namespace qvdhouse::cli {

int run_config(const ConfigArguments& arguments, const Context& context) {
  const Config& config = context.config;
  Json json = Json::object();
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](std::string_view key, std::string_view env, const std::string& value,
                       const std::string& where) {
    json[std::string(key)] = Json{{"value", value}, {"origin", where}, {"environment", env}};
    rows.push_back({std::string(key), value.empty() ? "–" : value, where});
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
  if (arguments.json) {
    print_json(json);
  } else {
    print_table(
        {{"Setting"}, {.title = "Value", .flexible = true}, {.title = "Set in", .flexible = true}},
        rows);
    print(fmt::format("\nTarget: {}\n", printable(target_name(config))));
  }
  return kOk;
}

}  // namespace qvdhouse::cli
