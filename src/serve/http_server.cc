#include "serve/http_server.h"

#include <fmt/format.h>
#include <microhttpd.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "base/files.h"
#include "serve/http_clients.h"
#include "serve/listen.h"

namespace qvdhouse::serve {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBytesPerSecond = 64 << 10;   // that a client must take
constexpr std::chrono::seconds kLastAnswers{2};     // to leave when the server goes
constexpr std::size_t kConnectionMemory = 8 << 10;  // beside the request's header
// Connections beside those allowed: their places are taken, but libmicrohttpd has not seen it yet.
constexpr unsigned kLeaving = 64;

// One request and its answer.
struct Exchange {
  HttpRequest request;
  HttpResponse response;
  MHD_Connection* connection = nullptr;
  Client* client = nullptr;
  bool is_too_large = false;
  bool is_dispatched = false;
  bool is_http_1_0 = false;
};

Client* client_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == nullptr ? nullptr : static_cast<Client*>(info->socket_context);
}

std::string read_pem(const std::string& path, std::string_view setting) {
  std::optional<std::string> text = base::read_text(path);
  if (!text || text->find("-----BEGIN ") == std::string::npos) {
    throw base::ConfigError(
        fmt::format("{} {}: expected a PEM file that can be read", setting, path));
  }
  return *std::move(text);
}

HttpResponse plain(int status, std::string detail) {
  HttpResponse response;
  response.status = status;
  response.type = "text/plain; charset=utf-8";
  response.body = std::move(detail) + "\n";
  return response;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kStreamBlock = 32 << 10;

MHD_Result add_pair(void* pairs, MHD_ValueKind /*kind*/, const char* key, std::size_t key_size,
                    const char* value, std::size_t value_size) {
  std::string text;
  if (value != nullptr) text.assign(value, value_size);  // "?key" has none
  static_cast<Pairs*>(pairs)->emplace_back(std::string(key, key_size), std::move(text));
  return MHD_YES;
}

Pairs values(MHD_Connection* connection, MHD_ValueKind kind) {
  Pairs pairs;
  MHD_get_connection_values_n(connection, kind, &add_pair, &pairs);
  return pairs;
}

std::vector<std::string> values_of(const HttpRequest& request, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [key, value] : request.headers) {
    if (base::equal_ignoring_case(key, name)) values.push_back(value);
  }
  return values;
}

// What RFC 9110 calls a token.
bool is_header_name(std::string_view name) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return base::is_lower(c) || base::is_upper(c) || base::is_digit(c) ||
           kSigns.find(c) != std::string_view::npos;
  });
}

// 10^18 bytes are more than any body has, and fit in 64 bits.
bool is_length(std::string_view text) {
  constexpr std::size_t kMostDigits = 18;
  return !text.empty() && text.size() <= kMostDigits &&
         std::ranges::all_of(text, [](char c) { return base::is_digit(c); });
}

void free_body(void* body) { delete static_cast<std::string*>(body); }

MHD_Response* body_response(std::string&& body) {
  auto owned = std::make_unique<std::string>(std::move(body));
  std::string* bytes = owned.get();
  MHD_Response* response = MHD_create_response_from_buffer_with_free_callback_cls(
      bytes->size(), bytes->data(), &free_body, bytes);
  if (response != nullptr) static_cast<void>(owned.release());  // free_body() owns it now
  return response;
}

