// Archives for tests, byte by byte, so that each number in them can be a wrong one.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace qvdhouse::source {

inline std::string packed_by_zlib(const std::string& bytes, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
inline std::string deflated(const std::string& bytes) { return packed_by_zlib(bytes, -15); }
inline std::string gzipped(const std::string& bytes) { return packed_by_zlib(bytes, 15 + 16); }
inline std::string zstd_packed(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

// Little-endian.
inline std::string le(std::uint64_t value, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

inline std::uint32_t crc_of(const std::string& bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

struct ZipEntry {
  std::string name;
  std::string bytes;
  unsigned method = 0;
  unsigned flags = 0;
  std::int64_t size_more = 0;  // what the directory claims beyond the truth
  std::uint32_t crc_more = 0;
  unsigned host = 3;
  std::uint32_t attributes = 0100644U << 16;
  std::string extra;                                  // of the directory
  unsigned dos_date = (44U << 9) | (5U << 5) | 17U;   // 2024-05-17
  unsigned dos_time = (13U << 11) | (30U << 5) | 2U;  // 13:30:04
};

struct ZipForm {
  bool is_64 = false;
  std::string before;   // a program that unpacks it
  std::string comment;  // of the archive
};

inline std::string packed_by(unsigned method, const std::string& bytes) {
  return method == 8 ? deflated(bytes) : (method == 93 ? zstd_packed(bytes) : bytes);
}

inline std::string zip_of(const std::vector<ZipEntry>& entries, const ZipForm& form = {}) {
  std::string zip = form.before;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    const std::string packed = packed_by(entry.method, entry.bytes);
    const std::uint64_t offset = zip.size() - form.before.size();
    const std::uint64_t size = entry.bytes.size() + static_cast<std::uint64_t>(entry.size_more);
    const std::string common = le(20, 2) + le(entry.flags, 2) + le(entry.method, 2) +
                               le(entry.dos_time, 2) + le(entry.dos_date, 2) +
                               le(crc_of(entry.bytes) + entry.crc_more, 4);
    zip += "PK\3\4" + common + le(packed.size(), 4) + le(size, 4) + le(entry.name.size(), 2) +
           le(4, 2) + entry.name + le(0x9999, 2) + le(0, 2) + packed;
    std::string extra = entry.extra;
    if (form.is_64)
      extra += le(1, 2) + le(24, 2) + le(size, 8) + le(packed.size(), 8) + le(offset, 8);
    const std::uint64_t no = 0xFFFFFFFF;
    directory += "PK\1\2" + le(20 | (entry.host << 8), 2) + common +
                 le(form.is_64 ? no : packed.size(), 4) + le(form.is_64 ? no : size, 4) +
                 le(entry.name.size(), 2) + le(extra.size(), 2) + le(0, 2) + le(0, 2) + le(0, 2) +
                 le(entry.attributes, 4) + le(form.is_64 ? no : offset, 4) + entry.name + extra;
  }
  const std::uint64_t begin = zip.size() - form.before.size();
  zip += directory;
  if (form.is_64) {
    const std::uint64_t end = zip.size() - form.before.size();
    zip += "PK\6\6" + le(44, 8) + le(45, 2) + le(45, 2) + le(0, 4) + le(0, 4) +
           le(entries.size(), 8) + le(entries.size(), 8) + le(directory.size(), 8) + le(begin, 8);
    zip += "PK\6\7" + le(0, 4) + le(end, 8) + le(1, 4);
  }
  return zip + "PK\5\6" + le(0, 4) + le(form.is_64 ? 0xFFFF : entries.size(), 2) +
         le(form.is_64 ? 0xFFFF : entries.size(), 2) +
         le(form.is_64 ? 0xFFFFFFFF : directory.size(), 4) +
         le(form.is_64 ? 0xFFFFFFFF : begin, 4) + le(form.comment.size(), 2) + form.comment;
}

struct TarEntry {
  std::string name;
  std::string bytes;
  char type = '0';
  std::uint64_t mtime = 1'715'952'604;  // 2024-05-17 13:30:04 UTC
};

inline std::string tar_header(const TarEntry& entry) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  const auto octal = [](std::uint64_t value, int digits) {
    char text[24];
    std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
    return std::string(text);
  };
  put(0, entry.name.substr(0, 100));
  put(100, "0000644");
  put(124, octal(entry.bytes.size(), 11));
  put(136, octal(entry.mtime, 11));
  put(148, "        ");
  header[156] = entry.type;
  put(257, std::string("ustar\00000", 8));
  // Sparse ones are GNU's: here one byte, behind a hole of 512.
  if (entry.type == 'S') {
    put(257, std::string("ustar  \0", 8));
    put(386, octal(512, 11));
    put(398, octal(1, 11));
    put(483, octal(513, 11));
  }
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, octal(sum, 6) + std::string("\0 ", 2));
  return header;
}

inline std::string tar_of(const std::vector<TarEntry>& entries) {
  std::string tar;
  for (const TarEntry& entry : entries) {
    tar += tar_header(entry) + entry.bytes;
    tar.resize((tar.size() + 511) / 512 * 512, '\0');
  }
  return tar + std::string(1024, '\0');
}

}  // namespace qvdhouse::source
