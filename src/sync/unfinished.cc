#include "sync/unfinished.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "load/doubtful_rows.h"
#include "qvd/header.h"

namespace qvdhouse::sync {
namespace {

constexpr std::string_view kHeaderEnd = "</QvdTableHeader";

// The text up to the first NUL byte, which ends the header; all that is there without one.
struct Text {
  std::string bytes;
  bool is_ended = false;
};

Text read_text(const base::ByteSource& source) {
  Text text;
  std::vector<std::byte> block(64 << 10);
  const std::uint64_t end = std::min(source.size(), base::kMaxHeaderBytes + 1);
  for (std::uint64_t offset = 0; offset < end; offset += block.size()) {
    block.resize(std::min<std::uint64_t>(block.size(), end - offset));
    source.read_at(offset, block);
    const auto nul = std::ranges::find(block, std::byte{0});
    text.bytes.append(reinterpret_cast<const char*>(block.data()),
                      static_cast<std::size_t>(nul - block.begin()));
    text.is_ended = nul != block.end();
    if (text.is_ended) break;
  }
  return text;
}

// Whether the byte is zero, and so are enough of those behind it for that to be no accident.
bool is_zero_from(const base::ByteSource& source, std::uint64_t offset) {
  constexpr std::size_t kEnough = 64;
  if (source.size() - offset < kEnough) return false;
  std::vector<std::byte> bytes(kEnough);
  source.read_at(offset, bytes);
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// What is missing of the body of a file that is as long as it is to be.
std::string missing_of_body(const base::ByteSource& source, const qvd::TableHeader& header) {
  const auto holes = source.holes(header.body_offset, header.expected_file_bytes());
  if (!holes.empty()) {
    return fmt::format("nothing was written yet from byte {} to {}", holes.front().begin,
                       holes.front().end);
  }
  return load::text_of(load::find_doubtful_rows(source, header), header);
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
  if (is_zero_from(source, 0)) return "it begins with zero bytes";
  if (!begins_like_header(source)) return "";
  const Text text = read_text(source);
  if (!text.is_ended) {
    if (source.size() > base::kMaxHeaderBytes) return "";
    return fmt::format("its header does not end within what is there ({} {})", source.size(),
                       source.size() == 1 ? "byte" : "bytes");
  }
  try {
    const qvd::TableHeader header = qvd::read_header(source);
    if (source.size() >= header.expected_file_bytes()) return missing_of_body(source, header);
    return fmt::format("{} of {} bytes are there", source.size(), header.expected_file_bytes());
  } catch (const base::InputError&) {
    if (text.bytes.find(kHeaderEnd) != std::string::npos) return "";
    if (!is_zero_from(source, text.bytes.size())) return "";
    return fmt::format("its header is followed by zero bytes before it ends, from byte {} on",
                       text.bytes.size());
  }
}

}  // namespace qvdhouse::sync