// The address of the client, in numbers.
std::string peer_address(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return "";
  const socklen_t size =
      info->client_addr->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  char host[NI_MAXHOST] = "";
  getnameinfo(info->client_addr, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return host;
}

// All of a request but its body.
HttpRequest read_request(MHD_Connection* connection, const char* path, const char* method) {
  HttpRequest request;
  request.method = method;
  request.path = path;
  request.query = values(connection, MHD_GET_ARGUMENT_KIND);
  request.headers = values(connection, MHD_HEADER_KIND);
  request.peer = peer_address(connection);
  return request;
}

// Why it is not sure where a request of this header ends or whom it is for, as a sentence; empty:
// it is. A proxy before us may read such a header in another way, and take the rest of the body for
// the next client's request (request smuggling). `version` is "HTTP/1.1" or what else it says.
std::string framing_fault(const HttpRequest& request, std::string_view version) {
  for (const auto& [name, value] : request.headers) {
    if (!is_header_name(name)) return "the name of a header has a character that none may have";
    // libmicrohttpd joins a line that goes on (obs-fold, RFC 9112, 5.2) to the header's name when
    // the value is empty.
    for (const std::string_view framing : {"content-length", "transfer-encoding"}) {
      if (name.size() > framing.size() &&
          base::equal_ignoring_case(std::string_view(name).substr(0, framing.size()), framing)) {
        return "expected each header on one line, found one that goes on";
      }
    }
  }
  const std::vector<std::string> lengths = values_of(request, "Content-Length");
  const std::vector<std::string> codings = values_of(request, "Transfer-Encoding");
  if (values_of(request, "Host").size() > 1) return "expected one Host header, found several";
  if (lengths.size() > 1) return "expected one Content-Length header, found several";
  if (codings.size() > 1) return "expected one Transfer-Encoding header, found several";
  if (!lengths.empty() && !codings.empty()) {
    return "expected Content-Length or Transfer-Encoding, found both";
  }
  if (!lengths.empty() && !is_length(lengths.front())) {
    return "expected digits as Content-Length";
  }
  if (codings.empty()) return "";
  if (!base::equal_ignoring_case(codings.front(), "chunked")) {
    return "expected no Transfer-Encoding but chunked";
  }
  return version == MHD_HTTP_VERSION_1_0 ? "HTTP/1.0 has no Transfer-Encoding" : "";
}

using OwnedResponse = std::unique_ptr<MHD_Response, decltype(&MHD_destroy_response)>;

// What libmicrohttpd pulls a stream's bytes with; it owns `context` and gives it to `free_context`
// at the end. Null: the response has a body.
struct StreamReader {
  MHD_ContentReaderCallback read = nullptr;
  void* context = nullptr;
  MHD_ContentReaderFreeCallback free_context = nullptr;
};

// Takes the body.
OwnedResponse make_response(HttpResponse&& response, const StreamReader& stream) {
  MHD_Response* made = stream.read != nullptr ? MHD_create_response_from_callback(
                                                    MHD_SIZE_UNKNOWN, kStreamBlock, stream.read,
                                                    stream.context, stream.free_context)
                                              : body_response(std::move(response.body));
  OwnedResponse owned(made, &MHD_destroy_response);
  if (!owned) return owned;
  if (!response.type.empty()) {
    MHD_add_response_header(made, MHD_HTTP_HEADER_CONTENT_TYPE, response.type.c_str());
  }
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(made, name.c_str(), value.c_str());
  }
  return owned;
}

}  // namespace

