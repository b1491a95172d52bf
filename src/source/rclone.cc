#include "source/rclone.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <utility>

#include "base/encoding.h"
#include "base/error.h"
#include "base/pause.h"
#include "source/named_remotes.h"
#include "source/rclone_process.h"
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

// Both are tried once: a later run tries them again.
void Rclone::remove(const std::string& fs, const std::string& path, const std::string& shown) {
  try {
    state_->call(state_->endpoint(state_->child_of(fs)), "operations/deletefile",
                 {{"fs", fs}, {"remote", path}}, kListLimit, shown + ": cannot be deleted");
  } catch (const RcloneError&) {
    // An answer may have been lost on the way.
    if (stat(fs, path, shown)) throw;
  }
}

void Rclone::move(const std::string& fs, const std::string& path, const std::string& target,
                  const std::string& shown) {
  try {
    state_->call(state_->endpoint(state_->child_of(fs)), "operations/movefile",
                 {{"srcFs", fs}, {"srcRemote", path}, {"dstFs", fs}, {"dstRemote", target}},
                 kListLimit, fmt::format("{}: cannot be moved to {}", shown, target));
  } catch (const RcloneError&) {
    if (stat(fs, path, shown)) throw;
  }
}

HttpTarget Rclone::object(const std::string& fs, const std::string& path,
                          const std::string& shown) {
  const State::Endpoint endpoint = state_->endpoint(state_->child_of(fs));
  // A '/' within the brackets would be taken for part of the path.
  std::string place = base::encode_path(fs);
  for (std::size_t at = 0; (at = place.find('/', at)) != std::string::npos;) {
    place.replace(at, 1, "%2F");
  }
  return {.url = fmt::format("{}%5B{}%5D/{}", endpoint.base_url, place, base::encode_path(path)),
          .user = kRcloneUser,
          .password = endpoint.password,
          .use_proxy = false,
          .shown = shown};
}

