#include "tests/servers/cluster.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "clickhouse/engine.h"
#include "tests/servers/credentials.h"
#include "tests/servers/daemon.h"
#include "tests/servers/programs.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace fs = std::filesystem;
namespace {

using std::chrono::milliseconds;

// Every node listens there on its HTTP port, which is reserved for it, for the other nodes.
constexpr const char* kInterserverHost = "127.0.0.2";
// Ends a node that a test has stopped, too.
constexpr const char* kDeathSignal = "KILL";
constexpr milliseconds kAskAgain{20};

struct Node {
  fs::path work;
  std::uint16_t http_port = free_port();
  std::uint16_t native_port = free_port();
  std::uint16_t interserver_port = 0;  // of 18.16
  std::unique_ptr<Daemon> daemon;      // none: killed
};

void end_at_once(std::unique_ptr<Daemon>& daemon) {
  if (daemon && daemon->pid() > 0) ::kill(daemon->pid(), SIGKILL);
  daemon.reset();
}

fs::path engine_library() {
  for (const fs::path& path : clickhouse::engine_library_candidates({})) {
    if (fs::exists(path)) return fs::canonical(path);
  }
  throw NotAvailable("TEST SERVER MISSING: libchdb.so. `./dev test` fetches it from npm");
}

fs::path engine_replica() {
  const fs::path path = fs::read_symlink("/proc/self/exe").parent_path() / "engine-replica";
  if (fs::exists(path)) return path;
  throw NotAvailable("TEST SERVER MISSING: " + path.string() + ". `./dev test` builds it");
}

std::unique_ptr<Daemon> start_newest(const Node& node) {
  // The last query keeps the main thread, as clickhouse/engine.cc does it.
  constexpr const char* kQueries =
      "--query=SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; "
      "SELECT sleepEachRow(2) FROM system.numbers FORMAT Null "
      "SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0";
  return std::make_unique<Daemon>(
      engine_replica(),
      std::vector<std::string>{engine_library(), kInterserverHost, std::to_string(node.http_port),
                               "--config-file=" + (node.work / "config.xml").string(), kQueries},
      Environment{{"TZ", "UTC"}}, node.work, kDeathSignal);
}

std::unique_ptr<Daemon> start_oldest(const Node& node) {
  return std::make_unique<Daemon>(
      unpacked("/usr/sbin/clickhouse-server"),
      std::vector<std::string>{"--config-file=" + (node.work / "config.xml").string()},
      unpacked_environment(), node.work, kDeathSignal);
}

std::string class_path() {
  std::string jars;
  for (const char* jar : {"zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple",
                          "metrics-core", "snappy-java"}) {
    jars += unpacked(fmt::format("/usr/share/java/{}.jar", jar)).string() + ":";
  }
  return jars;
}

// How many sessions it has; nothing while it takes connections and does not serve them yet, which
// it may never answer.
std::optional<std::size_t> zookeeper_sessions(std::uint16_t port) {
  const int fd = connect_to(port);
  if (fd < 0) return std::nullopt;
  constexpr timeval kPatience{.tv_sec = 0, .tv_usec = 200'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  constexpr std::string_view kQuestion = "mntr";
  std::string answer;
  std::array<char, 4096> part{};
  ssize_t size = ::send(fd, kQuestion.data(), kQuestion.size(), MSG_NOSIGNAL);
  while (size > 0 && (size = ::recv(fd, part.data(), part.size(), 0)) > 0) {
    answer.append(part.data(), static_cast<std::size_t>(size));
  }
  ::close(fd);
  constexpr std::string_view kSessions = "zk_global_sessions\t";
  const std::size_t at = answer.find(kSessions);
  if (at == std::string::npos) return std::nullopt;
  return std::stoul(answer.substr(at + kSessions.size()));
}

void wait_for_sessions(std::uint16_t port, std::size_t count) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    const auto sessions = zookeeper_sessions(port);
    if (sessions && *sessions >= count) return;
    if (std::chrono::steady_clock::now() > give_up) {
      throw std::runtime_error(fmt::format("ZooKeeper does not serve {} sessions", count));
    }
    std::this_thread::sleep_for(kAskAgain);
  }
}

}  // namespace

