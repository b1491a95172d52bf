#include "decide/placement_pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/characters.h"
#include "base/encoding.h"
#include "base/error.h"
#include "schema/temporal.h"
#include "source/archive_name.h"
#include "source/url.h"

namespace qvdhouse::decide {
namespace {

constexpr std::string_view kExtension = ".qvd";

bool has_extension(std::string_view name) {
  return name.size() >= kExtension.size() &&
         base::equal_ignoring_case(name.substr(name.size() - kExtension.size()), kExtension);
}

// Behind the '}' that closes the '{' at `open`; npos when there is none. A regular expression ends
// at its "/}".
std::size_t brace_end(std::string_view text, std::size_t open) {
  const std::size_t bound = text.find_first_of(":}", open);
  const bool is_regex = bound != std::string_view::npos && text.substr(bound).starts_with(":/");
  const std::size_t close = is_regex ? text.find("/}", bound + 2) : text.find('}', open);
  return close == std::string_view::npos ? close : close + (is_regex ? 2 : 1);
}

// At slashes, but not at those within braces, if the text is a pattern.
std::vector<std::string_view> split(std::string_view text, bool is_pattern = false) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at == text.size() || text[at] == '/') {
      if (at > begin) parts.push_back(text.substr(begin, at - begin));
      begin = at + 1;
    } else if (is_pattern && text[at] == '\\') {
      ++at;
    } else if (is_pattern && text[at] == '{') {
      at = std::min(brace_end(text, at), text.size()) - 1;
    }
  }
  return parts;
}

// Bytes of the name from one character to the next: base::decode_characters() has one character
// a byte that is not UTF-8, beyond the last code point.
std::size_t utf8_bytes(char32_t character) {
  if (character < 0x80 || character >= 0x110000) return 1;
  return character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
}

bool can_be_part_name(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || (c >= U'0' && c <= U'9') ||
         c == U'_' || (c >= 0x80 && c < 0x110000);
}

// What stands between the braces; `what` is "pattern" or "name".
std::string part_name(std::string_view text, std::string_view what) {
  const std::u32string characters = base::decode_characters(text);
  if (!characters.empty() && std::all_of(characters.begin(), characters.end(), can_be_part_name)) {
    return std::string(text);
  }
  throw base::ConfigError(fmt::format(
      "expected the name of a part between the braces of \"{{{}}}\": letters, digits and _; write "
      "\\{{ for the character itself{}",
      text, what == "pattern" ? ", and alternatives as a list of patterns" : ""));
}

// Behind the ']' that closes the '[' at `open`, by the rules of source::NamePattern; the end when
// there is none, which NamePattern then says.
std::size_t class_end(std::string_view text, std::size_t open) {
  std::size_t at = open + 1;
  if (at < text.size() && (text[at] == '!' || text[at] == '^')) ++at;
  for (bool first = true; at < text.size(); ++at, first = false) {
    if (text[at] == ']' && !first) return at + 1;
    if (text[at] == '\\') ++at;
  }
  return text.size();
}

[[noreturn]] void throw_open_brace(std::size_t byte) {
  throw base::ConfigError(
      fmt::format("expected a '}}' for the '{{' at byte {}, found none; close it, or write \\{{ "
                  "for the character itself",
                  byte + 1));
}

}  // namespace

std::string_view stem_of(std::string_view name) {
  return has_extension(name) ? name.substr(0, name.size() - kExtension.size()) : name;
}

std::vector<std::string> path_parts(std::string_view path) {
  const std::string text(source::plain_name(path));
  if (const std::string place = source::outer_place(text); place.size() < text.size()) {
    // The archive is the folder of its members.
    const std::optional<source::ArchivePlace> archive = source::chained_place(text);
    std::vector<std::string> parts = path_parts(place);
    for (const std::string_view part : split(source::plain_name(archive->member))) {
      parts.emplace_back(part);
    }
    return parts;
  }
  path = text;
  const std::size_t scheme_end = path.find("://");
  const bool is_encoded =
      scheme_end != std::string_view::npos && source::has_encoded_path(path.substr(0, scheme_end));
  std::vector<std::string> parts;
  for (const std::string_view part : split(path)) {
    parts.push_back(is_encoded ? base::decode_percent(part) : std::string(part));
  }
  return parts;
}