namespace {

struct Meaning {
  std::string_view words;  // in rclone's text
  RcloneFault fault;
  std::string_view advice;
};

constexpr std::string_view kCheckKeys =
    "check the key and the secret (doctor --source shows which ones are used)";
constexpr std::string_view kCheckUser = "check user and password";
constexpr std::string_view kCheckName = "check its name, and whether these credentials may see it";
constexpr std::string_view kCheckTls =
    "if the server's certificate comes from a CA of your own, name that with source.ca_file";
constexpr std::string_view kCheckGoogle =
    "set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file, run \"gcloud auth "
    "application-default login\", or set source.anonymous for public buckets";

// The first that is found counts: the words of a cause stand before those of its consequence.
constexpr auto kMeanings = std::to_array<Meaning>({
    // any; the addresses in them may hold the digits of a status
    {"no such host", RcloneFault::kMayPass, "check the host's name"},
    {"connection refused", RcloneFault::kMayPass, "check host and port, and whether it runs"},
    // sftp
    {"knownhosts: key is unknown", RcloneFault::kRefused,
     "the server's host key is not in the known_hosts file: compare its fingerprint with the "
     "server's, then add it (ssh-keyscan -p PORT HOST)"},
    {"knownhosts: key mismatch", RcloneFault::kRefused,
     "the server shows another host key than the known_hosts file has: it was set up again, "
     "someone "
     "stands between, or the file holds only keys of another kind (ssh-keyscan -p PORT HOST)"},
    {"known_hosts_file", RcloneFault::kRefused,
     "the known_hosts file cannot be read: make it (ssh-keyscan -p PORT HOST) or name another "
     "with source.known_hosts"},
    {"ssh-agent", RcloneFault::kRefused,
     "there is no usable SSH agent: start one, or name a key with source.key_file"},
    {"failed to parse private key", RcloneFault::kRefused,
     "check source.key_file and source.key_passphrase"},
    {"failed to read private key", RcloneFault::kRefused, "check source.key_file"},
    {"unable to authenticate", RcloneFault::kRefused, "check user, password and key"},
    // TLS
    {"x509:", RcloneFault::kRefused, kCheckTls},
    {"tls:", RcloneFault::kRefused, kCheckTls},
    {"server gave HTTP response to HTTPS client", RcloneFault::kRefused,
     "the server speaks no TLS here: check scheme and port"},
    // s3
    {"WebIdentityErr", RcloneFault::kRefused,
     "check AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, and whether the role trusts this "
     "identity"},
    {"SignatureDoesNotMatch", RcloneFault::kRefused, "the secret is not that of the key"},
    {"InvalidAccessKeyId", RcloneFault::kRefused, "the server does not know this key"},
    {"ExpiredToken", RcloneFault::kRefused, "get new temporary credentials"},
    {"InvalidToken", RcloneFault::kRefused,
     "the session token does not belong to the key (AWS_SESSION_TOKEN)"},
    {"NoCredentialProviders", RcloneFault::kRefused,
     "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or "
     "AWS_PROFILE, or source.anonymous for public buckets"},
    {"AuthorizationHeaderMalformed", RcloneFault::kRefused, "check the region (AWS_REGION)"},
    {"RequestTimeTooSkewed", RcloneFault::kRefused, "set this machine's clock"},
    {"NoSuchBucket", RcloneFault::kMissing, kCheckName},
    {"AccessDenied", RcloneFault::kRefused, kCheckKeys},
    // az
    {"ContainerNotFound", RcloneFault::kMissing, kCheckName},
    {"AuthenticationFailed", RcloneFault::kRefused, "check account and key, or the SAS"},
    {"AuthorizationFailure", RcloneFault::kRefused, "check account and key, or the SAS"},
    {"InvalidAuthenticationInfo", RcloneFault::kRefused, "check account and key, or the SAS"},
    {"illegal base64 data", RcloneFault::kRefused,
     "the account's key is not complete: copy it again"},
    {"Need account+key", RcloneFault::kRefused,
     "the credentials that were found need rclone 1.61 or newer, or there are none: set "
     "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and "
     "AZURE_STORAGE_ACCOUNT_KEY"},
    // gs
    {"could not find default credentials", RcloneFault::kRefused, kCheckGoogle},
    {"invalid_grant", RcloneFault::kRefused, kCheckGoogle},
    {"cannot fetch token", RcloneFault::kRefused, kCheckGoogle},
    {"private key should be a PEM", RcloneFault::kRefused, kCheckGoogle},
    {"Invalid Credentials", RcloneFault::kRefused, kCheckGoogle},
    // ftp, smb, webdav
    {"530 ", RcloneFault::kRefused, kCheckUser},
    {"550 ", RcloneFault::kMissing, kCheckName},
    {"No such directory", RcloneFault::kMissing, kCheckName},
    {"logon is invalid", RcloneFault::kRefused, kCheckUser},
    {"LOGON_FAILURE", RcloneFault::kRefused, kCheckUser},
    {"share name cannot be found", RcloneFault::kMissing, "check the name of the share"},
    {"network name cannot be found", RcloneFault::kMissing, "check the name of the share"},
    {"BAD_NETWORK_NAME", RcloneFault::kMissing, "check the name of the share"},
    {"Access is denied", RcloneFault::kRefused, kCheckUser},
    // any
    {"permission denied", RcloneFault::kRefused, "check the rights of this user"},
    {"401", RcloneFault::kRefused, kCheckUser},
    {"Unauthorized", RcloneFault::kRefused, kCheckUser},
    {"403", RcloneFault::kRefused, kCheckKeys},
    {"Forbidden", RcloneFault::kRefused, kCheckKeys},
    {"not found", RcloneFault::kMissing, kCheckName},
    {"no such file or directory", RcloneFault::kMissing, kCheckName},
    {"does not exist", RcloneFault::kMissing, kCheckName},
    {"404", RcloneFault::kMissing, kCheckName},
    {"timeout", RcloneFault::kMayPass, "check host, port and firewalls"},
});

// On one line.
std::string words_of(std::string_view text) {
  std::string words;
  for (const char c : text) {
    const bool is_blank = c == '\n' || c == '\t' || c == '\r' || c == ' ';
    if (!is_blank) {
      words += c;
    } else if (!words.ends_with(' ')) {
      words += ' ';
    }
  }
  return words;
}

// Azure's errors repeat whole requests and answers.
std::string beginning_of(const std::string& text) {
  constexpr std::size_t kMostBytes = 300;
  if (text.size() <= kMostBytes) return text;
  std::size_t end = kMostBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + " …";
}

}  // namespace