std::optional<std::string> HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (base::equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string> HttpRequest::parameter(std::string_view name) const {
  const auto found = std::find_if(query.rbegin(), query.rend(),
                                  [&](const auto& pair) { return pair.first == name; });
  if (found == query.rend()) return std::nullopt;
  return found->second;
}

struct HttpServer::State {
  State(const HttpOptions& given, Handler function, spdlog::logger& logger)
      : options(given), handler(std::move(function)), log(logger) {}

  void start_daemons();
  void open_port(std::uint16_t port, const std::string& certificate, const std::string& key);
  void stop();
  struct Queue;
  void work(Queue& own);  // a handler's thread
  void sweep();           // cuts slow clients off, wakes streams
  MHD_Result refuse(Exchange& exchange, unsigned status, std::string detail);
  HttpResponse handled(const HttpRequest& request);

  MHD_Result on_request(MHD_Connection* connection, const char* path, const char* method,
                        const char* version, const char* data, std::size_t* size, void** context);
  MHD_Result dispatch(Exchange& exchange);
  MHD_Result answer(Exchange& exchange);
  struct Stream;
  ssize_t on_stream(Stream& stream, char* out, std::size_t size);
  void stop_waiting_for(Stream& stream);
  void wait_for(Stream& stream, std::size_t count);
  void wake_streams();

  static MHD_Result request_callback(void* self, MHD_Connection* connection, const char* path,
                                     const char* method, const char* version, const char* data,
                                     std::size_t* size, void** context);
  static void* first_line_callback(void* self, const char* uri, MHD_Connection* connection);
  static void completed_callback(void* self, MHD_Connection* connection, void** context,
                                 MHD_RequestTerminationCode code);
  static void connection_callback(void* self, MHD_Connection* connection, void** context,
                                  MHD_ConnectionNotificationCode code);
  static ssize_t stream_callback(void* stream, std::uint64_t position, char* out, std::size_t size);
  static void stream_free_callback(void* stream);
  static void log_callback(void* self, const char* format, va_list arguments);

  HttpOptions options;
  Handler handler;
  spdlog::logger& log;
  std::vector<MHD_Daemon*> daemons;
  std::vector<int> sockets;
  std::vector<std::uint16_t> ports;
  std::stop_source handlers_stop;

  std::mutex complaint_mutex;
  std::string last_complaint;  // of libmicrohttpd

  std::mutex mutex;  // of all below, and of every Client::deadline
  // Each wakes one thread, so that a request costs one switch to a handler and no more.
  struct Queue {
    std::deque<Exchange*> waiting;
    std::condition_variable filled;
  };
  Queue queue;
  Queue quick_queue;
  bool is_stopping = false;
  std::condition_variable stopping;  // begun, or one request less to end
  Clients clients;
  std::size_t open_exchanges = 0;
  std::set<MHD_Connection*> sleeping;  // suspended streams
  std::uint64_t wakes = 0;

  std::vector<std::jthread> threads;  // last: they end first
};

// What libmicrohttpd holds of a stream while it lasts.
struct HttpServer::State::Stream {
  State* server;
  MHD_Connection* connection;
  std::function<std::optional<std::string>()> next;
  bool is_broken_by_stop;
  Client* client;
  std::string piece{};   // the last one
  std::size_t sent = 0;  // bytes of it that libmicrohttpd has
  // What of its time the client has left, while it is not waited for: an answer that must be whole
  // has to be taken at kBytesPerSecond.
  Clock::duration spare;
  bool is_left() const { return sent < piece.size(); }
};

void HttpServer::State::start_daemons() {
  const bool is_tls = !options.tls_certificate.empty();
  const std::string certificate =
      is_tls ? read_pem(options.tls_certificate, "the certificate") : "";
  const std::string key = is_tls ? read_pem(options.tls_key, "the key of the certificate") : "";
  const unsigned allowed = allowed_connections(options.max_connections + kLeaving);
  options.max_connections = std::max(allowed - std::min(allowed / 2, kLeaving), 1U);
  for (const std::uint16_t port : options.ports) open_port(port, certificate, key);
  for (unsigned i = 0; i < std::max(options.threads, 1U); ++i) {
    threads.emplace_back([this] { work(queue); });
  }
  if (options.is_quick) threads.emplace_back([this] { work(quick_queue); });
  threads.emplace_back([this] { sweep(); });
}

void HttpServer::State::open_port(std::uint16_t port, const std::string& certificate,
                                  const std::string& key) {
  const int fd = listen_on(options.address, port);
  const auto timeout = static_cast<unsigned>(options.timeout.count());
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
  std::vector<MHD_OptionItem> items;
  if (!certificate.empty()) {
    flags |= MHD_USE_TLS;
    items.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, const_cast<char*>(certificate.c_str())});
    items.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(key.c_str())});
    items.push_back(
        {MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>("NORMAL:-VERS-TLS1.0:-VERS-TLS1.1")});
  }
  items.push_back({MHD_OPTION_END, 0, nullptr});
  MHD_Daemon* daemon = MHD_start_daemon(
      flags, 0, nullptr, nullptr, &State::request_callback, this,      //
      MHD_OPTION_EXTERNAL_LOGGER, &State::log_callback, this,          //
      MHD_OPTION_LISTEN_SOCKET, fd,                                    //
      MHD_OPTION_URI_LOG_CALLBACK, &State::first_line_callback, this,  //
      MHD_OPTION_NOTIFY_COMPLETED, &State::completed_callback, this, MHD_OPTION_NOTIFY_CONNECTION,
      &State::connection_callback, this,                                //
      MHD_OPTION_CONNECTION_LIMIT, options.max_connections + kLeaving,  //
      MHD_OPTION_CONNECTION_TIMEOUT, timeout,                           //
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, options.max_header_bytes + kConnectionMemory,
      MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, items.data(), MHD_OPTION_END);
  if (daemon == nullptr) {
    close(fd);
    const std::lock_guard lock(complaint_mutex);
    throw base::ConfigError(fmt::format("cannot serve on {} port {}{}{}", options.address, port,
                                        last_complaint.empty() ? "" : ": ", last_complaint));
  }
  daemons.push_back(daemon);
  sockets.push_back(fd);
  ports.push_back(bound_port(fd));
}