// --- Patterns ---

PlacementPattern::PlacementPattern(std::string_view text) {
  if (text.starts_with('/') || source::is_url(text)) {
    throw base::ConfigError(
        "expected the end of a path, such as \"Sales_*.qvd\" or \"eu/Sales_*.qvd\", found a whole "
        "one");
  }
  std::vector<std::string_view> parts = split(text, /*is_pattern=*/true);
  // Folders above are any in any case.
  while (!parts.empty() && parts.front() == "**") parts.erase(parts.begin());
  if (parts.empty() || text.ends_with('/')) {
    throw base::ConfigError("expected a pattern such as \"Sales_*.qvd\", found no file name in it");
  }
  std::string_view name = parts.back();
  const std::size_t stem = name.size() - std::min(name.size(), kExtension.size());
  has_extension_ = has_extension(name) && (stem == 0 || name[stem - 1] != '\\');
  if (has_extension_) name = name.substr(0, stem);
  for (const std::string_view& part : parts) {
    if (part == "**" || part == "." || part == "..") {
      throw base::ConfigError(
          fmt::format("expected a folder's name or a pattern for one, found \"{}\"", part));
    }
    names_.push_back(parse(&part == &parts.back() ? name : part));
  }
}

// Returns where the text goes on behind it.
std::size_t PlacementPattern::parse_part(std::string_view text, std::size_t open, Tokens& tokens) {
  const std::size_t end = brace_end(text, open);
  if (end == std::string_view::npos) throw_open_brace(open);
  const std::string_view inside = text.substr(open + 1, end - open - 2);
  const std::size_t colon = inside.find(':');
  std::string name = part_name(inside.substr(0, colon), "pattern");
  if (std::count(part_names_.begin(), part_names_.end(), name) > 0) {
    throw base::ConfigError(
        fmt::format("expected each part once, found {{{}}} twice; give one another name", name));
  }
  part_names_.push_back(name);
  tokens.push_back(
      {.kind = Token::Kind::kPart, .one_of = {}, .part = std::move(name), .bound = {}});
  if (colon != std::string_view::npos) {
    tokens.back().bound = PartBound(inside.substr(colon + 1));
    has_bounds_ = true;
  }
  return end;
}

PlacementPattern::Tokens PlacementPattern::parse(std::string_view text) {
  Tokens tokens;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '*') {
      has_wildcards_ = true;
      ++at;
      tokens.push_back({.kind = Token::Kind::kAnyRun, .one_of = {}, .part = {}});
    } else if (c == '{') {
      at = parse_part(text, at, tokens);
    } else if (c == '?' || c == '[') {
      has_wildcards_ = true;
      const std::size_t end = c == '?' ? at + 1 : class_end(text, at);
      tokens.push_back({.kind = Token::Kind::kOneOf,
                        .one_of = source::NamePattern(text.substr(at, end - at)),
                        .part = {}});
      at = end;
    } else {
      if (c == '\\' && at + 1 < text.size()) ++at;
      const std::u32string rest = base::decode_characters(text.substr(at, 4));
      tokens.push_back(
          {.kind = Token::Kind::kLiteral, .literal = rest[0], .one_of = {}, .part = {}});
      at += utf8_bytes(rest[0]);
    }
  }
  return tokens;
}

// One name against the tokens of its pattern.
class PlacementPattern::Matcher {
 public:
  // `is_bound` false: bounds of parts are not looked at.
  Matcher(const Tokens& tokens, std::string_view name, bool is_bound)
      : tokens_(tokens),
        name_(name),
        is_bound_(is_bound),
        characters_(base::decode_characters(name)),
        width_(characters_.size() + 1) {
    offsets_.push_back(0);
    for (const char32_t character : characters_) {
      offsets_.push_back(offsets_.back() + utf8_bytes(character));
    }
  }

