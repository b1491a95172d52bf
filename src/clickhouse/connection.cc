#include "clickhouse/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <exception>
#include <optional>
#include <random>
#include <utility>

#include "base/encoding.h"
#include "base/error.h"
#include "base/loopback.h"
#include "base/pause.h"
#include "clickhouse/compressor.h"
#include "clickhouse/error_code.h"
#include "clickhouse/http_answer.h"
#include "clickhouse/quote.h"
#include "http/curl.h"

namespace qvdhouse::clickhouse {
namespace {

constexpr long kUploadBufferBytes = 512 * 1024;  // more than a piece of a block
// Servers drop idle connections after 3 s (18.16) to 30 s: younger ones only are used again, so
// that few queries have to be sent twice.
constexpr long kMaxIdleSeconds = 2;
// 18.16 takes no request line over 16 KB; a longer INSERT goes ahead of its data, in the body.
constexpr std::size_t kMaxQueryInUrl = 8 * 1024;
// Servers parse 256 KiB and 50,000 elements of a query unless told otherwise; an element is a byte
// at least.
constexpr std::size_t kSurelyParsedQuery = 50'000;
constexpr std::chrono::milliseconds kStopPatience{500};
constexpr unsigned kAttempts = 4;  // of a statement that may be repeated
constexpr std::chrono::milliseconds kFirstDelay{200};
constexpr std::size_t kHeadOfStatement = 64;  // "CREATE TABLE IF NOT EXISTS " is in it
// Settings that came after 18.16: a server refuses a request with one that it does not know.
constexpr std::array<std::string_view, 12> kYoungSettings = {
    "async_insert",
    "input_format_native_allow_types_conversion",
    "input_format_null_as_default",
    "alter_sync",
    "mutations_sync",
    "max_partitions_per_insert_block",
    "optimize_on_insert",
    "replication_wait_for_inactive_replica_timeout",
    "skip_unavailable_shards",
    "distributed_ddl_output_mode",
    "insert_keeper_max_retries",
    "precise_float_parsing",
};
// Not a block in any reading of Native: sent when a producer fails, so that no server takes the
// blocks that came for all there are.
constexpr std::array<unsigned char, 64> kGarbage = [] {
  std::array<unsigned char, 64> bytes{};
  bytes.fill(0xFF);
  return bytes;
}();

// The address as given, checked; nothing of it that may be secret gets into a message.
http::Url parse_url(const std::string& text) {
  std::optional<http::Url> url = http::Url::parse(text);
  const std::string scheme = url ? url->part(CURLUPART_SCHEME) : "";
  if (scheme != "http" && scheme != "https") {
    throw base::ConfigError(
        "the ClickHouse URL is not valid: expected http://HOST:PORT or https://HOST:PORT");
  }
  if (!url->part(CURLUPART_USER).empty() || !url->part(CURLUPART_PASSWORD).empty()) {
    throw base::ConfigError(
        "the ClickHouse URL holds a user or password: set these by their own settings");
  }
  return *std::move(url);
}

void add_header(http::HeaderList& list, const std::string& name, const std::string& value) {
  if (!http::is_header_text(value)) {
    throw base::ConfigError(
        fmt::format("{}: a value with a line break or NUL cannot be sent", name));
  }
  if (value.starts_with(' ') || value.ends_with(' ')) {
    throw base::ConfigError(
        fmt::format("{}: a value with a space at its start or end cannot be sent", name));
  }
  list.add(value.empty() ? name + ";" : name + ": " + value);
}

// Whether the statement does the same when it is run twice: its answer may have got lost.
bool may_be_repeated(std::string_view sql) {
  constexpr std::array<std::string_view, 5> kReading = {"SELECT ", "SHOW ", "EXISTS ", "DESCRIBE ",
                                                        "CHECK GRANT "};
  const auto starts = [&](std::string_view word) { return sql.starts_with(word); };
  if (std::ranges::any_of(kReading, starts)) return true;
  const auto head = sql.substr(0, kHeadOfStatement);
  return (starts("CREATE ") && head.find(" IF NOT EXISTS ") != std::string_view::npos) ||
         (starts("DROP ") && head.find(" IF EXISTS ") != std::string_view::npos);
}

// Longer each time, and not the same for all who wait.
std::chrono::milliseconds delay_after(unsigned attempt) {
  const auto most = kFirstDelay * (1 << (attempt - 1));
  std::minstd_rand random(std::random_device{}());
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(most.count() / 2, most.count())(random));
}

// What it takes to have so long a query parsed, unless the caller decided on it.
Settings with_room_for(std::string_view sql, Settings settings) {
  if (sql.size() > kSurelyParsedQuery) {
    const auto limit = std::to_string(std::max<std::size_t>(2 * sql.size(), 1'000'000));
    settings.emplace("max_query_size", limit);
    settings.emplace("max_ast_elements", limit);
    settings.emplace("max_expanded_ast_elements", limit);
  }
  return settings;
}

// One request under way: what libcurl's callbacks share. No exception may pass through libcurl:
// the first one is kept, the transfer aborted, the exception rethrown outside.
struct Transfer {
  HttpAnswer answer;
  const std::stop_token& stop;
  const std::function<std::span<const std::byte>()>* next = nullptr;  // of an insert
  std::span<const std::byte> pending;
  std::string_view query_ahead;      // of an insert whose SQL does not fit the URL
  Compressor* compressor = nullptr;  // null: bytes go as they are
  bool finished = false;             // the compressor's stream is whole
  bool uploading = false;
  bool garbage_sent = false;
  std::optional<std::chrono::steady_clock::time_point> stop_seen;
  std::exception_ptr failure;

