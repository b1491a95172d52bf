#include "source/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "source/http_errors.h"
#include "source/http_exchange.h"
#include "source/listing.h"

namespace qvdhouse::source {
namespace {

constexpr long kOk = 200, kPartial = 206, kFirstThatIsNone = 300, kRangeNotSatisfiable = 416;
constexpr std::size_t kMostErrorBytes = 64 * 1024;  // read to keep the connection, no more

bool is_ftp(const HttpTarget& target) {
  return target.url.starts_with("ftp://") || target.url.starts_with("ftps://");
}

HttpFailure ignores_range(std::uint64_t offset) {
  return {
      .text = fmt::format(
          "expected the bytes from {} on, found the whole file: the server ignores Range "
          "requests; let a server that knows them (nginx, Apache, an object store) serve it, or "
          "copy the file to a disk",
          offset)};
}

HttpFailure changed_size(std::uint64_t expected, std::uint64_t found) {
  return {.reaction = HttpReaction::kChanged,
          .text = fmt::format("expected {} bytes as listed, found {}; the file changed since",
                              expected, found)};
}

[[noreturn]] void throw_failure(const HttpFailure& failure, const HttpTarget& target) {
  const std::string text = fmt::format("{}: {}", target.shown, failure.text);
  if (failure.reaction == HttpReaction::kChanged) throw base::ChangedError(text);
  throw base::IoError(text);
}

// One read under way. Bytes go straight to where the caller wants them.
class RangeRead {
 public:
  // `etag` empty: not known.
  RangeRead(std::uint64_t offset, std::span<std::byte> out, std::uint64_t size,
            const std::string& etag)
      : offset_(offset), out_(out), size_(size), etag_(etag) {}

  HttpRequest request(const HttpTarget& target);
  // What is wrong with a try that has ended, if anything is. `access` is for messages.
  std::optional<HttpFailure> failure(const HttpReply& reply, const HttpTarget& target,
                                     const Access& access);
  std::size_t done() const { return done_; }
  bool is_complete() const { return done_ == out_.size(); }

 private:
  bool ends_with_file() const { return offset_ + out_.size() == size_; }
  bool take(const HttpReply& reply, std::string_view bytes);
  // Whether the headers promise the bytes that are still missing.
  std::optional<HttpFailure> refusal(const HttpReply& reply) const;
  std::optional<HttpFailure> partial_refusal(const HttpReply& reply) const;

