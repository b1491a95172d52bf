// One address that is several servers: nothing is loaded through it.
#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/command_line.h"
#include "tests/servers/clickhouse.h"
#include "tests/servers/fault_proxy.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SeveralServers : public CommandLine, public ::testing::WithParamInterface<ServerKind> {
 protected:
  void SetUp() override try {
    CommandLine::SetUp();
    for (const char* name : {"first", "second"}) {
      servers_.push_back(std::make_unique<ClickHouseServer>(GetParam(), folder / name));
    }
    balancer_.emplace(
        std::vector<std::uint16_t>{servers_[0]->http_port(), servers_[1]->http_port()});
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }
  void TearDown() override {
    balancer_.reset();
    servers_.clear();
    CommandLine::TearDown();
  }

  Environment by_balancer() const { return servers_[0]->environment("shop", balancer_->port()); }
  std::string ask(const ClickHouseServer& server, const std::string& sql) const {
    return qvdhouse({"query", sql}, server.environment("system")).out;
  }

  std::vector<std::unique_ptr<ClickHouseServer>> servers_;
  std::optional<FaultProxy> balancer_;
};

TEST_P(SeveralServers, AreRefusedBeforeAnythingIsMade) {
  write_qvd("item.qvd");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"sync", "qvds"}, {"catalog", "qvds"}}) {
    const Finished refused = qvdhouse(command, by_balancer());
    EXPECT_EQ(refused.exit_code, 2) << command[0] << ": " << refused.err;
    EXPECT_THAT(refused.err, AllOf(HasSubstr("is the address of several servers"),
                                   HasSubstr("Set CLICKHOUSE_URL")));
  }
  const Finished examined = qvdhouse({"doctor"}, by_balancer());
  EXPECT_EQ(examined.exit_code, 2) << examined.out;
  EXPECT_THAT(examined.out, HasSubstr("BAD servers"));
  for (const auto& server : servers_) {
    EXPECT_EQ(ask(*server, "SELECT count() FROM databases WHERE name = 'shop'"), "0\n");
  }
  const Environment direct = servers_[0]->environment("shop");
  EXPECT_EQ(qvdhouse({"sync", "qvds"}, direct).exit_code, 0);
  EXPECT_THAT(qvdhouse({"doctor"}, direct).out, HasSubstr("ok  servers"));
}

INSTANTIATE_TEST_SUITE_P(Servers, SeveralServers,
                         ::testing::Values(ServerKind::kOldest, ServerKind::kNewest),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
