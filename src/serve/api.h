// The service over HTTP: docs/api.md describes every path, /openapi.json says the same to programs.
// The answers come from the service itself and from ClickHouse; each file api_*.cc is a group of
// paths.
#pragma once

#include <spdlog/logger.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "serve/http_server.h"
#include "serve/router.h"
#include "serve/service.h"

namespace qvdhouse::serve {

struct ApiOptions {
  std::string version;
  std::string token_hash;            // hash_token() of the token that is asked for; empty: none is
  std::string metrics_token_hash{};  // of a token that opens /metrics alone; empty: none
  bool is_loopback = true;           // only this machine can connect
  std::function<std::string()> metrics;  // the text of /metrics; none: there is no such path
  // The newest lines of the log, oldest first, as an array; none: it is empty.
  std::function<nlohmann::json(std::size_t limit, const std::string& filter,
                               const std::string& level)>
      logs;
  // The settings as files and environment say them now, which a reload or a restart puts in force;
  // none: it is not told. Throws ConfigError.
  std::function<std::vector<SettingShown>()> settings_on_file;
};

class Api {
 public:
  // `service` and `log` must outlive it.
  Api(Service& service, ApiOptions options, spdlog::logger& log);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;
  HttpResponse handle(const HttpRequest& request) const;  // thread-safe, never throws
  // From now on the token of this hash (not empty) is asked for; streams of events that were begun
  // before end. Thread-safe.
  void set_token_hash(std::string hash);
  // The same of the token that opens /metrics alone; an empty hash: none does.
  void set_metrics_token_hash(std::string hash);
  std::span<const Route> routes() const;
  // HttpOptions::is_quick: what is answered out of the service's memory.
  static bool is_quick(const HttpRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::serve
