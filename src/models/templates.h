// The built-in templates, embedded from src/models/templates by cmake/embed_text.cmake.
#pragma once

#include <string_view>

namespace qvdhouse::models {

std::string_view sql_template();
std::string_view pydantic_template();
std::string_view moose_template();
std::string_view json_schema_template();
std::string_view cpp_template();

}  // namespace qvdhouse::models
