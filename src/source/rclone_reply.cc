#include "source/rclone_reply.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "http/percent.h"
#include "source/url.h"

namespace qvdhouse::source {
namespace {

using nlohmann::json;

std::string string_of(const json& item, const char* key) {
  const auto found = item.find(key);
  return found != item.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Takes a number of exactly `digits` digits, and `next` behind it unless that is 0.
std::optional<int> take_number(std::string_view& text, std::size_t digits, char next) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || value < 0) return std::nullopt;
  text.remove_prefix(digits);
  if (next == 0) return value;
  if (!text.starts_with(next)) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

// ".123456789", if there is one.
std::int64_t take_fraction_us(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  std::int64_t us = 0;
  std::int64_t unit = 100'000;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    us += (text.front() - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  return us;
}

// "Z" or "+02:00", in minutes east.
std::optional<int> take_zone(std::string_view text) {
  if (text == "Z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const std::optional<int> hours = take_number(text, 2, ':');
  const std::optional<int> minutes = take_number(text, 2, 0);
  if (!hours || !minutes) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

constexpr std::string_view kHidden = "***";
constexpr std::size_t kShortestInText = 4;

// "scheme://user:***@host".
std::string without_passwords(std::string text) {
  constexpr std::string_view kMark = "://";
  for (std::size_t at = 0; (at = text.find(kMark, at)) != std::string::npos;) {
    at += kMark.size();
    const std::size_t end = std::min(text.find_first_of("/? \t\n\"'", at), text.size());
    const std::size_t host = text.substr(at, end - at).rfind('@');
    const std::size_t colon = text.find(':', at);
    if (host == std::string::npos || colon >= at + host) continue;
    text.replace(colon + 1, at + host - colon - 1, kHidden);
  }
  return text;
}

// "?sv=…&sig=***", of Azure, AWS and Google.
std::string without_signatures(std::string text) {
  for (const std::string_view name : {"sig=", "Signature="}) {
    for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos;) {
      at += name.size();
      const std::size_t end = std::min(text.find_first_of("& \t\n\"'", at), text.size());
      text.replace(at, end - at, kHidden);
    }
  }
  return text;
}

// Whether the part of the text is all of a value: "pass=x", "pass:x]", "'x'".
bool is_value(std::string_view text, std::size_t at, std::size_t size) {
  constexpr std::string_view kBefore = "=:\"'";
  constexpr std::string_view kBehind = " \t\n\"',;&@)]}";
  const std::size_t end = at + size;
  return at > 0 && kBefore.find(text[at - 1]) != std::string_view::npos &&
         (end == text.size() || kBehind.find(text[end]) != std::string_view::npos);
}

bool is_secret(std::string_view parameter) {
  constexpr auto kSecret =
      std::to_array<std::string_view>({"pass", "key_file_pass", "secret_access_key",
                                       "session_token", "key", "client_secret", "bearer_token"});
  return std::ranges::find(kSecret, parameter) != kSecret.end();
}

}  // namespace

RcloneItem item_of(const json& item) {
  RcloneItem result{.path = string_of(item, "Path"), .hash = {}};
  // Negative: unknown.
  if (const auto size = item.find("Size"); size != item.end() && size->is_number_integer()) {
    result.size = static_cast<std::uint64_t>(std::max<std::int64_t>(0, size->get<std::int64_t>()));
  }
  result.mtime_us = parse_time_us(string_of(item, "ModTime"));
  if (const auto hashes = item.find("Hashes"); hashes != item.end() && hashes->is_object()) {
    result.hash = string_of(*hashes, hashes->contains("md5") ? "md5" : "MD5");
  }
  result.is_dir = item.value("IsDir", false);
  return result;
}

std::int64_t parse_time_us(std::string_view text) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::year;
  const auto y = take_number(text, 4, '-');
  const auto m = take_number(text, 2, '-');
  const auto d = take_number(text, 2, 'T');
  const auto hour = take_number(text, 2, ':');
  const auto minute = take_number(text, 2, ':');
  const auto second = take_number(text, 2, 0);
  if (!y || !m || !d || !hour || !minute || !second) return 0;
  const std::int64_t fraction_us = take_fraction_us(text);
  const std::optional<int> zone = take_zone(text);
  const std::chrono::year_month_day date(year(*y), month(static_cast<unsigned>(*m)),
                                         day(static_cast<unsigned>(*d)));
  if (!zone || !date.ok()) return 0;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds =
      ((days * 24 + *hour) * 60 + *minute - *zone) * 60 + std::int64_t{*second};
  return seconds * 1'000'000 + fraction_us;
}

void Secrets::add(const std::string& secret) {
  if (secret.empty()) return;
  // As a path of a URL has it, and as its user and password have it.
  const std::lock_guard lock(mutex_);
  secrets_.insert(secret);
  secrets_.insert(http::encode_path(secret));
  secrets_.insert(http::encode_component(secret));
}

void Secrets::add_from(const json& parameters) {
  for (const auto& [name, value] : parameters.items()) {
    if (!value.is_string()) continue;
    const auto& text = value.get_ref<const std::string&>();
    if (name == "sas_url") {
      const std::size_t query = text.find('?');
      if (query != std::string::npos) add(text.substr(query + 1));
    } else if (name == "headers") {
      add(text);
      // Name and value take turns; what follows the last blank of a value is a token.
      const std::size_t blank = text.rfind(' ');
      if (blank != std::string::npos)
        add(text.substr(blank + 1, text.find_last_not_of('"') - blank));
    } else if (is_secret(name)) {
      add(text);
    }
  }
}

std::string Secrets::hidden_in(std::string_view text) const {
  std::string result(text);
  const std::lock_guard lock(mutex_);
  for (const std::string& secret : secrets_) {
    for (std::size_t at = 0; (at = result.find(secret, at)) != std::string::npos;) {
      if (secret.size() < kShortestInText && !is_value(result, at, secret.size())) {
        ++at;
        continue;
      }
      result.replace(at, secret.size(), kHidden);
      at += kHidden.size();
    }
  }
  return without_signatures(without_passwords(std::move(result)));
}

}  // namespace qvdhouse::source
