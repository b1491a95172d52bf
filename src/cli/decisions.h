// What the commands that look at a source share: decisions as people and programs read them.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "cli/context.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "config/config.h"
#include "sync/sync.h"

namespace qvdhouse::cli {

using config::sync_options;

// What sync would do with each file of several sources.
struct DecidedSource {
  OpenSource source;
  sync::Options options;
  std::vector<decide::Decision> decisions;
};
struct DecidedSources {
  std::vector<DecidedSource> sources;  // that could be listed
  std::size_t asked = 0;
  int exit_code = 0;  // not 0: some could not be, or are empty though they had files; it is logged
  bool are_several() const { return asked > 1; }
};
// A source that cannot be listed is left out with a message; the only one throws.
DecidedSources decide_sources(const std::vector<OpenSource>& sources, const Tracked& tracked,
                              const AskedFiles& asked, const Context& context);
// The options of a run that is asked for these files. Throws ConfigError for a window that is none.
sync::Options asked_options(const AskedFiles& asked, const SourceSettings& source,
                            const Context& context);

// The files that a listing gave, also those that are left out.
struct ListedSource {
  SourceSettings source;
  std::vector<source::FileEntry> files;
};
// Those of the sources that have include_files.
std::vector<ListedSource> listed_of(const DecidedSources& decided);
// Warns of each item of include_files that names no file of these sources: probably a slip.
void warn_of_idle_includes(const std::vector<ListedSource>& listed, const Context& context);
// The same for fields and columns that [types] names and no table has, by what was loaded and by
// `planned`: names of fields and columns. Says nothing unless all sources and all their files are
// looked at.
void warn_of_idle_columns(const std::vector<tracking::FileRecord>& loaded,
                          const std::set<std::string>& planned, const Context& context);

// The path as a user of this source calls it: below the source's folder without it.
std::string short_path(const source::FileEntry& file, const std::string& source);

// `with_title`: names the source above.
void print_decisions(const std::vector<decide::Decision>& decisions, const OpenSource& source,
                     bool with_title);

// Whether `text`, as a user typed it, means the file: its path or URL, name or stem, in any case.
bool names_file(const std::string& text, std::string_view path, std::string_view name);

}  // namespace qvdhouse::cli
