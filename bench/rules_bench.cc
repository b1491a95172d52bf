// What rules of columns cost (docs/validation.md): loads of one table of 10 columns without rules,
// with rules that five rows break, and with a unique key and a regular expression for 200,000 texts
// as well; runs alternate, medians are compared. Each load takes the place of the one before, whose
// quarantined rows go.
//
//   rules_bench [rows = 1000000] [runs = 15] [streams = 2]
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/kinds_of_fields.h"
#include "bench/median.h"
#include "clickhouse/engine.h"
#include "clickhouse/quote.h"
#include "load/load.h"
#include "qvd/writer.h"

namespace {

using namespace qvdhouse;
using schema::ColumnRule;
using schema::RuleAction;
using Clock = std::chrono::steady_clock;

constexpr const char* kDatabase = "rules_bench";
constexpr std::uint64_t kBadRows = 5;

// A key, an amount that is -1 in five rows, and eight columns of texts, dates and numbers.
std::vector<std::byte> make_table(std::uint64_t rows) {
  std::vector<qvd::FieldData> fields = {bench::key_field(rows)};
  bench::add_kinds_of_fields(fields, rows);
  qvd::FieldData& amount = fields[1];
  amount.values.back() = qvd::Value::of(-1);
  for (std::uint32_t& code : amount.codes) code = code % 100'000 + 1;
  for (std::uint64_t i = 0; i < kBadRows; ++i) amount.codes[i * (rows / 7)] = 100'001;
  return qvd::write_qvd({.name = "T", .fields = std::move(fields), .row_count = rows});
}

std::vector<ColumnRule> rules(bool with_more) {
  std::vector<ColumnRule> all = {
      {.columns = "Key", .not_null = true, .min = "0"},
      {.columns = "Amount", .min = "0", .action = RuleAction::kQuarantine},
      {.columns = "Day", .min = "2000-01-01", .max = "2100-01-01"},
      {.columns = "Status",
       .in = {"text 000000", "text 000001", "text 000002", "text 000003", "text 000004"}},
      {.columns = "Country", .matches = "text \\d+", .action = RuleAction::kDrop},
      {.columns = "Customer", .not_null = true, .max = "1000000"}};
  if (!with_more) return all;
  all.push_back({.columns = "Key", .unique = true});
  all.push_back({.columns = "Note", .matches = "[a-z]+ \\d{6}", .action = RuleAction::kDrop});
  return all;
}

struct Case {
  const char* what;
  load::Target target;
  std::vector<double> seconds{};
  std::map<std::string, std::vector<double>> steps{};
};

void run(std::uint64_t rows, int runs, unsigned streams, const std::filesystem::path& dir) {
  const std::vector<std::byte> bytes = make_table(rows);
  const base::MemorySource source(bytes);
  const auto engine = clickhouse::Engine::attach_or_start({.data_dir = dir / "engine"});
  clickhouse::Connection connection(engine.endpoint("system"));
  connection.query(fmt::format("CREATE DATABASE IF NOT EXISTS {}", kDatabase));
  std::vector<Case> cases = {{"no rules", {.table = "Plain"}},
                             {"rules, 5 rows quarantined", {.table = "Ruled"}},
                             {"and unique, 200,000 texts matched", {.table = "More"}}};
  cases[1].target.rules.column_rules = rules(false);
  cases[2].target.rules.column_rules = rules(true);
  for (int i = -1; i < runs; ++i) {  // the first warms up
    for (std::size_t k = 0; k < cases.size(); ++k) {
      Case& of = cases[(k + static_cast<std::size_t>(i + 1)) % cases.size()];
      load::Progress progress;
      load::Result result;
      const auto start = Clock::now();
      load::load_file(source, "T.qvd", engine.endpoint(kDatabase),
                      {.streams = streams, .run_id = fmt::format("r{}", i)}, of.target, progress,
                      result);
      if (i >= 0) {
        of.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
        for (const load::Step& step : result.steps) of.steps[step.name].push_back(step.seconds());
      }
      const std::uint64_t bad = of.target.rules.column_rules.empty() ? 0 : kBadRows;
      if (result.rows_quarantined != bad || result.row_count + bad != rows) {
        throw std::runtime_error(fmt::format("{}: {} rows loaded, {} quarantined", of.what,
                                             result.row_count, result.rows_quarantined));
      }
    }
  }
  fmt::print("{} rows, {} streams, medians of {} alternating runs\n", rows, streams, runs);
  const double plain = bench::median(cases[0].seconds);
  for (const Case& of : cases) {
    const double seconds = bench::median(of.seconds);
    fmt::print("{:36} {:7.3f} s {:+6.1f} %{}\n", of.what, seconds, 100 * (seconds / plain - 1),
               &of == &cases[1] ? " (bar: at most +5 %)" : "");
    for (const auto& [step, times] : of.steps) {
      fmt::print("  step {:8} {:7.3f} s\n", step, bench::median(times));
    }
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 15;
  const unsigned streams = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 2;
  const auto dir = std::filesystem::temp_directory_path() / "qvdhouse_rules_bench";
  std::filesystem::create_directories(dir);
  run(rows, runs, streams, dir);
  std::filesystem::remove_all(dir);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "rules_bench: %s\n", error.what());
  return 1;
}
