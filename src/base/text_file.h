// Small files, read whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace qvdhouse::base {

// All bytes of `path`; nothing when it can not be opened or read, as a folder, or a file of /proc
// whose process has ended meanwhile (errno says why).
std::optional<std::string> read_text(const std::filesystem::path& path);

}  // namespace qvdhouse::base
