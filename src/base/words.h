// The words of an enum: what its values are called in tables, JSON and messages. An enum has them
// by a function `words(Enum)` beside it, which returns an array in the order of its enumerators.
// Code compares values; words are made and read only where they go out of the program or come in.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

namespace qvdhouse::base {

template <class Enum>
concept Worded = std::is_enum_v<Enum> && requires(Enum value) {
  words(value).size();
};

template <Worded Enum>
constexpr std::string_view to_string(Enum value) {
  return words(value)[static_cast<std::size_t>(value)];
}

// Empty for a text that is none of the words.
template <Worded Enum>
constexpr std::optional<Enum> parse(std::string_view text) {
  const auto all = words(Enum{});
  const auto found = std::find(all.begin(), all.end(), text);
  if (found == all.end()) return std::nullopt;
  return static_cast<Enum>(found - all.begin());
}

}  // namespace qvdhouse::base

template <qvdhouse::base::Worded Enum>
struct fmt::formatter<Enum> : fmt::formatter<std::string_view> {
  auto format(Enum value, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(qvdhouse::base::to_string(value), context);
  }
};