  std::uint64_t offset_;
  std::span<std::byte> out_;
  std::uint64_t size_;  // of the whole file
  const std::string& etag_;
  std::size_t done_ = 0;
  // In this try:
  bool is_checked_ = false;
  std::optional<HttpFailure> refused_;  // what came is not what was asked for
  std::size_t discarded_ = 0;           // bytes of an error page
};

HttpRequest RangeRead::request(const HttpTarget& target) {
  is_checked_ = false;
  refused_.reset();
  discarded_ = 0;
  // FTP knows no end of a range: to stop before the end of the file costs the connection.
  const bool has_end = !(is_ftp(target) && ends_with_file());
  return {.target = target,
          .range = fmt::format("{}-{}", offset_ + done_,
                               has_end ? std::to_string(offset_ + out_.size() - 1) : ""),
          .if_match = etag_,
          .on_body = [this](const HttpReply& reply, std::string_view bytes) {
            return take(reply, bytes);
          }};
}

bool RangeRead::take(const HttpReply& reply, std::string_view bytes) {
  if (!reply.is_ftp && reply.status >= kFirstThatIsNone) {
    return (discarded_ += bytes.size()) <= kMostErrorBytes;
  }
  if (!is_checked_) {
    is_checked_ = true;
    refused_ = refusal(reply);
  }
  if (!refused_ && bytes.size() > out_.size() - done_) {
    refused_ = HttpFailure{
        .reaction = ends_with_file() ? HttpReaction::kChanged : HttpReaction::kGiveUp,
        .text = fmt::format("expected {} bytes from {} on, found more", out_.size(), offset_)};
  }
  if (refused_) return false;
  std::memcpy(out_.data() + done_, bytes.data(), bytes.size());
  done_ += bytes.size();
  return true;
}

std::optional<HttpFailure> RangeRead::refusal(const HttpReply& reply) const {
  if (reply.is_ftp) return std::nullopt;
  // Not every server knows If-Match.
  if (!etag_.empty() && !reply.headers.etag.empty() && !same_etag(reply.headers.etag, etag_)) {
    return HttpFailure{
        .reaction = HttpReaction::kChanged,
        .text = "expected the ETag that was listed, found another; the file changed since"};
  }
  if (reply.status != kOk) return partial_refusal(reply);
  const bool wants_all = offset_ == 0 && out_.size() == size_ && done_ == 0;
  if (!wants_all) return ignores_range(offset_ + done_);
  const std::uint64_t found = reply.headers.content_length.value_or(size_);
  return found == size_ ? std::nullopt : std::optional(changed_size(size_, found));
}

std::optional<HttpFailure> RangeRead::partial_refusal(const HttpReply& reply) const {
  const std::optional<ContentRange>& range = reply.headers.content_range;
  if (reply.status != kPartial || !range || !range->first) {
    return HttpFailure{
        .text = fmt::format("expected status 206 with the header Content-Range, found status {}{}",
                            reply.status, range ? "" : " without it")};
  }
  if (range->total && *range->total != size_) return changed_size(size_, *range->total);
  const std::uint64_t from = offset_ + done_;
  const std::uint64_t to = offset_ + out_.size() - 1;
  if (*range->first != from || *range->last > to) {
    return HttpFailure{.text = fmt::format("expected the bytes {} to {}, found {} to {}", from, to,
                                           *range->first, *range->last)};
  }
  return std::nullopt;
}

std::optional<HttpFailure> RangeRead::failure(const HttpReply& reply, const HttpTarget& target,
                                              const Access& access) {
  if (refused_) return refused_;
  const std::optional<ContentRange>& range = reply.headers.content_range;
  if (reply.status == kRangeNotSatisfiable && range && range->total && *range->total != size_) {
    return changed_size(size_, *range->total);
  }
  if (is_complete()) return std::nullopt;
  if (auto failure = failure_of(reply, target, access)) return failure;
  if (!is_checked_) {
    if (auto failure = refusal(reply)) return failure;
    return HttpFailure{
        .reaction = HttpReaction::kTryAgain,
        .text = fmt::format("expected {} bytes from {} on, found none", out_.size(), offset_)};
  }
  // A server may answer with less than was asked for.
  return std::nullopt;
}

}  // namespace

struct HttpClient::State {
  explicit State(const Access& wanted) : access(wanted) {}

  HttpReply run(const HttpRequest& request);
  void warn_of_unchecked_tls();
  // Waits before the next try, or throws if there is to be none. `failed`: tries in a row, this one
  // included, that brought nothing.
  void react(const HttpFailure& failure, unsigned failed, const HttpTarget& target);

