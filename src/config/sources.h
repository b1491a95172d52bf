// [source] and [source.NAME]: which sources there are, which of them a command takes, and what each
// is reached with (docs/configuration.md, "Several sources").
//
// A named source takes over what [source] says, but never a credential: that is its own.
// Credentials of [source] go with the source that was set in the same place or a weaker one, and
// with what lies below it; where none was set, with any.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/files.h"

namespace qvdhouse::config {

// Whether a key of qvdhouse.toml is one of a named source: "source.NAME.aws_key". Throws
// ConfigError for one that is, with a setting that no source has, or a name that no source can
// have.
bool is_named_source_key(std::string_view key, const Origin& origin);

// Variables of named sources and the key of each: QVD_SOURCE_NAME_AWS_KEY → source.NAME.aws_key.
// The names are those that `config` knows, and those of variables QVD_SOURCE_NAME_URL.
std::map<std::string, std::string> named_source_variables(const Config& config,
                                                          const RawValues& variables);

// For a key of a named source the setting that it is of ("source" for its url).
struct NamedKey {
  std::string name;
  std::string setting_key;
};
std::optional<NamedKey> named_key(std::string_view key);

// Fills config.sources and config.chosen. Throws ConfigError.
void resolve_sources(Config& config);

// The index of the source that a file or URL is or lies below, the narrowest one; empty: none.
std::optional<std::size_t> source_of(const Config& config, const std::string& text);

// What a path or URL is reached with: as the source that it lies below, else as [source] says.
SourceSettings settings_for(const Config& config, const std::string& text);

}  // namespace qvdhouse::config
