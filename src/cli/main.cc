#include "cli/cli.h"

int main(int argc, char** argv) { return qvdhouse::cli::run(argc, argv); }