  bool broken() const { return failure != nullptr || stop.stop_requested(); }
  std::span<const std::byte> plain();
  std::span<const std::byte> encoded();
  std::size_t fill(std::span<std::byte> out);
};

// The next bytes of the body before compression; empty at its end.
std::span<const std::byte> Transfer::plain() {
  if (query_ahead.empty()) return (*next)();
  return std::as_bytes(std::span(std::exchange(query_ahead, {})));
}

// The next bytes to send; empty at the end.
std::span<const std::byte> Transfer::encoded() {
  if (compressor == nullptr) return plain();
  while (!finished) {
    const auto bytes = plain();
    finished = bytes.empty();
    const auto out = finished ? compressor->finish() : compressor->add(bytes);
    if (!out.empty()) return out;
  }
  return {};
}

std::size_t Transfer::fill(std::span<std::byte> out) {
  std::size_t filled = 0;
  while (filled < out.size() && !broken()) {
    if (pending.empty()) {
      try {
        pending = encoded();
      } catch (...) {
        failure = std::current_exception();
        break;
      }
      if (pending.empty()) break;
    }
    const auto count = std::min(pending.size(), out.size() - filled);
    std::memcpy(out.data() + filled, pending.data(), count);
    pending = pending.subspan(count);
    filled += count;
  }
  if (filled != 0 || !broken()) {
    uploading = filled != 0;
    return filled;
  }
  if (garbage_sent) return CURL_READFUNC_ABORT;
  garbage_sent = true;
  const auto count = std::min(kGarbage.size(), out.size());
  std::memcpy(out.data(), kGarbage.data(), count);
  return count;
}

std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* transfer) {
  return static_cast<Transfer*>(transfer)->fill(
      std::as_writable_bytes(std::span(buffer, size * count)));
}

template <void (HttpAnswer::*Take)(std::string_view)>
std::size_t on_received(char* bytes, std::size_t size, std::size_t count, void* shared) {
  auto* transfer = static_cast<Transfer*>(shared);
  try {
    (transfer->answer.*Take)(std::string_view(bytes, size * count));
    return size * count;
  } catch (...) {
    transfer->failure = std::current_exception();
    return CURL_WRITEFUNC_ERROR;
  }
}

int on_progress(void* shared, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto* transfer = static_cast<Transfer*>(shared);
  if (!transfer->stop.stop_requested()) return 0;
  // An insert is best broken by fill(), which sends the garbage first; unless nothing moves.
  const auto now = std::chrono::steady_clock::now();
  if (!transfer->stop_seen) transfer->stop_seen = now;
  const bool leave_to_fill = transfer->uploading && now - *transfer->stop_seen < kStopPatience;
  return leave_to_fill ? 0 : 1;
}

}  // namespace

