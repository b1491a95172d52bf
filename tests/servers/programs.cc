#include "tests/servers/programs.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace qvdhouse::tests {
namespace fs = std::filesystem;
namespace {

const fs::path& sources() {
  static const fs::path path = fs::path(QVDHOUSE_SOURCE_DIR) / "tests" / "servers";
  return path;
}

const fs::path& unpacked_root() {
  static const fs::path path = fs::path(QVDHOUSE_SOURCE_DIR) / "build" / "servers" / "root";
  return path;
}

fs::path existing(const fs::path& path, const std::string& what) {
  if (fs::exists(path)) return path;
  throw NotAvailable(
      fmt::format("TEST SERVER MISSING: {} ({}). `./dev test` fetches it, from Debian's packages "
                  "and npm",
                  what, path.string()));
}

}  // namespace

fs::path unpacked(const std::string& path) {
  return existing(unpacked_root() / path.substr(1), fs::path(path).filename());
}

fs::path machine_program(const std::string& name) {
  std::istringstream folders(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (fs::exists(fs::path(folder) / name)) return fs::path(folder) / name;
  }
  return existing(fs::path("/usr/bin") / name, name);
}

fs::path node_module(const std::string& path) {
  return existing(sources() / "node_modules" / path, "the npm package " + path);
}

Environment unpacked_environment() {
  std::string libraries;
  for (const char* folder : {"usr/lib", "lib"}) {
    if (!fs::exists(unpacked_root() / folder)) continue;
    for (const auto& entry : fs::directory_iterator(unpacked_root() / folder)) {
      if (!entry.path().filename().string().ends_with("-linux-gnu")) continue;
      libraries += fmt::format("{0}:{0}/samba:", entry.path().string());
    }
  }
  return {{"LD_LIBRARY_PATH", libraries},
          {"PYTHONPATH", unpacked_root() / "usr/lib/python3/dist-packages"}};
}

void write_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void write_configuration(const std::string& name, const fs::path& to, const Environment& values) {
  std::ostringstream read;
  read << std::ifstream(sources() / name).rdbuf();
  std::string text = read.str();
  for (const auto& [key, value] : values) {
    const std::string mark = "@" + key + "@";
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size()) {
      text.replace(at, mark.size(), value);
    }
  }
  write_file(to, text);
}

std::string output_of(const fs::path& program, const std::vector<std::string>& arguments,
                      const Environment& environment) {
  const Finished finished = run(program, arguments, environment, "/");
  if (finished.exit_code == 0) return finished.out;
  throw std::runtime_error(
      fmt::format("{} failed: {}{}", program.string(), finished.out, finished.err));
}

}  // namespace qvdhouse::tests
