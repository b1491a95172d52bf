// Asks a running `qvdhouse serve` over its API, as the settings serve.* say where it is.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "cli/output.h"
#include "config/config.h"

namespace qvdhouse::cli {

class ServiceClient {
 public:
  explicit ServiceClient(const config::ServeSettings& settings);

  // `path` is encoded already. Throws UsageError for what the service refuses (with what it
  // allows), ConfigError where it wants a token, IoError when it does not answer.
  Json get(const std::string& path) const { return ask("GET", path, ""); }
  Json post(const std::string& path, const Json& body) const {
    return ask("POST", path, body.dump());
  }

 private:
  Json ask(const std::string& method, const std::string& path, const std::string& body) const;
  std::string origin_;  // "http://127.0.0.1:4000"
  std::string token_;
  std::string ca_file_;
};

}  // namespace qvdhouse::cli