// In this order: no new clients, no new requests, the handlers' last answers, the rest.
void HttpServer::State::stop() {
  for (MHD_Daemon* daemon : daemons) MHD_quiesce_daemon(daemon);
  {
    const std::lock_guard lock(mutex);
    is_stopping = true;
    handlers_stop.request_stop();
    queue.filled.notify_all();
    quick_queue.filled.notify_all();
    stopping.notify_all();
  }
  wake_streams();
  threads.clear();
  {
    std::unique_lock lock(mutex);
    // A server that could not start all its ports: libmicrohttpd must have nothing suspended.
    for (Queue* unserved : {&queue, &quick_queue}) {
      for (Exchange* exchange : std::exchange(unserved->waiting, {})) {
        exchange->response = plain(MHD_HTTP_SERVICE_UNAVAILABLE, "the service is stopping");
        MHD_resume_connection(exchange->connection);
      }
    }
    stopping.wait_for(lock, kLastAnswers, [this] { return open_exchanges == 0; });
  }
  for (MHD_Daemon* daemon : daemons) MHD_stop_daemon(daemon);
  for (const int fd : sockets) close(fd);
}

void HttpServer::State::work(Queue& own) {
  std::unique_lock lock(mutex);
  while (true) {
    own.filled.wait(lock, [&] { return is_stopping || !own.waiting.empty(); });
    if (own.waiting.empty()) return;
    Exchange& exchange = *own.waiting.front();
    own.waiting.pop_front();
    const bool is_late = is_stopping;
    lock.unlock();
    exchange.response = is_late ? plain(MHD_HTTP_SERVICE_UNAVAILABLE, "the service is stopping")
                                : handled(exchange.request);
    MHD_resume_connection(exchange.connection);
    lock.lock();
  }
}

HttpResponse HttpServer::State::handled(const HttpRequest& request) {
  try {
    return handler(request);
  } catch (const std::exception& error) {
    log.error("{} {}: {}", request.method, request.path, error.what());
    return plain(MHD_HTTP_INTERNAL_SERVER_ERROR, "this request failed; the log says why");
  }
}

void HttpServer::State::sweep() {
  while (true) {
    {
      std::unique_lock lock(mutex);
      if (stopping.wait_for(lock, std::chrono::seconds(1), [this] { return is_stopping; })) return;
      const Clock::time_point now = Clock::now();
      for (Client* client : clients) {
        if (client->deadline <= now) cut(*client);
      }
    }
    wake_streams();
  }
}

MHD_Result HttpServer::State::refuse(Exchange& exchange, unsigned status, std::string detail) {
  exchange.response = plain(static_cast<int>(status), std::move(detail));
  exchange.response.headers.emplace_back("Connection", "close");
  return answer(exchange);
}

