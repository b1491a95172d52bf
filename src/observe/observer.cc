#include "observe/observer.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "http/curl.h"
#include "observe/spans.h"
#include "sync/sync.h"

namespace qvdhouse::observe {
namespace {

constexpr std::size_t kSpansOfRequest = 512;  // as the SDKs have it

std::unique_ptr<Sender> make_spans(const ObserverOptions& options, spdlog::logger& log) {
  const std::string url = options.traces.url();
  if (url.empty()) return nullptr;
  Envelope envelope = envelope_of(options.traces, options.version, options.host);
  return std::make_unique<Sender>(Receiver{.what = "span",
                                           .url = url,
                                           .headers = options.traces.headers,
                                           .prefix = std::move(envelope.prefix),
                                           .suffix = std::move(envelope.suffix),
                                           .batch = kSpansOfRequest},
                                  log);
}

std::unique_ptr<Sender> make_events(const ObserverOptions& options, spdlog::logger& log) {
  const std::string url = options.lineage.target();
  if (url.empty()) return nullptr;
  Receiver receiver{.what = "lineage event", .url = url};
  if (const std::string& key = options.lineage.api_key; !key.empty()) {
    receiver.headers.push_back("Authorization: Bearer " + key);
  }
  return std::make_unique<Sender>(std::move(receiver), log);
}

// Whether a load of it was begun that has an end now, or was to be begun and could not.
bool is_load(const sync::FileOutcome& file, bool was_begun) {
  return was_begun ||
         (file.decision.action == sync::Action::kLoad &&
          (file.outcome == sync::Outcome::kLoaded || file.outcome == sync::Outcome::kFailed));
}

}  // namespace

std::string server_namespace(const std::string& url) {
  const auto parsed = http::Url::parse(url);
  if (!parsed) return "clickhouse://localhost";
  return "clickhouse://" + parsed->part(CURLUPART_HOST) + ":" +
         parsed->part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string embedded_namespace(const std::string& host, const std::filesystem::path& data_dir) {
  return "clickhouse://" + host + std::filesystem::absolute(data_dir).lexically_normal().string();
}

struct Observer::Watched {
  ToldRun told;
  TraceContext trace;
  std::mutex mutex;
  std::map<std::string, sync::Decision> begun;  // by path: loads that have not ended
};

Observer::Observer(const ObserverOptions& options, spdlog::logger& log)
    : producer_{.version = options.version, .job_namespace = options.lineage.job_namespace},
      caller_(options.caller),
      patience_(options.patience) {
  // Who calls us may have chosen that its trace is not kept.
  if (!caller_ || caller_->is_sampled) spans_ = make_spans(options, log);
  events_ = make_events(options, log);
}

Observer::~Observer() { finish(); }

void Observer::finish() {
  const auto begin = Sender::Clock::now();  // of both
  for (const std::unique_ptr<Sender>* sender : {&spans_, &events_}) {
    if (*sender) (*sender)->finish(patience_, begin);
  }
}

sync::RunHooks Observer::watch(ToldRun told, sync::RunHooks hooks) {
  if (!spans_ && !events_) return hooks;
  auto run = std::make_shared<Watched>();
  run->trace = trace_of(told.run.run_id, caller_);
  run->told = std::move(told);
  sync::RunHooks watching = hooks;
  if (events_) {
    watching.on_file_begin = [this, run, inner = hooks.on_file_begin](const sync::Decision& file) {
      if (inner) inner(file);
      note_begin(*run, file);
    };
  }
  watching.on_file = [this, run, inner = hooks.on_file](const sync::FileOutcome& file) {
    if (inner) inner(file);
    note_file(*run, file);
  };
  // What others make of the record is told, too.
  watching.on_end = [this, run, inner = hooks.on_end](tracking::RunRecord& record,
                                                      const sync::Summary& summary) {
    if (inner) inner(record, summary);
    note_end(*run, record);
  };
  return watching;
}

void Observer::note_begin(Watched& run, const sync::Decision& decision) {
  {
    const std::lock_guard lock(run.mutex);
    if (!run.begun.emplace(decision.file.path, decision).second) return;  // it was put off
  }
  events_->add(start_event(producer_, run.told, decision, sync::now_us()));
}

void Observer::note_file(Watched& run, const sync::FileOutcome& file) {
  const std::int64_t now = sync::now_us();
  if (spans_) {
    for (std::string& span : file_spans(run.trace, run.told, file, now)) {
      spans_->add(std::move(span));
    }
  }
  if (!events_) return;
  bool was_begun = false;
  {
    const std::lock_guard lock(run.mutex);
    was_begun = run.begun.erase(file.decision.file.path) > 0;
  }
  if (!is_load(file, was_begun)) return;
  if (!was_begun) events_->add(start_event(producer_, run.told, file.decision, now));
  events_->add(end_event(producer_, run.told, file, now));
}

void Observer::note_end(Watched& run, const tracking::RunRecord& record) {
  if (spans_) spans_->add(run_span(run.trace, run.told, record));
  if (!events_) return;
  const std::lock_guard lock(run.mutex);
  for (const auto& [path, decision] : run.begun) {
    events_->add(abort_event(producer_, run.told, decision, sync::now_us()));
  }
  run.begun.clear();
}

}  // namespace qvdhouse::observe
