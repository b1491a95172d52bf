// Files that hold who may log in to a Qlik app, and with which password: its section access.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "qvd/header.h"
#include "qvd/symbols.h"

namespace qvdhouse::schema {

// The index of the field ACCESS of a table that has one of USERID, NTNAME, USER.EMAIL, GROUP,
// PASSWORD, SERIAL, NTDOMAINSID beside it, whatever their capitals. Empty: it has none.
std::optional<std::size_t> section_access_field(const qvd::TableHeader& header);

// A sentence that says so, and names those of these fields whose values would be in the table;
// empty when no such value would be, or when ACCESS has values that Qlik does not know. `access`:
// the symbols of section_access_field(). `is_clear`: by field, whether its values are in the table
// as they are.
std::string section_access_warning(const qvd::TableHeader& header, const qvd::SymbolTable& access,
                                   const std::vector<bool>& is_clear);

}  // namespace qvdhouse::schema
