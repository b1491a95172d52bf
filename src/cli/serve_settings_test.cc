#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/config_fixture.h"

namespace qvdhouse::cli {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::HasSubstr;

using ServeSettingsTest = ConfigFolder;

TEST_F(ServeSettingsTest, ASourceHasItsOwnScheduleWhereItSaysSo) {
  write("qvdhouse.toml", R"(
schedule = "5m"
catch_up = "7d"
run_timeout = 90

[source.erp]
url = "/erp"
schedule = "0 6 * * mon-fri"
schedule_timezone = "Europe/Berlin"
overlap = "buffer"
jitter = "10m"

[source.lake]
url = "/lake"
)");
  sources_.environment = {{"QVD_SOURCE_LAKE_RUN_ATTEMPTS", "7"}};
  const Config config = load();
  ASSERT_EQ(config.sources.size(), 2U);
  const WorkflowSettings& erp = config.sources[0].workflow;
  EXPECT_EQ(erp.schedule, "0 6 * * mon-fri");
  EXPECT_EQ(erp.timezone, "Europe/Berlin");
  EXPECT_EQ(erp.overlap, serve::Overlap::kBuffer);
  EXPECT_EQ(erp.jitter, seconds(600));
  EXPECT_EQ(erp.catch_up, hours(7 * 24));
  const WorkflowSettings& lake = config.sources[1].workflow;
  EXPECT_EQ(lake.schedule, "5m");
  EXPECT_EQ(lake.overlap, serve::Overlap::kSkip);
  EXPECT_EQ(lake.run_timeout, seconds(90));
  EXPECT_EQ(lake.run_attempts, 7U);
  EXPECT_EQ(lake.stale_after, seconds(0));
}

TEST_F(ServeSettingsTest, WhatIsWrongIsSaid) {
  write("qvdhouse.toml", "schedule = 'often'\n");
  EXPECT_THAT(error(), HasSubstr("'often' is not allowed"));
  write("qvdhouse.toml", "schedule_timezone = 'Europe/Nowhere'\n");
  EXPECT_THAT(error(), HasSubstr("a time zone name such as"));
  for (const char* time : {"-1s", "10 s", "400d", "", "s"}) {
    write("qvdhouse.toml", std::string("jitter = '") + time + "'\n");
    EXPECT_THAT(error(), HasSubstr("a time such as 30s")) << time;
  }
  write("qvdhouse.toml", "[serve]\nport = 70000\n");
  EXPECT_THAT(error(), HasSubstr("a port number"));
  write("qvdhouse.toml", "overlap = 'both'\n");
  EXPECT_THAT(error(), HasSubstr("skip, buffer"));
}

// The service says on its page what is wrong; it must be able to listen for that.
TEST_F(ServeSettingsTest, WhatIsRightHoldsBesideWhatIsWrong) {
  write("qvdhouse.toml", "schedule = 'often'\n[serve]\nport = 4001\ntoken = 'hunter2'\n");
  sources_.flags["serve.address"] = "0.0.0.0";
  const Config config = load_config_as_far_as_right(sources_);
  EXPECT_EQ(config.serve.port, 4001);
  EXPECT_EQ(config.serve.token, "hunter2");
  EXPECT_EQ(config.serve.address, "0.0.0.0");
  EXPECT_EQ(config.workflow.schedule, "@daily");
  write("qvdhouse.toml", "this is no TOML");
  EXPECT_EQ(load_config_as_far_as_right(sources_).serve.address, "0.0.0.0");
}

}  // namespace
}  // namespace qvdhouse::cli
