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
  line.add<VersionArguments>({.name = "version",
                              .task = kSetup,
                              .help = "print the version",
                              .example = "qvdhouse version",
                              .needs_config = false},
                             run_version, [](Options&, VersionArguments&) {});
}

}  // namespace qvdhouse::cli