  const Access access;
  std::mutex mutex;
  std::vector<std::unique_ptr<HttpExchange>> idle;  // the last one's connection is the warmest
  std::minstd_rand random{std::random_device{}()};
  std::once_flag warned;
};

void HttpClient::State::warn_of_unchecked_tls() {
  if (access.verify_tls || !access.warn) return;
  std::call_once(warned, [&] {
    access.warn(
        "verify_tls = false in [source]: servers' certificates are not checked, so whoever is on "
        "the way can read and change what is loaded");
  });
}

HttpReply HttpClient::State::run(const HttpRequest& request) {
  std::unique_ptr<HttpExchange> exchange;
  {
    const std::lock_guard lock(mutex);
    if (!idle.empty()) {
      exchange = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (!exchange) exchange = std::make_unique<HttpExchange>(access);
  HttpReply reply = exchange->run(request);
  if (reply.has_tls) warn_of_unchecked_tls();
  const std::lock_guard lock(mutex);
  idle.push_back(std::move(exchange));
  return reply;
}

void HttpClient::State::react(const HttpFailure& failure, unsigned failed,
                              const HttpTarget& target) {
  if (failure.reaction != HttpReaction::kTryAgain) throw_failure(failure, target);
  if (failed >= access.attempts) {
    throw base::IoError(fmt::format("{}: {}; {} tries in a row brought nothing", target.shown,
                                    failure.text, failed));
  }
  double jitter = 0;
  {
    const std::lock_guard lock(mutex);
    jitter = std::uniform_real_distribution<>()(random);
  }
  const auto delay =
      retry_delay(std::max(failed, 1U), access.first_delay, failure.retry_after, jitter);
  if (access.debug) {
    access.debug(
        fmt::format("{}: {}; next try in {} ms", target.shown, failure.text, delay.count()));
  }
  if (!base::pause_for(delay, access.stop)) throw base::Cancelled("stopped");
}

HttpClient::HttpClient(const Access& access) : state_(std::make_unique<State>(access)) {}
HttpClient::~HttpClient() = default;

void HttpClient::warn_of_unchecked_tls() { state_->warn_of_unchecked_tls(); }

HttpStat HttpClient::stat(const HttpTarget& target) {
  HttpRequest request{.target = target,
                      .is_ftp_stat = is_ftp(target),
                      .on_body = [discarded = std::size_t{0}](const HttpReply& reply,
                                                              std::string_view bytes) mutable {
                        discarded += bytes.size();
                        return reply.status != kOk && discarded <= kMostErrorBytes;
                      }};
  if (!request.is_ftp_stat) request.range = "0-0";
  for (unsigned failed = 1;; ++failed) {
    const HttpReply reply = state_->run(request);
    const HttpHeaders& headers = reply.headers;
    HttpStat stat{.etag = headers.etag, .mtime_us = headers.mtime_us};
    const bool is_empty_range = reply.status == kRangeNotSatisfiable && headers.content_range &&
                                headers.content_range->total == 0U;
    if (is_empty_range) return stat;
    // Before the code: on_body ends a whole file, and that is not a failure of the transfer.
    if (!reply.is_ftp && reply.status == kOk && headers.complete) {
      if (headers.content_length == 0U) return stat;
      throw_failure(ignores_range(0), target);
    }
    if (const auto failure = failure_of(reply, target, state_->access)) {
      state_->react(*failure, failed, target);
      continue;
    }
    const std::optional<std::uint64_t> size =
        reply.is_ftp ? headers.content_length
                     : (headers.content_range ? headers.content_range->total : std::nullopt);
    if (!size) {
      throw_failure({.text = fmt::format(
                         "expected the size of the file, found none in the answer (status {})",
                         reply.status)},
                    target);
    }
    stat.size = *size;
    return stat;
  }
}

void HttpClient::read(const HttpTarget& target, std::uint64_t offset, std::span<std::byte> out,
                      std::uint64_t size, const std::string& etag) {
  RangeRead read(offset, out, size, etag);
  for (unsigned failed = 0; !read.is_complete();) {
    const std::size_t before = read.done();
    const HttpReply reply = state_->run(read.request(target));
    const auto failure = read.failure(reply, target, state_->access);
    failed = read.done() > before ? 0 : failed + 1;
    if (failure) state_->react(*failure, failed, target);
  }
}

HttpClient::Answer HttpClient::post_json(const HttpTarget& target, const std::string& json) {
  Answer answer;
  const HttpReply reply = state_->run(
      {.target = target, .json = &json, .on_body = [&](const HttpReply&, std::string_view bytes) {
         answer.body += bytes;
         return true;
       }});
  answer.status = reply.status;
  if (reply.code != CURLE_OK || !reply.headers.complete) {
    throw base::IoError(fmt::format("{}: no answer: {}", target.shown,
                                    reply.detail.empty() ? "it was cut" : reply.detail));
  }
  return answer;
}

}  // namespace qvdhouse::source
