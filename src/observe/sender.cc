#include "observe/sender.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "base/loopback.h"
#include "base/quantity.h"
#include "http/curl.h"
#include "http/fetch.h"

namespace qvdhouse::observe {
namespace {

constexpr std::string_view kFile = "file://";
constexpr std::chrono::milliseconds kLongestPause{30'000};

// "collector:4318", or the path of a file.
std::string name_of(const std::string& url) {
  if (url.starts_with(kFile)) return url.substr(kFile.size());
  const std::optional<http::Url> parsed = http::Url::parse(url);
  if (!parsed) return "its receiver";
  const std::string port = parsed->part(CURLUPART_PORT);
  return parsed->part(CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
}

// A collector beside us is asked without a proxy.
bool is_loopback(const std::string& url) {
  const std::optional<http::Url> parsed = http::Url::parse(url);
  return parsed && base::is_loopback_host(parsed->part(CURLUPART_HOST));
}

// OTLP counts what it did not take in an answer that says yes.
std::uint64_t rejected_of(const std::string& answer) {
  const nlohmann::json json = nlohmann::json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains("partialSuccess")) return 0;
  const nlohmann::json& part = json["partialSuccess"];
  if (!part.is_object() || !part.contains("rejectedSpans")) return 0;
  const nlohmann::json& count = part["rejectedSpans"];
  if (count.is_number_unsigned()) return count.get<std::uint64_t>();
  return count.is_string() ? std::strtoull(count.get<std::string>().c_str(), nullptr, 10) : 0;
}

constexpr const char* kNotRegular = "it is not a regular file; name one, or an http(s) URL";

std::string error_of_write(int error) {
  return fmt::format("the file cannot be written: {}", std::generic_category().message(error));
}

std::string write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return error_of_write(count < 0 ? errno : EIO);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return "";
}

// Returns what is wrong; empty: nothing is. Never waits for a reader, as that of a pipe.
std::string append_lines(const std::string& path, const std::vector<std::string>& items) {
  std::string lines;
  for (const std::string& item : items) lines.append(item).append("\n");
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK;
  constexpr mode_t kNewFile = 0666;  // less the umask
  const int descriptor = ::open(path.c_str(), kFlags, kNewFile);
  // A pipe that nobody reads, or a socket.
  if (descriptor < 0) return errno == ENXIO ? kNotRegular : error_of_write(errno);
  struct stat status {};
  const bool is_regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  std::string wrong = is_regular ? write_all(descriptor, lines) : kNotRegular;
  if (::close(descriptor) != 0 && wrong.empty()) wrong = error_of_write(errno);
  return wrong;
}

}  // namespace

Sender::Sender(Receiver receiver, spdlog::logger& log)
    : receiver_(std::move(receiver)),
      host_(name_of(receiver_.url)),
      is_loopback_(is_loopback(receiver_.url)),
      log_(log) {
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

Sender::~Sender() {
  thread_.request_stop();
  thread_.join();
}

void Sender::add(std::string item) {
  const std::lock_guard lock(mutex_);
  if (item.size() > receiver_.queue_bytes) {
    drop(1, fmt::format("one has {} bytes, and at most {} bytes may wait", item.size(),
                        receiver_.queue_bytes));
    return;
  }
  if (queued_bytes_ + item.size() > receiver_.queue_bytes) {
    drop(1, fmt::format("they come faster than it takes them, and {} bytes wait", queued_bytes_));
    return;
  }
  queued_bytes_ += item.size();
  queue_.push_back(std::move(item));
  changed_.notify_all();
}

void Sender::finish(std::chrono::milliseconds patience, Clock::time_point begin) {
  std::unique_lock lock(mutex_);
  is_finishing_ = true;
  changed_.notify_all();
  const auto is_done = [&] { return queue_.empty() && !is_busy_; };
  const Clock::time_point latest = begin + std::max(patience, kLongestEnd);
  const auto end = [&] { return std::min(std::max(last_taken_, begin) + patience, latest); };
  // The end moves with all that is taken.
  while (!is_done() && Clock::now() < end()) changed_.wait_until(lock, end());
  if (!is_done()) {
    thread_.request_stop();
    const bool is_latest = end() == latest;
    give_up(is_latest ? fmt::format("it did not take all within {} ms",
                                    std::max(patience, kLongestEnd).count())
                      : fmt::format("it took nothing for {} ms", patience.count()));
    // The request that is under way is ended, which counts its items.
    changed_.wait(lock, is_done);
  }
  tell_drops();
}

void Sender::give_up(const std::string& why) {
  drop(queue_.size(), why);
  queue_.clear();
  queued_bytes_ = 0;
}

Sender::Counts Sender::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void Sender::work(const std::stop_token& stop) {
  while (true) {
    const std::vector<std::string> items = next_batch(stop);
    if (items.empty()) return;
    std::string failure;
    try {
      send(items, stop);
    } catch (const std::exception& error) {
      failure = error.what();
    }
    const std::lock_guard lock(mutex_);
    is_busy_ = false;
    if (!failure.empty()) drop(items.size(), failure);
    if (is_given_up_) give_up(why_);
    changed_.notify_all();
  }
}

// Empty: the end.
std::vector<std::string> Sender::next_batch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [&] { return !queue_.empty(); })) return {};
  changed_.wait_for(lock, stop, receiver_.linger,
                    [&] { return is_finishing_ || queue_.size() >= receiver_.batch; });
  std::vector<std::string> items;
  while (!queue_.empty() && items.size() < receiver_.batch) {
    queued_bytes_ -= queue_.front().size();
    items.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  is_busy_ = !items.empty();
  return items;
}

