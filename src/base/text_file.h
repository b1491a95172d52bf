// Small files, read and written whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace qvdhouse::base {

// All bytes of `path`; nothing when it can not be opened or read, as a folder, or a file of /proc
// whose process has ended meanwhile (errno says why).
std::optional<std::string> read_text(const std::filesystem::path& path);

// Makes `path` hold exactly `text`, and its folder where that is absent: written aside and renamed,
// so that a kill or a full disk leaves what was there. Keeps the permissions, follows links, and
// throws IoError, also for what is there and no regular file.
void write_text(const std::filesystem::path& path, const std::string& text);

}  // namespace qvdhouse::base
