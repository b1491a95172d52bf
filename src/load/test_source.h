// For tests: bytes in memory that are read as a local or as a remote file is.
#pragma once

#include <cstddef>
#include <span>

#include "base/byte_source.h"

namespace qvdhouse::load {

class MaybeRemote : public base::MemorySource {
 public:
  MaybeRemote(std::span<const std::byte> bytes, bool is_remote)
      : MemorySource(bytes), is_remote_(is_remote) {}
  bool is_remote() const override { return is_remote_; }

 private:
  bool is_remote_;
};

}  // namespace qvdhouse::load
