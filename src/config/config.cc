#include "config/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/did_you_mean.h"
#include "base/error.h"
#include "config/parts.h"
#include "config/setting.h"

namespace qvdhouse::config {
namespace {

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const Setting& setting : settings_table()) keys.emplace_back(setting.key);
  return keys;
}

constexpr std::string_view kFileUrl = "file://";
constexpr std::string_view kFileEnd = "_FILE";  // of a variable that names the file of a secret

std::vector<std::string> known_names(const std::map<std::string, std::string>& of_sources) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name, const Setting& setting) {
    names.push_back(name);
    if (setting.is(kSecret)) names.push_back(name + std::string(kFileEnd));
  };
  for (const Setting& setting : settings_table()) {
    add(setting.env, setting);
    if (!setting.also.empty()) names.emplace_back(setting.also);
  }
  for (const auto& [name, key] : of_sources) add(name, *find_setting(key));
  return names;
}

// Raises what is known of a key to `value` when that was set in a stronger place.
void overlay(Config& config, std::string_view key, const RawValue& value) {
  if (key == kSourceKey && value.origin.rank != Origin::Rank::kFlag) {
    config.source_by_rank[value.origin.rank] = value.text;
  }
  RawValue& current = config.values[std::string(key)];
  if (value.origin.rank >= current.origin.rank) current = value;
}

void warn(Config& config, std::string warning) {
  if (!warning.empty()) config.warnings.push_back(std::move(warning));
}

void add_toml(Config& config, const std::filesystem::path& file, HowRead how) {
  const std::vector<std::string> keys = known_keys();
  TomlFile toml = read_toml(file, how, keys_of_tables());
  warn(config, std::move(toml.warning));
  std::vector<std::string> secrets;
  config.raw_tables = std::move(toml.tables);
  for (const auto& [written, value] : toml.values) {
    // `source = "…"` and `url = "…"` of [source] say the same.
    const std::string key = written == "source.url" ? std::string(kSourceKey) : written;
    if (!is_named_source_key(key, value.origin) && find_setting(key) == nullptr) {
      throw base::ConfigError(fmt::format("{}: there is no setting '{}'{}", value.origin.where, key,
                                          base::did_you_mean(key, keys)));
    }
    if (how == HowRead::kFound) refuse_program_setting(key, value);
    if (is_secret_setting(key, value)) secrets.push_back(written);
    overlay(config, key, value);
  }
  warn(config, warn_of_readable_secrets(file, toml.access, secrets));
}

// What a variable sets.
struct Target {
  std::string key;       // empty: nothing
  bool is_file = false;  // it names the file that holds the secret
};

Target target_of_variable(std::string_view name,
                          const std::map<std::string, std::string>& of_sources) {
  const auto key_of = [&](std::string_view variable) -> std::string {
    const auto key = of_sources.find(std::string(variable));
    if (key != of_sources.end()) return key->second;
    for (const Setting& setting : settings_table()) {
      if (setting.env == variable || (!variable.empty() && setting.also == variable)) {
        return std::string(setting.key);
      }
    }
    return "";
  };
  if (std::string key = key_of(name); !key.empty()) return {.key = std::move(key)};
  if (!name.ends_with(kFileEnd)) return {};
  std::string key = key_of(name.substr(0, name.size() - kFileEnd.size()));
  if (key.empty() || !find_setting(key)->is(kSecret)) return {};
  return {.key = std::move(key), .is_file = true};
}

// The variable that this unknown one probably means: nearly the same behind QVD_ or CLICKHOUSE_, or
// the beginning of it. Empty: none.
std::string meant_by(std::string_view name, const std::vector<std::string>& names) {
  const std::string_view prefix = name.substr(0, name.find('_') + 1);
  const std::string_view rest = name.substr(prefix.size());
  std::vector<std::string> rests;
  for (const std::string& known : names) {
    if (known.starts_with(prefix)) rests.push_back(known.substr(prefix.size()));
  }
  if (const std::string best = base::nearest(rest, rests); !best.empty()) {
    return std::string(prefix) + best;
  }
  const auto longer = std::ranges::find_if(
      rests, [&](const std::string& other) { return !rest.empty() && other.starts_with(rest); });
  return longer == rests.end() ? "" : std::string(prefix) + *longer;
}