  // Appends what the parts stand for; false when the name does not match.
  bool match(std::vector<Found>& parts) {
    find_starts();
    find_rests();
    if (!rest(0, 0)) return false;
    std::size_t at = 0;
    for (std::size_t t = 0; t < tokens_.size(); ++t) {
      const std::size_t start = at;
      at = longest_end(t, start);
      if (tokens_[t].kind == Token::Kind::kPart) {
        parts.push_back({&tokens_[t], std::string(text(start, at))});
      }
    }
    return true;
  }

 private:
  std::string_view text(std::size_t from, std::size_t to) const {
    return name_.substr(offsets_[from], offsets_[to] - offsets_[from]);
  }
  std::size_t end() const { return characters_.size(); }
  bool holds(const Token& token, std::size_t from, std::size_t to) const {
    return !is_bound_ || token.bound.holds(text(from, to), to - from);
  }
  bool takes_one(const Token& token, std::size_t at) const {
    return token.kind == Token::Kind::kLiteral ? characters_[at] == token.literal
                                               : token.one_of->matches(text(at, at + 1));
  }
  bool is_checked(const Token& token) const {
    return token.kind == Token::Kind::kPart && is_bound_ && token.bound.is_bound();
  }

  // Where each token may begin, whatever stands in the parts before it: bounds are looked at from
  // there only.
  void find_starts() {
    starts_.assign((tokens_.size() + 1) * width_, false);
    starts_[0] = true;
    for (std::size_t t = 0; t < tokens_.size(); ++t) {
      const Token& token = tokens_[t];
      const bool is_run = token.kind == Token::Kind::kAnyRun || token.kind == Token::Kind::kPart;
      const std::size_t shortest = token.kind == Token::Kind::kAnyRun ? 0 : 1;
      bool is_open = false;
      for (std::size_t at = 0; at <= end(); ++at) {
        if (at >= shortest && starts_[t * width_ + at - shortest]) {
          if (is_run) {
            is_open = true;
          } else if (takes_one(token, at - 1)) {
            starts_[(t + 1) * width_ + at] = true;
          }
        }
        if (is_open) starts_[(t + 1) * width_ + at] = true;
      }
    }
  }

  // Which rest of the name the tokens from one on match.
  void find_rests() {
    rests_.assign((tokens_.size() + 1) * width_, false);
    rests_.back() = true;
    for (std::size_t t = tokens_.size(); t-- > 0;) {
      for (std::size_t at = end() + 1; at-- > 0;) {
        const bool is_needed = starts_[t * width_ + at] || !is_checked(tokens_[t]);
        if (is_needed) rests_[t * width_ + at] = takes_rest(t, at);
      }
    }
  }
  bool rest(std::size_t token, std::size_t at) const { return rests_[token * width_ + at]; }

  bool takes_rest(std::size_t t, std::size_t at) const {
    const Token& token = tokens_[t];
    const bool has_more = at < end();
    if (is_checked(token)) {
      for (std::size_t to = at + 1; to <= end(); ++to) {
        if (rest(t + 1, to) && holds(token, at, to)) return true;
      }
      return false;
    }
    if (token.kind == Token::Kind::kAnyRun) {
      return rest(t + 1, at) || (has_more && rest(t, at + 1));
    }
    if (token.kind == Token::Kind::kPart) {
      return has_more && (rest(t + 1, at + 1) || rest(t, at + 1));
    }
    return has_more && takes_one(token, at) && rest(t + 1, at + 1);
  }

  // What stands further left takes as much as it can.
  std::size_t longest_end(std::size_t t, std::size_t start) const {
    const Token& token = tokens_[t];
    if (token.kind != Token::Kind::kAnyRun && token.kind != Token::Kind::kPart) return start + 1;
    std::size_t to = end();
    while (!rest(t + 1, to) || (is_checked(token) && !holds(token, start, to))) --to;
    return to;
  }

