#include "tests/e2e/target_fixture.h"

#include <signal.h>

#include <chrono>
#include <fstream>
#include <map>
#include <string_view>
#include <thread>
#include <tuple>

#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace fs = std::filesystem;
namespace {

qvd::FieldData field_of(const TestField& field) {
  qvd::FieldData data{.name = field.name};
  std::map<std::tuple<qvd::SymbolKind, double, std::string>, std::uint32_t> codes;
  for (const auto& cell : field.cells) {
    if (!cell) {
      data.codes.push_back(0);
      continue;
    }
    const auto code = static_cast<std::uint32_t>(codes.size() + 1);
    const auto [at, is_new] = codes.try_emplace({cell->kind, cell->number, cell->text}, code);
    if (is_new) data.values.push_back(*cell);
    data.codes.push_back(at->second);
  }
  return data;
}

// A minute apart, so that listings which know whole seconds only show every change.
fs::file_time_type next_time() {
  static fs::file_time_type time = fs::file_time_type::clock::now() - std::chrono::hours(24 * 365);
  return time += std::chrono::minutes(1);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, TargetKind kind) {
  constexpr const char* kNames[] = {"embedded", "http_26_7", "https_26_7", "http_18_16"};
  return out << kNames[static_cast<int>(kind)];
}

void write_table(const fs::path& path, const std::vector<TestField>& fields) {
  qvd::TableData table{.name = "T", .row_count = fields.at(0).cells.size()};
  for (const TestField& field : fields) table.fields.push_back(field_of(field));
  const auto bytes = qvd::write_qvd(table);
  fs::create_directories(path.parent_path());
  const fs::path part = path.parent_path() / ".part";
  std::ofstream(part, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  fs::last_write_time(part, next_time());
  fs::rename(part, path);
}

void TargetCommandLine::TearDown() {
  if (keeper_) {
    ::kill(keeper_->pid(), SIGINT);
    keeper_->wait();
  }
  keeper_.reset();
  server.reset();
  CommandLine::TearDown();
}

void TargetCommandLine::start(TargetKind kind) try {
  target = {{"CLICKHOUSE_DB", database}};
  if (kind == TargetKind::kEmbedded) {
    if (!engine_is_installed()) throw NotAvailable("libchdb.so is not installed");
    keeper_ = std::make_unique<Process>(binary(), std::vector<std::string>{"client", "--keep"},
                                        target, folder);
    const fs::path card = folder / "qvdhouse-data" / "engine.json";
    for (int i = 0; i < 600 && !fs::exists(card); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return;
  }
  const auto server_kind = kind == TargetKind::kOldest      ? ServerKind::kOldest
                           : kind == TargetKind::kNewestTls ? ServerKind::kNewestTls
                                                            : ServerKind::kNewest;
  server = std::make_unique<ClickHouseServer>(server_kind, folder / "server");
  target = server->environment(database);
} catch (const NotAvailable& missing) {
  GTEST_SKIP() << missing.what();
}

Finished TargetCommandLine::on_target(const std::vector<std::string>& arguments,
                                      const Environment& environment) const {
  Environment all = target;
  all.insert(all.end(), environment.begin(), environment.end());
  return qvdhouse(arguments, all);
}

nlohmann::json TargetCommandLine::sync(int exit_code, const Environment& environment) const {
  const Finished done = on_target({"sync", "qvds", "--json"}, environment);
  EXPECT_EQ(done.exit_code, exit_code) << done.out << done.err;
  const auto parsed = nlohmann::json::parse(done.out, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << done.out;
  return parsed;
}

std::string TargetCommandLine::query(const std::string& sql) const {
  const Finished done = on_target({"query", "--write", sql, "--format", "TSVRaw", "--quiet"});
  EXPECT_EQ(done.exit_code, 0) << sql << "\n" << done.err;
  std::string text = done.out;
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

void TargetCommandLine::expect_all_is_well() const {
  const Finished verified = on_target({"verify", "--json"});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  const auto tables = nlohmann::json::parse(verified.out, nullptr, false);
  EXPECT_FALSE(tables.empty());
  for (const auto& table : tables) EXPECT_EQ(table.value("result", ""), "exact") << table;
  EXPECT_EQ(query("SELECT name FROM system.tables WHERE database = currentDatabase() AND "
                  "(name LIKE '%\\_\\_staging\\_%' OR name LIKE '%\\_\\_swapped%')"),
            "");
  EXPECT_EQ(query("SELECT file_name, error_message FROM QvdFileTracking FINAL "
                  "WHERE status != 'completed'"),
            "");
}

std::vector<TestField> plain_rows(int first, int count) {
  std::vector<TestField> fields{{.name = "id"}, {.name = "text"}, {.name = "half"}};
  for (int id = first; id < first + count; ++id) {
    fields[0].cells.emplace_back(qvd::Value::of(id));
    fields[1].cells.emplace_back(
        qvd::Value::of(std::string_view("abcde").substr(static_cast<unsigned>(id) % 5, 1)));
    fields[2].cells.push_back(id % 7 == 0 ? std::nullopt : std::optional(qvd::Value::of(id + 0.5)));
  }
  return fields;
}

}  // namespace qvdhouse::tests