// Whether somebody who set this unknown name probably meant to guard the service with it.
bool looks_like_guard(std::string_view name, const std::vector<std::string>& names) {
  constexpr std::array<std::string_view, 3> kWords = {"TOKEN", "TLS", "SERVE"};
  if (!name.starts_with("QVD_") || name.starts_with("QVD_SOURCE")) return false;
  const auto is_in_name = [&](std::string_view word) {
    return name.find(word) != std::string_view::npos;
  };
  if (std::any_of(kWords.begin(), kWords.end(), is_in_name)) return true;
  const Setting* meant = find_setting(target_of_variable(meant_by(name, names), {}).key);
  return meant != nullptr && meant->is(kGuard);
}

// Names from the environment or `.env`. An empty value is one that is not set: that is how
// container tools hand on a variable that nobody gave.
void add_names(Config& config, const RawValues& values) {
  const std::map<std::string, std::string> of_sources = named_source_variables(config, values);
  const std::vector<std::string> names = known_names(of_sources);
  std::map<std::string, std::string> set_by;  // the variable of each key
  for (const auto& [name, value] : values) {
    const Target target = target_of_variable(name, of_sources);
    if (!target.key.empty()) {
      if (value.text.empty()) continue;
      const auto [other, is_first] = set_by.emplace(target.key, name);
      if (!is_first && (target.is_file || values.at(other->second).text != value.text)) {
        throw base::ConfigError(fmt::format("{} and {} ({}) both set {}; remove one of them",
                                            other->second, name, value.origin.where, target.key));
      }
      overlay(config, target.key, target.is_file ? read_secret(value) : value);
    } else if (name.starts_with("QVD_") || name.starts_with("CLICKHOUSE_")) {
      const std::string meant = meant_by(name, names);
      config.warnings.push_back(
          fmt::format("{} ({}) is not a setting and has no effect{}", name, value.origin.where,
                      meant.empty() ? "" : fmt::format("; did you mean {}?", meant)));
      if (looks_like_guard(name, names)) config.misspelt_guards.push_back(config.warnings.back());
    }
  }
}

// Names that the storages' own tools know, beside those that are settings here.
bool is_storage_variable(std::string_view name) {
  constexpr std::array<std::string_view, 3> kPrefixes = {"AWS_", "AZURE_", "GOOGLE_"};
  constexpr std::array<std::string_view, 8> kNames = {
      "STORAGE_EMULATOR_HOST", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY",
      "HTTPS_PROXY",           "NO_PROXY",   "all_proxy"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); }) ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// What Kubernetes says in the environment of every container of the Services `clickhouse`, `qvd`,
// `clickhouse-…` and `qvd-…`: CLICKHOUSE_SERVICE_HOST, CLICKHOUSE_PORT=tcp://10.0.0.1:8123,
// CLICKHOUSE_PORT_8123_TCP_ADDR. Their names are not ours.
bool is_service_link(std::string_view name, std::string_view value) {
  constexpr std::string_view kPort = "_PORT";
  if (name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != name.npos) return true;
  constexpr std::array<std::string_view, 3> kSchemes = {"tcp://", "udp://", "sctp://"};
  if (name.ends_with(kPort) && std::ranges::any_of(kSchemes, [&](std::string_view scheme) {
        return value.starts_with(scheme);
      })) {
    return true;
  }
  for (auto at = name.find("_PORT_"); at != name.npos; at = name.find("_PORT_", at + 1)) {
    const std::size_t digit = at + kPort.size() + 1;
    if (digit < name.size() && base::is_digit(name[digit])) return true;
  }
  return false;
}

RawValues environment_values(const std::map<std::string, std::string>& environment) {
  RawValues values;
  for (const auto& [name, text] : environment) {
    if (!name.starts_with("QVD_") && !name.starts_with("CLICKHOUSE_")) continue;
    if (is_service_link(name, text)) continue;
    values[name] = RawValue{
        .text = text, .items = {}, .origin = {Origin::Rank::kEnvironment, "environment", name}};
  }
  return values;
}

