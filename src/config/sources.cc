#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/did_you_mean.h"
#include "base/error.h"
#include "config/parts.h"
#include "config/setting.h"
#include "source/archive_name.h"
#include "source/scope.h"

namespace qvdhouse::config {
namespace {

constexpr std::string_view kPrefix = "source.";
constexpr std::string_view kVariablePrefix = "QVD_SOURCE_";
constexpr std::string_view kUrl = "url";

// The settings of a source: the last part of the key in [source.NAME] → the setting's key.
const std::map<std::string, std::string, std::less<>>& keys_of_a_source() {
  static const std::map<std::string, std::string, std::less<>> keys = [] {
    std::map<std::string, std::string, std::less<>> out;
    for (const Setting& setting : settings_table()) {
      if (!setting.is_of_source) continue;
      const bool is_url = setting.key == kSourceKey;
      out.emplace(is_url ? kUrl : setting.key.substr(setting.key.find('.') + 1), setting.key);
    }
    return out;
  }();
  return keys;
}

bool is_source_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

// "erp-eu" → "ERP_EU", as in names of variables.
std::string upper(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c == '-' ? '_' : base::to_upper(c);
  return out;
}

std::set<std::string> source_names(const Config& config) {
  std::set<std::string> names;
  for (const auto& [key, value] : config.values) {
    if (const auto named = named_key(key)) names.insert(named->name);
  }
  return names;
}

const RawValue* find_value(const Config& config, const std::string& key) {
  const auto found = config.values.find(key);
  return found == config.values.end() ? nullptr : &found->second;
}

// Whether a credential of [source] is meant for this path or URL.
bool goes_with(const Config& config, const Origin& origin, const std::string& text) {
  const std::string* owner = nullptr;
  for (const auto& [rank, source] : config.source_by_rank) {
    if (rank <= origin.rank) owner = &source;
  }
  if (owner == nullptr) return true;
  const source::Scope scope(*owner);
  return scope.covers(source::identity_of(text)) ||
         scope.covers(source::identity_of(source::outer_place(text)));
}

// The settings of the source `name` (empty: of a path or URL of no named source).
SourceSettings build(const Config& config, const std::string& name, const std::string& url) {
  Config own;
  for (const auto& [part, setting_key] : keys_of_a_source()) {
    if (part == kUrl) continue;
    const Setting& setting = *find_setting(setting_key);
    const std::string own_key = fmt::format("{}{}.{}", kPrefix, name, part);
    const RawValue* own_value = name.empty() ? nullptr : find_value(config, own_key);
    const RawValue* common = find_value(config, setting_key);
    const bool is_flag = common != nullptr && common->origin.rank == Origin::Rank::kFlag;
    if (own_value != nullptr && !is_flag) {
      take_value(setting, own_key, *own_value, own);
    } else if (common != nullptr) {
      const bool meant = is_flag || !setting.is(kCredential) ||
                         (name.empty() && goes_with(config, common->origin, url));
      if (meant) take_value(setting, setting_key, *common, own);
    }
  }
  own.common.access.unpack_folder = config.sync.lock_dir;
  own.common.name = name;
  own.common.url = url;
  return std::move(own.common);
}

// A credential given as a flag belongs to one source, whichever that is.
void check_credential_flags(const Config& config) {
  if (config.chosen.size() < 2) return;
  for (const Setting& setting : settings_table()) {
    const RawValue* value = find_value(config, std::string(setting.key));
    if (!setting.is(kCredential) || value == nullptr) continue;
    if (value->origin.rank != Origin::Rank::kFlag) continue;
    throw base::ConfigError(
        fmt::format("{}: expected one source for it, found {}; say which one with --source NAME",
                    value->origin.where, config.chosen.size()));
  }
}

}  // namespace

std::optional<NamedKey> named_key(std::string_view key) {
  if (!key.starts_with(kPrefix)) return std::nullopt;
  const std::string_view rest = key.substr(kPrefix.size());
  const std::size_t dot = rest.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto setting = keys_of_a_source().find(rest.substr(dot + 1));
  if (setting == keys_of_a_source().end()) return std::nullopt;
  return NamedKey{std::string(rest.substr(0, dot)), setting->second};
}

bool is_named_source_key(std::string_view key, const Origin& origin) {
  if (!key.starts_with(kPrefix)) return false;
  const std::string_view rest = key.substr(kPrefix.size());
  const std::size_t dot = rest.rfind('.');
  if (dot == std::string_view::npos) return false;
  if (!is_source_name(rest.substr(0, dot))) {
    throw base::ConfigError(
        fmt::format("{}: '{}' cannot be the name of a source; expected letters, digits, _ and -",
                    origin.where, rest.substr(0, dot)));
  }
  if (named_key(key)) return true;
  std::vector<std::string> parts;
  for (const auto& [part, setting_key] : keys_of_a_source()) parts.push_back(part);
  throw base::ConfigError(fmt::format("{}: a source has no setting '{}'{}", origin.where,
                                      rest.substr(dot + 1),
                                      base::did_you_mean(rest.substr(dot + 1), parts)));
}

std::map<std::string, std::string> named_source_variables(const Config& config,
                                                          const RawValues& variables) {
  std::set<std::string> names = source_names(config);
  const std::string url_end = "_" + upper(kUrl);
  for (const auto& [variable, value] : variables) {
    if (!variable.starts_with(kVariablePrefix) || !variable.ends_with(url_end)) continue;
    const std::size_t length = variable.size() - kVariablePrefix.size();
    if (length <= url_end.size() || value.text.empty()) continue;
    const std::string name = variable.substr(kVariablePrefix.size(), length - url_end.size());
    const bool known = std::any_of(names.begin(), names.end(),
                                   [&](const std::string& other) { return upper(other) == name; });
    if (!known && is_source_name(name)) names.insert(base::to_lower(name));
  }
  std::map<std::string, std::string> keys;
  for (const std::string& name : names) {
    for (const auto& [part, setting_key] : keys_of_a_source()) {
      keys.emplace(fmt::format("{}{}_{}", kVariablePrefix, upper(name), upper(part)),
                   fmt::format("{}{}.{}", kPrefix, name, part));
    }
  }
  return keys;
}

void resolve_sources(Config& config) {
  // The named ones.
  const std::set<std::string> names = source_names(config);
  for (const std::string& name : names) {
    const RawValue* url = find_value(config, fmt::format("{}{}.{}", kPrefix, name, kUrl));
    if (url == nullptr || url->text.empty()) {
      throw base::ConfigError(fmt::format(
          "source.{}: its url is not set; expected [source.{}] url = \"…\", or {}{}_URL", name,
          name, kVariablePrefix, upper(name)));
    }
    config.chosen.push_back(config.sources.size());
    config.sources.push_back(build(config, name, url->text));
  }
  const RawValue* source = find_value(config, std::string(kSourceKey));
  if (source == nullptr) {
    check_credential_flags(config);
    return;
  }

  // `source` beside them in qvdhouse.toml is one more; from anywhere else it stands for all.
  if (source->origin.rank != Origin::Rank::kToml) config.chosen.clear();
  const auto named =
      std::find_if(config.sources.begin(), config.sources.end(),
                   [&](const SourceSettings& known) { return known.name == config.common.url; });
  if (named != config.sources.end()) {
    config.chosen = {static_cast<std::size_t>(named - config.sources.begin())};
  } else {
    for (const auto& [rank, text] : config.source_by_rank) {
      if (text != config.common.url && !names.contains(text))
        config.sources.push_back(build(config, "", text));
    }
    config.chosen.push_back(config.sources.size());
    config.sources.push_back(settings_for(config, config.common.url));
  }
  check_credential_flags(config);
}

std::optional<std::size_t> source_of(const Config& config, const std::string& text) {
  // A member of an archive that is no source itself goes with the archive.
  const std::string place = source::outer_place(text);
  const std::string identity = source::identity_of(text);
  std::optional<std::size_t> best;
  std::size_t best_length = 0;
  for (std::size_t i = 0; i < config.sources.size(); ++i) {
    const source::Scope scope(config.sources[i].url);
    if (!scope.covers(identity)) continue;
    if (best && scope.folder().size() < best_length) continue;
    best = i;
    best_length = scope.folder().size();
  }
  return best || place == text ? best : source_of(config, place);
}

SourceSettings settings_for(const Config& config, const std::string& text) {
  const std::optional<std::size_t> known = source_of(config, text);
  if (!known) return build(config, "", text);
  SourceSettings settings = config.sources[*known];
  settings.known_url = std::exchange(settings.url, text);
  return settings;
}

}  // namespace qvdhouse::config
