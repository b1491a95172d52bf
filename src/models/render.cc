#include "models/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <kainjow/mustache.hpp>

#include "base/ascii.h"
#include "base/error.h"
#include "models/templates.h"

namespace qvdhouse::models {
namespace {

namespace mustache = kainjow::mustache;

mustache::data to_mustache(const Json& json) {
  if (json.is_object()) {
    mustache::data object{mustache::data::type::object};
    for (const auto& [key, value] : json.items()) object.set(key, to_mustache(value));
    return object;
  }
  if (json.is_array()) {
    mustache::data list{mustache::data::type::list};
    for (const Json& item : json) list.push_back(to_mustache(item));
    return list;
  }
  if (json.is_boolean()) return mustache::data{json.get<bool>()};
  return mustache::data{json.is_string() ? json.get<std::string>() : json.dump()};
}

}  // namespace

std::span<const Format> formats() {
  static const std::array kFormats = {
      Format{"sql", Language::kSql, ".sql", sql_template()},
      Format{"pydantic", Language::kPython, ".py", pydantic_template()},
      Format{"moose", Language::kPython, ".py", moose_template()},
      Format{"json-schema", Language::kJson, ".json", json_schema_template()},
      Format{"cpp", Language::kCpp, ".h", cpp_template()},
  };
  return kFormats;
}

const Format* find_format(std::string_view name) {
  const auto found = std::ranges::find(formats(), name, &Format::name);
  return found == formats().end() ? nullptr : &*found;
}

std::optional<Language> language_of_file(std::string_view file_name) {
  const std::string lower = base::to_lower(file_name);
  file_name = lower;
  constexpr std::string_view kMustache = ".mustache";
  if (file_name.ends_with(kMustache)) file_name.remove_suffix(kMustache.size());
  constexpr std::pair<std::string_view, Language> kExtensions[] = {
      {".sql", Language::kSql},    {".py", Language::kPython}, {".pyi", Language::kPython},
      {".h", Language::kCpp},      {".hh", Language::kCpp},    {".hpp", Language::kCpp},
      {".cc", Language::kCpp},     {".cpp", Language::kCpp},   {".json", Language::kJson},
      {".jsonl", Language::kJson}, {".ts", Language::kJson},   {".tsx", Language::kJson},
      {".mjs", Language::kJson},   {".js", Language::kJson}};
  for (const auto& [extension, language] : kExtensions) {
    if (file_name.ends_with(extension)) return language;
  }
  return std::nullopt;
}

std::string render(const std::string& text, const Json& data, Language language,
                   const std::string& where) {
  mustache::mustache compiled(text);
  const auto check = [&] {
    if (compiled.is_valid()) return;
    throw base::ConfigError(fmt::format("{}: {}", where, compiled.error_message()));
  };
  check();
  compiled.set_custom_escape([language](const std::string& raw) { return escaped(language, raw); });
  std::string result = compiled.render(to_mustache(data));
  check();
  return result;
}

}  // namespace qvdhouse::models
