#include "qvd/header_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/limits.h"

namespace qvdhouse::qvd {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kQvfMagic{"\xFF\xFF\x01\x00", 4};
constexpr std::string_view kGitLfsMagic = "version https://git-lfs";

// Most headers fit one read; the read grows with what it has not found.
constexpr std::uint64_t kFirstReadBytes = 64 * 1024;

[[noreturn]] void throw_not_a_qvd(std::string_view found, std::uint64_t offset) {
  throw base::InputError(
      fmt::format("not a QVD file: expected the XML header <QvdTableHeader>, found {}", found),
      {.field = {}, .byte_offset = offset});
}

// The first bytes tell most other things that are called .qvd. Returns where the text begins.
std::size_t check_start(std::string_view start) {
  if (start.starts_with(kQvfMagic) && start.find("\"tableheader\"") != std::string_view::npos) {
    throw_not_a_qvd(
        "a table in the container of Qlik Sense 2.0 (its header is JSON, with \"tableheader\"), "
        "whose "
        "data nobody has described: open it in Qlik and store it again as QVD",
        0);
  }
  if (start.starts_with(kQvfMagic)) {
    throw_not_a_qvd("a Qlik Sense app (QVF): store its tables as QVD files instead", 0);
  }
  if (start.starts_with(kGitLfsMagic)) {
    throw_not_a_qvd("a Git LFS pointer: fetch the real file with `git lfs pull`", 0);
  }
  const std::size_t text = start.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  const std::size_t first = start.find_first_not_of(kWhiteSpace, text);
  if (first == std::string_view::npos) {
    throw_not_a_qvd(fmt::format("{} bytes of white space", start.size()), 0);
  }
  if (start[first] != '<') {
    throw_not_a_qvd(fmt::format("the byte 0x{:02X}", static_cast<unsigned char>(start[first])),
                    first);
  }
  return text;
}

}  // namespace

HeaderText read_header_text(const base::ByteSource& source) {
  const std::uint64_t most_bytes = std::min(source.size(), base::kMaxHeaderBytes);
  if (most_bytes == 0) throw_not_a_qvd("an empty file", 0);

  HeaderText header;
  std::string& text = header.text;
  std::size_t begin = 0;
  std::size_t nul = std::string::npos;
  while (nul == std::string::npos) {
    const std::size_t known = text.size();
    const std::uint64_t wanted = std::max<std::uint64_t>(kFirstReadBytes, known);
    text.resize(known + std::min<std::uint64_t>(wanted, most_bytes - known));
    source.read_at(known, std::as_writable_bytes(std::span(text).subspan(known)));
    if (known == 0) begin = check_start(text);

    // The first NUL ends the header, whatever line ends stand before it (section 2.1).
    nul = text.find('\0', known);
    if (nul != std::string::npos) break;
    if (known == 0 && text.find("QvdTableHeader") == std::string::npos) {
      throw_not_a_qvd(fmt::format("other text in the first {} bytes", text.size()), 0);
    }
    if (text.size() == most_bytes) {
      throw base::InputError(
          fmt::format("expected a NUL byte behind </QvdTableHeader>, found none in {} bytes: {}",
                      most_bytes,
                      most_bytes == source.size() ? "the file is cut or was changed as text"
                                                  : "no header may be longer"),
          {.field = {}, .byte_offset = most_bytes});
    }
  }
  const auto tag_count = static_cast<std::uint64_t>(
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '<'));
  if (tag_count > base::kMaxXmlTags) {
    throw base::InputError(fmt::format("expected a header of up to {} XML tags, found {}",
                                       base::kMaxXmlTags, tag_count));
  }
  text.resize(nul);
  text.erase(0, begin);
  header.file_offset = begin;
  header.body_offset = nul + 1;
  return header;
}

}  // namespace qvdhouse::qvd
