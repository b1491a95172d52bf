// Names with wildcards, as settings write them: `*` stands for any characters, also none; all else
// for itself, capitals included.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::schema {

bool matches_pattern(std::string_view name, std::string_view pattern);

// What the one `*` of a pattern stands for; empty when the name does not match.
std::optional<std::string_view> match_star(std::string_view name, std::string_view pattern);

// The setting of a name: the entry with just that name, else the longest pattern that matches.
// Null: none.
const std::string* find_setting(const std::map<std::string, std::string>& settings,
                                std::string_view name);

}  // namespace qvdhouse::schema
