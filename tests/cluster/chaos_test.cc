// Workers that are killed and paused, nodes and ZooKeeper that go and come, while files are loaded:
// in the end every file is exact on every node. QVDHOUSE_CHAOS_SEED, QVDHOUSE_CHAOS_FILES and
// QVDHOUSE_CHAOS_WORKERS make other runs of it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/cluster/cluster_fixture.h"
#include "tests/e2e/modes_fixture.h"

namespace qvdhouse::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Chaos : public ClusterCommandLine, public ::testing::WithParamInterface<ClusterKind> {
 protected:
  struct Worker {
    std::unique_ptr<Process> process;
    std::chrono::steady_clock::time_point resumes;  // when it is paused
    bool is_paused = false;
  };

  void SetUp() override {
    CommandLine::SetUp();
    start_own(GetParam());
    write_text("qvdhouse.toml",
               "parallel_files = 2\nclaim_expiry = '3s'\n[[table]]\nmatch = 'Sales_*.qvd'\n"
               "name = 'Sales'\n[[table]]\nmatch = '*.qvd'\npre_sql = ['SELECT sleep(0.3)']\n");
  }
  // Each worker has a data directory of its own, as if on a machine of its own.
  void begin(std::size_t i) {
    Environment environment = cluster().environment(i % cluster().node_count(), database);
    for (const auto& variable : target) {
      const bool is_of_cluster =
          variable.first == "CLICKHOUSE_CLUSTER" || variable.first == "CLICKHOUSE_HOSTS";
      if (is_of_cluster) environment.push_back(variable);
    }
    environment.emplace_back("QVD_DATA_DIR", (folder / fmt::format("worker{}", i)).string());
    workers_[i] = {.process = std::make_unique<Process>(
                       binary(), std::vector<std::string>{"sync", "qvds"}, environment, folder)};
  }
  bool has_ended(const Worker& worker) const {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(worker.process->pid()), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid != 0;
  }
  void act(std::minstd_rand& random);
  void disturb(std::minstd_rand& random);

  std::vector<Worker> workers_;
  int kills_ = 0;
  int pauses_ = 0;
};

// Kills or pauses a worker.
void Chaos::act(std::minstd_rand& random) {
  const std::size_t i = random() % workers_.size();
  Worker& worker = workers_[i];
  if (has_ended(worker) || worker.is_paused) return;
  if (random() % 2 == 0) {
    ::kill(worker.process->pid(), SIGKILL);
    worker.process->wait();
    ++kills_;
    begin(i);
  } else {
    ::kill(worker.process->pid(), SIGSTOP);
    worker.is_paused = true;
    worker.resumes = std::chrono::steady_clock::now() + seconds(5);  // longer than the claim lives
    ++pauses_;
  }
}

// Each node once, and ZooKeeper.
void Chaos::disturb(std::minstd_rand& random) {
  for (std::size_t node = 0; node < cluster().node_count(); ++node) {
    cluster().kill(node);
    std::this_thread::sleep_for(milliseconds(500 + random() % 1'500));
    cluster().restart(node);
    act(random);
  }
  cluster().restart_zookeeper();
}

TEST_P(Chaos, EveryFileIsExactOnEveryNode) {
  if (IsSkipped()) return;
  const std::uint64_t files = number_from("QVDHOUSE_CHAOS_FILES", 24);
  const std::uint64_t seed = number_from("QVDHOUSE_CHAOS_SEED", 1);
  workers_.resize(number_from("QVDHOUSE_CHAOS_WORKERS", 4));
  std::minstd_rand random(static_cast<unsigned>(seed));
  for (std::uint64_t i = 0; i < files; ++i) {
    const std::string name =
        i % 4 == 0 ? fmt::format("Sales_{}.qvd", i) : fmt::format("t{}.qvd", i);
    write_table(qvd(name), plain_rows(static_cast<int>(1'000 * i), 200 + static_cast<int>(i)));
  }
  // The tables of tracking are there before anything happens.
  ASSERT_EQ(on_target({"sync", "qvds/t1.qvd"}).exit_code, 0);
  for (std::size_t i = 0; i < workers_.size(); ++i) begin(i);
  bool is_disturbed = false;
  const auto end = std::chrono::steady_clock::now() + seconds(90);
  while (!std::ranges::all_of(workers_, [&](const Worker& worker) { return has_ended(worker); })) {
    const auto now = std::chrono::steady_clock::now();
    for (Worker& worker : workers_) {
      if (!worker.is_paused || now < worker.resumes) continue;
      ::kill(worker.process->pid(), SIGCONT);
      worker.is_paused = false;
    }
    if (now < end) act(random);
    if (!is_disturbed && kills_ + pauses_ > 1) {
      is_disturbed = true;
      disturb(random);
    }
    std::this_thread::sleep_for(milliseconds(300 + random() % 500));
  }
  EXPECT_GT(kills_ + pauses_, 1);
  workers_.clear();
  // What failed by a node that was gone is tried again at once, until the nodes that are back have
  // done what they missed.
  Finished last;
  for (int run = 0; run < 20 && last.exit_code != 0; ++run) {
    for (const auto& file : nlohmann::json::parse(on_target({"status", "--json"}).out)) {
      if (file["status"] == "completed") continue;
      on_target({"reset", "--file", file["file_path"], "--force"});
    }
    last = on_target({"sync", "qvds"});
  }
  EXPECT_EQ(last.exit_code, 0) << last.out << last.err;
  fmt::print("seed {}: {} files, {} kills, {} pauses\n", seed, files, kills_, pauses_);
  EXPECT_EQ(query("SELECT count() FROM QvdFileTracking FINAL WHERE status = 'completed'"),
            fmt::to_string(files));
  expect_the_same_everywhere();
}

INSTANTIATE_TEST_SUITE_P(ReplicatedDatabase, Chaos,
                         ::testing::Values(ClusterKind::kReplicatedDatabase),
                         ::testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(OnCluster, Chaos, ::testing::Values(ClusterKind::kOnCluster),
                         ::testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Shards, Chaos, ::testing::Values(ClusterKind::kShards),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
