// A folder of files and a service over it, with the real engine and a clock that the test turns.
#pragma once

#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "serve/service.h"
#include "sync/test_sync.h"
#include "tests/support/eventually.h"
#include "tracking/runs.h"

namespace qvdhouse::serve {

using tests::eventually;

class ServiceTest : public sync::SyncTest {
 protected:
  void SetUp() override {
    SyncTest::SetUp();
    options_.settle = std::chrono::seconds(1);
    schedule_ = "@every 1h";
  }
  void TearDown() override {
    service_.reset();
    SyncTest::TearDown();
  }

  // `lock_dir`: of the machine.
  Workflow workflow(const std::filesystem::path& lock_dir) {
    Workflow made{.name = "default",
                  .title = source_.string(),
                  .source_url = source_.string(),
                  .agenda = {.schedule = Schedule::parse(schedule_, "UTC")},
                  .options = options_,
                  .storage = std::make_shared<source::Storage>(source::Access{.attempts = 1}),
                  .open_storage = {},
                  .run_attempts = run_attempts_,
                  .run_timeout = run_timeout_,
                  .is_watched = is_watched_};
    made.options.lock_dir = lock_dir;
    if (clock_) made.options.clock = clock_;
    return made;
  }

  void start() {
    make_service();
    service_->start();
  }

  void make_service() { service_ = new_service(options_.lock_dir); }

  std::unique_ptr<Service> new_service(const std::filesystem::path& lock_dir) {
    ServiceOptions options;
    options.load_configuration = [this, lock_dir] {
      if (!config_problem_.empty()) throw base::ConfigError(config_problem_);
      Configuration configuration;
      configuration.workflows.push_back(workflow(lock_dir));
      configuration.database = kDatabase;
      configuration.lock_dir = lock_dir;
      configuration.target = "the engine of the test";
      configuration.settings = settings_;
      return configuration;
    };
    options.open_target = [this] {
      if (failing_opens_ > 0) {
        --failing_opens_;
        throw base::IoError("no engine yet");
      }
      TargetAccess target{.endpoint = endpoint(), .is_embedded = is_embedded_, .keep_alive = {}};
      target.endpoint.dialect = dialect_;
      if (through_) target.endpoint = through_(std::move(target.endpoint));
      return target;
    };
    options.now = [this] { return Time(std::chrono::seconds(now_s_.load())); };
    options.tick = tick_;
    options.between_looks = std::chrono::milliseconds(20);
    options.stop_patience = patience_;
    return std::make_unique<Service>(std::move(options), log_);
  }

  // All runs that have ended, newest first.
  std::vector<tracking::RunRecord> ended() {
    std::vector<tracking::RunRecord> runs = tracking::Runs(endpoint(), kDatabase, 0).find({});
    std::erase_if(runs, [](const tracking::RunRecord& run) {
      return run.status == tracking::RunState::kRunning;
    });
    return runs;
  }
  bool have_ended(std::size_t count) {
    return eventually([&] { return ended().size() >= count && service_->live().empty(); });
  }
  // Empty until the configuration was read.
  std::optional<WorkflowState> workflow_state() {
    std::vector<WorkflowState> all = service_->workflows();
    if (all.empty()) return std::nullopt;
    return std::move(all.front());
  }
  // Whether its state is known: before that nothing is due.
  bool is_scheduled() {
    return eventually([&] {
      const auto state = workflow_state();
      return state && (state->next_run || state->is_paused);
    });
  }
  std::string run_now(const std::vector<std::string>& files = {}) {
    Service::RunRequest request;
    request.workflow = "default";
    request.files = files;
    request.retry_failed = !files.empty();
    return service_->run_now(request);
  }
  std::vector<std::string> event_types() {
    std::vector<std::string> types;
    for (const Event& event : service_->events().after(0, 1'000)) types.push_back(event.type);
    return types;
  }
  nlohmann::json last_event(const std::string& type) {
    nlohmann::json data;
    for (const Event& event : service_->events().after(0, 1'000)) {
      if (event.type == type) data = event.data;
    }
    return data;
  }

  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  clickhouse::Dialect dialect_;
  std::function<clickhouse::Endpoint(clickhouse::Endpoint)> through_;  // none: straight
  std::function<std::int64_t()> clock_;  // of runs; none: the real one
  std::string schedule_;
  std::string config_problem_;
  std::vector<SettingShown> settings_;
  bool is_embedded_ = true;
  std::atomic<int> failing_opens_ = 0;
  bool is_watched_ = false;
  unsigned run_attempts_ = 3;
  std::chrono::seconds run_timeout_{0};
  std::chrono::seconds patience_{60};
  std::chrono::milliseconds tick_{10};
  std::atomic<std::int64_t> now_s_ = std::chrono::duration_cast<std::chrono::seconds>(
                                         std::chrono::system_clock::now().time_since_epoch())
                                         .count();
  std::unique_ptr<Service> service_;
};

}  // namespace qvdhouse::serve
