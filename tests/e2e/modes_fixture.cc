#include "tests/e2e/modes_fixture.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>

#include "clickhouse/engine_files.h"

namespace qvdhouse::tests {
namespace {

using qvd::Value;

constexpr const char* kTables = R"(
[[table]]
match = "Sales_*.qvd"
name = "Sales"

[[table]]
match = "Log_*.qvd"
name = "Log"
mode = "append"
)";

const std::vector<std::string>& files() {
  static const std::vector<std::string> names = {"r0.qvd",      "r1.qvd",      "Sales_0.qvd",
                                                 "Sales_1.qvd", "Sales_2.qvd", "Sales_3.qvd",
                                                 "Log_0.qvd",   "Log_1.qvd"};
  return names;
}

std::uint64_t index_of(const std::string& file) {
  return static_cast<std::uint64_t>(std::ranges::find(files(), file) - files().begin());
}

std::uint64_t rows_of(const std::string& file, int generation) {
  return 4'000 + index_of(file) * 701 + static_cast<std::uint64_t>(generation) % 5 * 103;
}

std::uint64_t first_id(const std::string& file, int generation) {
  return index_of(file) * 100'000 + static_cast<std::uint64_t>(generation);
}

}  // namespace

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string state_of(const std::string& file, int generation) {
  const std::uint64_t count = rows_of(file, generation);
  const std::uint64_t first = first_id(file, generation);
  return fmt::format("{}\t{}\t{}\t{}", generation, count, (2 * first + count - 1) * count / 2,
                     (count + 6) / 7);
}

std::string states_sql(const std::string& table, bool is_set) {
  const std::string file = is_set ? "splitByChar('/', toString(_file))[-1]" : "''";
  return fmt::format(
      "SELECT {} AS file, toInt64(generation) AS g, count(), sum(toInt64(id)), "
      "countIf(isNull(half)) FROM {} GROUP BY file, g ORDER BY file, g",
      file, table);
}

void ModesCommandLine::start_with_files(TargetKind kind) {
  start(kind);
  if (IsSkipped()) return;
  write_text("qvdhouse.toml", kTables);
  write_generation(0);
  EXPECT_EQ(sync()["loaded"], files().size());
  expect_exact();
}

void ModesCommandLine::write_generation(int generation) {
  newest = generation;
  for (const std::string& file : files()) {
    std::vector<TestField> fields{{.name = "id"}, {.name = "generation"}, {.name = "half"}};
    const std::uint64_t first = first_id(file, generation);
    for (std::uint64_t row = 0; row < rows_of(file, generation); ++row) {
      fields[0].cells.emplace_back(Value::of(static_cast<std::int32_t>(first + row)));
      fields[1].cells.emplace_back(Value::of(static_cast<std::int32_t>(generation)));
      fields[2].cells.push_back(
          row % 7 == 0 ? std::nullopt
                       : std::optional(Value::of(static_cast<double>(row % 50) + 0.5)));
    }
    write_table(qvd(file), fields);
  }
}

void ModesCommandLine::repair() {
  restart_server();
  on_target({"sync", "qvds", "--quiet"});
  const Finished status = on_target({"status", "--json"});
  ASSERT_EQ(status.exit_code, 0) << status.err;
  for (const auto& file : nlohmann::json::parse(status.out)) {
    if (file["status"] == "completed") continue;
    on_target({"reset", "--file", file["file_path"], "--force"});
  }
  const Finished last = on_target({"sync", "qvds"});
  EXPECT_EQ(last.exit_code, 0) << last.out << last.err;
}

void ModesCommandLine::expect_exact() const {
  std::string sales;
  std::string log;
  for (const std::string& file : files()) {
    if (file.starts_with("Sales")) {
      sales += fmt::format("{}\t{}\n", file, state_of(file, newest));
    }
    for (int old = 0; file.starts_with("Log") && old <= newest; ++old) {
      log += fmt::format("{}\t{}\n", file, state_of(file, old));
    }
  }
  EXPECT_EQ(query(states_sql("Sales", true)) + "\n", sales);
  EXPECT_EQ(query(states_sql("Log", true)) + "\n", log);
  EXPECT_EQ(query(states_sql("QvdR0", false)), "\t" + state_of("r0.qvd", newest));
  EXPECT_EQ(query(states_sql("QvdR1", false)), "\t" + state_of("r1.qvd", newest));
  expect_all_is_well();
}

void ModesCommandLine::kill_server() {
  if (server) return server->kill();
  const auto engine = clickhouse::read_engine_info(folder / "qvdhouse-data");
  if (engine && engine->pid > 1) ::kill(engine->pid, SIGKILL);
}

void ModesCommandLine::restart_server() {
  if (server) server->restart();
}

clickhouse::Endpoint ModesCommandLine::endpoint() const {
  if (server) return server->endpoint(database);
  const auto engine = clickhouse::read_engine_info(folder / "qvdhouse-data");
  if (!engine) return {};
  return {.url = fmt::format("http://127.0.0.1:{}", engine->http_port),
          .user = engine->user,
          .password = engine->password,
          .database = database};
}

}  // namespace qvdhouse::tests
