// The ClickHouse servers of the tests are what they say: version, password, TLS, data that survives
// kill -9.
#include "tests/servers/clickhouse.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace {

using ::testing::StartsWith;
namespace fs = std::filesystem;

class ClickHouse : public ::testing::TestWithParam<ServerKind> {
 protected:
  void SetUp() override try {
    work_ = fs::canonical(fs::temp_directory_path()) / fmt::format("qvdhouse_ch_{}", ::getpid());
    server_ = std::make_unique<ClickHouseServer>(GetParam(), work_);
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }
  void TearDown() override {
    server_.reset();
    fs::remove_all(work_);
  }
  std::string ask(const std::string& sql) const {
    return clickhouse::Connection(server_->endpoint("default")).query(sql);
  }

  fs::path work_;
  std::unique_ptr<ClickHouseServer> server_;
};

TEST_P(ClickHouse, IsTheVersionThatItSaysAndKeepsItsDataWhenKilled) {
  EXPECT_THAT(ask("SELECT version()"),
              StartsWith(GetParam() == ServerKind::kOldest ? "18.16.1" : "26.7."));
  ask("CREATE DATABASE kept");
  ask("CREATE TABLE kept.rows (a Int64) ENGINE = MergeTree ORDER BY a");
  ask("INSERT INTO kept.rows SELECT number FROM system.numbers LIMIT 1000");
  server_->kill();
  EXPECT_THROW(ask("SELECT 1"), base::IoError);
  server_->restart();
  EXPECT_EQ(ask("SELECT count(), sum(a) FROM kept.rows"), "1000\t499500\n");
}

TEST_P(ClickHouse, LetsNobodyElseIn) {
  clickhouse::Endpoint endpoint = server_->endpoint("default");
  endpoint.password = "wr0ngGuess";
  EXPECT_THROW(clickhouse::Connection(endpoint).query("SELECT 1"), base::ServerError);
  if (GetParam() != ServerKind::kNewestTls) return;
  endpoint = server_->endpoint("default");
  endpoint.ca_file.clear();
  EXPECT_THROW(clickhouse::Connection(endpoint).query("SELECT 1"), base::Error);
}

INSTANTIATE_TEST_SUITE_P(Server, ClickHouse,
                         ::testing::Values(ServerKind::kOldest, ServerKind::kNewest,
                                           ServerKind::kNewestTls),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
