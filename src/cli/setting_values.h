// How the text of a setting becomes a value: one function for each kind of value. Each fills `out`
// and returns what would have been right when the text is not ("expected …"); empty when it is.
#pragma once

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/config.h"

namespace qvdhouse::cli {

inline constexpr std::string_view kWholeFromOne = "a whole number, at least 1";
inline constexpr std::string_view kPort = "a port number, 1 to 65535";
inline constexpr std::string_view kBytes =
    "a size such as 256MiB, 2GB or 1073741824, at least 1MiB";
inline constexpr std::string_view kNotEmpty = "a text that is not empty";
inline constexpr std::string_view kPath = "a path";
inline constexpr std::string_view kTruth = "true or false";
inline constexpr std::string_view kDuration = "a time such as 10s, 500ms or 2m";
inline constexpr std::string_view kSpan = "a time such as 30s, 10m, 24h or 7d, or 0s";
inline constexpr std::string_view kHeaders = "lines \"Name: value\", in TOML a list of them";
inline constexpr std::string_view kList = "a list: A,B,C or in TOML [\"A\", \"B\"]";

template <class T>
std::string take_number(const RawValue& value, T& out, T lowest, T highest,
                        std::string_view allowed) {
  T number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, number);
  if (error != std::errc() || stop != end || number < lowest || number > highest) {
    return std::string(allowed);
  }
  out = number;
  return "";
}

// `choices` are the allowed words and what each means.
template <class E, std::size_t N>
std::string take_choice(const RawValue& value, E& out,
                        const std::array<std::pair<std::string_view, E>, N>& choices) {
  std::string allowed;
  for (const auto& [name, choice] : choices) {
    if (value.text == name) {
      out = choice;
      return "";
    }
    allowed += (allowed.empty() ? "" : ", ") + std::string(name);
  }
  return "one of " + allowed;
}

std::string take_text(const RawValue& value, std::string& out);
std::string take_any_text(const RawValue& value, std::string& out);
std::string take_path(const RawValue& value, std::filesystem::path& out);
std::string take_list(const RawValue& value, std::vector<std::string>& out);
std::string take_bytes(const RawValue& value, std::uint64_t& out);
std::string take_timezone(const RawValue& value, std::string& out);
// Header lines of HTTP, "Name: value"; in a text one a line.
std::string take_headers(const RawValue& value, std::vector<std::string>& out);
// true, yes, on, 1 and their opposites, in any case.
std::string take_truth(const RawValue& value, bool& out);
// "10s", "500ms", "2m"; a number alone counts seconds. From 1 ms to a day.
std::string take_duration(const RawValue& value, std::chrono::milliseconds& out);
// "30s", "10m", "24h", "7d", "0s"; a number alone counts seconds. Up to 366 days.
std::string take_span(const RawValue& value, std::chrono::seconds& out);
// The name of a ClickHouse type that we make.
std::string take_column_type(const RawValue& value, std::string& out);
std::string take_drift(const RawValue& value, schema::DriftPolicy& out);
std::string take_vanished(const RawValue& value, schema::VanishedPolicy& out);
std::string take_url(const RawValue& value, std::string& out);
// The URL of a service, http(s) without user info and query.
std::string take_endpoint(const RawValue& value, std::string& out);
std::string take_schedule(const RawValue& value, std::string& out);
std::string take_pattern(const RawValue& value, std::string& out);

}  // namespace qvdhouse::cli
