#include "source/unpacker.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "base/error.h"

namespace qvdhouse::source {

// What is packed, piece by piece, and one step of unpacking.
struct Unpacker::Decoder {
  Decoder(const base::ByteSource& source, base::ByteRange packed_range, std::string of)
      : packed(source), range(packed_range), name(std::move(of)) {}
  virtual ~Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // How many bytes came out: less than asked only at the end.
  std::size_t read(std::span<std::byte> out);

  bool is_used_up() const { return used == piece.size() && range.begin == range.end; }
  std::uint64_t offset() const { return range.begin - (piece.size() - used); }
  [[noreturn]] void fail(const std::string& found) const {
    throw base::InputError(
        fmt::format("{}: {}; it is damaged or was cut while it was copied: make or copy it again",
                    name, found),
        {.field = {}, .byte_offset = offset()});
  }

  // Goes on from piece[used]; sets is_over at the end of all. Returns how many bytes came out.
  virtual std::size_t step(std::span<std::byte> out) = 0;

  const base::ByteSource& packed;
  base::ByteRange range;  // not yet read
  std::string name;
  std::vector<std::byte> piece;
  std::size_t used = 0;  // bytes of the piece
  bool is_over = false;

 private:
  void refill();
  std::uint64_t next_bytes_ = 64 * 1024;
};

void Unpacker::Decoder::refill() {
  constexpr std::uint64_t kMostBytes = 4 * 1024 * 1024;
  const std::uint64_t count = std::min(next_bytes_, range.end - range.begin);
  piece.resize(static_cast<std::size_t>(count));
  used = piece.size();
  packed.read_at(range.begin, piece);
  range.begin += count;
  used = 0;
  next_bytes_ = std::min(kMostBytes, next_bytes_ * 2);
}

std::size_t Unpacker::Decoder::read(std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size() && !is_over) {
    if (used == piece.size() && range.begin < range.end) refill();
    const std::size_t used_before = used;
    const std::size_t got = step(out.subspan(done));
    done += got;
    if (is_over || got > 0 || used > used_before) continue;
    if (is_used_up()) fail(fmt::format("its compressed bytes end at byte {}, too early", offset()));
    fail(fmt::format("its compressed bytes lead nowhere from byte {} on", offset()));
  }
  return done;
}

struct Unpacker::Inflater : Unpacker::Decoder {
  Inflater(const base::ByteSource& source, base::ByteRange packed_range, std::string of, bool gzip)
      : Decoder(source, packed_range, std::move(of)), is_gzip(gzip) {
    constexpr int kMostWindowBits = 15;
    constexpr int kGzip = 16;
    if (inflateInit2(&stream, is_gzip ? kMostWindowBits + kGzip : -kMostWindowBits) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Inflater() override { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::size_t step(std::span<std::byte> out) override;
  // A gzip file may be several, one behind the other, with zero bytes at the end.
  void begin_next();

  z_stream stream{};
  bool is_gzip;
  bool is_between = false;  // one gzip has ended
};

void Unpacker::Inflater::begin_next() {
  while (used < piece.size() && piece[used] == std::byte{0}) ++used;
  if (used == piece.size()) {
    is_over = is_used_up();
    return;
  }
  if (inflateReset(&stream) != Z_OK) throw std::bad_alloc();
  is_between = false;
}

std::size_t Unpacker::Inflater::step(std::span<std::byte> out) {
  if (is_between) {
    begin_next();
    if (is_over || is_between) return 0;
  }
  constexpr std::size_t kMostBytes = 1 << 30;
  const std::size_t in = piece.size() - used;
  const std::size_t room = std::min(out.size(), kMostBytes);
  // zlib changes no input; its type says so only where ZLIB_CONST is defined.
  stream.next_in = reinterpret_cast<Bytef*>(piece.data()) + used;
  stream.avail_in = static_cast<uInt>(in);
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(room);
  const int result = inflate(&stream, Z_NO_FLUSH);
  used += in - stream.avail_in;
  if (result == Z_STREAM_END) {
    is_between = is_gzip;
    is_over = !is_gzip || is_used_up();
  } else if (result == Z_MEM_ERROR) {
    throw std::bad_alloc();
  } else if (result != Z_OK && result != Z_BUF_ERROR) {
    fail(fmt::format("its compressed bytes are damaged before byte {} ({})", offset(),
                     stream.msg != nullptr ? stream.msg : "a dictionary is needed"));
  }
  return room - stream.avail_out;
}

struct Unpacker::ZstdDecoder : Unpacker::Decoder {
  ZstdDecoder(const base::ByteSource& source, base::ByteRange packed_range, std::string of)
      : Decoder(source, packed_range, std::move(of)), context(ZSTD_createDCtx()) {
    if (context == nullptr) throw std::bad_alloc();
  }
  ~ZstdDecoder() override { ZSTD_freeDCtx(context); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  std::size_t step(std::span<std::byte> out) override;

  ZSTD_DCtx* context;
};

std::size_t Unpacker::ZstdDecoder::step(std::span<std::byte> out) {
  ZSTD_inBuffer in{.src = piece.data(), .size = piece.size(), .pos = used};
  ZSTD_outBuffer room{.dst = out.data(), .size = out.size(), .pos = 0};
  const std::size_t result = ZSTD_decompressStream(context, &room, &in);
  used = in.pos;
  if (ZSTD_isError(result) != 0) {
    fail(fmt::format("its compressed bytes are damaged before byte {} ({})", offset(),
                     ZSTD_getErrorName(result)));
  }
  is_over = result == 0 && is_used_up();
  return room.pos;
}

Unpacker::Unpacker(const base::ByteSource& packed, base::ByteRange range, Packing packing,
                   std::string name)
    : packed_(packed), range_(range) {
  if (packing == Packing::kStored) return;
  if (packing == Packing::kZstd) {
    decoder_ = std::make_unique<ZstdDecoder>(packed_, range_, std::move(name));
  } else {
    decoder_ =
        std::make_unique<Inflater>(packed_, range_, std::move(name), packing == Packing::kGzip);
  }
}

Unpacker::~Unpacker() = default;

std::size_t Unpacker::read_stored(std::span<std::byte> out) {
  const std::uint64_t left = range_.end - range_.begin - position_;
  const auto part = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, out.size())));
  if (!part.empty()) packed_.read_at(range_.begin + position_, part);
  return part.size();
}

std::size_t Unpacker::read(std::span<std::byte> out) {
  const std::size_t got = decoder_ ? decoder_->read(out) : read_stored(out);
  position_ += got;
  return got;
}

std::uint64_t Unpacker::skip(std::uint64_t count) {
  if (!decoder_) {
    const std::uint64_t passed = std::min(count, range_.end - range_.begin - position_);
    position_ += passed;
    return passed;
  }
  constexpr std::uint64_t kPieceBytes = 256 * 1024;
  std::vector<std::byte> nowhere(static_cast<std::size_t>(std::min(count, kPieceBytes)));
  std::uint64_t passed = 0;
  while (passed < count) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(count - passed, nowhere.size()));
    const std::size_t got = read(std::span(nowhere).first(wanted));
    passed += got;
    if (got < wanted) break;
  }
  return passed;
}

}  // namespace qvdhouse::source
