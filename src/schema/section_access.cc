#include "schema/section_access.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/ascii.h"
#include "schema/field_view.h"

namespace qvdhouse::schema {
namespace {

constexpr std::string_view kAccess = "ACCESS";
constexpr std::array<std::string_view, 7> kUsers = {"USERID",   "NTNAME", "USER.EMAIL", "GROUP",
                                                    "PASSWORD", "SERIAL", "NTDOMAINSID"};
constexpr std::array<std::string_view, 2> kRights = {"ADMIN", "USER"};

template <class Words>
bool is_among(const Words& words, std::string_view text) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return base::equal_ignoring_case(word, text); });
}

bool holds_rights(const qvd::SymbolTable& access) {
  bool is_any = false;
  for (std::size_t symbol = 0; symbol < access.size(); ++symbol) {
    if (!access.has_text(symbol)) return false;
    const std::string_view text = access.text(symbol);
    if (is_blank(text)) continue;
    if (!is_among(kRights, base::trimmed(text))) return false;
    is_any = true;
  }
  return is_any;
}

}  // namespace

std::optional<std::size_t> section_access_field(const qvd::TableHeader& header) {
  std::optional<std::size_t> access;
  bool has_users = false;
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    const std::string& name = header.fields[i].name;
    if (base::equal_ignoring_case(name, kAccess)) access = i;
    has_users = has_users || is_among(kUsers, name);
  }
  return has_users ? access : std::nullopt;
}

std::string section_access_warning(const qvd::TableHeader& header, const qvd::SymbolTable& access,
                                   const std::vector<bool>& is_clear) {
  if (!holds_rights(access)) return {};
  std::vector<std::string> users;
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    if (is_clear[i] && is_among(kUsers, header.fields[i].name))
      users.push_back(header.fields[i].name);
  }
  if (users.empty()) return {};
  return fmt::format(
      "looks like a section access table of a Qlik app: ACCESS with {}; leave the file or these "
      "fields out (exclude), or protect them ([table.protect], docs/privacy.md)",
      fmt::join(users, ", "));
}

}  // namespace qvdhouse::schema
