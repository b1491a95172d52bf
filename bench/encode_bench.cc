// Decode + Native encode on one thread, without an engine, over the ten-column sample: against
// memcpy of the bytes it makes and against the plain reference decoder.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/byte_source.h"
#include "load/load.h"
#include "load/stream.h"
#include "qvd/reference_decoder.h"
#include "sample/sample.h"

namespace {

using namespace qvdhouse;

constexpr std::uint64_t kRows = 1'000'000;

// The sample as it is in memory, its columns cast: what stays the same for all benchmarks.
struct Sample {
  std::vector<std::byte> bytes;
  base::MemorySource source;
  load::PreparedFile file;
  std::vector<load::ColumnValues> columns;
  qvd::RowDecoder decoder;

  static std::vector<std::byte> made() {
    const auto path = std::filesystem::temp_directory_path() / "qvdhouse_encode_bench.qvd";
    sample::write_speed_table(path, kRows);
    std::ifstream in(path, std::ios::binary);
    std::vector<std::byte> read(std::filesystem::file_size(path));
    in.read(reinterpret_cast<char*>(read.data()), static_cast<std::streamsize>(read.size()));
    std::filesystem::remove(path);
    return read;
  }

  Sample()
      : bytes(made()),
        source(bytes),
        file(load::prepare(source, "sample.qvd", {})),
        columns(load::cast_columns(file, 1)),
        decoder(file.header) {}
};

const Sample& sample() {
  static const Sample kMade;
  return kMade;
}

// Rows of the file, piece by piece, as a load sends them.
template <class OnPiece>
void encode_all(load::BlockEncoder& encoder, std::uint64_t block_rows, const OnPiece& on_piece) {
  std::vector<std::byte> records;
  for (std::uint64_t first = 0; first < kRows; first += block_rows) {
    const std::uint64_t count = std::min(block_rows, kRows - first);
    qvd::read_records(sample().source, sample().file.header, first, count, records);
    encoder.start(first, count, records);
    for (auto piece = encoder.next(); !piece.empty(); piece = encoder.next()) on_piece(piece);
  }
}

load::BlockLimits limits() {
  return load::block_limits(sample().file.header, sample().columns, 0, 128 << 20);
}

void decode_and_encode(benchmark::State& state) {
  load::BlockEncoder encoder(sample().file.header, sample().decoder, sample().columns,
                             limits().bytes);
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    encode_all(encoder, limits().rows, [&](auto piece) {
      benchmark::DoNotOptimize(piece.data());
      bytes += piece.size();
    });
  }
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(kRows) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(decode_and_encode)->Unit(benchmark::kMillisecond)->UseRealTime();

// The bar: copying the bytes that decode_and_encode makes, piece by piece, to another buffer.
void memcpy_of_the_same_bytes(benchmark::State& state) {
  load::BlockEncoder encoder(sample().file.header, sample().decoder, sample().columns,
                             limits().bytes);
  std::vector<std::vector<std::byte>> pieces;
  encode_all(encoder, limits().rows,
             [&](auto piece) { pieces.emplace_back(piece.begin(), piece.end()); });
  std::size_t largest = 0;
  std::size_t bytes = 0;
  for (const auto& piece : pieces) {
    largest = std::max(largest, piece.size());
    bytes += piece.size();
  }
  std::vector<std::byte> to(largest);
  for (auto _ : state) {
    for (const auto& piece : pieces) {
      std::memcpy(to.data(), piece.data(), piece.size());
      benchmark::DoNotOptimize(to.data());
      benchmark::ClobberMemory();
    }
  }
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(kRows) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}
BENCHMARK(memcpy_of_the_same_bytes)->Unit(benchmark::kMillisecond)->UseRealTime();

// What reading all rows once, hashing and summing costs (half of a load's verification).
void checksum_of_the_file(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(load::sum_file(sample().source, sample().file.header, sample().decoder,
                                            sample().columns, clickhouse::HashFunction::kXxh3, 1,
                                            {}));
  }
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(kRows) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(checksum_of_the_file)->Unit(benchmark::kMillisecond)->UseRealTime();

// The plain decoder: bit by bit, no encoding at all.
void reference_decoder(benchmark::State& state) {
  const qvd::TableHeader& header = sample().file.header;
  const auto rows = std::span(sample().bytes).subspan(header.body_offset + header.rows_offset);
  for (auto _ : state) benchmark::DoNotOptimize(qvd::reference_rows(header, rows));
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(kRows) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(reference_decoder)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
