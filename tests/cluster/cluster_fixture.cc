#include "tests/cluster/cluster_fixture.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "clickhouse/connection.h"
#include "clickhouse/quote.h"
#include "tests/e2e/modes_fixture.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace fs = std::filesystem;
namespace {

void set_variable(Environment& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const auto& entry) { return entry.first == name; });
  environment.emplace_back(name, value);
}

std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

struct ClusterCommandLine::Shared {
  explicit Shared(ClusterKind wanted)
      : kind(wanted),
        folder(fs::temp_directory_path() /
               fmt::format("qvdhouse-cluster-{}-{}", ::getpid(), ++count())),
        cluster({.kind = kind == ClusterKind::kOldest ? ServerKind::kOldest : ServerKind::kNewest,
                 .shards = kind == ClusterKind::kShards ? 2U : 1U},
                folder) {}
  ~Shared() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  static int& count() {
    static int number = 0;
    return number;
  }
  // The one that tests share.
  static std::shared_ptr<Shared>& current() {
    static std::shared_ptr<Shared> shared;
    return shared;
  }

  ClusterKind kind;
  fs::path folder;
  ClickHouseCluster cluster;
  int databases = 0;
};

std::ostream& operator<<(std::ostream& out, ClusterKind kind) {
  constexpr const char* kNames[] = {"replicated_database", "on_cluster", "on_cluster_18_16",
                                    "shards"};
  return out << kNames[static_cast<int>(kind)];
}

void ClusterCommandLine::TearDownTestSuite() { Shared::current().reset(); }

void ClusterCommandLine::start(ClusterKind wanted) try {
  std::shared_ptr<Shared>& shared = Shared::current();
  if (!shared || shared->kind != wanted) {
    shared.reset();
    shared = std::make_shared<Shared>(wanted);
  }
  start_on(shared);
} catch (const NotAvailable& missing) {
  GTEST_SKIP() << missing.what();
}

void ClusterCommandLine::start_own(ClusterKind wanted) try {
  Shared::current().reset();
  start_on(std::make_shared<Shared>(wanted));
} catch (const NotAvailable& missing) {
  GTEST_SKIP() << missing.what();
}

void ClusterCommandLine::start_on(std::shared_ptr<Shared> shared) {
  shared_ = std::move(shared);
  kind = shared_->kind;
  database = fmt::format("shop{}", ++shared_->databases);
  for (std::size_t node = 0; node < cluster().node_count(); ++node) {
    if (kind != ClusterKind::kReplicatedDatabase) continue;
    cluster().ask(node, fmt::format("CREATE DATABASE {0} ENGINE = "
                                    "Replicated('/clickhouse/databases/{0}', '{{shard}}', "
                                    "'{{replica}}')",
                                    database));
  }
  through(0);
}

void ClusterCommandLine::TearDown() {
  shared_.reset();
  TargetCommandLine::TearDown();
}

ClickHouseCluster& ClusterCommandLine::cluster() const { return shared_->cluster; }

void ClusterCommandLine::through(std::size_t node) {
  target = cluster().environment(node, database);
  if (kind == ClusterKind::kReplicatedDatabase) return;
  set_variable(target, "CLICKHOUSE_CLUSTER", "{cluster}");
  if (kind != ClusterKind::kShards) return;
  std::string hosts;
  for (std::size_t other = 0; other < cluster().node_count(); ++other) {
    hosts += (hosts.empty() ? "" : ",") + cluster().url(other);
  }
  set_variable(target, "CLICKHOUSE_HOSTS", hosts);
}

std::string ClusterCommandLine::ask(std::size_t node, const std::string& sql) const {
  return without_line_end(cluster().ask(node, sql, database));
}

void ClusterCommandLine::await_all() const {
  // What was said to all nodes before is done when this is: each does one after the other.
  if (kind != ClusterKind::kReplicatedDatabase) {
    cluster().ask(
        0, fmt::format("CREATE DATABASE IF NOT EXISTS {} ON CLUSTER '{{cluster}}'", database));
  }
  for (std::size_t node = 0; node < cluster().node_count(); ++node) {
    if (kind == ClusterKind::kReplicatedDatabase) {
      cluster().ask(node, "SYSTEM SYNC DATABASE REPLICA " + database);
    }
    std::string tables =
        ask(node, fmt::format("SELECT table FROM system.replicas WHERE database = '{}' "
                              "ORDER BY table FORMAT JSONEachRow",
                              database));
    while (!tables.empty()) {
      const std::size_t end = std::min(tables.find('\n'), tables.size());
      const std::string table = nlohmann::json::parse(tables.substr(0, end)).at("table");
      tables.erase(0, end + 1);
      ask(node, "SYSTEM SYNC REPLICA " + clickhouse::qualified(database, table));
    }
  }
}

std::string ClusterCommandLine::from_each(const std::string& sql) const {
  const std::string first = ask(0, sql);
  for (std::size_t node = 1; node < cluster().node_count(); ++node) {
    EXPECT_EQ(ask(node, sql), first) << "node " << node << ": " << sql;
  }
  return first;
}

void ClusterCommandLine::expect_exact(std::size_t node) {
  through(node);
  const Finished verified = on_target({"verify", "--json"});
  EXPECT_EQ(verified.exit_code, 0) << "node " << node << ": " << verified.out << verified.err;
  const auto files = nlohmann::json::parse(verified.out, nullptr, false);
  EXPECT_FALSE(files.empty());
  for (const auto& file : files) {
    const std::string result = file.value("result", "");
    EXPECT_TRUE(result == "exact" || result == "vanished") << "node " << node << ": " << file;
  }
}

void ClusterCommandLine::expect_the_same_everywhere() {
  await_all();
  from_each(
      "SELECT name, engine FROM system.tables WHERE database = currentDatabase() ORDER BY name");
  EXPECT_EQ(from_each("SELECT name FROM system.tables WHERE database = currentDatabase() AND "
                      "(name LIKE '%\\_\\_staging\\_%' OR name LIKE '%\\_\\_swapped%')"),
            "");
  EXPECT_EQ(from_each("SELECT name, engine FROM system.tables WHERE database = currentDatabase() "
                      "AND engine LIKE '%MergeTree' AND engine NOT LIKE 'Replicated%'"),
            "");
  EXPECT_NE(from_each("SELECT * FROM QvdFileTracking FINAL ORDER BY file_path"), "");
  EXPECT_EQ(from_each("SELECT file_name, error_message FROM QvdFileTracking FINAL WHERE status NOT "
                      "IN ('completed', 'vanished', 'moved')"),
            "");
  // Two nodes of four, one a shard, unless all are asked for.
  const bool is_quick = kind == ClusterKind::kShards && number_from("QVDHOUSE_EVERY_NODE", 0) == 0;
  for (std::size_t node = 0; node < cluster().node_count(); node += is_quick ? 3 : 1) {
    expect_exact(node);
  }
  EXPECT_EQ(sync()["loaded"], 0) << "through another node";
  through(0);
}

}  // namespace qvdhouse::tests
