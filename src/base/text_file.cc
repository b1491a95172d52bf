#include "base/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace qvdhouse::base {
namespace {

// Everything behind `descriptor`; nothing when it cannot be read (errno says why).
std::optional<std::string> read_all(int descriptor) {
  std::string text;
  std::array<char, 16 * 1024> piece{};
  for (;;) {
    const ssize_t count = read(descriptor, piece.data(), piece.size());
    if (count == 0) return text;
    if (count > 0) {
      text.append(piece.data(), static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
}

}  // namespace

std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::optional<TextFile> file = read_text_file(path);
  if (!file) return std::nullopt;
  return std::move(file->text);
}

std::optional<TextFile> read_text_file(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  const std::optional<FileAccess> access = file_access(path, descriptor);
  std::optional<std::string> text;
  if (access) text = read_all(descriptor);
  const int error = errno;
  close(descriptor);
  errno = error;
  if (!text) return std::nullopt;
  return TextFile{.text = *std::move(text), .access = *access};
}

void write_text(const std::filesystem::path& path, std::string_view text, Existing existing) {
  OutputFile file(path, existing);
  file.write(text);
  file.finish();
}

}  // namespace qvdhouse::base
