// Small files, read and written whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_trust.h"
#include "base/output_file.h"

namespace qvdhouse::base {

// All bytes of `path`; nothing when it cannot be opened or read, as a folder, or a file of /proc
// whose process has ended meanwhile (errno says why).
std::optional<std::string> read_text(const std::filesystem::path& path);

// The same, with who owns the very file that was read and who may write to it.
struct TextFile {
  std::string text;
  FileAccess access;
};
std::optional<TextFile> read_text_file(const std::filesystem::path& path);

// Makes `path` hold exactly `text`, and its folder where that is absent, as OutputFile does. Throws
// IoError.
void write_text(const std::filesystem::path& path, std::string_view text,
                Existing existing = Existing::kReplace);

}  // namespace qvdhouse::base