void add_dot_env(Config& config, const std::filesystem::path& file, const ConfigSources& sources) {
  const DotEnvFile dot_env = read_dot_env(file);
  const auto of_sources = named_source_variables(config, dot_env.values);
  std::vector<std::string> secrets;
  for (const auto& [name, value] : dot_env.values) {
    const auto [key, is_file] = target_of_variable(name, of_sources);
    const bool is_of_storage = is_storage_variable(name);
    if (is_file) refuse_secret_file(name, value);
    if (!key.empty()) refuse_program_setting(key, value);
    if (is_of_storage) refuse_program_variable(name, value);
    const bool is_secret =
        key.empty() ? is_of_storage && is_secret_variable(name) : is_secret_setting(key, value);
    if (is_secret && !value.text.empty()) secrets.push_back(name);
    if (is_of_storage && !value.text.empty() && !sources.environment.contains(name)) {
      config.storage_variables.emplace(name, value.text);
    }
  }
  add_names(config, dot_env.values);
  warn(config, warn_of_readable_secrets(file, dot_env.access, secrets));
}

void add_flags(Config& config, const ConfigSources& sources) {
  for (const Setting& setting : settings_table()) {
    const std::string key(setting.key);
    const auto found = sources.flags.find(key);
    if (found == sources.flags.end()) continue;
    const auto typed = sources.flag_names.find(key);
    const std::string where =
        typed == sources.flag_names.end() ? std::string(setting.flag) : typed->second;
    overlay(config, key,
            RawValue{.text = found->second, .items = {}, .origin = {Origin::Rank::kFlag, where}});
  }
}

void parse_values(Config& config) {
  for (const Setting& setting : settings_table()) {
    const auto found = config.values.find(std::string(setting.key));
    if (found != config.values.end()) take_value(setting, setting.key, found->second, config);
  }
  for (const auto& [key, value] : config.values) {
    if (is_of_columns(key)) take_value(*find_setting(key), key, value, config);
  }
}

// Between the URL's part and the setting of the same thing, the one set in the stronger place; the
// URL when both stand in the same.
template <class T>
T stronger(const Config& config, const std::string& key, const T& from_url, const T& single) {
  if (!config.values.contains(key)) return from_url == T{} ? single : from_url;
  if (from_url == T{}) return single;
  const auto url_rank = config.values.at("clickhouse.url").origin.rank;
  return config.values.at(key).origin.rank > url_rank ? single : from_url;
}

const Origin* origin_of(const Config& config, const std::string& key) {
  const auto found = config.values.find(key);
  return found == config.values.end() ? nullptr : &found->second.origin;
}

[[noreturn]] void throw_wrong_url(const Config& config, const std::string& why) {
  constexpr std::string_view kKey = "clickhouse.url";
  const Origin* origin = origin_of(config, std::string(kKey));
  throw base::ConfigError(
      fmt::format("{}: {}", origin == nullptr ? std::string(kKey) : place_of(kKey, *origin), why));
}

// Whether the server is reached by https: what the URL and clickhouse.secure say, else its port and
// certificates.
bool is_secure(const Config& config, const ServerUrl& url, std::uint16_t port) {
  const ServerSettings& set = config.server;
  if (url.secure && set.secure && *url.secure != *set.secure) {
    const Origin& of_setting = *origin_of(config, "clickhouse.secure");
    const auto url_rank = origin_of(config, "clickhouse.url")->rank;
    if (of_setting.rank == url_rank) {
      throw_wrong_url(config, fmt::format("expected the scheme that {} = {} says, found the other "
                                          "one; change one of them",
                                          place_of("clickhouse.secure", of_setting), *set.secure));
    }
    return of_setting.rank > url_rank ? *set.secure : *url.secure;
  }
  if (url.secure) return *url.secure;
  if (set.secure) return *set.secure;
  return !set.endpoint.ca_file.empty() || !set.endpoint.client_cert.empty() || port == 443 ||
         port == 8443;
}

std::string host_in_url(const std::string& host) {
  return host.find(':') != std::string::npos && !host.starts_with('[') ? "[" + host + "]" : host;
}

// The URLs of clickhouse.hosts: what one of them does not say is as in that of the first server.
std::vector<std::string> urls_of_hosts(const ServerSettings& set, const std::string& first,
                                       bool is_secure, std::uint16_t port,
                                       const std::string& path) {
  std::vector<std::string> urls = {first};
  for (const std::string& text : set.hosts) {
    const bool has_scheme = text.find("://") != std::string::npos;
    const std::string full = has_scheme ? text : "http://" + text;
    const ServerUrl url = parse_server_url(full);
    if (!server_url_error(full).empty() || url.host.empty() || !url.user.empty() ||
        !url.password.empty() || !url.path.empty() || url.is_native) {
      throw base::ConfigError(fmt::format(
          "clickhouse.hosts: expected HOST, HOST:PORT or http(s)://HOST:PORT, found \"{}\"; user, "
          "password and path are those of the first server",
          masked_url(text)));
    }
    const bool secure = has_scheme ? url.secure.value_or(is_secure) : is_secure;
    const std::uint16_t of_scheme = secure == is_secure ? port : secure ? 8443 : 8123;
    urls.push_back(fmt::format("{}://{}:{}{}", secure ? "https" : "http", host_in_url(url.host),
                               url.port != 0 ? url.port : of_scheme, path));
  }
  return urls;
}

