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
  namespace fs = std::filesystem;
  std::error_code error;
  const auto check = [&] {
    if (!error) return;
    throw IoError(fmt::format("{} can not be written: {}", path.string(), error.message()));
  };
  const fs::file_status before = fs::status(path, error);
  if (before.type() == fs::file_type::not_found) error.clear();
  check();
  if (fs::exists(before) && !fs::is_regular_file(before)) {
    throw IoError(fmt::format("{} can not be written: it is no regular file", path.string()));
  }
  // What a link leads to is replaced, and not the link.
  fs::path target = path;
  if (fs::is_symlink(fs::symlink_status(path, error))) target = fs::weakly_canonical(path, error);
  error.clear();
  if (target.has_parent_path()) fs::create_directories(target.parent_path(), error);
  check();
  const fs::path aside = fmt::format("{}.new{}", target.string(), getpid());
  errno = 0;
  std::ofstream file(aside, std::ios::binary);
  file << text;
  file.close();
  if (!file) error.assign(errno != 0 ? errno : EIO, std::generic_category());
  if (!error && fs::exists(before)) fs::permissions(aside, before.permissions(), error);
  if (!error) fs::rename(aside, target, error);
  if (error) {
    std::error_code ignored;
    fs::remove(aside, ignored);
  }
  check();
}

}  // namespace qvdhouse::base
