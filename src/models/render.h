// Templates: the built-in formats (src/models/templates) and a user's own.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "models/literal.h"
#include "models/types.h"

namespace qvdhouse::models {

struct Format {
  std::string_view name;  // "sql", "pydantic", "moose", "json-schema", "cpp"
  Language language;
  std::string_view file_extension;  // ".py"
  std::string_view text;            // the template
};

std::span<const Format> formats();
// Null: there is none of that name.
const Format* find_format(std::string_view name);

// The language of a user's template by its name, in any case: "models.py.mustache" is Python. That
// of JavaScript is JSON's, whose escapes are the same. Nothing when the name does not say.
std::optional<Language> language_of_file(std::string_view file_name);

// Fills a Mustache template with data_of(). {{name}} comes out as escaped() in the language, which
// is safe within its literals and comments; {{{name}}} and {{&name}} come out as they are. Throws
// ConfigError, naming `where`, for a template that is wrong or asks for a partial.
std::string render(const std::string& text, const Json& data, Language language,
                   const std::string& where);

}  // namespace qvdhouse::models
