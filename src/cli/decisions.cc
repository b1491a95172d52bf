#include "cli/decisions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "base/did_you_mean.h"
#include "base/error.h"
#include "cli/exit_code.h"
#include "schema/names.h"
#include "source/listing.h"
#include "source/scope.h"

namespace qvdhouse::cli {
namespace {

constexpr std::array kAllActions = {decide::Action::kLoad,  decide::Action::kSkip,
                                    decide::Action::kWait,  decide::Action::kRefuse,
                                    decide::Action::kAdopt, decide::Action::kRemove};

}  // namespace

sync::Options asked_options(const AskedFiles& asked, const SourceSettings& source,
                            const Context& context) {
  sync::Options options = sync_options(context.config, source);
  options.full = asked.full;
  options.choice.limit = asked.limit;
  options.is_batch_awaited = asked.is_batch_awaited;
  options.choice = decide::parse_choice(asked.window, "--", options.load.policy.timezone,
                                        sync::now_us(), options.choice);
  return options;
}

DecidedSources decide_sources(const std::vector<OpenSource>& sources, const Tracked& tracked,
                              const AskedFiles& asked, const Context& context) {
  DecidedSources decided{.sources = {}, .asked = sources.size()};
  std::size_t well = 0;
  const auto note = [&](int code) {
    decided.exit_code = decided.exit_code == kOk ? code : static_cast<int>(kPartial);
  };
  for (const OpenSource& source : sources) {
    sync::Options options = asked_options(asked, source.settings, context);
    options.load.policy.dialect = tracked.dialect;
    try {
      std::string problem;
      auto decisions = sync::decide(options, source.storage, tracked.files, tracked.tables,
                                    &problem, tracked.past);
      if (!problem.empty()) {
        context.log.error("{}: {}", source_title(source.settings), problem);
        note(kSource);
      } else {
        ++well;
      }
      decided.sources.push_back({source, std::move(options), std::move(decisions)});
    } catch (const base::Cancelled&) {
      throw;
    } catch (const base::Error& error) {
      if (sources.size() == 1) throw;
      context.log.error("{}: {}", source_title(source.settings), error.what());
      note(exit_code_of(error));
    }
  }
  if (decided.exit_code != kOk && well > 0) decided.exit_code = kPartial;
  return decided;
}

std::vector<ListedSource> listed_of(const DecidedSources& decided) {
  std::vector<ListedSource> listed;
  for (const DecidedSource& source : decided.sources) {
    if (source.source.settings.selection.include.empty()) continue;
    listed.push_back({source.source.settings, {}});
    for (const decide::Decision& decision : source.decisions) {
      listed.back().files.push_back(decision.file);
    }
  }
  return listed;
}

void warn_of_idle_includes(const std::vector<ListedSource>& listed, const Context& context) {
  std::set<std::string> idle;
  std::set<std::string> named;
  std::vector<std::string> stems;
  for (const ListedSource& of_source : listed) {
    const std::string& url = of_source.source.url;
    for (const source::FileEntry& file : of_source.files) {
      stems.push_back(std::filesystem::path(file.name).stem().string());
    }
    for (const std::string& item : of_source.source.selection.include) {
      const source::NameRules rules({.include = {item}, .exclude = {}});
      const bool is_named =
          std::ranges::any_of(of_source.files, [&](const source::FileEntry& file) {
            source::FileEntry alone{.path = {}, .name = file.name, .etag = {}};
            rules.apply(short_path(file, url), alone);
            return alone.skip_code.empty();
          });
      (is_named ? named : idle).insert(item);
    }
  }
  for (const std::string& item : idle) {
    if (named.contains(item)) continue;
    context.log.warn("include_files names \"{}\", which matches no file{}", item,
                     base::did_you_mean(item, stems));
  }
}

void warn_of_idle_columns(const std::vector<tracking::FileRecord>& loaded,
                          const std::set<std::string>& planned, const Context& context) {
  const Config& config = context.config;
  const auto is_flag = [&](const char* key) {
    const auto value = config.values.find(key);
    return value != config.values.end() && value->second.origin.rank == config::Origin::Rank::kFlag;
  };
  const bool are_some = is_flag("include_files") || is_flag("exclude_files") ||
                        is_flag("file_pattern") || config.chosen.size() < config.sources.size();
  if (are_some) return;
  std::set<std::string> names = planned;
  for (const tracking::FileRecord& file : loaded) {
    if (file.schema.empty() && file.status != tracking::FileState::kCompleted) return;
    const Json columns = Json::parse(file.schema, nullptr, false);
    if (!columns.is_array()) continue;
    for (const Json& column : columns) names.insert(column.at(0).get<std::string>());
  }
  if (names.empty()) return;

  const schema::Policy& policy = config.sync.load.policy;
  const auto is_known = [&](const std::string& name) {
    const auto matches = [&](const std::string& other) {
      return schema::matches_pattern(other, name);
    };
    // A field's column may be called otherwise; of a column, its field is not known any more.
    const bool is_renamed = std::ranges::any_of(config.sync.tables, [&](const auto& rules) {
      return std::ranges::any_of(rules.rename, [&](const auto& rename) {
        return schema::matches_pattern(name, rename.first);
      });
    });
    return is_renamed || std::ranges::any_of(names, matches) ||
           names.contains(schema::column_names({name}, policy).front());
  };
  const std::vector<std::string> candidates(names.begin(), names.end());
  for (const auto& [name, type] : policy.overrides) {
    if (is_known(name)) continue;
    const auto value = config.values.find("types." + name);
    context.log.warn("[types] names \"{}\"{}, which is no field or column of any table{}", name,
                     value == config.values.end() ? "" : " (" + value->second.origin.where + ")",
                     base::did_you_mean(name, candidates));
  }
}

std::string short_path(const source::FileEntry& file, const std::string& source) {
  return source::Scope(source).relative(file.path);
}

void print_decisions(const std::vector<decide::Decision>& decisions, const OpenSource& source,
                     bool with_title) {
  if (with_title) print(fmt::format("\n{}\n", printable(source_title(source.settings))));
  std::vector<std::vector<std::string>> rows;
  std::uint64_t bytes_to_load = 0;
  std::string counts;
  for (const decide::Decision& decision : decisions) {
    if (decision.action == decide::Action::kLoad) bytes_to_load += decision.file.size;
    rows.push_back({std::string(base::to_string(decision.action)),
                    short_path(decision.file, source.settings.url),
                    format_bytes(decision.file.size), decision.table, decision.reason});
  }
  for (const decide::Action action : kAllActions) {
    const auto count = static_cast<std::uint64_t>(
        std::count_if(decisions.begin(), decisions.end(),
                      [&](const decide::Decision& d) { return d.action == action; }));
    if (count == 0) continue;
    counts += fmt::format("{}{} to {}", counts.empty() ? "" : ", ", count, base::to_string(action));
  }
  if (rows.empty()) {
    print(printable(no_files(source)) + ".\n");
    return;
  }
  print_table({{"Do"},
               {.title = "File", .flexible = true},
               {.title = "Size", .right = true},
               {.title = "Table", .flexible = true},
               {.title = "Why", .flexible = true}},
              rows);
  print(fmt::format("\n{}: {} ({} to load)\n", format_quantity(decisions.size(), "file"), counts,
                    format_bytes(bytes_to_load)));
}

bool names_file(const std::string& text, std::string_view path, std::string_view name) {
  const std::string stem = std::filesystem::path(name).stem().string();
  return base::equal_ignoring_case(text, path) || base::equal_ignoring_case(text, name) ||
         base::equal_ignoring_case(text, stem) || source::identity_of(text) == path;
}

}  // namespace qvdhouse::cli
