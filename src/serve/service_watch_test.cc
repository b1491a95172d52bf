// Runs that begin because files came in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/test_service.h"

namespace qvdhouse::serve {
namespace {

class WatchTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    schedule_ = "@never";
    is_watched_ = true;
  }
  bool is_loaded(const std::string& table, const std::string& rows) {
    return eventually([&] {
      const std::string known = query(
          "SELECT count() FROM system.tables WHERE database = 'tested' AND name = '" + table + "'");
      return known == "1" && query("SELECT count() FROM tested." + table) == rows;
    });
  }
};

TEST_F(WatchTest, AFileIsLoadedWhenItIsThereWithoutASchedule) {
  put("before.qvd", sync::qvd_bytes(1));
  start();
  EXPECT_TRUE(is_loaded("QvdBefore", "1"));
  put("after it's.qvd", sync::qvd_bytes(2));
  EXPECT_TRUE(is_loaded("QvdAfterItS", "2"));
  put("new folder/below.qvd", sync::qvd_bytes(3));
  EXPECT_TRUE(is_loaded("QvdBelow", "3"));
  put("new folder/below.qvd", sync::qvd_bytes(4), 60);
  EXPECT_TRUE(is_loaded("QvdBelow", "4"));
  ASSERT_TRUE(eventually([&] { return service_->live().empty(); }));
  for (const tracking::RunRecord& run : ended()) {
    EXPECT_EQ(run.trigger, tracking::RunTrigger::kWatch);
    EXPECT_EQ(run.status, tracking::RunState::kCompleted);
  }
}

TEST_F(WatchTest, APausedWorkflowTakesUpLaterWhatCameIn) {
  start();
  ASSERT_TRUE(have_ended(1));
  service_->set_paused("default", true, "the test");
  put("item.qvd", sync::qvd_bytes(2));
  // A run by hand that looks elsewhere says nothing of what came in.
  service_->run_now({.workflow = "default", .files = {"/nowhere.qvd"}});
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(query("SELECT count() FROM tested.QvdFileTracking"), "0");
  service_->set_paused("default", false, "the test");
  EXPECT_TRUE(is_loaded("QvdItem", "2"));
}

TEST_F(WatchTest, AFolderThatComesBackIsWatchedAgain) {
  start();
  ASSERT_TRUE(have_ended(1));
  std::filesystem::rename(source_, source_.string() + " aside");
  std::filesystem::create_directories(source_);
  put("item.qvd", sync::qvd_bytes(2));
  EXPECT_TRUE(is_loaded("QvdItem", "2"));
  put("next.qvd", sync::qvd_bytes(3));
  EXPECT_TRUE(is_loaded("QvdNext", "3"));
  std::filesystem::remove_all(source_.string() + " aside");
}

}  // namespace
}  // namespace qvdhouse::serve
