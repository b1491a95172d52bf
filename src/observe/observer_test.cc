#include "observe/observer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "base/files.h"
#include "observe/test_told.h"
#include "tests/support/collector.h"

namespace qvdhouse::observe {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

class ObserverTest : public testing::Test {
 protected:
  ~ObserverTest() override { std::filesystem::remove(path_); }

  ObserverOptions options() const {
    ObserverOptions made;
    made.lineage.url = "file://" + path_;
    return made;
  }
  // "START QvdSales", one an event.
  std::vector<std::string> events() const {
    std::istringstream lines(base::read_text(path_).value_or(""));
    std::vector<std::string> events;
    for (std::string line; std::getline(lines, line);) {
      const json event = json::parse(line);
      events.push_back(event["eventType"].get<std::string>() + " " +
                       event["job"]["name"].get<std::string>());
    }
    return events;
  }

  std::string path_ = fmt::format("{}/observer_{}_{}.ndjson", testing::TempDir(), ::getpid(),
                                  testing::UnitTest::GetInstance()->current_test_info()->name());
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  tracking::RunRecord record_ = told_of_test().run;
};

TEST_F(ObserverTest, ALoadThatIsPutOffBeginsOnceAndEndsOnce) {
  const sync::FileOutcome file = loaded_file();
  {
    Observer observer(options(), log_);
    const sync::RunHooks hooks = observer.watch(told_of_test(), {});
    hooks.on_file_begin(file.decision);
    hooks.on_file_begin(file.decision);
    hooks.on_file(file);
    hooks.on_end(record_, {});
  }
  EXPECT_THAT(events(), ElementsAre("START QvdSales", "COMPLETE QvdSales"));
}

TEST_F(ObserverTest, ALoadThatTheRunLeftOpenIsAborted) {
  {
    Observer observer(options(), log_);
    const sync::RunHooks hooks = observer.watch(told_of_test(), {});
    hooks.on_file_begin(loaded_file().decision);
    hooks.on_end(record_, {});
  }
  EXPECT_THAT(events(), ElementsAre("START QvdSales", "ABORT QvdSales"));
}

TEST_F(ObserverTest, ALoadThatFailedBeforeItsFirstAttemptHasBothEventsAndWhatWaitsHasNone) {
  sync::FileOutcome failed = loaded_file();
  failed.outcome = sync::Outcome::kFailed;
  sync::FileOutcome waiting = loaded_file();
  waiting.decision.action = decide::Action::kWait;
  waiting.outcome = sync::Outcome::kWaiting;
  sync::FileOutcome never_begun = loaded_file();
  never_begun.outcome = sync::Outcome::kCancelled;
  {
    Observer observer(options(), log_);
    const sync::RunHooks hooks = observer.watch(told_of_test(), {});
    for (const auto* file : {&failed, &waiting, &never_begun}) hooks.on_file(*file);
    hooks.on_end(record_, {});
  }
  EXPECT_THAT(events(), ElementsAre("START QvdSales", "FAIL QvdSales"));
}

TEST_F(ObserverTest, TheHooksThatWereThereAreCalledFirst) {
  std::string calls;
  {
    tests::Collector collector;
    ObserverOptions both = options();
    both.traces.endpoint = collector.url();
    {
      Observer observer(both, log_);
      const sync::RunHooks hooks = observer.watch(
          told_of_test(), {.on_begin = [&](const tracking::RunRecord&) { calls += "begin "; },
                           .on_file_begin = [&](const sync::Decision&) { calls += "file-begin "; },
                           .on_file = [&](const sync::FileOutcome&) { calls += "file "; },
                           .on_end =
                               [&](tracking::RunRecord& record, const sync::Summary&) {
                                 record.status = tracking::RunState::kFailed;
                                 record.error = "it took too long";
                                 calls += "end";
                               }});
      hooks.on_begin(record_);
      hooks.on_file_begin(loaded_file().decision);
      hooks.on_file(loaded_file());
      hooks.on_end(record_, {});
    }
    ASSERT_FALSE(collector.posts().empty());
    EXPECT_THAT(collector.posts().back().body, testing::HasSubstr("it took too long"));
  }
  EXPECT_EQ(calls, "begin file-begin file end");
}

TEST_F(ObserverTest, WithoutCollectorsTheHooksStayAsTheyAre) {
  Observer observer({}, log_);
  const sync::RunHooks hooks = observer.watch(told_of_test(), {});
  EXPECT_FALSE(hooks.on_file_begin || hooks.on_file || hooks.on_end);
  ObserverOptions unsampled;
  unsampled.traces.endpoint = "http://127.0.0.1:1";
  unsampled.caller =
      parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "");
  Observer quiet(unsampled, log_);
  EXPECT_FALSE(quiet.watch(told_of_test(), {}).on_file);
  EXPECT_THAT(events(), IsEmpty());
}

}  // namespace
}  // namespace qvdhouse::observe
