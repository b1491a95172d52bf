// qvdhouse version.
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"

namespace qvdhouse::cli {
namespace {

struct VersionArguments {};

int run_version(const VersionArguments&, const Context&) {
  print("qvdhouse " + version() + "\n");
  return kOk;
}

}  // namespace

void add_version(CommandLine& line) {
  Options o = line.add("version", kSetup, "print the version", run_version).options;
  o.example("qvdhouse version");
  o.needs_no_config();
}

}  // namespace qvdhouse::cli
