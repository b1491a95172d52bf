#include "schema/protection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/hmac.h"
#include "base/pause.h"
#include "schema/cast.h"
#include "schema/field_view.h"
#include "schema/names.h"
#include "schema/plan.h"
#include "schema/policy.h"
#include "schema/temporal.h"

namespace qvdhouse::schema {
namespace {

using Kind = Protection::Kind;

constexpr std::string_view kStars = "****";
constexpr std::size_t kMostCharacters = 1'000;

constexpr std::array<std::pair<std::string_view, Kind>, 6> kWords = {
    {{"none", Kind::kNone},
     {"mask", Kind::kMask},
     {"hash", Kind::kHash},
     {"drop", Kind::kDrop},
     {"truncate(year)", Kind::kYear},
     {"truncate(month)", Kind::kMonth}}};
constexpr std::array<std::pair<std::string_view, Kind>, 2> kCounted = {
    {{"mask(", Kind::kMask}, {"truncate(", Kind::kTruncate}}};

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

// The byte at which character `index` begins; the end of the text, where it has no more.
std::size_t character_begin(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (begins_character(text[at]) && index-- == 0) break;
  }
  return at;
}

// What is kept is at most half of the text: the rest would tell a short one.
std::string masked(std::string_view text, std::size_t kept) {
  const std::size_t count = count_characters(text);
  std::string stars(kStars);
  if (kept == 0 || count < 2 * kept) return stars;
  return stars.append(text.substr(character_begin(text, count - kept)));
}

// A day since 1970-01-01, and whether it is written as 20240131.
struct WrittenDay {
  std::int64_t day = 0;
  bool is_compact = false;
};

std::optional<WrittenDay> day_in(const qvd::SymbolTable& symbols, std::size_t symbol) {
  if (symbols.has_number(symbol)) {
    const double number = symbols.number(symbol);
    if (in_clock_range(number)) return WrittenDay{.day = day_of(number)};
    const auto day = compact_day(number);
    return day ? std::optional(WrittenDay{.day = *day, .is_compact = true}) : std::nullopt;
  }
  const std::string_view text = base::trimmed(symbols.text(symbol));
  const std::optional<double> serial = serial_of(text);
  if (serial && in_clock_range(*serial)) return WrittenDay{.day = day_of(*serial)};
  const auto day = parse_compact_date(text);
  if (!day || *day < kFirstDay || *day > kLastDay) return std::nullopt;
  return WrittenDay{.day = *day, .is_compact = true};
}

std::int64_t first_day(std::int64_t unix_day, Kind kind) {
  const std::chrono::year_month_day date(std::chrono::sys_days{std::chrono::days(unix_day)});
  const auto month = kind == Kind::kYear ? std::chrono::January : date.month();
  const std::chrono::sys_days first(date.year() / month / 1);
  return first.time_since_epoch().count();
}

// Adds the first day of the date's year or month, as number, text or both, as the symbol is. False,
// with an empty text added, where it is no date.
bool add_first_day(const qvd::SymbolTable& symbols, std::size_t symbol, Kind kind,
                   qvd::SymbolTableBuilder& made) {
  const std::optional<WrittenDay> found = day_in(symbols, symbol);
  if (!found) {
    made.add_text("");
    return false;
  }
  const std::int64_t day = first_day(found->day, kind);
  std::string text = iso_date(day);
  auto number = static_cast<std::int32_t>(day + kEpochSerial);
  if (found->is_compact) {
    std::erase(text, '-');
    number = std::stoi(text);
  }
  if (!symbols.has_number(symbol)) {
    made.add_text(text);
  } else if (symbols.has_text(symbol)) {
    made.add_dual(number, text);
  } else {
    made.add_integer(number);
  }
  return true;
}

// As matches_pattern() and find_setting() do, for names in small letters.
std::map<std::string, const Protection*> in_small_letters(const Protections& protections) {
  std::map<std::string, const Protection*> small;
  for (const auto& [name, protection] : protections) {
    const auto [known, is_new] = small.emplace(base::to_lower(name), &protection);
    // Where two names differ in capitals alone, the one that protects counts.
    if (!is_new && known->second->kind == Kind::kNone) known->second = &protection;
  }
  return small;
}

}  // namespace