struct ClickHouseCluster::State {
  ClusterOptions options;
  fs::path work;
  std::uint16_t zookeeper_port = free_port();
  std::unique_ptr<Daemon> zookeeper;
  std::vector<Node> nodes;

  State(ClusterOptions wanted, fs::path folder);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  bool is_oldest() const { return options.kind == ServerKind::kOldest; }
  std::string shards() const;
  void configure(std::size_t index) const;
  void start_zookeeper();
  void start(Node& node) const;
};

ClickHouseCluster::State::State(ClusterOptions wanted, fs::path folder)
    : options(std::move(wanted)), work(std::move(folder)) {
  nodes.resize(options.shards * options.replicas);
  for (std::size_t index = 0; index < nodes.size(); ++index) {
    nodes[index].work = work / fmt::format("node{}", index);
    fs::create_directories(nodes[index].work);
    if (is_oldest()) nodes[index].interserver_port = free_port();
  }
  for (std::size_t index = 0; index < nodes.size(); ++index) configure(index);
  write_configuration("zookeeper.cfg", work / "zookeeper.cfg",
                      {{"WORK", work / "zookeeper"}, {"PORT", std::to_string(zookeeper_port)}});
}

ClickHouseCluster::State::~State() {
  for (Node& node : nodes) end_at_once(node.daemon);
  end_at_once(zookeeper);
}

// As <remote_servers> has them. Nodes of 26.7 trust each other by the cluster's <secret>.
std::string ClickHouseCluster::State::shards() const {
  const std::string login =
      is_oldest() ? fmt::format("<user>{}</user><password>{}</password>", kUser, kPassword) : "";
  std::string text;
  for (std::size_t index = 0; index < nodes.size(); ++index) {
    if (index % options.replicas == 0) {
      text += "<shard><internal_replication>true</internal_replication>";
    }
    text += fmt::format("<replica><host>127.0.0.1</host><port>{}</port>{}</replica>",
                        nodes[index].native_port, login);
    if ((index + 1) % options.replicas == 0) text += "</shard>";
  }
  return text;
}

void ClickHouseCluster::State::configure(std::size_t index) const {
  const Node& node = nodes[index];
  const std::string keeper_map =
      options.keeper_map ? "<keeper_map_path_prefix>/keeper_map</keeper_map_path_prefix>" : "";
  std::string grants;
  for (const std::string& one : options.limited_grants) {
    grants += "<query>" + one + "</query>";
  }
  write_configuration(is_oldest() ? "cluster_node_18.xml" : "cluster_node.xml",
                      node.work / "config.xml",
                      {{"WORK", node.work},
                       {"PORT", std::to_string(node.http_port)},
                       {"NATIVE_PORT", std::to_string(node.native_port)},
                       {"INTERSERVER_HOST", kInterserverHost},
                       {"INTERSERVER_PORT", std::to_string(node.interserver_port)},
                       {"ZOOKEEPER_PORT", std::to_string(zookeeper_port)},
                       {"KEEPER_MAP", keeper_map},
                       {"SHARDS", shards()},
                       {"SHARD", std::to_string(index / options.replicas + 1)},
                       {"REPLICA", fmt::format("r{}", index % options.replicas + 1)},
                       {"USER", kUser},
                       {"PASSWORD", kPassword},
                       {"LIMITED_USER", kLimitedUser},
                       {"LIMITED_GRANTS", grants}});
}

void ClickHouseCluster::State::start_zookeeper() {
  zookeeper = std::make_unique<Daemon>(
      unpacked("/usr/lib/jvm/java-17-openjdk-amd64/bin/java"),
      std::vector<std::string>{
          "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no",
          "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", class_path(),
          "org.apache.zookeeper.server.quorum.QuorumPeerMain", work / "zookeeper.cfg"},
      Environment{}, work, kDeathSignal);
  zookeeper->wait_until_up(zookeeper_port);
  wait_for_sessions(zookeeper_port, 0);
}

