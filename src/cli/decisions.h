// What the commands that look at a source share: the options of a sync made from the settings, and
// decisions as people and programs read them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/config.h"
#include "cli/output.h"
#include "sync/sync.h"

namespace qvdhouse::cli {

// Throws ConfigError when no source is set.
sync::Options sync_options(const Config& config);
// Throws ConfigError when no source is set, naming `command` in the fix.
const std::string& required_source(const Config& config, std::string_view command);
// Throws IoError when the source is a plain local path that is not there. Saves starting an engine
// for a typing slip; everything else is found when the source is listed.
void check_source_exists(const std::string& source);

// The path as a user of this source calls it: below the source's folder without it.
std::string short_path(const source::FileEntry& file, const std::string& source);

// "load", "skip", "wait", "refuse".
std::string_view action_name(sync::Action action);

void print_decisions(const std::vector<sync::Decision>& decisions, const std::string& source);
Json decision_json(const sync::Decision& decision);

// Whether `text`, as a user typed it, means the file: its path, name or stem, in any case.
bool names_file(std::string_view text, std::string_view path);

}  // namespace qvdhouse::cli