struct Connection::State {
  State(Endpoint wanted, std::stop_token stop_token);

  void use(const std::string& server_url);
  // Runs one POST: `body` is the whole body, or `next` gives it piece by piece.
  void post(const Settings& parameters, Transfer& transfer, const std::string_view* body);
  CURLcode perform(const std::string& target);
  [[noreturn]] void throw_broken(CURLcode code, bool sending);

  Endpoint endpoint;
  std::stop_token stop;
  std::string server;    // one of Endpoint::hosts, or Endpoint::url
  bool is_down = false;  // it did not answer: the next request goes to another
  std::string base_url;  // "http://host:port/"
  std::string origin;    // "host:port", for messages
  http::HeaderList headers;
  http::HeaderList upload_headers;
  bool timed_out = false;  // the last request: another try would take as long
  http::Handle handle;
};

Connection::State::State(Endpoint wanted, std::stop_token stop_token)
    : endpoint(std::move(wanted)), stop(std::move(stop_token)) {
  use(endpoint.hosts ? endpoint.hosts->current() : endpoint.url);

  for (auto* list : {&headers, &upload_headers}) {
    add_header(*list, "X-ClickHouse-User", endpoint.user);
    if (!endpoint.password.empty()) add_header(*list, "X-ClickHouse-Key", endpoint.password);
    add_header(*list, "Content-Type", "application/octet-stream");
    // No "100 Continue" to wait for, which old servers and proxies may not send.
    list->add("Expect:");
  }
  add_header(upload_headers, "Transfer-Encoding", "chunked");
  if (endpoint.compression != Compression::kNone) {
    add_header(upload_headers, "Content-Encoding",
               std::string(Compressor::encoding(endpoint.compression)));
  }

  CURL* h = handle.get();
  curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(h, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
  curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
  curl_easy_setopt(h, CURLOPT_BUFFERSIZE, 512L * 1024);
  curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, endpoint.connect_timeout_ms);
  curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, endpoint.stall_timeout_s);
  curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_received<&HttpAnswer::add_header>);
  curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_received<&HttpAnswer::add_body>);
  curl_easy_setopt(h, CURLOPT_READFUNCTION, on_read);
  if (is_loopback(endpoint)) curl_easy_setopt(h, CURLOPT_PROXY, "");
  http::set_tls(handle, {.ca_file = endpoint.ca_file,
                         .client_cert = endpoint.client_cert,
                         .client_key = endpoint.client_key,
                         .verify = endpoint.verify_tls});
}