void ClickHouseCluster::State::start(Node& node) const {
  node.daemon = is_oldest() ? start_oldest(node) : start_newest(node);
}

ClickHouseCluster::ClickHouseCluster(ClusterOptions options, fs::path work)
    : state_(std::make_unique<State>(options, std::move(work))) {
  state_->start_zookeeper();
  for (Node& node : state_->nodes) state_->start(node);
  for (Node& node : state_->nodes) node.daemon->wait_until_up(node.http_port);
  // 18.16 crashes when it is asked for something ON CLUSTER while its first session begins.
  if (state_->is_oldest()) wait_for_sessions(state_->zookeeper_port, node_count());
}

ClickHouseCluster::~ClickHouseCluster() = default;

std::size_t ClickHouseCluster::node_count() const { return state_->nodes.size(); }

std::size_t ClickHouseCluster::node_of(std::size_t shard, std::size_t replica) const {
  return shard * state_->options.replicas + replica;
}

std::string ClickHouseCluster::user() const { return kUser; }
std::string ClickHouseCluster::password() const { return kPassword; }

std::string ClickHouseCluster::url(std::size_t node) const {
  return fmt::format("http://127.0.0.1:{}", http_port(node));
}

std::uint16_t ClickHouseCluster::http_port(std::size_t node) const {
  return state_->nodes.at(node).http_port;
}

std::uint16_t ClickHouseCluster::native_port(std::size_t node) const {
  return state_->nodes.at(node).native_port;
}

std::uint16_t ClickHouseCluster::zookeeper_port() const { return state_->zookeeper_port; }

clickhouse::Endpoint ClickHouseCluster::endpoint(std::size_t node, std::string database) const {
  return {
      .url = url(node), .user = user(), .password = password(), .database = std::move(database)};
}

Environment ClickHouseCluster::environment(std::size_t node, const std::string& database,
                                           std::uint16_t port) const {
  return {{"CLICKHOUSE_URL",
           fmt::format("http://127.0.0.1:{}/{}", port == 0 ? http_port(node) : port, database)},
          {"CLICKHOUSE_USER", user()},
          {"CLICKHOUSE_PASSWORD", password()}};
}

std::string ClickHouseCluster::ask(std::size_t node, const std::string& sql,
                                   const std::string& database) const {
  return clickhouse::Connection(endpoint(node, database)).query(sql);
}

std::string ClickHouseCluster::ask_until(std::size_t node, const std::string& sql,
                                         const std::string& expected, milliseconds patience) const {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    std::string answer;
    try {
      answer = ask(node, sql);
    } catch (const base::Error& error) {
      answer = error.what();
    }
    if (answer == expected || std::chrono::steady_clock::now() > give_up) return answer;
    std::this_thread::sleep_for(kAskAgain);
  }
}

pid_t ClickHouseCluster::pid(std::size_t node) const {
  const auto& daemon = state_->nodes.at(node).daemon;
  if (!daemon || daemon->pid() <= 0) throw std::logic_error(fmt::format("node {} is killed", node));
  return daemon->pid();
}

void ClickHouseCluster::kill(std::size_t node) { end_at_once(state_->nodes.at(node).daemon); }
void ClickHouseCluster::stop(std::size_t node) { ::kill(pid(node), SIGSTOP); }
void ClickHouseCluster::resume(std::size_t node) { ::kill(pid(node), SIGCONT); }

void ClickHouseCluster::restart(std::size_t node) {
  kill(node);
  state_->start(state_->nodes[node]);
  state_->nodes[node].daemon->wait_until_up(http_port(node));
}

void ClickHouseCluster::kill_zookeeper() { end_at_once(state_->zookeeper); }

void ClickHouseCluster::restart_zookeeper() {
  kill_zookeeper();
  state_->start_zookeeper();
}

}  // namespace qvdhouse::tests
