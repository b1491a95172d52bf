// The rows of a file of a source, as its table would hold them: what `url()` of any ClickHouse
// reads as a table (docs/query-files.md).
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "decide/placement.h"
#include "render/files.h"
#include "render/format.h"
#include "render/rows.h"
#include "serve/api_context.h"
#include "serve/router.h"
#include "source/archive_name.h"
#include "source/listing.h"
#include "source/scope.h"

namespace qvdhouse::serve {
namespace {

// Bytes of one answer that are made and not sent yet.
constexpr std::size_t kMostWaitingBytes = 4 << 20;
// Each holds the distinct values of the columns that were asked for.
constexpr int kMostReaders = 4;

// The rows of one answer: made by a thread of its own, pulled by the one that moves bytes.
class CatStream {
 public:
  // `wake` is called while the stream has its consumer; none: nobody sleeps.
  CatStream(std::shared_ptr<const Owners> owners, std::vector<render::File> files,
            render::Request request, render::Format format, std::function<void()> wake)
      : owners_(std::move(owners)),
        wake_(std::move(wake)),
        files_(std::move(files), std::move(request), stop_.get_token()),
        rows_(files_, {.format = format}) {}

  // As HttpResponse::stream. Throws IoError when the rows could not be made.
  std::optional<std::string> next() {
    const std::lock_guard lock(mutex_);
    if (!pieces_.empty()) {
      std::string piece = std::move(pieces_.front());
      pieces_.pop_front();
      waiting_bytes_ -= piece.size();
      changed_.notify_all();
      return piece;
    }
    if (!error_.empty()) throw base::IoError(error_);
    return is_done_ ? std::nullopt : std::optional<std::string>("");
  }

  // The consumer has gone.
  void close() {
    stop_.request_stop();
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    changed_.notify_all();
  }

  // Makes all pieces; in a thread of its own. Never throws.
  void make(spdlog::logger& log, const std::string& file) {
    std::string error;
    try {
      for (auto piece = rows_.next(); !piece.empty(); piece = rows_.next()) {
        if (!put({reinterpret_cast<const char*>(piece.data()), piece.size()})) return;
      }
    } catch (const std::exception& failure) {
      error = failure.what();
    }
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    if (!error.empty()) log.error("GET /api/cat: {}: {}; its answer was broken off", file, error);
    error_ = std::move(error);
    is_done_ = true;
    if (wake_) wake_();
  }

 private:
  bool put(std::string piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_closed_ || waiting_bytes_ < kMostWaitingBytes; });
    if (is_closed_) return false;
    waiting_bytes_ += piece.size();
    pieces_.push_back(std::move(piece));
    if (wake_) wake_();
    return true;
  }

  const std::shared_ptr<const Owners> owners_;  // and so the storage
  const std::function<void()> wake_;
  std::stop_source stop_;
  render::Files files_;
  render::Rows rows_;

  std::mutex mutex_;  // of the rest
  std::condition_variable changed_;
  std::deque<std::string> pieces_;
  std::size_t waiting_bytes_ = 0;
  std::string error_;
  bool is_done_ = false;
  bool is_closed_ = false;
};

}  // namespace

// The threads that make rows.
class CatStreams {
 public:
  ~CatStreams() {
    for (const Thread& thread : threads_) {
      if (const auto stream = thread.stream.lock()) stream->close();
    }
  }

  void begin(std::shared_ptr<CatStream> stream, spdlog::logger& log, std::string file) {
    const std::lock_guard lock(mutex_);
    std::erase_if(threads_, [](const Thread& thread) { return thread.is_done->load(); });
    Thread& added = threads_.emplace_back();
    added.is_done = std::make_shared<std::atomic<bool>>(false);
    added.stream = stream;
    added.thread = std::jthread(
        [stream = std::move(stream), is_done = added.is_done, &log, file = std::move(file)] {
          stream->make(log, file);
          *is_done = true;
        });
  }

  std::atomic<int> readers{0};  // answers that were begun and have not ended

 private:
  struct Thread {
    std::shared_ptr<std::atomic<bool>> is_done;
    std::weak_ptr<CatStream> stream;
    std::jthread thread;
  };
  std::mutex mutex_;
  std::list<Thread> threads_;
};

namespace {

// What pulls a stream's pieces; begins it when the first is wanted, as none is for HEAD.
class CatReader {
 public:
  // Throws Problem 503 when there are too many.
  explicit CatReader(ApiContext& context) : context_(context) {
    if (++context_.cat_streams->readers <= kMostReaders) return;
    --context_.cat_streams->readers;
    throw Problem(503, fmt::format("{} files are being read already; try again", kMostReaders));
  }
  ~CatReader() {
    if (stream_) stream_->close();
    --context_.cat_streams->readers;
  }
  CatReader(const CatReader&) = delete;
  CatReader& operator=(const CatReader&) = delete;

