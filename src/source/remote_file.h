// A file behind an HttpClient, as one listing saw it: bytes of any other version throw
// ChangedError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "source/http_client.h"
#include "source/listing.h"

namespace qvdhouse::source {

class RemoteFile : public base::ByteSource {
 public:
  // What the storage says of the file now, by whatever way the listing asked it.
  using Restat = std::function<HttpStat()>;

  // Reaches nothing. `http` must outlive it.
  RemoteFile(HttpClient& http, HttpTarget target, const FileEntry& entry, Restat restat);

  std::uint64_t size() const override { return size_; }
  const std::string& name() const override { return name_; }
  bool is_remote() const override { return true; }
  // Long ranges come over several connections. A short one brings what follows with it, and that is
  // kept until the next: a table of many fields has many short symbol tables side by side, and each
  // request costs a round trip.
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  // Compares the size, and the ETag where both have one, else the modification time.
  void check_unchanged() const override;

 private:
  void read_short(std::uint64_t offset, std::span<std::byte> out) const;
  void read_long(std::uint64_t offset, std::span<std::byte> out) const;

  HttpClient& http_;
  HttpTarget target_;
  std::string name_;
  std::uint64_t size_;
  std::string etag_;
  std::string if_match_;  // etag_, where If-Match takes it
  std::int64_t mtime_us_;
  Restat restat_;
  mutable std::mutex mutex_;                // guards what follows
  mutable std::uint64_t window_begin_ = 0;  // byte of the file
  mutable std::vector<std::byte> window_;   // what the last short read brought
};

}  // namespace qvdhouse::source
