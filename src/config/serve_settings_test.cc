#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/test_config.h"

namespace qvdhouse::config {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

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
  const SourceSettings& erp = config.sources[0];
  EXPECT_EQ(erp.schedule, "0 6 * * mon-fri");
  EXPECT_EQ(erp.schedule_timezone, "Europe/Berlin");
  EXPECT_EQ(erp.workflow.agenda.overlap, serve::Overlap::kBuffer);
  EXPECT_EQ(erp.workflow.agenda.jitter, seconds(600));
  EXPECT_EQ(erp.workflow.agenda.catch_up, hours(7 * 24));
  const SourceSettings& lake = config.sources[1];
  EXPECT_EQ(lake.schedule, "5m");
  EXPECT_EQ(lake.workflow.agenda.overlap, serve::Overlap::kSkip);
  EXPECT_EQ(lake.workflow.run_timeout, seconds(90));
  EXPECT_EQ(lake.workflow.run_attempts, 7U);
  EXPECT_EQ(lake.workflow.stale_after, seconds(0));
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

// A name of the environment that is not a setting only warns; the service refuses to start
// unguarded.
TEST_F(ServeSettingsTest, AMisspeltGuardIsToldApart) {
  for (const char* name : {"QVD_TOKENHASH", "QVD_TKEN", "QVD_SERVE_TOKEN", "QVD_SERVE_PORT",
                           "QVD_TLS_CERT", "QVD_SERVER_ADDRESS"}) {
    sources_.environment = {{name, "value"}};
    EXPECT_THAT(load().misspelt_guards, ElementsAre(HasSubstr(name))) << name;
  }
  write(".env", "QVD_TOKN=value\n");
  sources_.environment = {{"QVD_SHEDULE", "5m"}, {"QVD_SOURCE_LAKE_TOKEN", "x"}, {"QVD_PRT", "1"}};
  const Config config = load();
  EXPECT_THAT(config.misspelt_guards, ElementsAre(HasSubstr("QVD_TOKN (")));
  EXPECT_THAT(config.warnings, SizeIs(4));
}

}  // namespace
}  // namespace qvdhouse::config