void Connection::State::use(const std::string& server_url) {
  server = server_url;
  http::Url url = parse_url(server_url);
  url.clear(CURLUPART_QUERY);
  url.clear(CURLUPART_FRAGMENT);
  base_url = url.part(CURLUPART_URL);
  origin = url.part(CURLUPART_HOST) + ":" + url.part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

// `target`: what is behind the base URL. A server that cannot be connected to has seen nothing of
// the request, so the next one gets it.
CURLcode Connection::State::perform(const std::string& target) {
  const std::size_t count = endpoint.hosts ? endpoint.hosts->urls().size() : 1;
  for (std::size_t tried = 1;; ++tried) {
    if (std::exchange(is_down, false)) use(endpoint.hosts->current());
    const std::string url = base_url + target;
    curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
    const CURLcode code = handle.perform();
    const bool is_silent = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
                           code == CURLE_OPERATION_TIMEDOUT;
    if (!is_silent || !endpoint.hosts || stop.stop_requested()) return code;
    endpoint.hosts->note_failure(server);
    is_down = true;
    if (handle.has_sent() || tried == count) return code;
  }
}

void Connection::State::post(const Settings& parameters, Transfer& transfer,
                             const std::string_view* body) {
  if (stop.stop_requested()) throw base::Cancelled("stopped");
  CURL* h = handle.get();
  auto url = "?database=" + base::encode_component(endpoint.database);
  if (endpoint.dialect.needs_low_cardinality_setting) {
    url += "&allow_experimental_low_cardinality_type=1";
  }
  // DDL waits for the replicas that are there; the others do it when they are back.
  if (endpoint.dialect.replication.is_on && endpoint.dialect.has_active_replica_wait) {
    url += "&distributed_ddl_output_mode=throw_only_active";
  }
  for (const auto& [key, value] : parameters) {
    if (std::ranges::count(endpoint.dialect.unknown_settings, key) != 0) continue;
    url += "&" + base::encode_component(key) + "=" + base::encode_component(value);
  }
  curl_easy_setopt(h, CURLOPT_POST, 1L);
  // When a connection that was used before breaks ahead of the answer, libcurl sends the request
  // again by itself: EXCHANGE TABLES sent twice would undo itself.
  const bool is_repeatable = body != nullptr && may_be_repeated(*body);
  curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, is_repeatable ? 0L : 1L);
  (body != nullptr ? headers : upload_headers).set_on(handle);
  // In this order: without a body, libcurl asks on_read for the bytes.
  curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
                   body != nullptr ? static_cast<curl_off_t>(body->size()) : curl_off_t{-1});
  curl_easy_setopt(h, CURLOPT_POSTFIELDS, body != nullptr ? body->data() : nullptr);
  curl_easy_setopt(h, CURLOPT_READDATA, &transfer);
  curl_easy_setopt(h, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(h, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(h, CURLOPT_XFERINFODATA, &transfer);
  timed_out = false;
  transfer.uploading = body == nullptr;

  const CURLcode code = perform(url);
  if (transfer.failure) std::rethrow_exception(transfer.failure);
  if (stop.stop_requested() && (code != CURLE_OK || transfer.garbage_sent)) {
    throw base::Cancelled(fmt::format("stopped while talking to ClickHouse at {}", origin));
  }
  if (code == CURLE_OK || transfer.answer.has_error()) return transfer.answer.finish(origin);
  throw_broken(code, body == nullptr);
}

void Connection::State::throw_broken(CURLcode code, bool sending) {
  const std::string detail = handle.error_text(code);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      throw base::IoError(
          fmt::format("no ClickHouse reached at {}: {}. Is it running, and is that its HTTP port?",
                      origin, detail));
    case CURLE_PEER_FAILED_VERIFICATION:
      throw base::ConfigError(fmt::format(
          "the certificate of ClickHouse at {} is not trusted: {}. If it is signed by an "
          "authority of your own, set CLICKHOUSE_CA_FILE",
          origin, detail));
    case CURLE_SSL_CACERT_BADFILE:
      throw base::ConfigError(fmt::format("CLICKHOUSE_CA_FILE {} is not a file of certificates: {}",
                                          endpoint.ca_file, detail));
    case CURLE_SSL_CERTPROBLEM:
      throw base::ConfigError(
          fmt::format("CLICKHOUSE_CLIENT_CERT {} and CLICKHOUSE_CLIENT_KEY {} cannot be used: {}",
                      endpoint.client_cert, endpoint.client_key, detail));
    case CURLE_OPERATION_TIMEDOUT:
      timed_out = true;
      throw base::IoError(fmt::format(
          "ClickHouse at {} timed out (connect timeout {} ms, longest silence {} s): {}", origin,
          endpoint.connect_timeout_ms, endpoint.stall_timeout_s, detail));
    default:
      throw base::IoError(fmt::format("connection to ClickHouse at {} broke while {}: {}", origin,
                                      sending ? "sending rows" : "reading the answer", detail));
  }
}

Connection::Connection(Endpoint endpoint, std::stop_token stop)
    : state_(std::make_unique<State>(std::move(endpoint), std::move(stop))) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

const Endpoint& Connection::endpoint() const { return state_->endpoint; }

