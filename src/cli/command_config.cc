// qvdhouse config: the values in effect and where each was set, secrets masked.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/target.h"

namespace qvdhouse::cli {
namespace {

struct ConfigArguments {
  bool json = false;
};

int run_config(const ConfigArguments& arguments, const Context& context) {
  const Config& config = context.config;
  Json json = Json::object();
  std::vector<std::vector<std::string>> rows;
  for (const serve::SettingShown& shown : config::shown_settings(config)) {
    json[shown.key] =
        Json{{"value", shown.value}, {"origin", shown.origin}, {"environment", shown.environment}};
    rows.push_back({shown.key, shown.value.empty() ? "–" : shown.value, shown.origin});
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

}  // namespace

void add_config(CommandLine& line) {
  auto [o, a] = line.add("config", kSetup, "the settings in effect, and their origin", run_config);
  o.example("qvdhouse config --json");
  o.json(a.json);
}

}  // namespace qvdhouse::cli