  const Tokens& tokens_;
  const std::string_view name_;
  const bool is_bound_;
  const std::u32string characters_;
  const std::size_t width_;
  std::vector<std::size_t> offsets_;  // in bytes, of each character and of the end
  std::vector<bool> starts_;          // by token and character
  std::vector<bool> rests_;
};

std::optional<std::vector<PlacementPattern::Found>> PlacementPattern::find_parts(
    const std::vector<std::string>& path, std::size_t below, bool is_bound) const {
  if (path.size() < names_.size()) return std::nullopt;
  const std::size_t above = path.size() - names_.size();
  const auto matches = [&](const Tokens& tokens, std::string_view name, auto& parts) {
    return Matcher(tokens, name, is_bound).match(parts);
  };
  std::vector<Found> parts;
  for (std::size_t i = 0; i + 1 < names_.size(); ++i) {
    const bool is_outside = path.size() - (above + i) > below;
    const bool is_plain = std::ranges::all_of(
        names_[i], [](const Token& token) { return token.kind == Token::Kind::kLiteral; });
    if (is_outside && !is_plain) return std::nullopt;
    if (!matches(names_[i], path[above + i], parts)) return std::nullopt;
  }
  const std::string_view name = path.back();
  const bool is_qvd = has_extension(name);
  const std::string_view stem = stem_of(name);
  const bool is_match =
      has_extension_ ? is_qvd && matches(names_.back(), stem, parts)
                     : matches(names_.back(), stem, parts) || matches(names_.back(), name, parts);
  if (!is_match) return std::nullopt;
  return parts;
}

std::optional<std::vector<schema::NamePart>> PlacementPattern::match(
    const std::vector<std::string>& path, std::size_t below) const {
  const auto found = find_parts(path, below, /*is_bound=*/true);
  if (!found) return std::nullopt;
  std::vector<schema::NamePart> parts;
  for (const Found& part : *found) {
    parts.emplace_back(part.token->part, part.token->bound.value_of(part.piece));
  }
  return parts;
}

std::vector<schema::NamePart> PlacementPattern::near_misses(const std::vector<std::string>& path,
                                                            std::size_t below) const {
  std::vector<schema::NamePart> misses;
  if (!has_bounds_) return misses;
  const auto found = find_parts(path, below, /*is_bound=*/false);
  if (!found) return misses;
  for (const Found& part : *found) {
    const PartBound& bound = part.token->bound;
    if (!bound.holds(part.piece, base::decode_characters(part.piece).size())) {
      misses.emplace_back(fmt::format("{{{}:{}}}", part.token->part, bound.text()), part.piece);
    }
  }
  return misses;
}

bool PlacementPattern::takes_anything(std::string_view part) const {
  return std::ranges::any_of(names_, [&](const Tokens& tokens) {
    return std::ranges::any_of(tokens, [&](const Token& token) {
      return token.kind == Token::Kind::kPart && token.part == part && !token.bound.is_bound();
    });
  });
}

std::vector<std::string> PlacementPattern::date_parts() const {
  std::vector<std::string> parts;
  for (const Tokens& tokens : names_) {
    for (const Token& token : tokens) {
      if (token.bound.is_date()) parts.push_back(token.part);
    }
  }
  return parts;
}

// --- Bounds ---

struct PartBound::Regex {
  Regex(const std::string& pattern, const re2::RE2::Options& options)
      : expression(pattern, options) {}
  re2::RE2 expression;
};

PartBound::~PartBound() = default;
PartBound::PartBound(PartBound&&) noexcept = default;
PartBound& PartBound::operator=(PartBound&&) noexcept = default;

