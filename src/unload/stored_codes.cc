#include "unload/stored_codes.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace qvdhouse::unload {
namespace {

static_assert(std::endian::native == std::endian::little, "codes are cut to their low bytes");

// Rows of a batch: few enough that all columns of a wide table stay within 32 MiB.
std::size_t batch_rows(std::size_t column_count) {
  constexpr std::size_t kCodes = 8 * 1024 * 1024;
  constexpr std::size_t kFewest = 64;
  constexpr std::size_t kMost = 16 * 1024;
  return std::clamp(kCodes / column_count, kFewest, kMost);
}

std::uint8_t width_of(std::uint32_t greatest) {
  return greatest <= std::numeric_limits<std::uint8_t>::max()    ? 1
         : greatest <= std::numeric_limits<std::uint16_t>::max() ? 2
                                                                 : 4;
}

template <class Code>
void narrow(std::span<const std::uint32_t> codes, std::byte* out) {
  for (const std::uint32_t code : codes) {
    const auto narrowed = static_cast<Code>(code);
    std::memcpy(out, &narrowed, sizeof narrowed);
    out += sizeof narrowed;
  }
}

template <class Code>
void widen(const std::byte* bytes, std::span<std::uint32_t> codes) {
  for (std::uint32_t& code : codes) {
    Code narrowed;
    std::memcpy(&narrowed, bytes, sizeof narrowed);
    code = narrowed;
    bytes += sizeof narrowed;
  }
}

}  // namespace

StoredCodes::StoredCodes(const std::filesystem::path& folder, std::string whose,
                         std::size_t column_count)
    : file_(folder, std::move(whose), "choose another folder for the file"),
      column_count_(column_count) {}

void StoredCodes::start_block(std::size_t row_count) {
  blocks_.push_back(
      {.offset = file_.size(), .row_count = row_count, .first_width = widths_.size()});
  row_count_ += row_count;
}

void StoredCodes::add(std::span<const std::uint32_t> codes) {
  const std::uint8_t width = width_of(codes.empty() ? 0 : *std::ranges::max_element(codes));
  widths_.push_back(width);
  if (width == sizeof(std::uint32_t)) return file_.append(std::as_bytes(codes));
  bytes_.resize(codes.size() * width);
  if (width == 1) {
    narrow<std::uint8_t>(codes, bytes_.data());
  } else {
    narrow<std::uint16_t>(codes, bytes_.data());
  }
  file_.append(bytes_);
}

void StoredCodes::for_each_batch(
    const std::function<void(std::span<const std::vector<std::uint32_t>> codes)>& take) const {
  const std::size_t most = batch_rows(column_count_);
  std::vector<std::vector<std::uint32_t>> codes(column_count_);
  std::vector<std::byte> bytes;
  for (const Block& block : blocks_) {
    for (std::size_t first = 0; first < block.row_count; first += most) {
      const std::size_t count = std::min(most, block.row_count - first);
      std::uint64_t offset = block.offset;
      for (std::size_t column = 0; column < column_count_; ++column) {
        const std::uint8_t width = widths_[block.first_width + column];
        bytes.resize(count * width);
        file_.read_at(offset + first * width, bytes);
        codes[column].resize(count);
        if (width == 1) {
          widen<std::uint8_t>(bytes.data(), codes[column]);
        } else if (width == 2) {
          widen<std::uint16_t>(bytes.data(), codes[column]);
        } else {
          widen<std::uint32_t>(bytes.data(), codes[column]);
        }
        offset += block.row_count * width;
      }
      take(codes);
    }
  }
}

}  // namespace qvdhouse::unload
