// The service as those who watch it meet it: how soon it answers with 100,000 tracked files, how
// soon a browser shows each view of them (where ./dev test has installed what that needs), and
// how much 200 clients that ask for the status every second slow a load that runs meanwhile.
//
//   service_bench [rows of the load = 10000000] [runs = 3]
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/median.h"
#include "bench/timed_run.h"
#include "sample/sample.h"
#include "serve/test_client.h"
#include "tests/support/loopback.h"

namespace {

using namespace qvdhouse;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr int kTrackedFiles = 100'000;
constexpr int kClients = 200;
constexpr std::chrono::seconds kPollPeriod{1};

// A service on `dir`/qvds with its engine in `dir`/data, ready; its schedule never comes.
class Service {
 public:
  explicit Service(const fs::path& dir)
      : port_(tests::free_port()),
        process_(fs::path(QVDHOUSE_BINARY_DIR) / "qvdhouse", {"serve", "--quiet"},
                 {{"QVD_SOURCE", dir / "qvds"},
                  {"QVD_DATA_DIR", dir / "data"},
                  {"QVD_SCHEDULE", "@yearly"},
                  {"QVD_PORT", std::to_string(port_)}},
                 dir) {
    wait_until("ready", [&] { return serve::call(port_, "/ready").status == 200; });
  }
  ~Service() {
    ::kill(process_.pid(), SIGTERM);
    process_.wait();
  }

  std::uint16_t port() const { return port_; }
  std::string get_text(const std::string& path) const {
    serve::Reply reply = serve::call(port_, path);
    if (reply.status != 200) {
      throw std::runtime_error(fmt::format("GET {}: {} {}", path, reply.status, reply.body));
    }
    return std::move(reply.body);
  }
  nlohmann::json get(const std::string& path) const {
    return nlohmann::json::parse(get_text(path));
  }
  // One run, of all that has changed: its seconds by the service's own record.
  double run() const {
    const serve::Reply started = serve::call(port_, "/api/workflows/default/run",
                                             {.method = "POST",
                                              .body = "{}",
                                              .headers = {"Content-Type: application/json"},
                                              .ca_file = {}});
    if (started.status >= 300) throw std::runtime_error("run: " + started.body);
    const std::string id = nlohmann::json::parse(started.body).at("run_id");
    nlohmann::json run;
    wait_until("done", [&] {
      const serve::Reply reply = serve::call(port_, "/api/runs/" + id);
      if (reply.status != 200) return false;
      run = nlohmann::json::parse(reply.body);
      return run["status"] != "running" && run["status"] != "waiting";
    });
    if (run["files_loaded"] != 1) throw std::runtime_error("the run loaded nothing: " + run.dump());
    return run["duration_seconds"];
  }

 private:
  template <class Done>
  static void wait_until(const char* what, const Done& done) {
    const auto give_up = steady_clock::now() + std::chrono::minutes(10);
    while (!done()) {
      if (steady_clock::now() > give_up) throw std::runtime_error(fmt::format("not {}", what));
      std::this_thread::sleep_for(milliseconds(100));
    }
  }

  std::uint16_t port_;
  tests::Process process_;
};

// The largest of seven answers' milliseconds, and the median, of one path. Answers are kept for a
// second by the service: these are further apart.
void print_answer_times(const Service& service, const std::string& path, const char* bar) {
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    std::this_thread::sleep_for(milliseconds(1100));
    const auto start = steady_clock::now();
    service.get_text(path);
    times.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - start).count());
  }
  fmt::print("  {:42} {:7.1f} ms, slowest {:7.1f} ms{}\n", path, bench::median(times),
             *std::max_element(times.begin(), times.end()), bar);
}

