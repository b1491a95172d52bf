// A user who has the rights that `doctor` prints, and no others, can do what commands do.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/target_fixture.h"
#include "tests/servers/cluster.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kEveryMode = R"toml(
[[table]]
match = "Sales_{n:digits}.qvd"
name = "Sales"
vanished = "delete"

[[table]]
match = "Log_*.qvd"
name = "Log"
mode = "append"

[[table]]
match = "Orders_*.qvd"
name = "Orders"
mode = "upsert"
key = ["id"]

[[table]]
match = "Ruled.qvd"
rules = { id = { max = 5, action = "quarantine" } }
)toml";

class Rights : public TargetCommandLine {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    write_text("qvdhouse.toml", kEveryMode);
  }
  void TearDown() override {
    server_.reset();
    TargetCommandLine::TearDown();
  }

  // One server with an empty database; commands run as a user with these rights.
  void start_with(const std::vector<std::string>& grants) try {
    server_.reset();
    server_.emplace(ClusterOptions{.replicas = 1, .keeper_map = false, .limited_grants = grants},
                    folder / ("server" + std::to_string(grants.size())));
    server_->ask(0, "CREATE DATABASE shop");
    target = server_->environment(0, "shop");
    std::ranges::find(target, "CLICKHOUSE_USER", &Environment::value_type::first)->second =
        kLimitedUser;
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }

  // "GRANT … ON …" of each right that `doctor` misses.
  std::vector<std::string> printed_grants() const {
    const Finished doctor = on_target({"doctor", "--json"});
    EXPECT_EQ(doctor.exit_code, 5) << doctor.out << doctor.err;
    std::vector<std::string> grants;
    for (const auto& check : nlohmann::json::parse(doctor.out)) {
      const std::string fix = check.value("fix", "");
      if (fix.starts_with("GRANT ")) grants.push_back(fix.substr(0, fix.rfind(" TO ")));
    }
    return grants;
  }

  void write_generation(int first) const {
    for (const char* name :
         {"item.qvd", "Sales_1.qvd", "Sales_2.qvd", "Log_a.qvd", "Orders_1.qvd", "Ruled.qvd"}) {
      write_table(qvd(name), plain_rows(first, 10));
    }
  }

  std::optional<ClickHouseCluster> server_;
};

TEST_F(Rights, ThatDoctorPrintsAreEnough) {
  start_with({});
  if (IsSkipped()) return;
  const std::vector<std::string> grants = printed_grants();
  EXPECT_THAT(grants, Contains(HasSubstr("ALTER DELETE")));
  write_generation(0);
  EXPECT_NE(on_target({"sync", "qvds"}).exit_code, 0);

  start_with(grants);
  const Finished doctor = on_target({"doctor"});
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out;
  EXPECT_EQ(sync()["loaded"], 6);
  expect_all_is_well();
  // Other rows, a column more, one that is gone, a file that is gone.
  write_generation(3);
  auto wider = plain_rows(100, 5);
  wider.erase(wider.begin() + 1);
  wider.push_back({.name = "more", .cells = std::vector(5, std::optional(qvd::Value::of(1)))});
  write_table(qvd("Sales_3.qvd"), wider);
  write_table(qvd("Orders_2.qvd"), plain_rows(5, 10));
  fs::remove(qvd("Sales_2.qvd"));
  EXPECT_EQ(sync()["loaded"], 7);
  expect_all_is_well();
  EXPECT_EQ(query("SELECT count() FROM Orders"), "12");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"plan", "qvds", "--full"},
        {"status"},
        {"history"},
        {"explain", "item", "--source", "qvds"},
        {"sync", "qvds", "--full"},
        {"reset", "--all", "--with-data", "--force"}}) {
    const Finished done = on_target(command);
    EXPECT_EQ(done.exit_code, 0) << command.front() << done.out << done.err;
  }
}

// The page's list is the command's.
TEST_F(Rights, AreThoseOfTheDocument) {
  start_with({});
  if (IsSkipped()) return;
  std::ifstream file(fs::path(QVDHOUSE_SOURCE_DIR) / "docs/operations.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::size_t begin = page.find("## Least rights");
  const std::string section = page.substr(begin, page.find("\n## ", begin) - begin);
  for (const std::string& grant : printed_grants()) {
    const std::size_t right = std::string_view("GRANT ").size();
    EXPECT_THAT(section, HasSubstr(grant.substr(right, grant.find(" ON ") - right))) << grant;
  }
}

}  // namespace
}  // namespace qvdhouse::tests
