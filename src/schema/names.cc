#include "schema/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "schema/plan.h"

namespace qvdhouse::schema {
namespace {

using base::is_lower;
using base::is_upper;

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

// Bytes of non-ASCII characters count as letters of a word, so that UTF-8 stays whole.
bool is_word(char c) { return is_upper(c) || is_lower(c) || base::is_digit(c) || !is_ascii(c); }

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

// Also by the name of a column that may stand beside its own.
bool is_asked_for(const std::vector<std::string>& only, std::string_view field,
                  const std::string& column) {
  return matches_any(only, field, column) ||
         std::ranges::any_of(only, [&](const std::string& pattern) {
           return matches_pattern(column + std::string(kNumberSuffix), pattern) ||
                  matches_pattern(column + std::string(kOutsideSuffix), pattern);
         });
}

struct Renamed {
  std::string name;
  std::string rest;  // rest_of_name()
};

// What the first matching entry of rename gives.
std::optional<Renamed> renamed(std::string_view field, const Policy& policy) {
  for (const auto& [from, to] : policy.rename) {
    const auto stars = match_stars(field, from);
    if (!stars) continue;
    Renamed made;
    std::size_t next = 0;
    for (const char c : to) {
      if (c != '*') {
        made.name += c;
      } else if (next < stars->size()) {
        made.name += (*stars)[next++];
      } else {
        throw base::SchemaError(fmt::format(
            "rename: \"{}\" = \"{}\" holds more * on the right than on the left", from, to));
      }
    }
    if (next > 0)
      made.rest = fmt::format(
          "{}", fmt::join(stars->begin() + static_cast<std::ptrdiff_t>(next), stars->end(), " "));
    return made;
  }
  return std::nullopt;
}

// The field's own name in the table; empty: it is left out.
// Whatever is asked for (Policy::only).
std::string wanted_name(const std::string& field, std::size_t index, const Policy& policy) {
  std::string name;
  if (auto given = renamed(field, policy)) {
    name = std::move(given->name);
  } else {
    name = policy.naming == NamingPolicy::kSnake ? snake_case(field) : field;
  }
  // ClickHouse has no column without a name.
  if (name.empty()) name = fmt::format("field_{}", index + 1);
  const bool is_in = policy.include.empty() || matches_any(policy.include, field, name);
  const bool is_out = matches_any(policy.exclude, field, name) ||
                      protection_of(policy, field, name).kind == Protection::Kind::kDrop;
  return is_in && !is_out ? name : std::string();
}

}  // namespace

std::string table_name(std::string_view file_name, const Policy& policy, std::string_view known) {
  const bool is_original = policy.naming == NamingPolicy::kOriginal;
  std::string name;
  std::string joined;  // without what parts words
  bool at_start = true;
  for (const char c : stem(file_name)) {
    const char rest = is_original ? base::to_lower(c) : c;
    if (is_word(c)) {
      if (at_start && !is_ascii(c) && !name.empty() && !is_original) name += '_';
      name += at_start ? base::to_upper(c) : rest;
      joined += name.back();
    }
    at_start = !is_word(c);
  }
  if (name.empty()) {
    throw base::SchemaError(
        fmt::format("file \"{}\": expected a name with at least one letter or digit before "
                    "\".qvd\" to name its "
                    "table after; rename the file",
                    file_name));
  }
  if (known == policy.table_prefix + joined) return std::string(known);
  return policy.table_prefix + name;
}

std::vector<std::string> column_names(const std::vector<std::string>& field_names,
                                      const Policy& policy) {
  const auto is_asked = [&](const std::string& field, const std::string& name) {
    return policy.only.empty() || is_asked_for(policy.only, field, name);
  };
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
      // Two fields have one name, and one of them may be asked for by its own.
      if (!is_asked(owner->second, wanted[i]) || !is_asked(field_names[i], wanted[i])) continue;
      throw_collision(owner->second, field_names[i], wanted[i], policy);
    }
    const std::string base = wanted[i];
    // From the last one on: lower numbers are taken.
    int& number = last_number.try_emplace(base, 1).first->second;
    while (!taken.insert(wanted[i]).second) wanted[i] = fmt::format("{}_{}", base, ++number);
    owners.emplace(wanted[i], field_names[i]);
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].empty() && !is_asked(field_names[i], wanted[i])) wanted[i].clear();
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

std::optional<std::vector<std::string_view>> match_stars(std::string_view name,
                                                         std::string_view pattern) {
  if (!matches_pattern(name, pattern)) return std::nullopt;
  std::vector<std::string_view> found;
  for (std::size_t star = pattern.find('*'); star != std::string_view::npos;
       star = pattern.find('*')) {
    name.remove_prefix(star);
    pattern.remove_prefix(star + 1);
    const std::size_t next = pattern.find('*');
    const std::string_view piece = pattern.substr(0, next);
    const std::size_t end =
        next == std::string_view::npos ? name.size() - piece.size() : name.find(piece);
    found.push_back(name.substr(0, end));
    name.remove_prefix(end);
  }
  return found;
}

std::string rest_of_name(std::string_view field, const Policy& policy) {
  auto made = renamed(field, policy);
  return made ? std::move(made->rest) : std::string();
}

}  // namespace qvdhouse::schema
