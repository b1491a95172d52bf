#include "schema/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"

namespace qvdhouse::schema {
namespace {

using base::is_lower;
using base::is_upper;

// Bytes of non-ASCII characters count as letters of a word, so that UTF-8 stays whole.
bool is_word(char c) {
  return is_upper(c) || is_lower(c) || base::is_digit(c) || static_cast<unsigned char>(c) >= 0x80;
}

std::string_view stem(std::string_view file_name) {
  constexpr std::string_view kExtension = ".qvd";
  file_name = file_name.substr(file_name.find_last_of('/') + 1);  // npos + 1 is 0
  if (file_name.size() < kExtension.size()) return file_name;
  const std::string_view end = file_name.substr(file_name.size() - kExtension.size());
  if (!base::equal_ignoring_case(end, kExtension)) return file_name;
  return file_name.substr(0, file_name.size() - kExtension.size());
}

// A new word starts at "aB" and "1B", and at the B of "ABc".
bool starts_word(std::string_view name, std::size_t i) {
  if (i == 0 || !is_upper(name[i])) return false;
  const char before = name[i - 1];
  if (is_upper(before)) return i + 1 < name.size() && is_lower(name[i + 1]);
  return is_word(before);
}

std::string snake_case(std::string_view name) {
  std::string snake;
  bool gap = false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_word(name[i])) {
      gap = true;
      continue;
    }
    if (!snake.empty() && (gap || starts_word(name, i))) snake += '_';
    gap = false;
    snake += base::to_lower(name[i]);
  }
  return snake;
}

[[noreturn]] void throw_collision(const std::string& first, const std::string& second,
                                  const std::string& column, const Policy& policy) {
  const bool is_snake = policy.naming == NamingPolicy::kSnake;
  throw base::SchemaError(fmt::format(
      "fields \"{}\" and \"{}\" both want the column \"{}\" because of {}; {} exclude one of the "
      "fields or give it another name by rename",
      first, second, column, is_snake ? "naming = \"snake\" or rename" : "rename",
      is_snake ? "set naming = \"source\"," : "correct rename,"));
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view field,
                 std::string_view column) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return matches_pattern(field, pattern) || matches_pattern(column, pattern);
  });
}

// The name that the first matching entry of rename gives.
std::optional<std::string> renamed(std::string_view field, const Policy& policy) {
  for (const auto& [from, to] : policy.rename) {
    if (std::ranges::count(from, '*') > 1 || std::ranges::count(to, '*') > 1) {
      throw base::SchemaError(fmt::format(
          "rename: \"{}\" = \"{}\" holds more than one *, of which there may be one on each side; "
          "write several entries",
          from, to));
    }
    if (from == field && to.find('*') == std::string::npos) return to;
    const auto star = match_star(field, from);
    if (!star) continue;
    std::string name = to;
    if (const std::size_t at = name.find('*'); at != std::string::npos) name.replace(at, 1, *star);
    return name;
  }
  return std::nullopt;
}

// The field's own name in the table; empty: it is left out.
std::string wanted_name(const std::string& field, std::size_t index, const Policy& policy) {
  std::string name;
  if (auto given = renamed(field, policy)) {
    name = std::move(*given);
  } else {
    name = policy.naming == NamingPolicy::kSnake ? snake_case(field) : field;
  }
  // ClickHouse has no column without a name.
  if (name.empty()) name = fmt::format("field_{}", index + 1);
  const bool is_in = policy.include.empty() || matches_any(policy.include, field, name);
  return is_in && !matches_any(policy.exclude, field, name) ? name : std::string();
}

}  // namespace

std::string table_name(std::string_view file_name, const Policy& policy) {
  std::string name;
  bool at_start = true;
  for (const char c : stem(file_name)) {
    if (is_word(c)) name += at_start ? base::to_upper(c) : c;
    at_start = !is_word(c);
  }
  if (name.empty()) {
    throw base::SchemaError(
        fmt::format("file \"{}\": expected a name with at least one letter or digit before "
                    "\".qvd\" to name its "
                    "table after; rename the file",
                    file_name));
  }
  return policy.table_prefix + name;
}

std::vector<std::string> column_names(const std::vector<std::string>& field_names,
                                      const Policy& policy) {
  std::vector<std::string> wanted;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < field_names.size(); ++i) {
    wanted.push_back(wanted_name(field_names[i], i, policy));
    taken.insert(wanted.back());
  }
  std::map<std::string, std::string> owners;  // column name → field name
  std::map<std::string, int> last_number;     // of each name that fields share
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].empty()) continue;
    const auto [owner, is_new] = owners.emplace(wanted[i], field_names[i]);
    if (is_new) continue;
    if (owner->second != field_names[i]) {
      throw_collision(owner->second, field_names[i], wanted[i], policy);
    }
    const std::string base = wanted[i];
    // From the last one on: lower numbers are taken.
    int& number = last_number.try_emplace(base, 1).first->second;
    while (!taken.insert(wanted[i]).second) wanted[i] = fmt::format("{}_{}", base, ++number);
    owners.emplace(wanted[i], field_names[i]);
  }
  return wanted;
}

bool matches_pattern(std::string_view name, std::string_view pattern) {
  // Each `*` first stands for nothing; on a mismatch the last one takes a character more.
  std::size_t at = 0, in_pattern = 0;
  std::size_t star = std::string_view::npos, after_star = 0;
  while (at < name.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      after_star = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == name[at]) {
      ++at;
      ++in_pattern;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

std::optional<std::string_view> match_star(std::string_view name, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos || !matches_pattern(name, pattern)) return std::nullopt;
  return name.substr(star, name.size() + 1 - pattern.size());
}

}  // namespace qvdhouse::schema
