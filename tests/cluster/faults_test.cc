// Nodes and ZooKeeper that are gone while files are loaded.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>

#include "base/error.h"
#include "tests/cluster/cluster_fixture.h"

namespace qvdhouse::tests {
namespace {

using qvd::Value;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr const char* kSets = R"(
[[table]]
match = "Sales_*.qvd"
name = "Sales"

[[table]]
match = "Log_*.qvd"
name = "Log"
mode = "append"
)";

class Faults : public ClusterCommandLine, public ::testing::WithParamInterface<ClusterKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start_own(GetParam());
    write_text("qvdhouse.toml", kSets);
  }
  // Files of every mode, all rows with the version as `v`; each version has other counts.
  void write_version(int version, bool has_more_columns = false) const {
    const auto count = static_cast<std::size_t>(rows_of(version));
    std::vector<TestField> fields{
        {.name = "v", .cells = std::vector(count, std::optional(Value::of(version)))}};
    if (has_more_columns) {
      fields.push_back(fields.front());
      fields.back().name = fmt::format("more{}", version);
    }
    for (const char* file : {"item.qvd", "Sales_a.qvd", "Sales_b.qvd", "Log_a.qvd"}) {
      write_table(qvd(file), fields);
    }
  }
  static int rows_of(int version) { return 1'000 + 37 * version; }
};

TEST_P(Faults, ANodeThatWasDownHasAllRowsWhenItIsBack) {
  if (IsSkipped()) return;
  write_version(0);
  EXPECT_EQ(sync()["loaded"], 4);
  cluster().kill(1);
  write_version(1);
  EXPECT_EQ(sync()["loaded"], 4) << "partitions are replaced";
  write_version(2, true);
  write_table(qvd("new.qvd"), plain_rows(0, 10));
  EXPECT_EQ(sync()["loaded"], 5) << "tables are made, changed and rebuilt";
  cluster().restart(1);
  EXPECT_EQ(cluster().ask_until(1, fmt::format("SELECT count() FROM {}.QvdNew", database), "10\n"),
            "10\n");
  for (const char* table : {"QvdItem", "Sales", "Log"}) {
    const std::string sql = fmt::format("SELECT count(), sum(v) FROM {}.{}", database, table);
    EXPECT_EQ(cluster().ask_until(1, sql, cluster().ask(0, sql)), cluster().ask(0, sql)) << table;
  }
  expect_the_same_everywhere();
}

TEST_P(Faults, WithoutZooKeeperASyncFailsAndTheNextOneIsExact) {
  if (IsSkipped()) return;
  write_version(0);
  EXPECT_EQ(sync()["loaded"], 4);
  cluster().kill_zookeeper();
  write_version(1);
  const Finished failed = on_target({"sync", "qvds"});
  EXPECT_NE(failed.exit_code, 0) << failed.out;
  EXPECT_THAT(failed.err, AnyOf(HasSubstr("eeper"), HasSubstr("readonly"), HasSubstr("read only")))
      << failed.err;
  cluster().restart_zookeeper();
  for (std::size_t node = 0; node < cluster().node_count(); ++node) {
    const std::string sql =
        fmt::format("SELECT sum(is_readonly) FROM system.replicas WHERE database = '{}'", database);
    EXPECT_EQ(cluster().ask_until(node, sql, "0\n", std::chrono::seconds(60)), "0\n");
  }
  const Finished again = on_target({"sync", "qvds", "--full"});
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  expect_the_same_everywhere();
  EXPECT_EQ(from_each("SELECT count() FROM Log"), std::to_string(rows_of(0) + rows_of(1)));
}

// Looks at a node again and again until it is told to end.
class Reader {
 public:
  using Look = std::function<std::string()>;
  explicit Reader(Look look)
      : thread_([this, look = std::move(look)](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            const std::string problem = look();
            ++looks_;
            if (!problem.empty() && problems_.size() < 5) problems_.push_back(problem);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
          }
        }) {}
  // What it saw that must not be.
  std::vector<std::string> end() {
    thread_.request_stop();
    thread_.join();
    return problems_;
  }
  int looks() const { return looks_; }

 private:
  std::vector<std::string> problems_;
  std::atomic<int> looks_{0};
  std::jthread thread_;
};

