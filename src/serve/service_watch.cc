// The thread that looks at the folders of sources of this machine (watch = true), and asks for a
// run when files have come in. A file is loaded soon after its close: what follows within a moment
// goes into the same run, and what comes in during a run into one after it.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "serve/service_state.h"
#include "source/archive_name.h"
#include "source/folder_watch.h"
#include "source/scope.h"
#include "source/url.h"

namespace qvdhouse::serve {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kQuiet{1'000};    // after the last file, before a run
constexpr std::chrono::milliseconds kLongest{3'000};  // after the first one, whatever follows it
constexpr std::chrono::milliseconds kLook{200};       // the longest wait for events
constexpr std::chrono::seconds kBetweenTries{5};      // to watch a folder that is not there

bool waits_for_batches(const sync::Options& options) {
  return !options.wait_for.empty() ||
         std::ranges::any_of(options.tables, [](const schema::TableRules& rules) {
           return !rules.wait_for.empty();
         });
}

// A folder, and which of its files matter.
class Watched {
 public:
  explicit Watched(const sync::Options& options)
      : folder_(folder_of(options)),
        takes_markers_(waits_for_batches(options)),
        reach_(options.source, options.selection),
        watch_(folder_, is_deep(options)),
        key_(key_of(options)) {}

  // Whether it watches what these options say.
  bool is_of(const sync::Options& options) const {
    return key_ == key_of(options) && takes_markers_ == waits_for_batches(options);
  }
  int descriptor() const { return watch_.descriptor(); }
  bool is_over() const { return is_over_; }
  // Whether files have come in.
  bool look() {
    const source::FolderWatch::Changes changes = watch_.read();
    is_over_ = is_over_ || changes.is_over;
    return changes.is_unsure || std::ranges::any_of(changes.files, [&](const std::string& path) {
             return takes_markers_ || reach_.takes(path);
           });
  }

 private:
  static std::string key_of(const sync::Options& options) {
    return options.source + '\n' + options.selection.pattern;
  }
  // That of one file is the folder which it lies in.
  static std::string folder_of(const sync::Options& options) {
    const source::Scope scope(options.source);
    std::error_code error;
    const std::filesystem::path folder = scope.folder();
    return std::filesystem::is_regular_file(folder, error) ? folder.parent_path().string()
                                                           : folder.string();
  }
  static bool is_deep(const sync::Options& options) {
    const source::Scope scope(options.source);
    const std::string& pattern =
        scope.pattern().empty() ? options.selection.pattern : scope.pattern();
    return pattern.find('/') != std::string::npos;
  }

  std::string folder_;
  bool takes_markers_;
  source::Reach reach_;
  source::FolderWatch watch_;
  std::string key_;
  bool is_over_ = false;
};

}  // namespace

bool is_watchable(const std::string& source) {
  if (source::is_url(source) && !source.starts_with("file:")) return false;
  return !source::archive_place(source);
}

// What is watched, and since when what could not be is to be tried again.
struct Service::State::Watches {
  std::map<std::string, std::unique_ptr<Watched>> watched;  // by workflow
  std::map<std::string, Clock::time_point> try_again;
};

// Watches what the configuration says, and nothing else. What came in while nothing was watched is
// found by a run.
void Service::State::renew_watches(Watches& watches) {
  std::map<std::string, sync::Options> wanted;
  {
    const std::lock_guard lock(mutex);
    for (const auto& [name, entry] : entries) {
      if (entry.workflow.is_watched && is_watchable(entry.workflow.options.source)) {
        wanted.emplace(name, entry.workflow.options);
      }
    }
  }
  std::erase_if(watches.watched, [&](const auto& watched) {
    const auto found = wanted.find(watched.first);
    return found == wanted.end() || watched.second->is_over() ||
           !watched.second->is_of(found->second);
  });
  for (const auto& [name, options_of_it] : wanted) {
    if (watches.watched.contains(name)) continue;
    const auto next = watches.try_again.find(name);
    if (next != watches.try_again.end() && Clock::now() < next->second) continue;
    try {
      watches.watched.emplace(name, std::make_unique<Watched>(options_of_it));
      watches.try_again.erase(name);
      note_arrival(name);
    } catch (const base::Error& error) {
      if (next == watches.try_again.end()) {
        log.warn("workflow {}: {}; until it can be, only its schedule finds files", name,
                 error.what());
      }
      watches.try_again[name] = Clock::now() + kBetweenTries;
    }
  }
}

void Service::State::note_arrival(const std::string& workflow) {
  const std::lock_guard lock(mutex);
  const auto found = entries.find(workflow);
  if (found == entries.end()) return;
  const Clock::time_point now = Clock::now();
  std::optional<Arrivals>& arrivals = found->second.arrivals;
  if (!arrivals) arrivals = Arrivals{.first = now, .last = now};
  arrivals->last = now;
}

void Service::State::run_arrivals() {
  const Clock::time_point now = Clock::now();
  const std::lock_guard lock(mutex);
  if (!access || is_ending) return;
  for (auto& [name, entry] : entries) {
    if (!entry.arrivals || !entry.agenda || entry.agenda->state().is_paused || is_busy(name)) {
      continue;
    }
    if (now < entry.arrivals->last + kQuiet && now < entry.arrivals->first + kLongest) continue;
    entry.arrivals.reset();
    add_job(entry, tracking::RunTrigger::kWatch);
    tell_workflow(entry);
  }
}

void Service::State::watch(const std::stop_token& stop) {
  Watches watches;
  while (!stop.stop_requested()) {
    renew_watches(watches);
    std::vector<pollfd> polled;
    for (const auto& [name, watched] : watches.watched) {
      polled.push_back({.fd = watched->descriptor(), .events = POLLIN, .revents = 0});
    }
    ::poll(polled.data(), polled.size(), static_cast<int>(kLook.count()));
    for (const auto& [name, watched] : watches.watched) {
      try {
        if (watched->look()) note_arrival(name);
      } catch (const base::Error& error) {
        log.warn("workflow {}: {}", name, error.what());
      }
    }
    run_arrivals();
  }
}

}  // namespace qvdhouse::serve
