#include "source/rclone.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/pause.h"
#include "http/percent.h"
#include "source/rclone_environment.h"
#include "source/rclone_error.h"
#include "source/rclone_process.h"
#include "source/rclone_reply.h"
#include "source/url.h"

namespace qvdhouse::source {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Tells our remotes from those of the user's configuration, which are in another child.
constexpr std::string_view kOurs = "our-r";

// rclone gives up on a connection that stalls; this is for what it does not notice.
constexpr milliseconds kListLimit = std::chrono::minutes(30);
constexpr milliseconds kStatLimit = std::chrono::minutes(5);
constexpr milliseconds kCreateLimit = std::chrono::minutes(1);
// Longer than this, a call that fails is not made again: whoever waits wants to know.
constexpr milliseconds kLongestTries = std::chrono::minutes(1);

std::string random_password() {
  std::random_device random;
  std::string password;
  for (int i = 0; i < 8; ++i) password += fmt::format("{:08x}", random());
  return password;
}

std::vector<std::string> process_variables() {
  std::vector<std::string> variables;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) variables.emplace_back(*one);
  return variables;
}

// Names of files that are no UTF-8 cannot be said in JSON; with a replacement character they are
// not found, which is as near as it gets.
std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

struct Rclone::State {
  State(const Access& wanted, HttpClient& client) : access(wanted), http(client) {}

  // One rclone with what it knows. It is started again when it ended by itself: then it has
  // forgotten all remotes.
  struct Child {
    bool own_configuration = false;
    std::unique_ptr<RcloneProcess> process;
    std::string password;
    std::map<std::string, std::string> remotes;  // text of type and parameters → name
  };
  struct Endpoint {
    std::string base_url;
    std::string password;
  };

  Child& child_of(std::string_view fs) { return fs.starts_with(kOurs) ? ours : own; }
  // The port of a child that has been started for a remote; throws IoError when it has ended since.
  Endpoint endpoint(Child& child);
  void start(Child& child, std::string_view needed_for);
  // Sends one command and waits for its answer. `doing` is for messages.
  json call(const Endpoint& endpoint, const std::string& method, json input, milliseconds limit,
            const std::string& doing);
  // The same, again and again while it may pass.
  json persistent_call(Child& child, const std::string& method, const json& input,
                       milliseconds limit, const std::string& doing);
  json post(const Endpoint& endpoint, const std::string& method, const json& input,
            const std::string& doing);
  void wait(milliseconds delay);
  bool wants_hash(std::string_view fs);

  const Access& access;
  HttpClient& http;
  Secrets secrets;
  std::mutex mutex;  // guards the children
  Child ours;
  Child own{.own_configuration = true, .process = {}, .password = {}, .remotes = {}};
  unsigned last_remote = 0;
  std::map<std::string, std::string, std::less<>> types;  // name with colon → type
};

// Under the mutex.
void Rclone::State::start(Child& child, std::string_view needed_for) {
  child.process.reset();
  child.remotes.clear();
  child.password = random_password();
  secrets.add(child.password);
  std::vector<std::string> arguments = {"rcd", "--rc-addr=127.0.0.1:0", "--rc-serve"};
  if (!child.own_configuration) {
    arguments.emplace_back("--config=");  // in memory only
  } else if (!access.rclone_config.empty()) {
    arguments.emplace_back("--config=" + access.rclone_config);
  }
  child.process = std::make_unique<RcloneProcess>(RcloneCommand{
      .binary = find_rclone(access.rclone_binary, needed_for),
      .arguments = std::move(arguments),
      .environment =
          rclone_environment(process_variables(), access, child.password, child.own_configuration),
      .log = [this](std::string_view line) {
        if (access.debug) access.debug("rclone: " + secrets.hidden_in(line));
      }});
}

Rclone::State::Endpoint Rclone::State::endpoint(Child& child) {
  const std::lock_guard lock(mutex);
  if (!child.process || !child.process->is_running()) {
    if (!child.own_configuration) {
      throw base::IoError("rclone has ended by itself; what it served is opened again next time");
    }
    start(child, "rclone");
  }
  return {child.process->base_url(), child.password};
}

void Rclone::State::wait(milliseconds delay) {
  if (!base::pause_for(delay, access.stop)) throw base::Cancelled("stopped");
}

json Rclone::State::post(const Endpoint& endpoint, const std::string& method, const json& input,
                         const std::string& doing) {
  const HttpClient::Answer answer = http.post_json({.url = endpoint.base_url + method,
                                                    .user = kRcloneUser,
                                                    .password = endpoint.password,
                                                    .use_proxy = false,
                                                    .shown = "rclone"},
                                                   text_of(input));
  json output = json::parse(answer.body, nullptr, false);
  if (!output.is_object()) {
    throw base::IoError(fmt::format("{}: expected an answer in JSON from rclone, found status {}",
                                    doing, answer.status));
  }
  // The rest of an error's answer repeats the input, with its secrets.
  if (answer.status >= 400) {
    throw_rclone_error(doing, secrets.hidden_in(output.value("error", "no reason given")));
  }
  return output;
}