class Readers : public Faults {
 protected:
  // Each is one version of the file, whole.
  std::string problem_of(std::size_t node) const try {
    std::string problem;
    for (const char* sql : {"SELECT count(), min(v), max(v) FROM QvdItem",
                            "SELECT count(), min(v), max(v) FROM Sales WHERE endsWith(_file, "
                            "'Sales_a.qvd')",
                            "SELECT count(), min(v), max(v) FROM Sales WHERE endsWith(_file, "
                            "'Sales_b.qvd')"}) {
      const std::string answer = ask(node, sql);
      const int version = std::stoi(answer.substr(answer.rfind('\t') + 1));
      const std::string whole = fmt::format("{0}\t{1}\t{1}", rows_of(version), version);
      if (answer != whole) problem += fmt::format("node {}, {}: {}\n", node, sql, answer);
    }
    const std::string log = ask(node,
                                "SELECT sum(c != 1000 + 37 * v), max(v) + 1 - count() FROM "
                                "(SELECT v, count() AS c FROM Log GROUP BY v)");
    if (log != "0\t0") problem += fmt::format("node {}, Log: {}\n", node, log);
    return problem;
  } catch (const base::Error& error) {
    return error.what();
  }
};

TEST_P(Readers, SeeWholeVersionsOnly) {
  if (IsSkipped()) return;
  write_version(0);
  EXPECT_EQ(sync()["loaded"], 4);
  await_all();
  std::vector<std::unique_ptr<Reader>> readers;
  for (std::size_t node = 0; node < cluster().node_count(); ++node) {
    readers.push_back(std::make_unique<Reader>([this, node] { return problem_of(node); }));
  }
  int version = 0;
  const auto load = [&](bool has_more_columns, const Environment& environment = {}) {
    write_version(++version, has_more_columns);
    EXPECT_EQ(sync(0, environment)["loaded"], 4) << version;
  };
  load(false);
  load(true);
  load(false, {{"QVD_MAX_FILE_PARTITIONS", "1"}});
  // A node that lags keeps what it has.
  cluster().ask(1, "SYSTEM STOP FETCHES");
  const std::string before = ask(1, "SELECT max(v) FROM QvdItem");
  load(false);
  EXPECT_EQ(ask(1, "SELECT max(v) FROM QvdItem"), before);
  cluster().ask(1, "SYSTEM START FETCHES");
  // A rebuilt table is not there before each node has its rows: else readers would see none.
  for (int round = 0; round < 4; ++round) load(round % 2 == 0);
  await_all();
  load(false);
  await_all();
  for (const auto& reader : readers) {
    EXPECT_GT(reader->looks(), 20);
    EXPECT_THAT(reader->end(), ::testing::IsEmpty());
  }
  expect_the_same_everywhere();
}

INSTANTIATE_TEST_SUITE_P(ReplicatedDatabase, Faults,
                         ::testing::Values(ClusterKind::kReplicatedDatabase));
INSTANTIATE_TEST_SUITE_P(OnCluster, Faults, ::testing::Values(ClusterKind::kOnCluster));
INSTANTIATE_TEST_SUITE_P(Shards, Faults, ::testing::Values(ClusterKind::kShards));
INSTANTIATE_TEST_SUITE_P(Shards, Readers, ::testing::Values(ClusterKind::kShards));
INSTANTIATE_TEST_SUITE_P(ReplicatedDatabase, Readers,
                         ::testing::Values(ClusterKind::kReplicatedDatabase));
INSTANTIATE_TEST_SUITE_P(OnCluster, Readers, ::testing::Values(ClusterKind::kOnCluster));

}  // namespace
}  // namespace qvdhouse::tests
