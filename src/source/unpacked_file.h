// A packed file at any offset: unpacked into a file of this machine as far as it was asked for,
// each byte once.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/byte_source.h"
#include "base/temporary_file.h"
#include "source/unpacker.h"

namespace qvdhouse::source {

// Where unpacked bytes are kept, and what ends the unpacking with Cancelled.
struct UnpackingPlace {
  std::filesystem::path folder;  // as of TemporaryFile
  std::stop_token stop{};
};

// What is known of the bytes before they are unpacked.
struct KnownBytes {
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> crc;  // CRC-32, as zip has it
};

class UnpackedFile : public base::ByteSource {
 public:
  // Reads nothing yet. `name`: an identity.
  UnpackedFile(std::unique_ptr<base::ByteSource> packed, base::ByteRange range, Packing packing,
               std::string name, const KnownBytes& known, UnpackingPlace place);

  // Unpacks all where the size is not known; throws what read_at() throws.
  std::uint64_t size() const override;
  // Throws InputError for damaged bytes, and as soon as there are more than known.size, or fewer,
  // or known.crc is not theirs.
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  // As the packed file says.
  void check_unchanged() const override { packed_->check_unchanged(); }
  const std::string& name() const override { return name_; }

  // Whether it has thrown, and so always will.
  bool has_failed() const;

 private:
  // Until that many bytes are there, or all.
  void unpack_to(std::uint64_t end) const;
  void unpack_locked(std::uint64_t end) const;
  void finish() const;

  std::unique_ptr<base::ByteSource> packed_;
  std::string name_;
  KnownBytes known_;
  UnpackingPlace place_;
  mutable std::mutex mutex_;  // guards what follows
  mutable Unpacker unpacker_;
  mutable std::optional<base::TemporaryFile> bytes_;
  mutable std::uint32_t crc_ = 0;
  mutable bool is_whole_ = false;
  mutable std::exception_ptr failure_;
};

// The bytes `range` of another source as a source of their own.
class PartOfFile : public base::ByteSource {
 public:
  PartOfFile(std::shared_ptr<const base::ByteSource> whole, base::ByteRange range,
             std::string name);
  std::uint64_t size() const override { return range_.end - range_.begin; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  void check_unchanged() const override { whole_->check_unchanged(); }
  const std::string& name() const override { return name_; }
  bool is_remote() const override { return whole_->is_remote(); }

 private:
  std::shared_ptr<const base::ByteSource> whole_;
  base::ByteRange range_;
  std::string name_;
};

}  // namespace qvdhouse::source