// As a job, because the answer to a long listing comes only at its end, and a connection without a
// byte counts as stalled.
json Rclone::State::call(const Endpoint& endpoint, const std::string& method, json input,
                         milliseconds limit, const std::string& doing) {
  constexpr milliseconds kLongestPause{100};
  input["_async"] = true;
  const json id = post(endpoint, method, input, doing).value("jobid", json());
  const auto end = Clock::now() + limit;
  for (milliseconds pause{2};; pause = std::min(pause * 2, kLongestPause)) {
    wait(pause);
    json job = post(endpoint, "job/status", {{"jobid", id}}, doing);
    if (job.value("finished", false)) {
      if (!job.value("success", false)) {
        throw_rclone_error(doing, secrets.hidden_in(job.value("error", "no reason given")));
      }
      return std::move(job["output"]);
    }
    if (Clock::now() > end) {
      post(endpoint, "job/stop", {{"jobid", id}}, doing);
      throw base::IoError(
          fmt::format("{}: expected an answer within {} s, found none; check the network and the "
                      "server",
                      doing, std::chrono::duration_cast<std::chrono::seconds>(limit).count()));
    }
  }
}

json Rclone::State::persistent_call(Child& child, const std::string& method, const json& input,
                                    milliseconds limit, const std::string& doing) {
  const auto begin = Clock::now();
  for (unsigned attempt = 1;; ++attempt) {
    try {
      return call(endpoint(child), method, input, limit, doing);
    } catch (const RcloneError& error) {
      if (error.fault != RcloneFault::kMayPass || attempt >= access.attempts ||
          Clock::now() - begin > kLongestTries) {
        throw;
      }
      const milliseconds delay = access.first_delay * (1U << std::min(attempt - 1, 6U));
      if (access.debug) {
        access.debug(fmt::format("{}; next try in {} ms", error.what(), delay.count()));
      }
      wait(delay);
    }
  }
}

bool Rclone::State::wants_hash(std::string_view fs) {
  const std::lock_guard lock(mutex);
  const auto found = types.find(fs.substr(0, fs.find(':') + 1));
  // Their listings have it. That of s3 has it too, but rclone asks once more for each object that
  // was uploaded in parts.
  return found != types.end() && (found->second == "azureblob" || found->second == "gcs");
}

Rclone::Rclone(const Access& access, HttpClient& http)
    : state_(std::make_unique<State>(access, http)) {}
Rclone::~Rclone() = default;

std::string Rclone::remote(const std::string& type, const json& parameters) {
  State& state = *state_;
  state.secrets.add_from(parameters);
  const std::lock_guard lock(state.mutex);
  State::Child& child = state.ours;
  if (!child.process || !child.process->is_running()) state.start(child, type);
  const std::string key = type + text_of(parameters);
  const auto found = child.remotes.find(key);
  if (found != child.remotes.end()) return found->second;
  const std::string name = fmt::format("{}{}", kOurs, ++state.last_remote);
  state.call({child.process->base_url(), child.password}, "config/create",
             {{"name", name},
              {"type", type},
              {"parameters", parameters},
              {"opt", {{"nonInteractive", true}, {"obscure", true}}}},
             kCreateLimit, fmt::format("rclone's {}", type));
  state.types[name + ":"] = type;
  return child.remotes[key] = name + ":";
}

std::string Rclone::own_remote(const std::string& name) {
  state_->endpoint(state_->own);
  return name + ":";
}

std::vector<RcloneItem> Rclone::list(const std::string& fs, const std::string& dir, bool recurse,
                                     const std::string& shown) {
  const bool hash = state_->wants_hash(fs);
  const json output = state_->persistent_call(
      state_->child_of(fs), "operations/list",
      {{"fs", fs},
       {"remote", dir},
       {"opt",
        {{"recurse", recurse}, {"filesOnly", recurse}, {"noMimeType", true}, {"showHash", hash}}},
       // Else every object of s3 is asked for the time that its uploader has noted.
       {"_config", {{"UseServerModTime", true}}}},
      kListLimit, shown + ": cannot be listed");
  // Their paths begin at the remote's root.
  const std::size_t above = dir.empty() ? 0 : dir.size() + 1;
  std::vector<RcloneItem> items;
  for (const json& listed : output.value("list", json::array())) {
    RcloneItem item = item_of(listed);
    if (item.path.size() <= above) continue;
    item.path.erase(0, above);
    items.push_back(std::move(item));
  }
  return items;
}

std::optional<RcloneItem> Rclone::stat(const std::string& fs, const std::string& path,
                                       const std::string& shown) {
  const json output = state_->persistent_call(
      state_->child_of(fs), "operations/stat",
      {{"fs", fs},
       {"remote", path},
       {"opt", {{"filesOnly", true}, {"noMimeType", true}, {"showHash", state_->wants_hash(fs)}}},
       {"_config", {{"UseServerModTime", true}}}},
      kStatLimit, shown + ": cannot be looked at");
  const json item = output.value("item", json());
  if (!item.is_object() || item.value("IsDir", false)) return std::nullopt;
  return item_of(item);
}

HttpTarget Rclone::object(const std::string& fs, const std::string& path,
                          const std::string& shown) {
  const State::Endpoint endpoint = state_->endpoint(state_->child_of(fs));
  // A '/' within the brackets would be taken for part of the path.
  std::string place = http::encode_path(fs);
  for (std::size_t at = 0; (at = place.find('/', at)) != std::string::npos;) {
    place.replace(at, 1, "%2F");
  }
  return {.url = fmt::format("{}%5B{}%5D/{}", endpoint.base_url, place, http::encode_path(path)),
          .user = kRcloneUser,
          .password = endpoint.password,
          .use_proxy = false,
          .shown = shown};
}

}  // namespace qvdhouse::source
