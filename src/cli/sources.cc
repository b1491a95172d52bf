#include "cli/sources.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/did_you_mean.h"
#include "base/error.h"
#include "base/quantity.h"
#include "cli/exit_code.h"
#include "config/setting.h"
#include "source/listing.h"
#include "source/scope.h"

namespace qvdhouse::cli {
namespace {

void check_source_exists(const std::string& source, const Config& config) {
  if (source::is_url(source) || source.find_first_of("*?[{") != std::string::npos) return;
  std::error_code error;
  if (std::filesystem::exists(source, error) || error) return;
  std::vector<std::string> names;
  for (const SourceSettings& known : config.sources) {
    if (!known.name.empty()) names.push_back(known.name);
  }
  throw base::IoError(
      fmt::format("{}: there is no such file or folder; check the path, or QVD_SOURCE{}", source,
                  base::did_you_mean(source, names)));
}

}  // namespace

std::shared_ptr<source::Storage> make_storage(const SourceSettings& settings, spdlog::logger& log,
                                              std::stop_token stop) {
  source::Access access = settings.access;
  access.warn = [&log](std::string_view text) { log.warn("{}", text); };
  access.debug = [&log](std::string_view text) { log.debug("{}", text); };
  access.stop = std::move(stop);
  auto storage = std::make_shared<source::Storage>(std::move(access));
  for (const std::string* url : {&settings.known_url, &settings.url}) {
    if (source::is_url(*url)) storage->remember(*url);
  }
  return storage;
}

Sources::Sources(const Context& context) : context_(context) {}

source::Storage& Sources::storage_of(std::optional<std::size_t> index,
                                     const SourceSettings& settings) {
  std::shared_ptr<source::Storage>& storage = storages_[index];
  if (!storage) storage = make_storage(settings, context_.log, context_.stop);
  return *storage;
}

std::vector<OpenSource> Sources::chosen(std::string_view command, bool must_exist) {
  const Config& config = context_.config;
  if (config.chosen.empty()) {
    throw base::ConfigError(
        fmt::format("no source is set; name the folder that holds the QVD files: `qvdhouse {} "
                    "./qvds`, or set QVD_SOURCE or `source` in qvdhouse.toml",
                    command));
  }
  std::vector<OpenSource> sources;
  for (const std::size_t index : config.chosen) {
    const SourceSettings& settings = config.sources[index];
    // With several, one that is not there is that one's failure only.
    if (must_exist && config.chosen.size() == 1) check_source_exists(settings.url, config);
    sources.push_back({settings, storage_of(index, settings)});
  }
  return sources;
}

OpenSource Sources::of(const std::string& file) {
  SourceSettings settings = config::settings_for(context_.config, file);
  const std::optional<std::size_t> index = config::source_of(context_.config, file);
  source::Storage& storage =
      index ? storage_of(index, context_.config.sources[*index]) : storage_of(index, settings);
  if (source::is_url(file)) storage.remember(file);
  return {std::move(settings), storage};
}

bool is_source_asked(const Config& config) {
  const auto value = config.values.find(std::string(config::kSourceKey));
  return value != config.values.end() && value->second.origin.rank == config::Origin::Rank::kFlag;
}

std::string no_files(const OpenSource& source) {
  const SourceSettings& settings = source.settings;
  const source::Scope scope(settings.url);
  const bool is_glob = !scope.pattern().empty();
  const std::string& pattern = is_glob ? scope.pattern() : settings.selection.pattern;
  std::string text = fmt::format("No files match {} in {}", pattern,
                                 is_glob ? scope.folder() : masked_source(settings.url));
  if (pattern.find("**") != std::string::npos) return text;
  const std::string deep = "**/" + pattern;
  source::Selection selection = settings.selection;
  selection.pattern = deep;
  std::size_t count = 0;
  try {
    const std::string& place = is_glob ? scope.folder() : settings.url;
    for (const source::FileEntry& file : source.storage.list(place, selection)) {
      if (file.skip_code.empty()) ++count;
    }
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error&) {
    return text;
  }
  if (count == 0) return text;
  return text + fmt::format(
                    ", but {} in folders below it {}: take {} with --pattern '{}' "
                    "(QVD_FILE_PATTERN)",
                    count, count == 1 ? "does" : "do", count == 1 ? "it" : "them", deep);
}

std::string source_title(const SourceSettings& source) {
  const std::string url = masked_source(source.url);
  return source.name.empty() ? url : fmt::format("{} ({})", source.name, url);
}

NamedFile open_named(std::string_view command, const std::string& file, Sources& sources) {
  const OpenSource source = sources.of(file);
  const auto files = source.storage.list(file, {.pattern = "*", .include = {}, .exclude = {}});
  if (files.size() != 1) {
    throw UsageError(
        fmt::format("{} takes one file; {} is {}", command, masked_source(file),
                    files.empty() ? "none" : base::format_quantity(files.size(), "file")));
  }
  return {files[0], source.storage.open(files[0]), source.settings};
}

}  // namespace qvdhouse::cli
