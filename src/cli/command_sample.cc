// qvdhouse sample: writes sample QVD files to try things with.
#include <fmt/format.h>

#include <filesystem>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "sample/sample.h"

namespace qvdhouse::cli {
namespace {

struct SampleArguments {
  std::string directory;
  std::uint64_t rows = 1000;
  bool speed_table = false;
  bool json = false;
};

int run_sample(const SampleArguments& arguments, const Context&) {
  std::vector<sample::SampleFile> files;
  const std::filesystem::path directory = arguments.directory;
  if (arguments.speed_table) {
    std::filesystem::create_directories(directory);
    files.push_back(sample::write_speed_table(directory / "sales.qvd", arguments.rows));
  } else {
    files = sample::write_sample_tree(directory, arguments.rows);
  }
  if (arguments.json) {
    Json json = Json::array();
    for (const sample::SampleFile& file : files) {
      json.push_back(
          Json{{"path", file.path.string()}, {"rows", file.row_count}, {"bytes", file.bytes}});
    }
    print_json(json);
    return kOk;
  }
  std::vector<std::vector<std::string>> rows;
  for (const sample::SampleFile& file : files) {
    rows.push_back({file.path.string(), format_count(file.row_count), format_bytes(file.bytes)});
  }
  print_table({{.title = "File", .flexible = true},
               {.title = "Rows", .right = true},
               {.title = "Size", .right = true}},
              rows);
  return kOk;
}

}  // namespace

void add_sample(CommandLine& line) {
  auto [o, a] = line.add("sample", kFiles, "write sample QVD files", run_sample);
  o.example("qvdhouse sample ./samples --rows 10000");
  o.option("DIR", a.directory, "", "the folder to write them into")->required();
  o->add_option("--rows", a.rows, "rows of the largest file")->capture_default_str();
  o.flag("--speed", a.speed_table, "one wide table for measuring, of any length");
  o.json(a.json);
}

}  // namespace qvdhouse::cli
