#include "sync/spooled_file.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace qvdhouse::sync {

SpooledFile::SpooledFile(const base::ByteSource& remote, const std::filesystem::path& folder,
                         const std::stop_token& stop)
    : remote_(remote), bytes_(folder, remote.name()) {
  constexpr std::uint64_t kPieceBytes = 16 << 20;
  std::vector<std::byte> piece;
  for (std::uint64_t offset = 0; offset < size(); offset += piece.size()) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while the file was read");
    piece.resize(static_cast<std::size_t>(std::min(kPieceBytes, size() - offset)));
    remote_.read_at(offset, piece);
    bytes_.append(piece);
  }
}

}  // namespace qvdhouse::sync