MHD_Result HttpServer::State::on_request(MHD_Connection* connection, const char* path,
                                         const char* method, const char* version, const char* data,
                                         std::size_t* size, void** context) {
  auto* exchange = static_cast<Exchange*>(*context);
  if (exchange == nullptr) {  // only the header is there yet
    auto made = std::make_unique<Exchange>();
    made->request = read_request(connection, path, method);
    made->request.stop = handlers_stop.get_token();
    made->request.wake = [this] { wake_streams(); };
    made->connection = connection;
    made->client = client_of(connection);
    made->is_http_1_0 = std::string_view(version) == MHD_HTTP_VERSION_1_0;
    exchange = made.release();
    *context = exchange;
    {
      const std::lock_guard lock(mutex);
      ++open_exchanges;
      exchange->client->is_header = false;
    }
    if (std::string fault = framing_fault(exchange->request, version); !fault.empty()) {
      return refuse(*exchange, MHD_HTTP_BAD_REQUEST, std::move(fault));
    }
    const std::string length = exchange->request.header("Content-Length").value_or("0");
    std::size_t announced = 0;
    std::from_chars(length.data(), length.data() + length.size(), announced);
    if (announced <= options.max_body_bytes) return MHD_YES;
    return refuse(*exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
  }
  if (*size > 0) {
    exchange->is_too_large |= exchange->request.body.size() + *size > options.max_body_bytes;
    if (exchange->is_too_large) return MHD_NO;  // chunked: no status can be sent in its midst
    exchange->request.body.append(data, *size);
    *size = 0;
    return MHD_YES;
  }
  return exchange->is_dispatched ? answer(*exchange) : dispatch(*exchange);
}

MHD_Result HttpServer::State::dispatch(Exchange& exchange) {
  exchange.is_dispatched = true;
  const bool is_quick = options.is_quick && options.is_quick(exchange.request);
  Queue& chosen = is_quick ? quick_queue : queue;
  std::unique_lock lock(mutex);
  if (is_stopping) {
    lock.unlock();
    exchange.response = plain(MHD_HTTP_SERVICE_UNAVAILABLE, "the service is stopping");
    return answer(exchange);
  }
  exchange.client->deadline = Clock::time_point::max();
  exchange.client->is_asking = false;
  MHD_suspend_connection(exchange.connection);
  chosen.waiting.push_back(&exchange);
  lock.unlock();
  chosen.filled.notify_one();
  return MHD_YES;
}

MHD_Result HttpServer::State::answer(Exchange& exchange) {
  if (exchange.is_http_1_0 && exchange.response.is_broken_by_stop) {
    exchange.response = plain(MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED,
                              "this answer needs HTTP/1.1: in HTTP/1.0 one that breaks off looks "
                              "like a whole one");
  }
  const auto status = static_cast<unsigned>(exchange.response.status);
  StreamReader reader;
  if (exchange.response.stream) {
    reader.read = &State::stream_callback;
    reader.context = new Stream{.server = this,
                                .connection = exchange.connection,
                                .next = std::move(exchange.response.stream),
                                .is_broken_by_stop = exchange.response.is_broken_by_stop,
                                .client = exchange.client,
                                .spare = options.timeout};
    reader.free_context = &State::stream_free_callback;
  }
  const std::chrono::seconds for_body(exchange.response.body.size() / kBytesPerSecond);
  // Where a chunked body ends is for libmicrohttpd to say, which is not strict about it.
  if (exchange.request.header("Transfer-Encoding")) {
    exchange.response.headers.emplace_back("Connection", "close");
  }
  const OwnedResponse response = make_response(std::move(exchange.response), reader);
  if (!response) return MHD_NO;
  {
    // A client of events may take its time; libmicrohttpd cuts off one that takes nothing.
    const std::lock_guard lock(mutex);
    exchange.client->deadline = reader.read != nullptr ? Clock::time_point::max()
                                                       : Clock::now() + options.timeout + for_body;
    exchange.client->is_asking = false;
  }
  return MHD_queue_response(exchange.connection, status, response.get());
}

ssize_t HttpServer::State::on_stream(Stream& stream, char* out, std::size_t size) {
  if (stream.is_broken_by_stop) stop_waiting_for(stream);
  while (!stream.is_left()) {
    std::uint64_t wakes_before = 0;
    {
      const std::lock_guard lock(mutex);
      if (is_stopping) {
        return stream.is_broken_by_stop ? MHD_CONTENT_READER_END_WITH_ERROR
                                        : MHD_CONTENT_READER_END_OF_STREAM;
      }
      wakes_before = wakes;
    }
    std::optional<std::string> piece = stream.next();
    if (!piece) return MHD_CONTENT_READER_END_OF_STREAM;
    stream.piece = std::move(*piece);
    stream.sent = 0;
    if (stream.is_left()) break;
    const std::lock_guard lock(mutex);
    if (wakes != wakes_before || is_stopping) continue;  // something came just now
    sleeping.insert(stream.connection);
    MHD_suspend_connection(stream.connection);
    return 0;
  }
  const std::size_t count = std::min(size, stream.piece.size() - stream.sent);
  std::copy_n(stream.piece.data() + stream.sent, count, out);
  stream.sent += count;
  if (stream.is_broken_by_stop) wait_for(stream, count);
  return static_cast<ssize_t>(count);
}

// The client has taken what it was given.
void HttpServer::State::stop_waiting_for(Stream& stream) {
  const std::lock_guard lock(mutex);
  Clock::time_point& deadline = stream.client->deadline;
  if (deadline == Clock::time_point::max()) return;
  stream.spare = std::max(Clock::duration::zero(), deadline - Clock::now());
  deadline = Clock::time_point::max();
}

// The client has `count` bytes more to take. What it was faster before gives it no more time than
// options.timeout.
void HttpServer::State::wait_for(Stream& stream, std::size_t count) {
  using Seconds = std::chrono::duration<double>;
  const auto for_bytes = std::chrono::duration_cast<Clock::duration>(
      Seconds(static_cast<double>(count) / static_cast<double>(kBytesPerSecond)));
  const std::lock_guard lock(mutex);
  stream.spare = std::min<Clock::duration>(stream.spare + for_bytes, options.timeout);
  stream.client->deadline = Clock::now() + stream.spare;
}

void HttpServer::State::wake_streams() {
  const std::lock_guard lock(mutex);
  ++wakes;
  for (MHD_Connection* connection : sleeping) MHD_resume_connection(connection);
  sleeping.clear();
}

MHD_Result HttpServer::State::request_callback(void* self, MHD_Connection* connection,
                                               const char* path, const char* method,
                                               const char* version, const char* data,
                                               std::size_t* size, void** context) {
  try {
    return static_cast<State*>(self)->on_request(connection, path, method, version, data, size,
                                                 context);
  } catch (const std::exception&) {  // no memory: only this connection ends
    return MHD_NO;
  }
}

// Called before the header is read.
void* HttpServer::State::first_line_callback(void* self, const char* /*uri*/,
                                             MHD_Connection* connection) {
  auto& state = *static_cast<State*>(self);
  if (Client* client = client_of(connection)) {
    const std::lock_guard lock(state.mutex);
    client->is_header = true;
    client->reader = std::this_thread::get_id();
  }
  return nullptr;  // what on_request() finds at first
}

void HttpServer::State::completed_callback(void* self, MHD_Connection* /*connection*/,
                                           void** context, MHD_RequestTerminationCode /*code*/) {
  auto& state = *static_cast<State*>(self);
  const std::unique_ptr<Exchange> exchange(static_cast<Exchange*>(*context));
  *context = nullptr;
  if (!exchange) return;
  const std::lock_guard lock(state.mutex);
  --state.open_exchanges;
  exchange->client->deadline = Clock::now() + state.options.timeout;  // for the next request
  exchange->client->is_asking = true;
  if (state.is_stopping) state.stopping.notify_all();
}

void HttpServer::State::connection_callback(void* self, MHD_Connection* connection, void** context,
                                            MHD_ConnectionNotificationCode code) {
  auto& state = *static_cast<State*>(self);
  const std::lock_guard lock(state.mutex);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    auto client = std::make_unique<Client>();
    client->fd = info == nullptr ? -1 : info->connect_fd;
    client->address = peer_address(connection);
    client->deadline = Clock::now() + state.options.timeout;
    if (!make_room(state.clients, client->address, state.options)) cut(*client);
    state.clients.insert(client.get());
    *context = client.release();
  } else {
    const std::unique_ptr<Client> client(static_cast<Client*>(*context));
    state.clients.erase(client.get());
    *context = nullptr;
  }
}

