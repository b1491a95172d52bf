// The files that cat and diff read, as the settings would load them, and rows written by the engine
// in a format that we do not write ourselves.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/sources.h"
#include "render/files.h"
#include "render/format.h"
#include "render/rows.h"

namespace qvdhouse::cli {

// Files, URLs, folders and globs in their order; those of a folder or glob by their path. `command`
// is for messages; `sources` must outlive what is returned. Throws UsageError where a name leads to
// no file, and what listing throws.
std::vector<render::File> rendered_files(std::string_view command,
                                         const std::vector<std::string>& names, Sources& sources,
                                         const Context& context);

// Has the embedded engine read `rows`, which are Native, and write them as `format`; on_bytes gets
// its answer piece by piece. It reads them from a pipe of this process: nothing is stored, and a
// server that is the target has no part in it. Throws ConfigError where the engine is not
// installed, TargetError, ServerError, what on_bytes throws, and what rows.next() throws.
void write_by_engine(render::Rows& rows, render::Format format,
                     const std::function<void(std::string_view)>& on_bytes, const Context& context);

}  // namespace qvdhouse::cli
