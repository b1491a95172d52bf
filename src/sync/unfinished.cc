#include "sync/unfinished.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "qvd/header.h"

namespace qvdhouse::sync {
namespace {

// The header ends with the first NUL byte.
bool has_whole_header(const base::ByteSource& source) {
  std::vector<std::byte> block(64 << 10);
  const std::uint64_t end = std::min(source.size(), base::kMaxHeaderBytes + 1);
  for (std::uint64_t offset = 0; offset < end; offset += block.size()) {
    block.resize(std::min<std::uint64_t>(block.size(), end - offset));
    source.read_at(offset, block);
    if (std::ranges::find(block, std::byte{0}) != block.end()) return true;
  }
  return false;
}

bool begins_like_header(const base::ByteSource& source) {
  constexpr std::string_view kBlankOrMark = " \t\r\n\xEF\xBB\xBF";
  std::string start(std::min<std::uint64_t>(source.size(), 64), ' ');
  source.read_at(0, std::as_writable_bytes(std::span(start)));
  const std::size_t first = start.find_first_not_of(kBlankOrMark);
  return first == std::string::npos || start[first] == '<';
}

}  // namespace

std::string missing_part(const base::ByteSource& source) {
  if (source.size() == 0) return "it is empty";
  if (!begins_like_header(source)) return "";
  if (!has_whole_header(source)) {
    if (source.size() > base::kMaxHeaderBytes) return "";
    return fmt::format("its header does not end within what is there ({} {})", source.size(),
                       source.size() == 1 ? "byte" : "bytes");
  }
  try {
    const qvd::TableHeader header = qvd::read_header(source);
    if (source.size() >= header.expected_file_bytes()) return "";
    return fmt::format("{} of {} bytes are there", source.size(), header.expected_file_bytes());
  } catch (const base::InputError&) {
    return "";
  }
}

}  // namespace qvdhouse::sync
