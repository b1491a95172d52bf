#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/error.h"
#include "config/parts.h"
#include "config/setting.h"

namespace qvdhouse::config {
namespace {

constexpr std::string_view kFoundIsNotEnough =
    "a program, a library or a file that may name one is not taken from a settings file that is "
    "only found in the working folder";

bool ends_in_any(std::string_view name, std::span<const std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); });
}

// Variables that name files, and by them programs: a credential_process of AWS_CONFIG_FILE, the
// extensions of AZURE_CONFIG_DIR, the helper of GOOGLE_API_CERTIFICATE_CONFIG; or that let the
// program run that a credentials file names. Files of tokens are among them: their bytes are sent
// to an endpoint that the same settings may name.
bool may_name_program(std::string_view name) {
  constexpr auto kEnds =
      std::to_array<std::string_view>({"_FILE", "_DIR", "_PATH", "_CONFIG", "_EXECUTABLES"});
  return ends_in_any(name, kEnds);
}

}  // namespace

std::string check_trust(const std::filesystem::path& file, const base::FileAccess& access,
                        HowRead how) {
  const std::string reason = base::why_not_trusted(access);
  if (reason.empty()) return {};
  if (how == HowRead::kNamed) {
    return fmt::format("{}: another user may have written it: {}", file.string(), reason);
  }
  throw base::ConfigError(fmt::format(
      "{}: this settings file is not taken: {}; look at what it says, then {}, or remove it",
      file.string(), reason,
      access.is_own() ? fmt::format("run `chmod go-w {}`", file.string())
                      : fmt::format("make it your own with chown{}",
                                    file.filename() == ".env" ? "" : ", name it by --config")));
}

void refuse_program_setting(std::string_view key, const RawValue& value) {
  const Setting* setting = find_setting(key);
  if (setting == nullptr || !setting->is(kProgram) || value.text.empty()) return;
  throw base::ConfigError(fmt::format(
      "{}, set in {}: {}; set it{} in the environment ({}) or in a file that --config names", key,
      value.origin.where, kFoundIsNotEnough,
      setting->flag.empty() ? "" : fmt::format(" by {},", setting->flag), setting->env));
}

void refuse_program_variable(std::string_view name, const RawValue& value) {
  if (value.text.empty() || !may_name_program(name)) return;
  throw base::ConfigError(fmt::format("{}, set in {}: {}; set it in the environment", name,
                                      value.origin.where, kFoundIsNotEnough));
}

void refuse_secret_file(std::string_view name, const RawValue& value) {
  if (value.text.empty()) return;
  throw base::ConfigError(fmt::format(
      "{}, set in {}: the file of a secret is not taken from a settings file that is only found in "
      "the working folder; set it in the environment, or the secret itself here",
      name, value.origin.where));
}

void check_found_log(std::string_view key, std::string_view variable,
                     const std::filesystem::path& file) {
  constexpr auto kEnds = std::to_array<std::string_view>({".log", ".json", ".jsonl", ".ndjson"});
  const std::string name = file.filename().string();
  if (name.empty() || ends_in_any(name, kEnds)) return;
  throw base::ConfigError(fmt::format(
      "{}: a settings file that is only found in the working folder names a log that ends in "
      ".log, .json, .jsonl or .ndjson, not {}; name it so, or set {} in the environment",
      key, file.string(), variable));
}

bool is_secret_setting(std::string_view key, const RawValue& value) {
  const Setting* setting = find_setting(key);
  return setting != nullptr && !value.text.empty() && masked(*setting, value.text) != value.text;
}

bool is_secret_variable(std::string_view name) {
  constexpr auto kEnds = std::to_array<std::string_view>(
      {"_SECRET", "_SECRET_ACCESS_KEY", "_SECRET_KEY", "_SESSION_TOKEN", "_ACCOUNT_KEY",
       "_STORAGE_KEY", "_SAS_TOKEN", "_PASSWORD", "_CONNECTION_STRING"});
  return ends_in_any(name, kEnds);
}

std::string warn_of_readable_secrets(const std::filesystem::path& file,
                                     const base::FileAccess& access,
                                     const std::vector<std::string>& secrets) {
  if (secrets.empty() || !access.is_readable_by_all()) return {};
  return fmt::format(
      "{}: every user of this machine can read its secrets ({}; mode {:04o}): run `chmod 600 {}`",
      file.string(), fmt::join(secrets, ", "), access.mode, file.string());
}

}  // namespace qvdhouse::config
