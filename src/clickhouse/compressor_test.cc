#include "clickhouse/compressor.h"

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <string>

namespace qvdhouse::clickhouse {
namespace {

std::string compressed(Compression method, const std::string& text, std::size_t piece) {
  Compressor compressor(method);
  std::string out;
  const auto take = [&](std::span<const std::byte> bytes) {
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    take(compressor.add(
        std::as_bytes(std::span(text).subspan(at, std::min(piece, text.size() - at)))));
  }
  take(compressor.finish());
  return out;
}

std::string inflated(Compression method, const std::string& text, std::size_t size) {
  std::string out(size + 1, '\0');
  std::size_t out_size = out.size();
  if (method == Compression::kZstd) {
    out_size = ZSTD_decompress(out.data(), out.size(), text.data(), text.size());
    if (ZSTD_isError(out_size) != 0) return "no zstd stream";
  } else if (method == Compression::kLz4) {
    LZ4F_dctx* context = nullptr;
    LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
    std::size_t in_size = text.size();
    const auto left =
        LZ4F_decompress(context, out.data(), &out_size, text.data(), &in_size, nullptr);
    LZ4F_freeDecompressionContext(context);
    if (left != 0) return "no whole lz4 frame";
  } else {
    constexpr int kGzipFormat = 15 + 16;
    z_stream stream{};
    inflateInit2(&stream, kGzipFormat);
    std::string in = text;
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&stream, Z_FINISH);
    out_size = stream.total_out;
    inflateEnd(&stream);
    if (code != Z_STREAM_END) return "no whole gzip stream";
  }
  out.resize(out_size);
  return out;
}

TEST(Compressor, StreamsComeBackWhole) {
  std::mt19937 random(7);
  std::string noise(300'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  const std::string repeated(2'000'000, 'q');
  for (const auto method : {Compression::kGzip, Compression::kLz4, Compression::kZstd}) {
    for (const std::string& text : {std::string(), std::string("x"), noise, repeated}) {
      for (const std::size_t piece : {1'000u, 262'144u}) {
        const auto packed = compressed(method, text, piece);
        EXPECT_TRUE(inflated(method, packed, text.size()) == text)
            << Compressor::encoding(method) << ", " << text.size() << " bytes";
        if (text == repeated) {
          EXPECT_LT(packed.size(), text.size() / 50);
        }
      }
    }
  }
}

}  // namespace
}  // namespace qvdhouse::clickhouse
