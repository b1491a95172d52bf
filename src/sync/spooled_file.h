// A remote file's bytes in a file of this machine that has no name: for a load that has to know the
// whole content before it sends the first row, and must not read a remote file twice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <stop_token>
#include <string>

#include "base/byte_source.h"
#include "base/temporary_file.h"

namespace qvdhouse::sync {

class SpooledFile : public base::ByteSource {
 public:
  // Reads all of `remote`, which must outlive it, into a file below `folder`, which is made where
  // it is absent. Throws IoError, ChangedError, Cancelled.
  SpooledFile(const base::ByteSource& remote, const std::filesystem::path& folder,
              const std::stop_token& stop);

  std::uint64_t size() const override { return remote_.size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    bytes_.read_at(offset, out);
  }
  void check_unchanged() const override { remote_.check_unchanged(); }
  const std::string& name() const override { return remote_.name(); }

 private:
  const base::ByteSource& remote_;
  base::TemporaryFile bytes_;
};

}  // namespace qvdhouse::sync
