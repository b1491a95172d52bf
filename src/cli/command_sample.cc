// qvdhouse sample: writes sample QVD files to try things with.
#include <fmt/format.h>

#include <filesystem>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "sample/sample.h"

namespace qvdhouse::cli {

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

}  // namespace qvdhouse::cli