void throw_rclone_error(std::string_view doing, std::string_view said) {
  const std::string all = words_of(said);
  const std::string text = beginning_of(all);
  if (text.find("couldn't find backend") != std::string::npos) {
    throw base::ConfigError(fmt::format(
        "{}: this rclone was built without what is needed here ({}); install a full one (Debian "
        "12's package, or rclone.org's download) and name it with the setting "
        "source.rclone_binary",
        doing, text));
  }
  if (text.find("didn't find section in config file") != std::string::npos) {
    const NamedRemote* named = named_remote(doing.substr(0, doing.find("://")));
    throw base::ConfigError(fmt::format(
        "{}: the rclone configuration has no remote of this name (\"rclone listremotes\" shows "
        "those "
        "that it has; source.rclone_config names another file){}{}",
        doing,
        named == nullptr ? "" : "; this makes it: ", named == nullptr ? "" : named->configure));
  }
  for (const Meaning& meaning : kMeanings) {
    if (all.find(meaning.words) != std::string::npos) {
      throw RcloneError(fmt::format("{}: {}; {}", doing, text, meaning.advice), meaning.fault);
    }
  }
  throw RcloneError(fmt::format("{}: {}", doing, text), RcloneFault::kMayPass);
}

namespace {

std::string string_of(const json& item, const char* key) {
  const auto found = item.find(key);
  return found != item.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Takes a number of exactly `digits` digits, and `next` behind it unless that is 0.
std::optional<int> take_number(std::string_view& text, std::size_t digits, char next) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || value < 0) return std::nullopt;
  text.remove_prefix(digits);
  if (next == 0) return value;
  if (!text.starts_with(next)) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

// ".123456789", if there is one.
std::int64_t take_fraction_us(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  std::int64_t us = 0;
  std::int64_t unit = 100'000;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    us += (text.front() - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  return us;
}

// "Z" or "+02:00", in minutes east.
std::optional<int> take_zone(std::string_view text) {
  if (text == "Z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const std::optional<int> hours = take_number(text, 2, ':');
  const std::optional<int> minutes = take_number(text, 2, 0);
  if (!hours || !minutes) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

constexpr std::string_view kHidden = "***";
constexpr std::size_t kShortestInText = 4;

// "scheme://user:***@host".
std::string without_passwords(std::string text) {
  constexpr std::string_view kMark = "://";
  for (std::size_t at = 0; (at = text.find(kMark, at)) != std::string::npos;) {
    at += kMark.size();
    const std::size_t end = std::min(text.find_first_of("/? \t\n\"'", at), text.size());
    const std::size_t host = text.substr(at, end - at).rfind('@');
    const std::size_t colon = text.find(':', at);
    if (host == std::string::npos || colon >= at + host) continue;
    text.replace(colon + 1, at + host - colon - 1, kHidden);
  }
  return text;
}

// "?sv=…&sig=***", of Azure, AWS and Google.
std::string without_signatures(std::string text) {
  for (const std::string_view name : {"sig=", "Signature="}) {
    for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos;) {
      at += name.size();
      const std::size_t end = std::min(text.find_first_of("& \t\n\"'", at), text.size());
      text.replace(at, end - at, kHidden);
    }
  }
  return text;
}

// Whether the part of the text is all of a value: "pass=x", "pass:x]", "'x'".
bool is_value(std::string_view text, std::size_t at, std::size_t size) {
  constexpr std::string_view kBefore = "=:\"'";
  constexpr std::string_view kBehind = " \t\n\"',;&@)]}";
  const std::size_t end = at + size;
  return at > 0 && kBefore.find(text[at - 1]) != std::string_view::npos &&
         (end == text.size() || kBehind.find(text[end]) != std::string_view::npos);
}

bool is_secret(std::string_view parameter) {
  constexpr auto kSecret =
      std::to_array<std::string_view>({"pass", "key_file_pass", "secret_access_key",
                                       "session_token", "key", "client_secret", "bearer_token"});
  return std::ranges::find(kSecret, parameter) != kSecret.end();
}

}  // namespace

RcloneItem item_of(const json& item) {
  RcloneItem result{.path = string_of(item, "Path"), .hash = {}};
  // Negative: unknown.
  if (const auto size = item.find("Size"); size != item.end() && size->is_number_integer()) {
    result.size = static_cast<std::uint64_t>(std::max<std::int64_t>(0, size->get<std::int64_t>()));
  }
  result.mtime_us = parse_time_us(string_of(item, "ModTime"));
  if (const auto hashes = item.find("Hashes"); hashes != item.end() && hashes->is_object()) {
    result.hash = string_of(*hashes, hashes->contains("md5") ? "md5" : "MD5");
  }
  result.is_dir = item.value("IsDir", false);
  return result;
}

std::int64_t parse_time_us(std::string_view text) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::year;
  const auto y = take_number(text, 4, '-');
  const auto m = take_number(text, 2, '-');
  const auto d = take_number(text, 2, 'T');
  const auto hour = take_number(text, 2, ':');
  const auto minute = take_number(text, 2, ':');
  const auto second = take_number(text, 2, 0);
  if (!y || !m || !d || !hour || !minute || !second) return 0;
  const std::int64_t fraction_us = take_fraction_us(text);
  const std::optional<int> zone = take_zone(text);
  const std::chrono::year_month_day date(year(*y), month(static_cast<unsigned>(*m)),
                                         day(static_cast<unsigned>(*d)));
  if (!zone || !date.ok()) return 0;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds =
      ((days * 24 + *hour) * 60 + *minute - *zone) * 60 + std::int64_t{*second};
  return seconds * 1'000'000 + fraction_us;
}

