// How well workers share: N files by one worker against 8 N files by eight, on one server and on
// two replicas, each worker with a data directory of its own: into tables that are made for it, and
// all again into tables that are there. The source is slow, not the machine: it takes 2 s for the
// bytes of a file, however many files it sends at once.
//
//   workers_bench [files a worker = 8] [workers = 8]
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/files.h"
#include "bench/timed_run.h"
#include "sample/sample.h"
#include "tests/servers/cluster.h"
#include "tests/support/loopback_server.h"

namespace {

using namespace qvdhouse;
namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr double kSecondsAFile = 2;
constexpr std::uint64_t kRows = 20'000;
constexpr double kMostRatio = 1.15;

// Folders "/0/", "/1/" … with so many files as their number says; all files are alike.
class SlowSource {
 public:
  explicit SlowSource(std::string file)
      : file_(std::move(file)),
        server_([this](tests::Peer& peer) { serve(peer); }, tests::LoopbackServer::Turns::kAtOnce) {
  }

  std::string url(int files) const { return server_.url(fmt::format("/{}/", files)); }

 private:
  void serve(tests::Peer& peer) const {
    while (true) {
      const std::string text = peer.receive_until("\r\n\r\n");
      if (text.empty() || !peer.send(answer({.index = 0, .text = text}))) return;
    }
  }

  std::string answer(const tests::TestServer::Request& request) const {
    const bool is_head = request.text.starts_with("HEAD ");
    const std::string path = request.text.substr(0, request.text.find(" HTTP/"));
    if (!path.ends_with(".qvd")) {
      const std::string files = path.substr(path.find('/') + 1);
      return tests::http_answer("200 OK", "Content-Type: text/html\r\n",
                                page(std::strtoul(files.c_str(), nullptr, 10)));
    }
    std::string whole = tests::right_answer(request, file_);
    const std::size_t body = whole.find("\r\n\r\n") + 4;
    if (is_head) return whole.substr(0, body);
    std::this_thread::sleep_for(
        std::chrono::duration<double>(kSecondsAFile * static_cast<double>(whole.size() - body) /
                                      static_cast<double>(file_.size())));
    return whole;
  }

  // As nginx lists a folder.
  std::string page(std::size_t files) const {
    std::string rows;
    for (std::size_t i = 0; i < files; ++i) {
      rows += fmt::format("<a href=\"t{0}.qvd\">t{0}.qvd</a>  01-Nov-2026 06:00  {1}\r\n", i,
                          file_.size());
    }
    return "<html><head><title>Index of /</title></head><body><h1>Index of /</h1><pre>" + rows +
           "</pre></body></html>";
  }

  std::string file_;
  tests::LoopbackServer server_;
};

// Where the workers load to: variables for the i-th of them.
using Targets = std::function<tests::Environment(int worker, const std::string& database)>;

double seconds_of(const SlowSource& source, const Targets& targets, const fs::path& dir,
                  const std::string& database, int workers, int files, bool is_full = false) {
  std::vector<std::string> sync{"sync", source.url(files), "--parallel-files", "1", "--quiet"};
  if (is_full) sync.emplace_back("--full");
  std::vector<std::unique_ptr<tests::Process>> running;
  const auto begin = steady_clock::now();
  for (int i = 0; i < workers; ++i) {
    tests::Environment environment = targets(i, database);
    environment.emplace_back("QVD_DATA_DIR", dir / fmt::format("{}-{}", database, i));
    running.push_back(std::make_unique<tests::Process>(fs::path(QVDHOUSE_BINARY_DIR) / "qvdhouse",
                                                       sync, environment, dir));
  }
  for (const auto& process : running) {
    const tests::Finished done = process->wait();
    if (done.exit_code != 0) throw std::runtime_error("sync: " + done.out + done.err);
  }
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

void compare(const char* what, const SlowSource& source, const Targets& targets,
             const fs::path& dir, int files, int workers) {
  // The tables of tracking are there.
  for (const char* database : {"one", "many"}) seconds_of(source, targets, dir, database, 1, 0);
  for (const bool is_again : {false, true}) {
    const double one = seconds_of(source, targets, dir, "one", 1, files, is_again);
    const double many =
        seconds_of(source, targets, dir, "many", workers, files * workers, is_again);
    fmt::print(
        "{:14} {:11} 1 worker, {} files {:6.1f} s; {} workers, {} files {:6.1f} s; ratio {:.2f} "
        "(bar: at most {:.2f})\n",
        what, is_again ? "all again" : "new tables", files, one, workers, files * workers, many,
        many / one, kMostRatio);
  }
}

void on_one_server(const SlowSource& source, const fs::path& dir, int files, int workers) {
  const tests::ClickHouseServer server(tests::ServerKind::kNewest, dir / "server");
  compare(
      "one server", source,
      [&](int, const std::string& database) { return server.environment(database); }, dir / "one",
      files, workers);
}

void on_replicas(const SlowSource& source, const fs::path& dir, int files, int workers) {
  const tests::ClickHouseCluster cluster({}, dir / "cluster");
  for (const char* database : {"one", "many"}) {
    for (std::size_t node = 0; node < cluster.node_count(); ++node) {
      cluster.ask(node, fmt::format("CREATE DATABASE {0} ENGINE = Replicated("
                                    "'/clickhouse/databases/{0}', '{{shard}}', '{{replica}}')",
                                    database));
    }
  }
  compare(
      "two replicas", source,
      [&](int worker, const std::string& database) {
        const std::size_t node = static_cast<std::size_t>(worker) % cluster.node_count();
        return cluster.environment(node, database);
      },
      dir / "two", files, workers);
}

}  // namespace

int main(int argc, char** argv) {
  const int files = argc > 1 ? std::atoi(argv[1]) : 8;
  const int workers = argc > 2 ? std::atoi(argv[2]) : 8;
  return bench::run_in_folder("workers_bench", [&](const fs::path& dir) {
    for (const char* folder : {"server", "cluster", "one", "two"})
      fs::create_directory(dir / folder);
    sample::write_speed_table(dir / "t.qvd", kRows);
    const SlowSource source(base::read_text(dir / "t.qvd").value());
    on_one_server(source, dir, files, workers);
    on_replicas(source, dir, files, workers);
  });
}
