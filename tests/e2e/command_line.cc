#include "tests/e2e/command_line.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "clickhouse/engine.h"
#include "qvd/writer.h"

namespace qvdhouse::tests {

namespace fs = std::filesystem;

void CommandLine::SetUp() {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string name = info->name();
  std::ranges::replace(name, '/', '_');  // ahead of a parameter
  folder = fs::canonical(fs::temp_directory_path()) /
           ("qvdhouse_e2e_" + name + "_" + std::to_string(::getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder / "qvds");
}

void CommandLine::TearDown() { fs::remove_all(folder); }

fs::path CommandLine::binary() { return fs::path(QVDHOUSE_BINARY_DIR) / "qvdhouse"; }

bool CommandLine::engine_is_installed() {
  const auto libraries = clickhouse::engine_library_candidates({});
  return std::any_of(libraries.begin(), libraries.end(),
                     [](const fs::path& path) { return fs::exists(path); });
}

Finished CommandLine::qvdhouse(const std::vector<std::string>& arguments,
                               const Environment& environment) const {
  return run(binary(), arguments, environment, folder);
}

nlohmann::json CommandLine::json(std::vector<std::string> arguments, int exit_code) const {
  arguments.push_back("--json");
  const Finished finished = qvdhouse(arguments);
  EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
  const auto parsed = nlohmann::json::parse(finished.out, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << finished.out;
  return parsed;
}

fs::path CommandLine::write_qvd(const std::string& name, const std::string& text_field) const {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData text{.name = text_field};
  for (std::uint32_t row = 0; row < 3; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row + 1)));
    id.codes.push_back(row + 1);
    text.values.push_back(qvd::Value::of(std::string_view("abc").substr(row, 1)));
    text.codes.push_back(row + 1);
  }
  const auto bytes = qvd::write_qvd({.name = "T", .fields = {id, text}, .row_count = 3});
  const fs::path path = folder / "qvds" / name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return path;
}

fs::path CommandLine::write_broken_qvd(const std::string& name) const {
  const fs::path path = write_qvd(name);
  fs::resize_file(path, fs::file_size(path) - 1);
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(24));
  return path;
}

void EngineCommandLine::SetUp() {
  CommandLine::SetUp();
  if (!engine_is_installed()) GTEST_SKIP() << "libchdb.so is not installed: ./dev test installs it";
}

void CommandLine::write_text(const std::string& name, const std::string& text) const {
  std::ofstream(folder / name, std::ios::binary) << text;
  // Whatever the umask is: settings that others may write to are refused.
  fs::permissions(folder / name, fs::perms::owner_read | fs::perms::owner_write);
}

}  // namespace qvdhouse::tests