std::optional<Protection> parse_protection(std::string_view text) {
  for (const auto& [word, kind] : kWords) {
    if (text == word) return Protection{.kind = kind};
  }
  for (const auto& [begin, kind] : kCounted) {
    if (!text.starts_with(begin) || !text.ends_with(')')) continue;
    const std::string_view digits = text.substr(begin.size(), text.size() - begin.size() - 1);
    std::size_t count = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, count);
    const bool good = error == std::errc() && stop == end && count > 0 && count <= kMostCharacters;
    return good ? std::optional(Protection{.kind = kind, .characters = count}) : std::nullopt;
  }
  return std::nullopt;
}

std::string text_of(const Protection& protection) {
  if (protection.characters > 0) {
    const auto counted =
        std::ranges::find(kCounted, protection.kind, [](const auto& of) { return of.second; });
    return fmt::format("{}{})", counted->first, protection.characters);
  }
  const auto word =
      std::ranges::find(kWords, protection.kind, [](const auto& of) { return of.second; });
  return std::string(word->first);
}

std::string_view participle_of(const Protection& protection) {
  switch (protection.kind) {
    case Kind::kMask:
      return "masked";
    case Kind::kHash:
      return "hashed";
    case Kind::kTruncate:
    case Kind::kYear:
    case Kind::kMonth:
      return "truncated";
    case Kind::kNone:
    case Kind::kDrop:
      break;
  }
  return "";
}

const Protection* find_protection(const Protections& protections, std::string_view field,
                                  std::string_view column) {
  if (protections.empty()) return nullptr;
  const auto small = in_small_letters(protections);
  const auto* found = find_setting(small, std::string_view(base::to_lower(field)));
  if (found == nullptr) found = find_setting(small, std::string_view(base::to_lower(column)));
  return found == nullptr ? nullptr : *found;
}

Protection protection_of(const Policy& policy, std::string_view field, std::string_view column) {
  const Protection* found = find_protection(policy.protections_of_table, field, column);
  if (found == nullptr) found = find_protection(policy.protections, field, column);
  return found == nullptr ? Protection() : *found;
}

ProtectedSymbols protect(const qvd::SymbolTable& symbols, const qvd::FieldHeader& field,
                         const Protection& protection, std::string_view key,
                         const std::vector<std::string>& null_texts, const std::stop_token& stop) {
  ProtectedSymbols result;
  qvd::SymbolTableBuilder made;
  const ColumnPlan shown{.clock = clock_in(field.number_format)};
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    if (!symbols.has_number(symbol)) {
      const std::string_view text = symbols.text(symbol);
      if (is_blank(text) || std::ranges::find(null_texts, text) != null_texts.end()) {
        made.add(symbols.raw(symbol));
        continue;
      }
    }
    if (!protection.makes_text()) {
      if (!add_first_day(symbols, symbol, protection.kind, made)) ++result.lost_count;
      continue;
    }
    const std::string text = symbol_text(symbols, symbol, shown);
    if (protection.kind == Kind::kHash) {
      made.add_text(base::encode_hex(base::hmac_sha256(key, text)));
    } else if (protection.kind == Kind::kMask) {
      made.add_text(masked(text, protection.characters));
    } else {
      made.add_text(std::string_view(text).substr(0, character_begin(text, protection.characters)));
    }
  }
  result.symbols = made.take();
  return result;
}

std::string key_id(std::string_view key) {
  constexpr std::size_t kDigits = 16;
  if (key.empty()) return {};
  return base::encode_hex(base::hmac_sha256(key, "qvdhouse privacy_key")).substr(0, kDigits);
}

}  // namespace qvdhouse::schema