ssize_t HttpServer::State::stream_callback(void* stream, std::uint64_t /*position*/, char* out,
                                           std::size_t size) {
  auto& pulled = *static_cast<Stream*>(stream);
  try {
    return pulled.server->on_stream(pulled, out, size);
  } catch (const std::exception&) {
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
}

void HttpServer::State::stream_free_callback(void* stream) { delete static_cast<Stream*>(stream); }

void HttpServer::State::log_callback(void* self, const char* format, va_list arguments) {
  auto& state = *static_cast<State*>(self);
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  std::string line(text);
  while (line.ends_with('\n')) line.pop_back();
  state.log.debug("http: {}", line);
  if (line.starts_with("Error processing request") &&
      (line.find("code is 400") != std::string::npos ||
       line.find("code is 413") != std::string::npos)) {
    const std::lock_guard lock(state.mutex);
    refuse_headers(state.clients, !state.options.tls_certificate.empty());
  }
  const std::lock_guard lock(state.complaint_mutex);
  state.last_complaint = line;
}

HttpServer::HttpServer(const HttpOptions& options, Handler handler, spdlog::logger& log)
    : state_(std::make_unique<State>(options, std::move(handler), log)) {
  try {
    state_->start_daemons();
  } catch (...) {
    state_->stop();
    throw;
  }
}

HttpServer::~HttpServer() { state_->stop(); }

std::vector<std::uint16_t> HttpServer::ports() const { return state_->ports; }

void HttpServer::wake() { state_->wake_streams(); }

}  // namespace qvdhouse::serve
