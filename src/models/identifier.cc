#include "models/identifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ascii.h"
#include "base/characters.h"

namespace qvdhouse::models {
namespace {

using Scope = Identifiers::Scope;

// Each between blanks. Python's keywords, and what a generated module means by a name or Pydantic
// (1 and 2) by an attribute.
constexpr std::string_view kPythonNames =
    " Annotated Any BaseModel ClickHouseCodec ClickhouseSize Config ConfigDict Decimal False "
    "Field LifeCycle MergeTreeEngine None OlapConfig OlapTable Optional QvdRow True VERSION and "
    "annotations as assert async await bool break bytes case class classmethod "
    "clickhouse_datetime64 construct continue copy def del dict elif else except fields finally "
    "float for from from_orm global if import in int is json lambda list match mro "
    "model_computed_fields model_config model_construct model_copy model_dump model_dump_json "
    "model_extra model_fields model_fields_set model_json_schema model_parametrized_name "
    "model_post_init model_rebuild model_validate model_validate_json model_validate_strings "
    "nonlocal not object or parse_file parse_obj parse_raw pass print property raise register "
    "return "
    "schema schema_json set str super try type update_forward_refs validate while with yield ";

// Each between blanks. The keywords of C++20, macros in lower case that compilers and system
// headers define, and what a generated header means by a name.
constexpr std::string_view kCppNames =
    " Int128 alignas alignof and and_eq asm assert atomic_cancel atomic_commit atomic_noexcept "
    "auto bitand bitor bool break case catch char char16_t char32_t char8_t class co_await "
    "co_return co_yield compl concept const const_cast consteval constexpr constinit continue "
    "decltype default delete do double dynamic_cast else enum errno explicit export extern false "
    "far float for friend goto h_addr h_errno i386 if ifr_addr ifr_name inline int linux long "
    "major makedev minor mutable namespace near new noexcept not not_eq nullptr operator or or_eq "
    "private protected public qvd reflexpr register reinterpret_cast requires return s6_addr "
    "sa_handler sa_sigaction sched_priority short si_addr si_band si_fd si_int si_overrun si_pid "
    "si_ptr si_status si_stime si_timerid si_uid si_utime si_value signed sizeof small st_atime "
    "st_ctime st_mtime static static_assert static_cast std stderr stdin stdout struct switch "
    "synchronized template this thread_local throw true try typedef typeid typename typeof union "
    "unix unsigned using virtual void volatile wchar_t while xor xor_eq ";

// Letters that Python and C++ both take in identifiers, and that no normalisation changes: Python
// compares identifiers in NFKC. The scripts of most QVDs; names of others become fallbacks.
bool is_letter(char32_t c) {
  constexpr std::pair<char32_t, char32_t> kLetters[] = {
      {'A', 'Z'},       {'a', 'z'},       {0xC0, 0xD6},   {0xD8, 0xF6},     {0xF8, 0x131},
      {0x134, 0x13E},   {0x141, 0x148},   {0x14A, 0x17E}, {0x386, 0x386},   {0x388, 0x38A},
      {0x38C, 0x38C},   {0x38E, 0x3A1},   {0x3A3, 0x3CE}, {0x400, 0x481},   {0x48A, 0x52F},
      {0x5D0, 0x5EA},   {0x620, 0x63F},   {0x641, 0x64A}, {0x3041, 0x3096}, {0x30A1, 0x30FA},
      {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3},
  };
  return std::any_of(std::begin(kLetters), std::end(kLetters),
                     [c](const auto& range) { return range.first <= c && c <= range.second; });
}

bool is_small(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'0' && c <= U'9'); }
bool is_capital(char32_t c) { return c >= U'A' && c <= U'Z'; }

// Words of the name with one underscore between them; none at the ends, where Python and C++ give
// it a meaning.
std::string words_of(std::string_view name, bool is_snake) {
  std::string words;
  bool is_gap = false;
  char32_t before = 0;
  for (const char32_t c : base::decode_characters(name)) {
    if (!is_letter(c) && !(c >= U'0' && c <= U'9')) {
      is_gap = true;
      continue;
    }
    const bool is_word_start = is_snake && is_small(before) && is_capital(c);
    if (!words.empty() && (is_gap || is_word_start)) words += '_';
    is_gap = false;
    before = c;
    base::append_character(is_snake && is_capital(c) ? c + (U'a' - U'A') : c, words);
  }
  return words;
}

bool is_python(Scope scope) {
  return scope == Scope::kPythonModule || scope == Scope::kPythonClass;
}

// Macros of the system's headers are mostly in capitals: a struct is not called so.
bool is_like_a_macro(std::string_view word) {
  return std::none_of(word.begin(), word.end(), [](char c) { return base::is_lower(c) || c < 0; });
}

bool is_taken(Scope scope, std::string_view word) {
  if (scope == Scope::kCppNamespace && is_like_a_macro(word)) return true;
  const std::string_view names = is_python(scope) ? kPythonNames : kCppNames;
  return names.find(fmt::format(" {} ", word)) != std::string_view::npos;
}

}  // namespace

bool Identifiers::take(const std::string& identifier, std::string_view name) {
  if (identifier != name && reserved_.contains(identifier)) return false;
  return used_.insert(identifier).second;
}

std::string Identifiers::add(std::string_view name, std::string_view fallback) {
  std::string word = words_of(name, scope_ == Scope::kCppStruct);
  if (word.empty()) word = fallback;
  if (base::is_digit(word[0])) word = fmt::format("{}_{}", fallback, word);
  if (is_taken(scope_, word)) word += '_';
  std::string unique = word;
  for (std::size_t i = 2; !take(unique, name); ++i) {
    unique = fmt::format("{}{}{}", word, word.ends_with('_') ? "" : "_", i);
  }
  return unique;
}

}  // namespace qvdhouse::models
