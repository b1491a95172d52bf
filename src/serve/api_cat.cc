// The rows of a file of a source, as its table would hold them: what `url()` of any ClickHouse
// reads as a table (docs/query-files.md).
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "decide/placement.h"
#include "render/files.h"
#include "render/format.h"
#include "render/rows.h"
#include "schema/row_filter.h"
#include "serve/api_context.h"
#include "serve/router.h"
#include "source/archive_name.h"
#include "source/glob.h"
#include "source/listing.h"
#include "source/scope.h"
#include "source/url.h"

namespace qvdhouse::serve {
namespace {

// Bytes of one answer that are made and not sent yet.
constexpr std::size_t kMostWaitingBytes = 4 << 20;
// Each holds the distinct values of the columns that were asked for.
constexpr int kMostReaders = 4;

// One piece that is sent at once.
constexpr std::size_t kPieceBytes = 256 << 10;
// In the query of one request.
constexpr std::size_t kMostColumns = 1'000;
constexpr std::size_t kMostConditions = 100;

// One of the kMostReaders, while it lives.
class CatPlace {
 public:
  // Throws Problem 503 when all are taken.
  explicit CatPlace(std::atomic<int>& readers) : readers_(readers) {
    if (++readers_ <= kMostReaders) return;
    --readers_;
    throw Problem(503, fmt::format("{} files are being read already; try again", kMostReaders));
  }
  ~CatPlace() { --readers_; }
  CatPlace(const CatPlace&) = delete;
  CatPlace& operator=(const CatPlace&) = delete;

 private:
  std::atomic<int>& readers_;
};

// The rows of one answer: made by a thread of its own, pulled by the one that moves bytes.
class CatStream {
 public:
  // Reads header and symbols until `http` is stopped. Its wake() is called while the stream has its
  // consumer; none: nobody sleeps. Holds `place` until the rows are done or given up.
  CatStream(std::unique_ptr<CatPlace> place, std::shared_ptr<const Owners> owners,
            std::vector<render::File> files, render::Request request, render::Format format,
            const HttpRequest& http)
      : place_(std::move(place)),
        owners_(std::move(owners)),
        wake_(http.wake),
        on_stop_(http.stop, [this] { stop_.request_stop(); }),
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
        for (; !piece.empty(); piece = piece.subspan(std::min(piece.size(), kPieceBytes))) {
          const auto part = piece.first(std::min(piece.size(), kPieceBytes));
          if (!put({reinterpret_cast<const char*>(part.data()), part.size()})) return;
        }
      }
    } catch (const base::Cancelled& stopped) {  // the service ends
      end(stopped.what());
      return;
    } catch (const std::exception& failure) {
      error = failure.what();
    }
    if (!error.empty() && !stop_.stop_requested())
      log.error("GET /api/cat: {}: {}; its answer was broken off", file, error);
    end(std::move(error));
  }

 private:
  // `error`: empty: all rows were made.
  void end(std::string error) {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    error_ = std::move(error);
    is_done_ = true;
    if (wake_) wake_();
  }
  bool put(std::string piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_closed_ || waiting_bytes_ < kMostWaitingBytes; });
    if (is_closed_) return false;
    waiting_bytes_ += piece.size();
    pieces_.push_back(std::move(piece));
    if (wake_) wake_();
    return true;
  }

  const std::unique_ptr<CatPlace> place_;
  const std::shared_ptr<const Owners> owners_;  // and so the storage
  const std::function<void()> wake_;
  std::stop_source stop_;
  const std::stop_callback<std::function<void()>> on_stop_;
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

  std::atomic<int> readers{
      0};  // streams that have not ended, whether their clients are there or not

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
  // `access_changes`: of the context when the request was let in.
  CatReader(ApiContext& context, std::shared_ptr<CatStream> stream, std::string file,
            unsigned access_changes)
      : context_(context),
        stream_(std::move(stream)),
        file_(std::move(file)),
        access_changes_(access_changes) {}
  ~CatReader() { stream_->close(); }
  CatReader(const CatReader&) = delete;
  CatReader& operator=(const CatReader&) = delete;

  // As CatStream::next(). Throws IoError, too, when the token is another one than at first.
  std::optional<std::string> next() {
    if (context_.access_changes != access_changes_) {
      throw base::IoError("another token was set; ask with that one");
    }
    if (!std::exchange(has_begun_, true)) {
      context_.cat_streams->begin(stream_, context_.log, file_);
    }
    return stream_->next();
  }

 private:
  ApiContext& context_;
  const std::shared_ptr<CatStream> stream_;
  const std::string file_;
  const unsigned access_changes_;
  bool has_begun_ = false;
};