void Sender::send(const std::vector<std::string>& items, const std::stop_token& stop) {
  std::chrono::milliseconds pause = receiver_.first_pause;
  for (unsigned attempt = 1;; ++attempt) {
    const auto [why, may_repeat, rejected] = try_once(items, stop);
    std::unique_lock lock(mutex_);
    if (why.empty()) {
      if (rejected == 0) tell_recovery();
      drop(rejected, "it took the others of their request and not these");
      counts_.delivered += items.size() - rejected;
      last_taken_ = Clock::now();
      return;
    }
    const bool is_last = !may_repeat || attempt >= receiver_.attempts || stop.stop_requested();
    if (is_last || is_finishing_) {
      is_given_up_ = is_finishing_ && may_repeat;
      drop(items.size(), why);
      return;
    }
    // Once more at once when the end has come.
    changed_.wait_for(lock, stop, pause, [&] { return is_finishing_; });
    pause = std::min(pause * 2, kLongestPause);
  }
}

Sender::Attempt Sender::try_once(const std::vector<std::string>& items,
                                 const std::stop_token& stop) {
  if (receiver_.url.starts_with(kFile)) {
    return {.why = append_lines(receiver_.url.substr(kFile.size()), items)};
  }
  std::string body = receiver_.prefix;
  for (const std::string& item : items) {
    if (&item != items.data()) body += ',';
    body += item;
  }
  body += receiver_.suffix;
  if (!connection_) connection_ = std::make_unique<http::Handle>();
  const http::Response response = http::fetch({.url = receiver_.url,
                                               .json = std::move(body),
                                               .headers = receiver_.headers,
                                               .use_proxy = !is_loopback_,
                                               .timeout = receiver_.timeout,
                                               .most_bytes = std::size_t{1} << 20U,
                                               .stop = stop},
                                              *connection_);
  if (http::is_taken(response)) {
    return {.why = {},
            .rejected = std::min<std::uint64_t>(rejected_of(response.body), items.size())};
  }
  return {.why = http::refusal_of(response), .may_repeat = http::may_be_taken_later(response)};
}

void Sender::drop(std::uint64_t items, const std::string& why) {
  if (items == 0) return;
  counts_.dropped += items;
  untold_ += items;
  why_ = why;
  // At the end all are told of in one.
  if (!is_finishing_ && !is_outage_told_) tell_drops();
}

void Sender::tell_recovery() {
  if (!std::exchange(is_outage_told_, false)) return;
  const std::uint64_t more = std::exchange(untold_, 0);
  if (more == 0) {
    log_.info("{} takes {}s again", host_, receiver_.what);
  } else {
    log_.warn("{} takes {}s again; {} more were lost", host_, receiver_.what, more);
  }
}

void Sender::tell_drops() {
  if (untold_ == 0) return;
  constexpr std::string_view kGrpcPort = ":4317";
  // Once an outage, and at the end what it was more.
  const std::string more = std::exchange(is_outage_told_, true) ? "more " : "";
  log_.warn("{} could not be sent to {}: {}{}; loads go on without it",
            base::format_quantity(untold_, more + receiver_.what), host_, why_,
            host_.ends_with(kGrpcPort)
                ? " (port 4317 is that of gRPC; traces are sent by HTTP, whose port is 4318)"
                : "");
  untold_ = 0;
}

}  // namespace qvdhouse::observe
