// The tables of the sources that a command takes, as models; needs no engine.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/context.h"
#include "cli/output.h"
#include "models/table.h"

namespace qvdhouse::cli {

struct SourceModels {
  models::Document document;
  std::size_t failed_files = 0;  // that cannot be read, or wait; each was logged
  int exit_code = 0;             // as plan has it
};

// As sync would make them in an empty target. Throws IoError when a source cannot be listed or no
// file matches, and what Sources::chosen() throws.
SourceModels read_models(std::string_view command, const Context& context);

// Throws ConfigError when a file to be written is there already, and may not be replaced. An empty
// path is none.
void check_output_is_new(const std::string& path, bool overwrite);

}  // namespace qvdhouse::cli
