#include "base/text_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "base/error.h"

namespace qvdhouse::base {

// Not by std::istreambuf_iterator, which throws what a read error is to the stream buffer.
std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::array<char, 16 * 1024> piece{};
  while (file.read(piece.data(), piece.size()) || file.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) return std::nullopt;
  return text;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path aside = fmt::format("{}.new{}", path.string(), getpid());
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (!error) {
    errno = 0;
    std::ofstream file(aside, std::ios::binary);
    file << text;
    file.close();
    if (!file) error.assign(errno != 0 ? errno : EIO, std::generic_category());
  }
  if (!error) std::filesystem::rename(aside, path, error);
  if (!error) return;
  std::error_code ignored;
  std::filesystem::remove(aside, ignored);
  throw IoError(fmt::format("{} can not be written: {}", path.string(), error.message()));
}

}  // namespace qvdhouse::base
