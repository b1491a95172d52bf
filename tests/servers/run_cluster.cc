// run-cluster [SHARDSxREPLICAS]: a cluster of 26.7 (cluster.h) that runs until Ctrl-C, for
// `./dev cluster`.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>

#include "tests/servers/cluster.h"

namespace {

namespace fs = std::filesystem;
using qvdhouse::tests::ClickHouseCluster;
using qvdhouse::tests::ClusterOptions;

volatile std::sig_atomic_t ended = 0;
void note_end(int /*signal*/) { ended = 1; }

// "2x3": two shards of three replicas.
bool parse_shape(std::string_view text, ClusterOptions& options) {
  constexpr auto is_count = [](char digit) { return digit >= '1' && digit <= '9'; };
  if (text.size() != 3 || !is_count(text[0]) || text[1] != 'x' || !is_count(text[2])) return false;
  options.shards = static_cast<std::size_t>(text[0] - '0');
  options.replicas = static_cast<std::size_t>(text[2] - '0');
  return true;
}

// In single quotes, as a shell takes any text that has none.
void print(const ClickHouseCluster& cluster, const fs::path& work) {
  for (std::size_t node = 0; node < cluster.node_count(); ++node) {
    fmt::print("\n# node {} (pid {}), native port {}\n", node, cluster.pid(node),
               cluster.native_port(node));
    for (const auto& [name, value] : cluster.environment(node, "default")) {
      fmt::print("export {}='{}'\n", name, value);
    }
  }
  fmt::print(
      "\nThe cluster's name is main; ZooKeeper is at 127.0.0.1:{}; files are in {}.\n"
      "It runs until Ctrl-C, which ends it and removes its files.\n",
      cluster.zookeeper_port(), work.string());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  ClusterOptions options;
  if (argc > 2 || (argc == 2 && !parse_shape(argv[1], options))) {
    fmt::print(stderr, "usage: {} [SHARDSxREPLICAS], for example 2x2\n", argv[0]);
    return 2;
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, note_end);
  const fs::path work =
      fs::canonical(fs::temp_directory_path()) / fmt::format("qvdhouse_cluster_{}", ::getpid());
  {
    const ClickHouseCluster cluster(options, work);
    print(cluster, work);
    while (!ended) ::sleep(1);  // a signal ends the sleep
  }
  fs::remove_all(work);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
