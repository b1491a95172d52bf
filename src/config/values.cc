#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <sstream>

#include "base/ascii.h"
#include "base/did_you_mean.h"
#include "base/encoding.h"
#include "clickhouse/column_type.h"
#include "config/parts.h"
#include "schema/row_filter.h"
#include "schema/table_rules.h"
#include "serve/schedule.h"
#include "source/listing.h"
#include "source/url.h"

namespace qvdhouse::config {
namespace {

constexpr std::string_view kDuration = "a time such as 10s, 500ms or 2m, at most a day";
constexpr std::string_view kSpan = "a time such as 30s, 10m, 24h or 7d, or 0s, at most 366d";
constexpr std::string_view kFileNames =
    "a list of names of files, without folders, such as _DONE or A.qvd,B.qvd; * is a wildcard";
constexpr std::string_view kWait = "a time such as 10m or 90s, or 0 for none, in whole seconds";
constexpr std::string_view kZone = "a time zone name such as Europe/Berlin";
constexpr std::string_view kHost = "a host name or address, without a port";
constexpr std::string_view kPathPrefix = "a path such as /clickhouse1";
constexpr std::string_view kSchedule =
    "five cron fields, @hourly, @daily, @weekly, @monthly, @every 30s or 5m";
constexpr std::string_view kEndpoint = "http(s)://HOST[:PORT], without user or password";
constexpr std::string_view kHeaderPairs = "name=value,name=value, values percent-encoded";
constexpr std::string_view kAttributes = "name=value,name=value";
constexpr std::string_view kLineageUrl =
    "http(s)://HOST[:PORT], without user or password, or file:///PATH";
constexpr std::string_view kChangeRatio = "a number above 0: 0.5 is 50 %";
constexpr std::string_view kHeaders = "lines \"Name: value\", in TOML a list of them";

// The name of a unit and how many of the smallest it is, from small to large.
using Unit = std::pair<std::string_view, std::uint64_t>;
constexpr std::array<Unit, 6> kTimes = {
    {{"ms", 1}, {"s", 1'000}, {"", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::array<Unit, 10> kSizes = {{{"", 1},
                                          {"B", 1},
                                          {"KB", 1000},
                                          {"KiB", 1024},
                                          {"MB", 1000 * 1000},
                                          {"M", 1024 * 1024},
                                          {"MiB", 1024 * 1024},
                                          {"GB", 1000 * 1000 * 1000},
                                          {"G", 1024 * 1024 * 1024},
                                          {"GiB", 1024 * 1024 * 1024}}};

// "10m" in the smallest unit; none when it is not such a text, or too large to be counted.
std::optional<std::uint64_t> quantity(std::string_view text, std::span<const Unit> units,
                                      bool may_have_space = false) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return std::nullopt;
  std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  while (may_have_space && unit.starts_with(' ')) unit.remove_prefix(1);
  const auto found = std::ranges::find(units, unit, &Unit::first);
  if (found == units.end()) return std::nullopt;
  if (number > std::numeric_limits<std::uint64_t>::max() / found->second) return std::nullopt;
  return number * found->second;
}

// In the largest unit of which there are two at least: "60s", but "10m".
std::string shown_quantity(std::uint64_t number, std::span<const Unit> units,
                           std::string_view none) {
  std::string text(none);
  for (const auto& [name, factor] : units) {
    if (!name.empty() && number % factor == 0 && number / factor > 1) {
      text = fmt::format("{}{}", number / factor, name);
    }
  }
  return text;
}

// The zone that a text which is none probably means: that of the city, or one written nearly so.
std::string zone_meant(std::string text) {
  std::ranges::replace(text, ' ', '_');
  const std::vector<std::string> zones = serve::time_zone_names();
  const auto city = std::ranges::find_if(zones, [&](std::string_view zone) {
    return base::equal_ignoring_case(zone.substr(zone.rfind('/') + 1), text);
  });
  return city == zones.end() ? base::nearest(text, zones) : *city;
}

std::string zone_problem(const std::string& zone) {
  const std::string error = serve::time_zone_error(zone);
  if (error.empty()) return error;
  const std::string meant = zone_meant(zone);
  return fmt::format("{} ({}){}", kZone, error,
                     meant.empty() ? "" : fmt::format("; did you mean {}?", meant));
}

// CLICKHOUSE_HOST: what people write into it besides, and where that goes.
std::string host_problem(const std::string& host) {
  if (source::is_url(host)) {
    return fmt::format("{}; a URL goes into clickhouse.url (CLICKHOUSE_URL)", kHost);
  }
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string::npos &&
                        (host.find(':') == colon || (host[0] == '[' && host[colon - 1] == ']'));
  if (has_port) {
    return fmt::format("{}: \"{}\"; set clickhouse.port (CLICKHOUSE_PORT) to {}", kHost,
                       host.substr(0, colon), host.substr(colon + 1));
  }
  const bool good = !host.empty() && host.find_first_of("/@?#\\ \t\r\n") == std::string::npos;
  return good ? "" : std::string(kHost);
}

std::string parse_list(const RawValue& value, std::vector<std::string>& out) {
  out = value.is_list ? value.items : source::split_list(value.text);
  return "";
}

const Choice<sync::AfterLoad> kAfterLoads({{"keep", sync::AfterLoad::kKeep},
                                           {"move", sync::AfterLoad::kMove},
                                           {"delete", sync::AfterLoad::kDelete}});

std::string parse_file_names(const RawValue& value, std::vector<std::string>& out) {
  parse_list(value, out);
  const bool good = !out.empty() && std::ranges::all_of(out, [](const std::string& name) {
    if (name.empty() || name.find('/') != std::string::npos) return false;
    try {
      [[maybe_unused]] const source::NamePattern pattern{name};
      return true;
    } catch (const base::ConfigError&) {
      return false;
    }
  });
  return good ? "" : std::string(kFileNames);
}

std::string parse_headers(const RawValue& value, std::vector<std::string>& out) {
  std::vector<std::string> lines = value.items;
  if (!value.is_list) {
    std::istringstream text(value.text);
    for (std::string line; std::getline(text, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) lines.push_back(line);
    }
  }
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(':');
    const bool good = colon != std::string::npos && colon > 0 &&
                      line.find_first_of("\r\n") == std::string::npos &&
                      line.find_first_of(" \t") > colon;
    if (!good) return std::string(kHeaders);
  }
  out = std::move(lines);
  return "";
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// The baggage of W3C, without properties: blanks around names and values do not count.
std::string parse_pairs(const RawValue& value, Pairs& out) {
  Pairs pairs;
  std::istringstream text(value.text);
  const auto trimmed = [](std::string part) {
    part.erase(0, part.find_first_not_of(" \t"));
    part.erase(part.find_last_not_of(" \t") + 1);
    return part;
  };
  for (std::string item; std::getline(text, item, ',');) {
    if (trimmed(item).empty()) continue;
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos) return std::string(kAttributes);
    std::string name = trimmed(item.substr(0, equals));
    if (name.empty()) return std::string(kAttributes);
    pairs.emplace_back(std::move(name), base::decode_percent(trimmed(item.substr(equals + 1))));
  }
  out = std::move(pairs);
  return "";
}

std::string parse_header_pairs(const RawValue& value, std::vector<std::string>& out) {
  Pairs pairs;
  if (!parse_pairs(value, pairs).empty()) return std::string(kHeaderPairs);
  std::vector<std::string> lines;
  for (const auto& [name, content] : pairs) {
    const bool good = name.find_first_of(": \t\r\n") == std::string::npos && !content.empty() &&
                      content.find_first_of("\r\n") == std::string::npos &&
                      content.find('\0') == std::string::npos;
    if (!good) return std::string(kHeaderPairs);
    lines.push_back(fmt::format("{}: {}", name, content));
  }
  out = std::move(lines);
  return "";
}

std::string parse_boolean(const RawValue& value, bool& out) {
  const auto is = [&](std::string_view word) {
    return base::equal_ignoring_case(value.text, word);
  };
  const bool yes = is("true") || is("yes") || is("on") || is("1");
  const bool no = is("false") || is("no") || is("off") || is("0");
  if (!yes && !no) return "true or false";
  out = yes;
  return "";
}

std::string parse_duration(const RawValue& value, std::chrono::milliseconds& out) {
  const auto time = quantity(value.text, kTimes);
  if (!time || *time < 1 || *time > kDayMs || value.text.ends_with('d')) {
    return std::string(kDuration);
  }
  out = std::chrono::milliseconds(*time);
  return "";
}

std::string parse_span(const RawValue& value, std::chrono::seconds& out) {
  const auto time = quantity(value.text, kTimes);
  if (!time || *time > 366 * kDayMs || value.text.ends_with("ms")) return std::string(kSpan);
  out = std::chrono::seconds(*time / 1'000);
  return "";
}

std::string parse_wait(const RawValue& value, std::chrono::seconds& out) {
  std::chrono::milliseconds time{0};
  const bool good = value.text == "0" || parse_duration(value, time).empty();
  if (!good || time % std::chrono::seconds(1) != std::chrono::milliseconds(0)) {
    return std::string(kWait);
  }
  out = std::chrono::duration_cast<std::chrono::seconds>(time);
  return "";
}

// --- Of [[table]] ---

// Behind the quoted text that begins at `open`; npos when it does not end.
std::size_t behind_quotes(std::string_view text, std::size_t open) {
  for (std::size_t at = open + 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == text[open]) {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

// Whether the text is closed in itself: put between brackets or commas it stays one expression.
bool is_closed(std::string_view text) {
  std::string open;  // brackets
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::string_view two = text.substr(at, 2);
    if (c == '\'' || c == '"' || c == '`') {
      at = behind_quotes(text, at);
      if (at == std::string_view::npos) return false;
      continue;
    }
    constexpr std::string_view kOpen = "([{", kClose = ")]}";
    if (c == ';' || c == '#' || c == '\0' || two == "--" || two == "/*") return false;
    if (kOpen.find(c) != std::string_view::npos) open += c;
    if (const std::size_t kind = kClose.find(c); kind != std::string_view::npos) {
      if (open.empty() || open.back() != kOpen[kind]) return false;
      open.pop_back();
    }
    ++at;
  }
  return open.empty();
}

// Texts in single quotes with commas between; false for anything else.
bool are_literals(std::string_view text) {
  text = base::trimmed(text);
  while (!text.empty()) {
    const std::size_t end = text.front() == '\'' ? behind_quotes(text, 0) : text.npos;
    if (end == text.npos) return false;
    text = base::trimmed(text.substr(end));
    if (text.empty()) return true;
    if (text.front() != ',') return false;
    text = base::trimmed(text.substr(1));
    if (text.empty()) return false;
  }
  return true;
}

std::size_t count_stars(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '*'));
}

using Texts = std::map<std::string, std::string>;

std::string parse_file_patterns(const RawValue& value, std::vector<std::string>& out) {
  out = value.is_list ? value.items : std::vector{value.text};
  const bool good = !out.empty() && std::ranges::find(out, "") == out.end();
  return good ? "" : "a pattern such as \"Sales_*.qvd\", or a list of them";
}

std::string parse_name_patterns(const RawValue& value, std::vector<std::string>& out) {
  parse_list(value, out);
  return std::ranges::find(out, "") == out.end() ? "" : "names that are not empty";
}

std::string parse_rename(const RawValue& value,
                         std::vector<std::pair<std::string, std::string>>& out) {
  const std::string& field = value.item;
  if (value.text.empty()) return "the name of a column";
  if (std::ranges::find(schema::kOwnColumns, value.text) != schema::kOwnColumns.end()) {
    return "another name: this column is qvdhouse's own";
  }
  if (count_stars(value.text) > count_stars(field)) {
    return "no more * in the new name than in the field's";
  }
  const auto taken = std::ranges::find_if(out, [&](const auto& other) {
    return other.second == value.text && count_stars(value.text) == 0;
  });
  if (taken != out.end()) {
    return fmt::format("a name that no other column has: \"{}\" is renamed to it too",
                       taken->first);
  }
  out.emplace_back(field, value.text);
  return "";
}

std::string parse_column_type_of(const RawValue& value, Texts& out) {
  const auto type = clickhouse::parse_column_type(value.text);
  if (!type) {
    return "a type that qvdhouse makes: Int8 … Int64, UInt8 … UInt64, Float64, Bool, String, "
           "Decimal(P, S), Date32, DateTime64(S), Time64(S), also in Nullable(…) or "
           "LowCardinality(…)";
  }
  if (std::string wrong = zone_problem(type->timezone); !wrong.empty()) return wrong;
  out[value.item] = value.text;
  return "";
}

std::string parse_expression(const RawValue& value, std::string& out) {
  const std::string_view text = base::trimmed(value.text);
  if (text.empty() || !is_closed(text)) {
    return "one SQL expression with all quotes and brackets closed, without ; and comments";
  }
  out = text;
  return "";
}

std::string parse_codec(const RawValue& value, Texts& out) {
  return parse_expression(value, out[value.item]);
}

std::string parse_engine(const RawValue& value, std::string& out) {
  const std::string_view text = base::trimmed(value.text);
  const std::size_t open = std::min(text.find('('), text.size());
  const std::string_view name = base::trimmed(text.substr(0, open));
  std::string_view kind = name;
  for (const std::string_view prefix : {"Replicated", "Shared"}) {
    if (kind.starts_with(prefix)) kind.remove_prefix(prefix.size());
  }
  constexpr std::array<std::string_view, 7> kMerging = {
      "ReplacingMergeTree", "CollapsingMergeTree",  "VersionedCollapsingMergeTree",
      "SummingMergeTree",   "AggregatingMergeTree", "CoalescingMergeTree",
      "GraphiteMergeTree"};
  if (std::find(kMerging.begin(), kMerging.end(), kind) != kMerging.end()) {
    return fmt::format(
        "an engine that keeps every row: {} merges rows with one sorting key into one whenever it "
        "likes, so that the table would not be what its files are; make a view or a materialized "
        "view with that engine over a MergeTree table",
        name);
  }
  if (kind != "MergeTree") {
    return "MergeTree, ReplicatedMergeTree or SharedMergeTree: only their partitions can be "
           "replaced, and their tables be verified and swapped";
  }
  if (open == text.size()) {
    out = text;
    return "";
  }
  const std::string_view arguments = text.substr(open);
  if (!arguments.ends_with(')') || !are_literals(arguments.substr(1, arguments.size() - 2))) {
    return "the engine's arguments as texts in single quotes: ReplicatedMergeTree('…{uuid}…', "
           "'{replica}')";
  }
  const bool has_arguments = !base::trimmed(arguments.substr(1, arguments.size() - 2)).empty();
  if (has_arguments && arguments.find("{uuid}") == arguments.npos) {
    return "a path with {uuid} in it, or no arguments: each load makes a table of its own, and two "
           "tables cannot share one path";
  }
  out = text;
  return "";
}

std::string parse_engine_setting(const RawValue& value, Texts& out) {
  const std::string& name = value.item;
  const bool good = !name.empty() && std::ranges::all_of(name, [](char c) {
    return base::is_lower(c) || base::is_digit(c) || c == '_';
  });
  if (!good) return "the name of a MergeTree setting: a-z, 0-9 and _";
  return text().parse(value, out[name]);
}

constexpr std::string_view kIndexes = "name = \"expression TYPE minmax GRANULARITY 4\"";

std::string parse_index(const RawValue& value, Texts& out) {
  std::string& index = out[value.item];
  const std::string wrong = parse_expression(value, index);
  if (!wrong.empty()) return wrong;
  return value.item.empty() || index.find(" TYPE ") == std::string::npos ? std::string(kIndexes)
                                                                         : "";
}

constexpr std::string_view kRatio = "a number from 0 to 1, such as 0.01";

// Empty for a text that is not a number.
std::optional<double> number_of(std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::string parse_ratio(const RawValue& value, std::optional<double>& out) {
  const std::optional<double> ratio = number_of(value.text);
  if (!ratio || !(*ratio >= 0 && *ratio <= 1)) return std::string(kRatio);
  out = ratio;
  return "";
}

constexpr std::string_view kRowLimit = "a whole number, at least 0";

std::string parse_row_limit(const RawValue& value, std::optional<std::uint64_t>& out) {
  std::uint64_t rows = 0;
  const std::string wrong = Number(0).parse(value, rows);
  if (wrong.empty()) out = rows;
  return wrong;
}

// A condition or the action of a rule; returns what would have been right.
std::string parse_rule_part(const std::string& name, const RawValue& value,
                            schema::ColumnRule& rule) {
  const auto truth = [&](bool& out) {
    const std::string wrong = boolean().parse(value, out);
    return wrong.empty() ? wrong : fmt::format("{} for {}", wrong, name);
  };
  if (value.is_list != (name == "in")) {
    return fmt::format("{} for {}", name == "in" ? "a list of values" : "one value", name);
  }
  if (name == "not_null") return truth(rule.not_null);
  if (name == "unique") return truth(rule.unique);
  if (name == "fits_type") return truth(rule.fits_type);
  if (name == "min") {
    rule.min = value.text;
  } else if (name == "max") {
    rule.max = value.text;
  } else if (name == "matches") {
    rule.matches = value.text;
  } else if (name == "in") {
    rule.in = value.items;
  } else if (name == "action") {
    const auto action = base::parse<schema::RuleAction>(value.text);
    if (!action) return "error, quarantine, drop or warn for action";
    rule.action = *action;
  } else {
    static const std::vector<std::string> kNames = {"not_null", "min",       "max",    "matches",
                                                    "in",       "fits_type", "unique", "action"};
    return fmt::format("not_null, min, max, matches, in, unique, fits_type or action, found '{}'{}",
                       name, base::did_you_mean(name, kNames));
  }
  return "";
}

std::string parse_column_rule(const RawValue& value, std::vector<schema::ColumnRule>& out) {
  schema::ColumnRule rule{.columns = value.item};
  if (rule.columns.empty()) return "the name of a column";
  for (const RawValue& part : value.parts) {
    const std::string wrong = parse_rule_part(part.item, part, rule);
    if (!wrong.empty()) return wrong;
  }
  const std::string wrong = schema::wrong_in(rule);
  if (wrong.empty()) out.push_back(std::move(rule));
  return wrong;
}

std::string parse_protection_of(const RawValue& value, schema::Protections& out) {
  const auto protection = schema::parse_protection(base::trimmed(value.text));
  if (!protection) return std::string(schema::kProtectionForms);
  if (value.item.empty()) return "the name of a column";
  out.insert_or_assign(value.item, *protection);
  return "";
}

std::string parse_filter(const RawValue& value, std::string& out) {
  schema::RowConditions conditions;
  std::string wrong = schema::parse_row_filter(value.text, conditions);
  if (wrong.empty()) out = base::trimmed(value.text);
  return wrong;
}

std::string parse_statements(const RawValue& value, std::vector<std::string>& out) {
  out = value.is_list ? value.items : std::vector{value.text};
  const bool good =
      std::ranges::none_of(out, [](const std::string& sql) { return base::trimmed(sql).empty(); });
  return good ? "" : "SQL statements that are not empty";
}

}  // namespace

std::string shown(const std::string& value) { return value; }
std::string shown(const std::filesystem::path& value) { return value.string(); }
std::string shown(const std::vector<std::string>& value) {
  return fmt::format("{}", fmt::join(value, ","));
}
std::string shown(sync::AfterLoad value) { return kAfterLoads.show(value); }
std::string shown(bool value) { return value ? "true" : "false"; }
std::string shown(double value) { return fmt::format("{}", value); }
std::string shown(std::optional<double> value) { return value ? fmt::format("{}", *value) : ""; }
std::string shown(std::optional<std::uint64_t> value) {
  return value ? std::to_string(*value) : "";
}
std::string shown(std::optional<bool> value) { return value ? shown(*value) : ""; }
std::string shown(std::chrono::milliseconds value) {
  return shown_quantity(static_cast<std::uint64_t>(value.count()), kTimes, "0s");
}

Number::Number(std::uint64_t from, std::uint64_t to, std::string_view what)
    : lowest(from), highest(to), allowed(what) {
  if (!what.empty()) return;
  allowed = to == kMost ? fmt::format("a whole number, at least {}", from)
                        : fmt::format("a whole number, {} to {}", from, to);
}

Number port() { return Number(1, 65'535, "a port number, 1 to 65535"); }

std::uint64_t Bytes::bytes_of(std::string_view text) {
  const std::uint64_t bytes = quantity(text, kSizes, true).value_or(0);
  return bytes < kLeast ? 0 : bytes;
}
std::string Bytes::show(std::uint64_t value) const {
  return value < kLeast ? "" : shown_quantity(value, kSizes, "");
}

Choice<std::string> words(const std::vector<std::string_view>& allowed) {
  std::vector<std::pair<std::string_view, std::string>> pairs;
  for (const std::string_view word : allowed) pairs.emplace_back(word, word);
  return Choice<std::string>(std::move(pairs));
}

Text text(std::string_view allowed) { return {std::string(allowed)}; }
Text any_text() {
  return {"a text", [](const std::string&) { return std::string(); }};
}
Text key_text() {
  const static std::string kAllowed =
      fmt::format("a secret of at least {} characters", kLeastKeyCharacters);
  return {kAllowed, [](const std::string& key) {
            return key.size() < kLeastKeyCharacters ? kAllowed : std::string();
          }};
}
Text path() { return {"a path"}; }
Text time_zone() {
  return {std::string(kZone), [](const std::string& zone) {
            return zone.empty() ? fmt::format("{} (it is empty)", kZone) : zone_problem(zone);
          }};
}
Text time_zone_or_none() { return {std::string(kZone), zone_problem}; }
Text schedule() {
  return {std::string(kSchedule), [](const std::string& text) {
            const std::string error = serve::schedule_error(text);
            return error.empty() ? error : fmt::format("{} ({})", kSchedule, error);
          }};
}
Text server_url() {
  return {std::string(kServerUrlForm),
          [](const std::string& text) { return server_url_error(text); }};
}
Text server_host() {
  return {std::string(kHost), [](const std::string& host) { return host_problem(host); }};
}
Text path_prefix() {
  return {std::string(kPathPrefix), [](const std::string& path) {
            const bool good = !path.empty() && !source::is_url(path) &&
                              path.find_first_of("?#\\ \t\r\n") == std::string::npos;
            return good ? "" : std::string(kPathPrefix);
          }};
}
Text endpoint() {
  return {std::string(kEndpoint), [](const std::string& text) {
            const bool has_scheme = text.starts_with("http://") || text.starts_with("https://");
            const bool good = has_scheme && text.find_first_of("@?# \t\r\n") == std::string::npos;
            return good ? "" : std::string(kEndpoint);
          }};
}
Kind<std::vector<std::string>> list(std::string_view allowed) {
  return {std::string(allowed), parse_list};
}
Kind<std::vector<std::string>> file_names() { return {std::string(kFileNames), parse_file_names}; }
Kind<sync::AfterLoad> after_load() {
  return {kAfterLoads.allowed, [](const RawValue& value, sync::AfterLoad& out) {
            const std::string wrong = kAfterLoads.parse(value, out);
            return value.text != "tag"
                       ? wrong
                       : wrong + " (rclone, by which storages are reached, cannot tag objects)";
          }};
}

Kind<bool> boolean() { return {"true or false", parse_boolean}; }
Kind<std::optional<bool>> boolean_or_none() {
  return {"true or false", [](const RawValue& value, std::optional<bool>& out) {
            return parse_boolean(value, out.emplace());
          }};
}
Kind<std::chrono::seconds> span() { return {std::string(kSpan), parse_span}; }
Kind<std::chrono::milliseconds> duration() { return {std::string(kDuration), parse_duration}; }
Kind<std::chrono::seconds> wait_time() { return {std::string(kWait), parse_wait}; }
Kind<std::vector<std::string>> http_headers() { return {std::string(kHeaders), parse_headers}; }

Kind<std::vector<std::string>> header_pairs() {
  return {std::string(kHeaderPairs), parse_header_pairs};
}
Kind<Pairs> attributes() { return {std::string(kAttributes), parse_pairs}; }
Text lineage_url() {
  return {std::string(kLineageUrl), [](const std::string& text) {
            constexpr std::string_view kFile = "file:///";
            const bool is_file = text.starts_with(kFile) && text.size() > kFile.size();
            return is_file || endpoint().check(text).empty() ? "" : std::string(kLineageUrl);
          }};
}

Kind<std::vector<std::string>> file_patterns() {
  return {"a pattern or a list of patterns", parse_file_patterns};
}
Kind<std::vector<std::string>> name_patterns() {
  return {"a list of names; * is a wildcard", parse_name_patterns};
}
Kind<std::vector<std::pair<std::string, std::string>>> renames() {
  return {"field = \"column\"; each * of the new name stands for what one of the field's did",
          parse_rename};
}
Kind<Texts> column_types() {
  return {"field or column = \"type\"; * is a wildcard", parse_column_type_of};
}
Kind<std::map<std::string, std::vector<std::string>>> lists_of_columns() {
  return {"column = a list of texts; * is a wildcard",
          [](const RawValue& value, std::map<std::string, std::vector<std::string>>& out) {
            return list("a list of texts").parse(value, out[value.item]);
          }};
}
Kind<Texts> codecs() { return {"column = \"Delta, ZSTD(1)\"; * is a wildcard", parse_codec}; }
Kind<std::vector<schema::ColumnRule>> column_rules() {
  return {"column = { min = 0, action = \"quarantine\" }, or a list of such; * is a wildcard",
          parse_column_rule};
}
Kind<schema::Protections> protections() {
  return {fmt::format("column = {}; * is a wildcard", schema::kProtectionForms),
          parse_protection_of};
}
Kind<std::string> row_filter() {
  return {"comparisons such as Region = 'West' and Amount > 0", parse_filter};
}
Kind<double> change_ratio() {
  return {std::string(kChangeRatio), [](const RawValue& value, double& out) {
            const std::optional<double> ratio = number_of(value.text);
            if (!ratio || !(*ratio > 0 && *ratio <= 1e6)) return std::string(kChangeRatio);
            out = *ratio;
            return std::string();
          }};
}
Kind<std::optional<double>> ratio() { return {std::string(kRatio), parse_ratio}; }
Kind<std::optional<std::uint64_t>> row_limit() { return {std::string(kRowLimit), parse_row_limit}; }
Kind<std::string> expression() { return {"an SQL expression", parse_expression}; }
Kind<std::string> engine() {
  return {"MergeTree, ReplicatedMergeTree, SharedMergeTree", parse_engine};
}
Kind<Texts> engine_settings() { return {"name = value", parse_engine_setting}; }
Kind<Texts> indexes() { return {std::string(kIndexes), parse_index}; }
Kind<std::vector<std::string>> statements() {
  return {"a statement or a list of them", parse_statements};
}

}  // namespace qvdhouse::config