bool names_server(const Config& config) {
  constexpr std::array<const char*, 5> kKeys = {"clickhouse.url", "clickhouse.host",
                                                "clickhouse.port", "clickhouse.user",
                                                "clickhouse.password"};
  return std::ranges::any_of(kKeys, [&](const char* key) { return config.values.contains(key); });
}

// Decides what the target is. A database alone names the database and no server.
void resolve_target(Config& config) {
  const ServerSettings& set = config.server;
  ServerUrl url = set.url.empty() ? ServerUrl{} : parse_server_url(set.url);
  if (const std::string wrong = take_path(set.path_prefix, url); !wrong.empty()) {
    throw_wrong_url(config, wrong);
  }
  const bool is_named = names_server(config);
  std::string& database = config.sync.database;
  if (is_named && !config.values.contains("clickhouse.database")) database = "default";
  database = stronger(config, "clickhouse.database", url.database, database);
  if (!is_named) return;

  clickhouse::Endpoint& endpoint = config.endpoint.emplace(set.endpoint);
  std::string host = stronger(config, "clickhouse.host", url.host, set.host);
  if (host.empty()) host = "localhost";
  host = host_in_url(host);
  std::uint16_t port = stronger(config, "clickhouse.port", url.port, set.port);
  if (url.is_native && (port == 9000 || port == 9440)) {
    throw_wrong_url(config, fmt::format("expected the server's HTTP port, 8123, or 8443 for https, "
                                        "found {}, that of the native protocol; write {}",
                                        port, port == 9000 ? 8123 : 8443));
  }
  const bool secure = is_secure(config, url, port);
  if (port == 0) port = secure ? 8443 : 8123;
  const std::string path = set.path_prefix.empty() ? "" : request_path(set.path_prefix);
  endpoint.url = fmt::format("{}://{}:{}{}", secure ? "https" : "http", host, port, path);
  if (!set.hosts.empty()) {
    endpoint.hosts =
        std::make_shared<clickhouse::Hosts>(urls_of_hosts(set, endpoint.url, secure, port, path));
  }
  endpoint.user = stronger(config, "clickhouse.user", url.user, endpoint.user);
  endpoint.password = stronger(config, "clickhouse.password", url.password, endpoint.password);
  endpoint.database = database;
}

// Values that are to be hashed need a key, and not one that others could guess.
void check_privacy_key(const Config& config) {
  const schema::Policy& policy = config.sync.load.policy;
  if (!policy.privacy_key.empty()) return;
  const auto refuse = [](const std::string& where, const std::string& name) {
    throw base::ConfigError(fmt::format(
        "{}: protect hashes \"{}\", and there is no key to hash with: set privacy_key, best in the "
        "environment as QVD_PRIVACY_KEY or QVD_PRIVACY_KEY_FILE, to a secret of at least {} "
        "characters (openssl rand -hex 32 makes one)",
        where, name, kLeastKeyCharacters));
  };
  const auto check = [&](const schema::Protections& protections, const auto& where_is) {
    for (const auto& [name, protection] : protections) {
      if (protection.kind == schema::Protection::Kind::kHash) refuse(where_is(name), name);
    }
  };
  check(policy.protections, [&](const std::string& name) {
    return config.values.at(std::string(kProtectPrefix) + name).origin.where;
  });
  for (const schema::TableRules& rules : config.sync.tables) {
    check(rules.protections, [&](const std::string&) { return rules.where; });
  }
}

