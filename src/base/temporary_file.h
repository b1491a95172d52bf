// A file of this machine that has no name, for bytes that are needed at any offset and can be had
// only one after the other, or only once: it is gone with whoever holds it, however that ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace qvdhouse::base {

class TemporaryFile {
 public:
  // Below `folder`, which is made where it is absent; where that is empty, in the system's own for
  // such files. `whose`: what messages call the bytes; `otherwise`: what else than making room
  // helps when the disk is full. Throws IoError.
  TemporaryFile(const std::filesystem::path& folder, std::string whose,
                std::string otherwise = "set data_dir to a folder on a larger disk");
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::uint64_t size() const { return size_; }
  // Throws IoError, when the disk is full for example.
  void append(std::span<const std::byte> bytes);
  // Safe to call from several threads, for what was appended before. Throws IoError; ChangedError
  // when the range is not within size().
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  [[noreturn]] void fail(const char* what) const;
  std::string folder_;
  std::string whose_;
  std::string otherwise_;
  std::uint64_t size_ = 0;
  int fd_ = -1;
};

}  // namespace qvdhouse::base
