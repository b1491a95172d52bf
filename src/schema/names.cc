#include "schema/names.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "base/error.h"

namespace qvdhouse::schema {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Bytes of non-ASCII characters count as letters of a word, so that UTF-8 stays whole.
bool is_word(char c) {
  return is_upper(c) || is_lower(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80;
}
char to_upper(char c) { return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; }
char to_lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view stem(std::string_view file_name) {
  constexpr std::string_view kExtension = ".qvd";
  file_name = file_name.substr(file_name.find_last_of('/') + 1);  // npos + 1 is 0
  if (file_name.size() < kExtension.size()) return file_name;
  const std::string_view end = file_name.substr(file_name.size() - kExtension.size());
  for (std::size_t i = 0; i < kExtension.size(); ++i) {
    if (to_lower(end[i]) != kExtension[i]) return file_name;
  }
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
    snake += to_lower(name[i]);
  }
  return snake;
}

[[noreturn]] void throw_collision(const std::string& first, const std::string& second,
                                  const std::string& column) {
  throw base::SchemaError(fmt::format(
      "fields \"{}\" and \"{}\" both want the column \"{}\" because naming = \"snake\"; set naming "
      "= \"source\" or rename one of the fields",
      first, second, column));
}

}  // namespace

std::string table_name(std::string_view file_name, const Policy& policy) {
  std::string name;
  bool at_start = true;
  for (const char c : stem(file_name)) {
    if (is_word(c)) name += at_start ? to_upper(c) : c;
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
    std::string name =
        policy.naming == NamingPolicy::kSnake ? snake_case(field_names[i]) : field_names[i];
    // ClickHouse has no column without a name.
    if (name.empty()) name = fmt::format("field_{}", i + 1);
    taken.insert(name);
    wanted.push_back(std::move(name));
  }
  std::map<std::string, std::string> owners;  // column name → field name
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto [owner, is_new] = owners.emplace(wanted[i], field_names[i]);
    if (is_new) continue;
    if (owner->second != field_names[i]) {
      throw_collision(owner->second, field_names[i], wanted[i]);
    }
    const std::string base = wanted[i];
    for (int number = 2; !taken.insert(wanted[i]).second; ++number) {
      wanted[i] = fmt::format("{}_{}", base, number);
    }
    owners.emplace(wanted[i], field_names[i]);
  }
  return wanted;
}

}  // namespace qvdhouse::schema