// Whether a settings file of the working folder is there. Throws ConfigError for what a read could
// hang on or never end with: a pipe, a loop of links, a file of more than 1 MiB.
bool is_readable_here(const std::filesystem::path& file) {
  constexpr std::uintmax_t kMostBytes = 1U << 20U;
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found) return false;
  const std::string name = file.lexically_normal().string();
  if (error) {
    throw base::ConfigError(
        fmt::format("{}: this settings file cannot be read: {}; remove it", name, error.message()));
  }
  if (status.type() == std::filesystem::file_type::directory) return true;
  if (status.type() != std::filesystem::file_type::regular) {
    throw base::ConfigError(
        fmt::format("{}: expected a file of settings, found a pipe or a device; remove it", name));
  }
  const std::uintmax_t bytes = std::filesystem::file_size(file, error);
  if (!error && bytes > kMostBytes) {
    throw base::ConfigError(
        fmt::format("{}: a settings file has at most {} bytes, this one has {}; remove it", name,
                    kMostBytes, bytes));
  }
  return true;
}

// Whether the value of `key` comes from somewhere else than the working folder.
bool is_named(const Config& config, std::string_view key, const ConfigSources& sources) {
  const auto found = config.values.find(std::string(key));
  if (found == config.values.end()) return false;
  const Origin::Rank rank = found->second.origin.rank;
  return rank >= Origin::Rank::kEnvironment ||
         (rank == Origin::Rank::kToml && sources.config_file.has_value());
}

// The URL that a secret of a collector goes to, as a key: the one that counts of those that are
// set; empty: none is, or the setting is no such secret.
std::string_view collector_of(const Config& config, std::string_view secret) {
  std::vector<std::string_view> keys;
  if (secret == "otlp_headers") keys = {"otlp_traces_endpoint", "otlp_endpoint"};
  if (secret == "openlineage_api_key") keys = {"openlineage_url"};
  const auto set = std::ranges::find_if(
      keys, [&](std::string_view key) { return config.values.contains(std::string(key)); });
  return set == keys.end() ? std::string_view() : *set;
}

// Why a secret that was not set for us is not taken: a file that may have come with a download
// would say who gets it. Empty: it is taken.
std::string why_not_sent(const Config& config, const Setting& secret,
                         const ConfigSources& sources) {
  const std::string_view key = collector_of(config, secret.key);
  if (key.empty() || is_named(config, key, sources)) return "";
  const RawValue& url = config.values.at(std::string(key));
  if (url.text.starts_with(kFileUrl)) return "";  // nothing is sent
  return fmt::format(
      "{}, is from a settings file that is only found in the working folder; set {}, or the URL in "
      "the environment ({})",
      place_of(key, url.origin), secret.env, find_setting(key)->env);
}

std::string why_no_fallback(const Config& config, const Setting& setting, const RawValue& value,
                            const ConfigSources& sources) {
  Config tried;
  const std::string wrong = setting.parse(value, tried);
  if (wrong.empty()) return why_not_sent(config, setting, sources);
  return fmt::format("'{}' is not allowed; expected {}", masked(setting, value.text), wrong);
}

// What the variables say that programs of all kinds know (Setting::fallback). They are not only for
// us: one that we cannot use ends nothing.
void add_fallbacks(Config& config, const ConfigSources& sources) {
  const bool has_own_endpoint = config.values.contains("otlp_endpoint");
  for (const Setting& setting : settings_table()) {
    // It is the stronger of the two only where both are meant for all programs.
    if (setting.key == "otlp_traces_endpoint" && has_own_endpoint) continue;
    std::string_view names = setting.fallback;
    while (!names.empty() && !config.values.contains(std::string(setting.key))) {
      const std::size_t comma = std::min(names.find(", "), names.size());
      const std::string name(names.substr(0, comma));
      names.remove_prefix(std::min(comma + 2, names.size()));
      const auto found = sources.environment.find(name);
      if (found == sources.environment.end() || found->second.empty()) continue;
      const RawValue value{.text = found->second,
                           .items = {},
                           .origin = {Origin::Rank::kEnvironment, "environment", name}};
      const std::string why = why_no_fallback(config, setting, value, sources);
      if (why.empty()) {
        config.values.emplace(setting.key, value);
      } else {
        warn(config, fmt::format("{} (environment) has no effect: {}", name, why));
      }
    }
  }
}

