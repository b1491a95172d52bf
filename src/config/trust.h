// What a settings file may say, by whose file it is and how it was found (SECURITY.md, "Settings
// files"): one that only lies in the working folder may have come with a download or a checkout.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file_trust.h"
#include "config/files.h"

namespace qvdhouse::config {

// Throws ConfigError for a found file that another user may have written. Returns a warning for
// such a file that was named, else an empty text.
std::string check_trust(const std::filesystem::path& file, const base::FileAccess& access,
                        HowRead how);

// For a value of a found file: throws ConfigError when the setting `key` (also of a named source)
// names a program, a library or a file that may name one.
void refuse_program_setting(std::string_view key, const RawValue& value);
// The same for a variable that a storage's own tools read.
void refuse_program_variable(std::string_view name, const RawValue& value);

// For log_file of a found file: throws ConfigError unless it has the ending of a log (.log, .json,
// .jsonl or .ndjson). A shell would run the file names in a log that is its start-up file.
void check_found_log(const std::filesystem::path& file);

// Whether the value is a secret, or holds one: a password in a URL.
bool is_secret_setting(std::string_view key, const RawValue& value);
bool is_secret_variable(std::string_view name);

// A warning when every user of the machine can read these secrets; else an empty text.
std::string warn_of_readable_secrets(const std::filesystem::path& file,
                                     const base::FileAccess& access,
                                     const std::vector<std::string>& secrets);

}  // namespace qvdhouse::config
