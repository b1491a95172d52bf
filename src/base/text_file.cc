#include "base/text_file.h"

#include <array>
#include <fstream>

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

}  // namespace qvdhouse::base