// From the weakest place to the strongest.
void read_places(Config& config, const ConfigSources& sources) {
  if (sources.config_file) {
    if (!std::filesystem::exists(*sources.config_file)) {
      throw base::ConfigError(
          fmt::format("--config: there is no file {}", sources.config_file->string()));
    }
    add_toml(config, *sources.config_file, HowRead::kNamed);
  } else if (const auto file = sources.directory / "qvdhouse.toml"; is_readable_here(file)) {
    add_toml(config, file.lexically_normal(), HowRead::kFound);
  }
  // A folder ".env" is somebody's Python.
  if (const auto file = sources.directory / ".env";
      is_readable_here(file) && !std::filesystem::is_directory(file)) {
    add_dot_env(config, file.lexically_normal(), sources);
  }
  add_names(config, environment_values(sources.environment));
  add_flags(config, sources);
  add_fallbacks(config, sources);
  // As a whole: the user and password of one server are nothing for another.
  if (const auto file = sources.directory / "moose.config.toml";
      !names_server(config) && is_readable_here(file)) {
    const MooseFile moose = read_moose(file.lexically_normal());
    std::vector<std::string> secrets;
    for (const auto& [key, value] : moose.values) {
      config.values.emplace(key, value);
      if (is_secret_setting(key, value)) secrets.push_back(key);
    }
    warn(config, warn_of_readable_secrets(file, moose.access, secrets));
  }
}

}  // namespace

Config load_config(const ConfigSources& sources) {
  Config config;
  read_places(config, sources);
  parse_values(config);
  config.is_data_dir_named = is_named(config, "data_dir", sources);
  if (!is_named(config, "log_file", sources)) {
    check_found_log("log_file", "QVD_LOG_FILE", config.serve.log.file);
  }
  if (config.lineage.url.starts_with(kFileUrl) && !is_named(config, "openlineage_url", sources)) {
    check_found_log("openlineage_url", "QVD_OPENLINEAGE_URL",
                    config.lineage.url.substr(kFileUrl.size()));
  }
  if (!config.values.contains("engine.linger")) config.engine.linger = clickhouse::usual_linger();
  config.sync.lock_dir = config.engine.data_dir / "locks";
  config.serve.alerts.state_file = config.engine.data_dir / "alerts.json";
  resolve_target(config);
  resolve_sources(config);
  config.sync.tables = table_rules(config);
  return config;
}

bool logs_json(const ConfigSources& sources) {
  Config config;
  const std::array<std::function<void()>, 3> places = {
      [&] { read_places(config, sources); },
      [&] { add_names(config, environment_values(sources.environment)); },
      [&] { add_flags(config, sources); }};
  for (const auto& read : places) {
    try {
      read();
    } catch (const std::exception&) {
      // load_config() says it.
    }
  }
  const auto found = config.values.find("log_format");
  return found != config.values.end() && base::to_lower(found->second.text) == "json";
}

sync::Options sync_options(const Config& config, const SourceSettings& source) {
  check_privacy_key(config);
  sync::Options options = config.sync;
  options.source = source.url;
  options.selection = source.selection;
  options.load.policy.table_prefix = source.table_prefix;
  options.choice.order = source.order;
  options.wait_for = source.wait_for;
  options.after_load = source.after_load;
  options.after_load_to = source.after_load_to;
  return options;
}

std::vector<serve::SettingShown> shown_settings(const Config& config) {
  std::vector<serve::SettingShown> shown;
  for (const Setting& setting : settings_table()) {
    const std::string key(setting.key);
    const auto found = config.values.find(key);
    if (found == config.values.end()) {
      shown.push_back({key, setting.env, setting.default_text, "default"});
      continue;
    }
    const Origin& origin = found->second.origin;
    const bool is_variable = origin.rank == Origin::Rank::kEnvironment;
    shown.push_back({key, setting.env, masked(setting, found->second.text),
                     is_variable ? "$" + origin.variable : origin.where});
  }
  for (const auto& [key, value] : config.values) {
    const Setting& setting = *find_setting(key);
    if (setting.key == key) continue;
    shown.push_back({key, "", masked(setting, value.text), value.origin.where});
  }
  for (std::size_t i = 0; i < config.raw_tables.size(); ++i) {
    for (const RawTable::Entry& entry : config.raw_tables[i].entries) {
      shown.push_back(
          {entry_name(config, i, entry), "", entry.value.text, entry.value.origin.where});
    }
  }
  return shown;
}

std::vector<std::string> secrets_of(const Config& config) {
  std::vector<std::string> secrets;
  for (const auto& [key, value] : config.values) {
    if (!find_setting(key)->is(kSecret)) continue;
    secrets.push_back(value.text);
    secrets.insert(secrets.end(), value.items.begin(), value.items.end());
  }
  std::erase(secrets, "");
  return secrets;
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

}  // namespace qvdhouse::config
