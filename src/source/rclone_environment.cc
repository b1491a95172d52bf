#include "source/rclone_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace qvdhouse::source {
namespace {

bool is_kept(std::string_view variable, bool own_configuration) {
  constexpr auto kDatabase = std::to_array<std::string_view>({"CLICKHOUSE_", "QVD_"});
  // Variables of rclone itself: what we set ourselves, and what would make it talk.
  constexpr auto kControl = std::to_array<std::string_view>(
      {"RCLONE_RC_", "RCLONE_LOG_", "RCLONE_DUMP", "RCLONE_VERBOSE", "RCLONE_QUIET"});
  const auto begins = [&](std::string_view prefix) { return variable.starts_with(prefix); };
  if (std::ranges::any_of(kDatabase, begins) || std::ranges::any_of(kControl, begins)) return false;
  // Together with credentials from the environment it makes rclone's S3 fail.
  if (variable.starts_with("AWS_CA_BUNDLE=")) return false;
  return own_configuration || !variable.starts_with("RCLONE_");
}

std::string value_of(const std::vector<std::string>& variables, std::string_view name) {
  for (const std::string& variable : variables) {
    if (variable.starts_with(name) && variable[name.size()] == '=') {
      return variable.substr(name.size() + 1);
    }
  }
  return {};
}

void set(std::vector<std::string>& variables, std::string_view name, std::string_view value) {
  const std::string prefix = fmt::format("{}=", name);
  std::erase_if(variables, [&](const std::string& one) { return one.starts_with(prefix); });
  variables.push_back(prefix + std::string(value));
}

}  // namespace

std::vector<std::string> rclone_environment(const std::vector<std::string>& ours,
                                            const Access& access, const std::string& password,
                                            bool own_configuration) {
  std::vector<std::string> child;
  std::ranges::copy_if(ours, std::back_inserter(child), [&](const std::string& variable) {
    return is_kept(variable, own_configuration);
  });
  set(child, "RCLONE_RC_USER", kRcloneUser);
  set(child, "RCLONE_RC_PASS", password);
  // We try again ourselves, from the byte reached; with rclone's ten tries on top a wrong password
  // would take minutes.
  set(child, "RCLONE_LOW_LEVEL_RETRIES", "2");
  set(child, "RCLONE_CONTIMEOUT", fmt::format("{}ms", access.connect_timeout.count()));
  set(child, "RCLONE_TIMEOUT", fmt::format("{}ms", access.stall_timeout.count()));
  // Go programs read certificates of this file and those of the system's folder. rclone's own
  // setting stands in for both, but some backends (ftp) do not know it.
  if (!access.ca_file.empty()) {
    set(child, "RCLONE_CA_CERT", access.ca_file);
    set(child, "SSL_CERT_FILE", access.ca_file);
  } else if (const std::string bundle = value_of(ours, "AWS_CA_BUNDLE"); !bundle.empty()) {
    set(child, "SSL_CERT_FILE", bundle);
  }
  if (!access.client_cert.empty()) {
    set(child, "RCLONE_CLIENT_CERT", access.client_cert);
    set(child, "RCLONE_CLIENT_KEY",
        access.client_key.empty() ? access.client_cert : access.client_key);
  }
  if (!access.verify_tls) set(child, "RCLONE_NO_CHECK_CERTIFICATE", "true");
  return child;
}

}  // namespace qvdhouse::source
