// The codes of all rows while the symbols are not known yet: in a file without a name, each code in
// as many bytes as the greatest of its column and block needs. Memory does not grow with the rows
// but for one byte for each column of a block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/temporary_file.h"

namespace qvdhouse::unload {

class StoredCodes {
 public:
  // Below `folder`, which must be on a disk with room for up to 4 bytes a cell. `whose`: what
  // messages call the rows. Throws IoError.
  StoredCodes(const std::filesystem::path& folder, std::string whose, std::size_t column_count);

  // Begins a block; add() must follow once for each column, in order. Throws IoError when the disk
  // is full.
  void start_block(std::size_t row_count);
  void add(std::span<const std::uint32_t> codes);

  std::uint64_t row_count() const { return row_count_; }

  // Hands all rows over in order, some at a time: codes[column][row]. Throws IoError, and what
  // `take` throws.
  void for_each_batch(
      const std::function<void(std::span<const std::vector<std::uint32_t>> codes)>& take) const;

 private:
  struct Block {
    std::uint64_t offset;  // of its bytes
    std::size_t row_count;
    std::size_t first_width;  // in widths_
  };
  base::TemporaryFile file_;
  std::size_t column_count_;
  std::uint64_t row_count_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::uint8_t> widths_;  // bytes of a code, of each column of each block
  std::vector<std::byte> bytes_;      // of the column that is added
};

}  // namespace qvdhouse::unload