  void set(std::shared_ptr<CatStream> stream, std::string file) {
    stream_ = std::move(stream);
    file_ = std::move(file);
  }

  std::optional<std::string> next() {
    if (!std::exchange(has_begun_, true)) {
      context_.cat_streams->begin(stream_, context_.log, file_);
    }
    return stream_->next();
  }

 private:
  ApiContext& context_;
  std::shared_ptr<CatStream> stream_;
  std::string file_;
  bool has_begun_ = false;
};

// A file that a listing of a workflow's source takes.
struct TakenFile {
  const Workflow* workflow;
  source::FileEntry entry;
};

// `name`: the file_path of a file, or its path below a source. It is a stranger's: nothing is asked
// of any storage unless a listing of the source takes it.
TakenFile find_file(const std::string& name, const Owners& owners) {
  std::vector<std::string> paths = {name};
  for (const Workflow& workflow : owners.configuration()->workflows) {
    std::string below = source::Scope(workflow.options.source).folder();
    if (!below.ends_with('/')) below += '/';
    below += name;
    paths.push_back(source::identity_of(below));
    const std::string alone = source::identity_of(workflow.options.source);
    if (source::name_of_file(alone) == name) paths.push_back(alone);  // the source is this file
  }
  std::string error;
  for (const std::string& path : paths) {
    const Workflow* workflow = owners.taking(path);
    if (workflow == nullptr) continue;
    try {
      for (source::FileEntry& entry : workflow->storage->list(path, workflow->options.selection)) {
        if (entry.path == path && entry.skip_code.empty()) return {workflow, std::move(entry)};
      }
    } catch (const base::IoError& failure) {  // not there, or its storage is not
      error = failure.what();
    }
  }
  throw Problem(404, error.empty() ? "no source takes a file " + name : error);
}

render::File rendered(const TakenFile& file, const ApiContext& context) {
  const sync::Options options = options_of(*file.workflow, context);
  decide::FileLoad load = decide::load_of(
      options.load,
      decide::place_file(file.entry.path, options.tables, options.load.policy, options.source),
      file.entry.path);
  return {.name = file.entry.name,
          .open = [storage = file.workflow->storage,
                   entry = file.entry] { return storage->open(entry); },
          .options = std::move(load.options),
          .target = std::move(load.target)};
}

render::Format format_of(const HttpRequest& request) {
  const std::string name = text_parameter(request, "format");
  if (name.empty()) return render::Format::kCsv;
  const auto format = render::find_format(name);
  if (format && !render::info(*format).needs_clickhouse) return *format;
  std::vector<std::string> allowed;
  for (const render::FormatInfo& known : render::formats()) {
    if (!known.needs_clickhouse) allowed.emplace_back(known.name);
  }
  throw Problem(400, "format must be one of those that are allowed", std::move(allowed));
}

render::Request request_of(const HttpRequest& http) {
  render::Request request{.columns = source::split_list(text_parameter(http, "columns")),
                          .where = text_parameter(http, "where"),
                          .limit = {}};
  if (http.parameter("limit")) {
    request.limit =
        number_parameter(http, "limit", 0, std::numeric_limits<std::uint64_t>::max(), 0);
  }
  return request;
}

HttpResponse cat_answer(const RoutedRequest& request, ApiContext& context) {
  const std::string name = text_parameter(request.http, "file");
  if (name.empty()) {
    throw Problem(400, "file must be a file of a source, by its path below it", {"file"});
  }
  const render::Format format = format_of(request.http);
  const auto reader = std::make_shared<CatReader>(context);
  const SlowTurn turn(context);
  std::shared_ptr<const Owners> owners = context.owners();
  try {
    const TakenFile file = find_file(name, *owners);
    reader->set(std::make_shared<CatStream>(std::move(owners),
                                            std::vector<render::File>{rendered(file, context)},
                                            request_of(request.http), format, request.http.wake),
                file.entry.path);
  } catch (const base::SchemaError& error) {
    throw Problem(400, error.what());
  } catch (const base::InputError& error) {
    throw Problem(409, fmt::format("{} cannot be read: {}", name, error.what()));
  } catch (const base::IoError& error) {
    throw Problem(503, error.what());
  }
  HttpResponse response;
  response.type = render::info(format).media_type;
  response.headers.emplace_back("X-Accel-Buffering", "no");  // or nginx keeps rows back
  response.is_broken_by_stop = true;
  response.stream = [reader] { return reader->next(); };
  return response;
}

}  // namespace

void add_cat_routes(Router& router, ApiContext& context) {
  context.cat_streams = std::make_shared<CatStreams>();
  add_routes(router, context,
             {{"GET", "/api/cat", {"file", "format", "columns", "where", "limit"}, cat_answer}});
}

}  // namespace qvdhouse::serve
