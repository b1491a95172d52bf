// The sources of one command, each with the storage that reaches it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"
#include "cli/context.h"
#include "config/config.h"
#include "source/listing.h"
#include "source/storage.h"

namespace qvdhouse::cli {

struct OpenSource {
  SourceSettings settings;
  source::Storage& storage;
};

// What reaches a source, until `stop`. `log` must outlive it.
std::shared_ptr<source::Storage> make_storage(const SourceSettings& settings, spdlog::logger& log,
                                              std::stop_token stop);

class Sources {
 public:
  // `context` must outlive it. Reaches nothing yet.
  explicit Sources(const Context& context);

  // Those that the command takes, in their order. Throws ConfigError when none is set, naming
  // `command` in the fix; IoError when one is a plain local path that is not there and `must_exist`
  // (saves starting an engine for a typing slip).
  std::vector<OpenSource> chosen(std::string_view command, bool must_exist = false);

  // What reaches a file, by its path or URL.
  OpenSource of(const std::string& file);

 private:
  source::Storage& storage_of(std::optional<std::size_t> index, const SourceSettings& settings);

  const Context& context_;
  // By index in config.sources; none: for what lies below no source.
  std::map<std::optional<std::size_t>, std::shared_ptr<source::Storage>> storages_;
};

// Whether the source was named in the command itself (for commands that need none).
bool is_source_asked(const Config& config);

// That no file of the source matches; where files in folders below would, how many, and how they
// are taken. Lists the source for that.
std::string no_files(const OpenSource& source);

// "lake (s3://lake/qvd)", without secrets.
std::string source_title(const SourceSettings& source);

// One file that somebody named.
struct NamedFile {
  source::FileEntry entry;
  std::unique_ptr<base::ByteSource> bytes;
  SourceSettings source;
};

// `sources` must outlive what is returned. Throws UsageError for what is several files or none;
// `command` is for its message.
NamedFile open_named(std::string_view command, const std::string& file, Sources& sources);

}  // namespace qvdhouse::cli