void Secrets::add(const std::string& secret) {
  if (secret.empty()) return;
  // As a path of a URL has it, and as its user and password have it.
  const std::lock_guard lock(mutex_);
  secrets_.insert(secret);
  secrets_.insert(base::encode_path(secret));
  secrets_.insert(base::encode_component(secret));
}

void Secrets::add_from(const json& parameters) {
  for (const auto& [name, value] : parameters.items()) {
    if (!value.is_string()) continue;
    const auto& text = value.get_ref<const std::string&>();
    if (name == "sas_url") {
      const std::size_t query = text.find('?');
      if (query != std::string::npos) add(text.substr(query + 1));
    } else if (name == "headers") {
      add(text);
      // Name and value take turns; what follows the last blank of a value is a token.
      const std::size_t blank = text.rfind(' ');
      if (blank != std::string::npos)
        add(text.substr(blank + 1, text.find_last_not_of('"') - blank));
    } else if (is_secret(name)) {
      add(text);
    }
  }
}

std::string Secrets::hidden_in(std::string_view text) const {
  std::string result(text);
  const std::lock_guard lock(mutex_);
  for (const std::string& secret : secrets_) {
    for (std::size_t at = 0; (at = result.find(secret, at)) != std::string::npos;) {
      if (secret.size() < kShortestInText && !is_value(result, at, secret.size())) {
        ++at;
        continue;
      }
      result.replace(at, secret.size(), kHidden);
      at += kHidden.size();
    }
  }
  return without_signatures(without_passwords(std::move(result)));
}

}  // namespace qvdhouse::source