std::string Connection::query(std::string_view sql, const Settings& settings) {
  auto parameters = with_room_for(sql, settings);
  // The server keeps the answer until it is whole, so that an error comes in place of it.
  parameters.emplace("wait_end_of_query", "1");
  for (unsigned attempt = 1;; ++attempt) {
    std::string text;
    Transfer transfer{.answer = HttpAnswer([&](std::string_view bytes) { text += bytes; }),
                      .stop = state_->stop};
    const bool is_last = attempt == kAttempts || !may_be_repeated(sql);
    try {
      state_->post(parameters, transfer, &sql);
      return text;
    } catch (const base::ServerError& error) {
      // 18.16 looks through all tables for an answer about one, and fails when another is dropped.
      const bool is_about_another = error.code() == error_code::kUnknownTable &&
                                    sql.find(" FROM system.") != std::string_view::npos;
      if (is_last || !(is_soon_over(error.code()) || is_about_another)) throw;
    } catch (const base::IoError&) {
      if (is_last || state_->timed_out) throw;
    }
    if (!base::pause_for(delay_after(attempt), state_->stop)) {
      throw base::Cancelled(
          fmt::format("stopped while waiting for ClickHouse at {}", state_->origin));
    }
  }
}

void Connection::query_streamed(std::string_view sql,
                                const std::function<void(std::string_view)>& on_bytes,
                                const Settings& settings) {
  Transfer transfer{.answer = HttpAnswer(on_bytes), .stop = state_->stop};
  state_->post(with_room_for(sql, settings), transfer, &sql);
}

void Connection::insert(std::string_view sql,
                        const std::function<std::span<const std::byte>()>& next,
                        const Settings& settings) {
  std::optional<Compressor> compressor;
  if (state_->endpoint.compression != Compression::kNone) {
    compressor.emplace(state_->endpoint.compression);
  }
  Transfer transfer{.answer = HttpAnswer([](std::string_view) {}),
                    .stop = state_->stop,
                    .next = &next,
                    .compressor = compressor ? &*compressor : nullptr};
  auto parameters = with_room_for(sql, settings);
  parameters.emplace("input_format_skip_unknown_fields", "0");
  parameters.emplace("input_format_native_allow_types_conversion", "0");
  parameters.emplace("input_format_null_as_default", "0");
  parameters.emplace("async_insert", "0");
  parameters.emplace("wait_end_of_query", "1");
  const auto sql_line = std::string(sql) + "\n";
  if (sql.size() <= kMaxQueryInUrl) {
    parameters.insert_or_assign("query", std::string(sql));
  } else {
    transfer.query_ahead = sql_line;
  }
  state_->post(parameters, transfer, nullptr);
}

std::vector<std::string> query_lines(Connection& connection, std::string_view select,
                                     const Settings& settings) {
  const std::string answer = connection.query(std::string(select) + " FORMAT TSVRaw", settings);
  std::vector<std::string> lines;
  for (std::string_view rest = answer; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lines;
}

Endpoint pinned(Endpoint endpoint) {
  if (endpoint.hosts) endpoint.url = endpoint.hosts->current();
  endpoint.hosts = nullptr;
  return endpoint;
}

Endpoint impatient(Endpoint endpoint, long limit_seconds) {
  endpoint.stall_timeout_s = std::clamp(limit_seconds, 1L, endpoint.stall_timeout_s);
  endpoint.connect_timeout_ms = std::clamp(limit_seconds * 1'000, 1L, endpoint.connect_timeout_ms);
  return endpoint;
}

bool is_loopback(const Endpoint& endpoint) {
  return base::is_loopback_host(parse_url(endpoint.url).part(CURLUPART_HOST));
}

Dialect ask_dialect(Connection& connection) {
  std::string version = connection.query("SELECT version() FORMAT TSVRaw");
  while (version.ends_with('\n')) version.pop_back();
  Dialect dialect = dialect_of(version);
  std::string names;
  for (const auto name : kYoungSettings) names += (names.empty() ? "" : ", ") + quote_literal(name);
  const std::string known =
      "\n" + connection.query(fmt::format(
                 "SELECT name FROM system.settings WHERE name IN ({}) FORMAT TSVRaw", names));
  for (const auto name : kYoungSettings) {
    if (known.find(fmt::format("\n{}\n", name)) == std::string::npos) {
      dialect.unknown_settings.emplace_back(name);
    }
  }
  return dialect;
}

}  // namespace qvdhouse::clickhouse