namespace {

[[noreturn]] void throw_bound(std::string_view text, std::string_view why) {
  throw base::ConfigError(fmt::format(
      "expected a part's bound such as \"6 digits\", \"2-4 letters\", \"characters\", \"date\" or "
      "\"/[A-Z]+/\", found \"{}\"{}",
      text, why));
}

// "6" or "2-4"; false when it is neither.
bool read_lengths(std::string_view text, std::size_t& fewest, std::size_t& most) {
  const std::size_t dash = std::min(text.find('-'), text.size());
  const auto read = [](std::string_view digits, std::size_t& number) {
    const auto [last, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && last == digits.data() + digits.size();
  };
  if (!read(text.substr(0, dash), fewest)) return false;
  most = fewest;
  return dash == text.size() || read(text.substr(dash + 1), most);
}

// A letter of ASCII, or any character beyond it that is not broken UTF-8.
bool is_letter(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || (c >= 0x80 && c < 0x110000);
}

}  // namespace

PartBound::PartBound(std::string_view text) : text_(text) {
  if (text == "date") {
    kind_ = Kind::kDate;
    return;
  }
  if (text.size() > 1 && text.starts_with('/') && text.ends_with('/')) {
    kind_ = Kind::kRegex;
    re2::RE2::Options options(re2::RE2::Quiet);
    const std::string pattern(text.substr(1, text.size() - 2));
    regex_ = std::make_unique<Regex>(pattern, options);
    if (!regex_->expression.ok()) {
      throw_bound(
          text, fmt::format(", which is not a regular expression: {}", regex_->expression.error()));
    }
    return;
  }
  std::string_view unit = text;
  if (const std::size_t space = text.find(' '); space != std::string_view::npos) {
    unit = text.substr(space + 1);
    if (!read_lengths(text.substr(0, space), fewest_, most_) || fewest_ == 0 || most_ < fewest_) {
      throw_bound(text, ", of which the lengths are not N or N-M with 1 ≤ N ≤ M");
    }
  }
  if (unit == "digits" || unit == "digit") {
    kind_ = Kind::kDigits;
  } else if (unit == "letters" || unit == "letter") {
    kind_ = Kind::kLetters;
  } else if (unit == "characters" || unit == "character") {
    kind_ = Kind::kCharacters;
  } else {
    throw_bound(text, "");
  }
}

bool PartBound::holds(std::string_view piece, std::size_t character_count) const {
  switch (kind_) {
    case Kind::kAny:
      return true;
    case Kind::kDate:
      return schema::is_clock_day(value_of(piece));
    case Kind::kRegex:
      return re2::RE2::FullMatch(re2::StringPiece(piece.data(), piece.size()), regex_->expression);
    default:
      break;
  }
  if (character_count < fewest_ || character_count > most_) return false;
  if (kind_ == Kind::kDigits) return std::ranges::all_of(piece, base::is_digit);
  return kind_ == Kind::kCharacters ||
         std::ranges::all_of(base::decode_characters(piece), is_letter);
}

std::string PartBound::value_of(std::string_view piece) const {
  const auto day = kind_ == Kind::kDate ? schema::parse_compact_date(piece) : std::nullopt;
  return day ? schema::iso_date(*day) : std::string(piece);
}

// --- Names ---

NameTemplate::NameTemplate(std::string_view text) {
  const auto literal = [&](char c) {
    if (pieces_.empty() || pieces_.back().is_part) pieces_.push_back({false, ""});
    pieces_.back().text += c;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{') {
      const std::size_t close = text.find('}', at);
      if (close == std::string_view::npos) throw_open_brace(at);
      pieces_.push_back({true, part_name(text.substr(at + 1, close - at - 1), "name")});
      at = close;
    } else {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      literal(text[at]);
    }
  }
}

std::string NameTemplate::expand(const std::vector<schema::NamePart>& parts) const {
  std::string name;
  for (const Piece& piece : pieces_) {
    const auto part = std::find_if(parts.begin(), parts.end(), [&](const schema::NamePart& known) {
      return piece.is_part && known.first == piece.text;
    });
    name += part == parts.end() ? piece.text : part->second;
  }
  return name;
}

std::vector<std::string> NameTemplate::part_names() const {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_) {
    if (piece.is_part) names.push_back(piece.text);
  }
  return names;
}

}  // namespace qvdhouse::decide