// A file that a listing of a workflow's source takes.
struct TakenFile {
  const Workflow* workflow;
  source::FileEntry entry;
};

// What `name` may be the identity of: itself, and below each source.
std::vector<std::string> paths_of(const std::string& name, const Owners& owners) {
  std::vector<std::string> paths = {name};
  for (const Workflow& workflow : owners.configuration()->workflows) {
    std::string below = source::Scope(workflow.options.source).folder();
    if (!below.ends_with('/')) below += '/';
    below += name;
    paths.push_back(source::identity_of(below));
    const std::string alone = source::identity_of(workflow.options.source);
    if (source::name_of_file(alone) == name) paths.push_back(alone);  // the source is this file
  }
  std::ranges::sort(paths);
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

// Adds the file of this identity, if a listing of the workflow's source takes it. Throws what
// listing throws, but for a local file that is not there. A pattern of names is not listed.
void add_taken(const std::string& path, const Workflow& workflow, std::vector<TakenFile>& found) {
  const bool is_local = !source::parse_url(path) && !source::archive_place(path);
  std::error_code ignored;
  if (is_local &&
      std::filesystem::status(path, ignored).type() == std::filesystem::file_type::not_found) {
    return;
  }
  if (!is_local && source::has_wildcards(path)) return;
  for (source::FileEntry& entry : workflow.storage->list(path, workflow.options.selection)) {
    if (entry.path != path || !entry.skip_code.empty()) continue;
    found.push_back({&workflow, std::move(entry)});
  }
}

// `name`: the file_path of a file, or its path below a source. It is a stranger's: nothing is asked
// of any storage unless a listing of the source takes it. Throws Problem 404, 409 where several
// sources have such a file, and 503 where none has and one of them cannot be listed.
TakenFile find_file(const std::string& name, const Owners& owners) {
  if (name.find('\0') != std::string::npos) {
    throw Problem(404, "file: expected a path, found a NUL byte in it");
  }
  std::vector<TakenFile> found;
  std::string fault;
  std::string is_down;
  for (const std::string& path : paths_of(name, owners)) {
    const Workflow* workflow = owners.taking(path);
    if (workflow == nullptr) continue;
    try {
      add_taken(path, *workflow, found);
    } catch (const base::ConfigError& error) {
      fault = error.what();
    } catch (const base::InputError& error) {  // an archive that is damaged
      fault = error.what();
    } catch (const base::IoError& error) {
      is_down = error.what();
    }
  }
  if (found.size() > 1) {
    throw Problem(409, fmt::format("several sources have a file {}: {} and {}; name it by its path",
                                   name, found[0].entry.path, found[1].entry.path));
  }
  if (!found.empty()) return std::move(found.front());
  if (!is_down.empty()) throw Problem(503, is_down);
  if (!fault.empty()) throw Problem(409, fault);
  throw Problem(404, "no source takes a file " + name);
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
                          .limit = {},
                          .most_symbol_bytes = kMostSymbolBytes};
  if (request.columns.size() > kMostColumns) {
    throw Problem(400, fmt::format("columns: expected at most {} names, found {}", kMostColumns,
                                   request.columns.size()));
  }
  schema::RowConditions conditions;  // what is wrong with them is said with the file's name
  schema::parse_row_filter(request.where, conditions);
  if (conditions.size() > kMostConditions) {
    throw Problem(400, fmt::format("where: expected at most {} conditions, found {}",
                                   kMostConditions, conditions.size()));
  }
  if (http.parameter("limit")) {
    request.limit =
        number_parameter(http, "limit", 0, std::numeric_limits<std::uint64_t>::max(), 0);
  }
  return request;
}

HttpResponse cat_answer(const RoutedRequest& request, ApiContext& context) {
  const unsigned access_changes = context.access_changes;
  const std::string name = text_parameter(request.http, "file");
  if (name.empty()) {
    throw Problem(400, "file must be a file of a source, by its path below it", {"file"});
  }
  const render::Format format = format_of(request.http);
  render::Request wanted = request_of(request.http);
  auto place = std::make_unique<CatPlace>(context.cat_streams->readers);
  std::shared_ptr<CatReader> reader;
  const SlowTurn turn(context);
  std::shared_ptr<const Owners> owners = context.owners();
  try {
    const TakenFile file = find_file(name, *owners);
    auto stream = std::make_shared<CatStream>(std::move(place), std::move(owners),
                                              std::vector<render::File>{rendered(file, context)},
                                              std::move(wanted), format, request.http);
    reader =
        std::make_shared<CatReader>(context, std::move(stream), file.entry.path, access_changes);
  } catch (const render::TooLarge& error) {
    throw Problem(409, fmt::format("{}: {}", name, error.what()));
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