void answers(const fs::path& dir) {
  const fs::path place = dir / "tracked";
  fs::create_directories(place / "qvds");
  sample::write_speed_table(place / "qvds" / "one.qvd", 1000);
  const std::vector<std::string> sync{"sync", "qvds", "--data-dir", "data", "--quiet"};
  bench::run_timed(sync, place);
  for (const char* table : {"QvdFileTracking", "QvdFileHistory"}) {
    const std::string sql = fmt::format(
        "INSERT INTO {0} SELECT t.* REPLACE (concat('/data/file', toString(n.number), '.qvd') AS "
        "file_path, concat('file', toString(n.number), '.qvd') AS file_name, concat('QvdTable', "
        "toString(n.number % 500)) AS table_name) FROM (SELECT * FROM {0} LIMIT 1) AS t, "
        "numbers({1}) AS n",
        table, kTrackedFiles);
    bench::run_timed({"query", "--write", sql, "--data-dir", "data"}, place);
  }
  const Service service(place);
  fmt::print("{} tracked files of 500 tables\n",
             service.get("/consumption/qvd_status")["summary"]["total_files"].get<int>());
  print_answer_times(service, "/health", "");
  print_answer_times(service, "/consumption/qvd_status", " (bar: below 200 ms)");
  print_answer_times(service, "/consumption/qvd_status?limit=500&include_history=true", "");
  print_answer_times(service, "/consumption/qvd_status?file_name=file77777", "");
  print_answer_times(service, "/api/overview", "");
  print_answer_times(service, "/api/files?search=777&sort=rows", "");
  print_answer_times(service, "/api/tables", "");
  print_answer_times(service, "/api/tables/QvdTable77", "");
  print_answer_times(service, "/api/runs", "");
  print_answer_times(service, "/metrics", "");
  fmt::print("from an address to the view's data (bar: below 1,000 ms)\n");
  std::fflush(stdout);
  const std::string paint = fmt::format("{}/tests/browser/run paint.mjs http://127.0.0.1:{}",
                                        QVDHOUSE_SOURCE_DIR, service.port());
  if (std::system(paint.c_str()) != 0) fmt::print("  the page was not measured\n");
}

struct Answers {
  int good = 0;
  int bad = 0;
  double slowest_seconds = 0;
};

// Clients that each ask every second, each time by a connection of their own.
class Crowd {
 public:
  explicit Crowd(std::uint16_t port) : port_(port), start_(steady_clock::now()) {
    for (int i = 0; i < kClients; ++i) {
      threads_.emplace_back([this, i] { poll(start_ + kPollPeriod * i / kClients); });
    }
  }
  ~Crowd() { leave(); }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  // Waits for the last answers: they count too.
  Answers leave() {
    is_over_ = true;
    threads_.clear();
    return answers_;
  }

 private:
  void poll(steady_clock::time_point next) {
    while (!is_over_) {
      std::this_thread::sleep_until(next);
      next += kPollPeriod;
      const auto start = steady_clock::now();
      const bool is_good = serve::call(port_, "/consumption/qvd_status").status == 200;
      const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
      const std::lock_guard lock(mutex_);
      ++(is_good ? answers_.good : answers_.bad);
      answers_.slowest_seconds = std::max(answers_.slowest_seconds, seconds);
    }
  }

  std::uint16_t port_;
  steady_clock::time_point start_;
  std::atomic<bool> is_over_ = false;
  std::mutex mutex_;
  Answers answers_;
  std::vector<std::jthread> threads_;
};

// The clients run on the processors of the service, unlike those of a user: what they take of them
// is measured, too.
void load_in_a_crowd(const fs::path& dir, std::uint64_t rows, int runs) {
  const fs::path place = dir / "crowd";
  fs::create_directories(place / "qvds");
  const Service service(place);
  std::vector<double> alone;
  std::vector<double> watched;
  Answers all;
  double client_seconds = 0;
  double crowd_seconds = 0;
  std::uint64_t more = 0;
  const auto change_file = [&] {
    sample::write_speed_table(place / "qvds" / "large.qvd", rows + ++more);
  };
  const auto load_watched = [&] {
    const std::clock_t used = std::clock();
    const auto start = steady_clock::now();
    Crowd crowd(service.port());
    watched.push_back(service.run());
    const Answers answers = crowd.leave();
    client_seconds += static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC;
    crowd_seconds += std::chrono::duration<double>(steady_clock::now() - start).count();
    all.good += answers.good;
    all.bad += answers.bad;
    all.slowest_seconds = std::max(all.slowest_seconds, answers.slowest_seconds);
  };
  change_file();
  service.run();
  for (int run = 0; run < runs; ++run) {
    change_file();
    alone.push_back(service.run());
    change_file();
    load_watched();
  }
  const double processors = std::thread::hardware_concurrency();
  fmt::print("load of {} rows, medians of {} alternating runs\n", rows, runs);
  fmt::print("  nobody asks                                {:7.2f} s\n", bench::median(alone));
  fmt::print(
      "  {} clients ask every second               {:7.2f} s, ratio {:.2f} (bar: below 1.10)\n",
      kClients, bench::median(watched), bench::median(watched) / bench::median(alone));
  fmt::print(
      "  {} answers, the slowest after {:.2f} s; {} failures; the clients themselves took {:.1f} % "
      "of {} processors\n",
      all.good, all.slowest_seconds, all.bad, 100 * client_seconds / crowd_seconds / processors,
      processors);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 3;
  return bench::run_in_folder("service_bench", [&](const fs::path& dir) {
    answers(dir);
    load_in_a_crowd(dir, rows, runs);
  });
}
