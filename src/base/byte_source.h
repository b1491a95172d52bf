// The storage seam: bytes that can be read at any offset. The one abstract interface of the
// project, because storages differ; everything that reads QVD bytes reads them through it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace qvdhouse::base {

// Bytes [begin, end) of a file.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Size in bytes, as it was when the source was opened.
  virtual std::uint64_t size() const = 0;

  // Fills `out` with the bytes [offset, offset + out.size()). Safe to call from several threads.
  // Throws IoError when storage fails and ChangedError when the range is no longer there (the
  // file shrank under us); never returns short.
  virtual void read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;

  // Throws ChangedError when the file is not the one that was opened any more (other size or
  // modification time). Called at the end of a load, before the swap.
  virtual void check_unchanged() const = 0;

  // What messages call it: a path or URL without secrets.
  virtual const std::string& name() const = 0;

  // Whether a byte read again costs as much as the first time: it comes over a network.
  virtual bool is_remote() const { return false; }

  // Ranges within [begin, end) for which the file system keeps no bytes: they read as zero, and
  // were never written, or left out by whoever wrote the file. In order; none where storage cannot
  // say.
  virtual std::vector<ByteRange> holes(std::uint64_t /*begin*/, std::uint64_t /*end*/) const {
    return {};
  }
};

// Bytes in memory, for tests, fuzzing and samples; `bytes` must outlive it.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes, std::string name = "memory")
      : bytes_(bytes), name_(std::move(name)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      throw ChangedError(name_ + ": expected " + std::to_string(out.size()) + " bytes at byte " +
                         std::to_string(offset) + ", found the end at byte " +
                         std::to_string(bytes_.size()));
    }
    std::ranges::copy(bytes_.subspan(offset, out.size()), out.begin());
  }
  void check_unchanged() const override {}
  const std::string& name() const override { return name_; }

 private:
  std::span<const std::byte> bytes_;
  std::string name_;
};

}  // namespace qvdhouse::base
