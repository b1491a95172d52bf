#include "clickhouse/compressor.h"

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <new>

namespace qvdhouse::clickhouse {

// Appends what comes out of its library to `out`.
class Compressor::Codec {
 public:
  virtual ~Codec() = default;
  virtual void run(std::span<const std::byte> in, bool is_end, std::vector<std::byte>& out) = 0;
};

namespace {

constexpr std::size_t kRoomBytes = 64 * 1024;
// Levels at which compression costs less than the servers' own work on the rows.
constexpr int kZstdLevel = 1;
constexpr int kGzipLevel = 1;

class Gzip : public Compressor::Codec {
 public:
  Gzip() {
    constexpr int kGzipFormat = 15 + 16;
    constexpr int kMemoryLevel = 8;
    if (deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipFormat, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Gzip() override { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  void run(std::span<const std::byte> in, bool is_end, std::vector<std::byte>& out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    do {
      const std::size_t size = out.size();
      out.resize(size + kRoomBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + size);
      stream_.avail_out = kRoomBytes;
      deflate(&stream_, is_end ? Z_FINISH : Z_NO_FLUSH);
      out.resize(out.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  z_stream stream_{};
};

class Zstd : public Compressor::Codec {
 public:
  Zstd() : context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel);
  }
  ~Zstd() override { ZSTD_freeCCtx(context_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  void run(std::span<const std::byte> in, bool is_end, std::vector<std::byte>& out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    for (bool is_done = false; !is_done;) {
      const std::size_t size = out.size();
      out.resize(size + kRoomBytes);
      ZSTD_outBuffer output{out.data() + size, kRoomBytes, 0};
      const std::size_t left =
          ZSTD_compressStream2(context_, &output, &input, is_end ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0) throw std::bad_alloc();  // its only failure here
      out.resize(size + output.pos);
      is_done = is_end ? left == 0 : input.pos == input.size && output.pos < kRoomBytes;
    }
  }

 private:
  ZSTD_CCtx* context_;
};

class Lz4 : public Compressor::Codec {
 public:
  Lz4() {
    if (LZ4F_isError(LZ4F_createCompressionContext(&context_, LZ4F_VERSION)) != 0) {
      throw std::bad_alloc();
    }
  }
  ~Lz4() override { LZ4F_freeCompressionContext(context_); }
  Lz4(const Lz4&) = delete;
  Lz4& operator=(const Lz4&) = delete;

  void run(std::span<const std::byte> in, bool is_end, std::vector<std::byte>& out) override {
    const auto append = [&](std::size_t room, const auto& write) {
      const std::size_t size = out.size();
      out.resize(size + room);
      const std::size_t written = write(out.data() + size, room);
      if (LZ4F_isError(written) != 0) throw std::bad_alloc();  // its only failure here
      out.resize(size + written);
    };
    if (!has_begun_) {
      append(LZ4F_HEADER_SIZE_MAX, [&](std::byte* at, std::size_t room) {
        return LZ4F_compressBegin(context_, at, room, nullptr);
      });
      has_begun_ = true;
    }
    append(LZ4F_compressBound(in.size(), nullptr), [&](std::byte* at, std::size_t room) {
      return LZ4F_compressUpdate(context_, at, room, in.data(), in.size(), nullptr);
    });
    if (!is_end) return;
    append(LZ4F_compressBound(0, nullptr), [&](std::byte* at, std::size_t room) {
      return LZ4F_compressEnd(context_, at, room, nullptr);
    });
  }

 private:
  LZ4F_cctx* context_ = nullptr;
  bool has_begun_ = false;
};

std::unique_ptr<Compressor::Codec> make_codec(Compression method) {
  switch (method) {
    case Compression::kGzip:
      return std::make_unique<Gzip>();
    case Compression::kLz4:
      return std::make_unique<Lz4>();
    default:
      return std::make_unique<Zstd>();
  }
}

}  // namespace

Compressor::Compressor(Compression method) : codec_(make_codec(method)) {}
Compressor::~Compressor() = default;

std::span<const std::byte> Compressor::add(std::span<const std::byte> bytes) {
  out_.clear();
  codec_->run(bytes, false, out_);
  return out_;
}

std::span<const std::byte> Compressor::finish() {
  out_.clear();
  codec_->run({}, true, out_);
  return out_;
}

std::string_view Compressor::encoding(Compression method) {
  switch (method) {
    case Compression::kGzip:
      return "gzip";
    case Compression::kLz4:
      return "lz4";
    case Compression::kZstd:
      return "zstd";
    case Compression::kNone:
      break;
  }
  return "identity";
}

}  // namespace qvdhouse::clickhouse
