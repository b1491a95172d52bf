#include "qvd/sample_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/files.h"

namespace qvdhouse::qvd {
namespace {

constexpr std::uint64_t kBatchRows = 64 * 1024;

// What rows pick, numbered by first use.
struct UsedCandidates {
  std::vector<std::uint32_t> code_of;  // by picked code; 0 is NULL, or not used
  std::vector<std::uint32_t> picked;   // candidates in the order of first use
  bool has_null = false;
};

UsedCandidates find_used(const SampleColumn& column, std::uint64_t row_count) {
  UsedCandidates used;
  used.code_of.resize(std::size_t{column.candidate_count} + 1);
  for (std::uint64_t row = 0; row < row_count; ++row) {
    const std::uint32_t code = column.pick(row);
    if (code == 0) {
      used.has_null = true;
    } else if (used.code_of[code] == 0) {
      used.picked.push_back(code - 1);
      used.code_of[code] = static_cast<std::uint32_t>(used.picked.size());
    }
  }
  return used;
}

}  // namespace

SampleFile write_sample(const std::filesystem::path& path, const SampleTable& table) {
  TableData data{.name = table.name, .row_count = table.row_count, .comment = table.comment};
  std::vector<bool> nullable;
  std::vector<std::vector<std::uint32_t>> code_of;
  for (const SampleColumn& column : table.columns) {
    UsedCandidates used = find_used(column, table.row_count);
    FieldData& field = data.fields.emplace_back();
    field.name = column.name;
    field.number_format = column.number_format;
    field.tags = column.tags;
    field.comment = column.comment;
    field.values.reserve(used.picked.size());
    for (const std::uint32_t k : used.picked) field.values.push_back(column.value(k));
    nullable.push_back(used.has_null);
    code_of.push_back(std::move(used.code_of));
  }
  const QvdWriter writer(data, std::move(nullable));
  data.fields.clear();

  base::OutputFile file(path, base::Existing::kReplace);
  file.write(writer.head());
  std::vector<std::vector<std::uint32_t>> codes(table.columns.size());
  std::vector<std::byte> records;
  for (std::uint64_t first = 0; first < table.row_count; first += kBatchRows) {
    const std::uint64_t batch_rows = std::min(kBatchRows, table.row_count - first);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      codes[i].resize(batch_rows);
      for (std::uint64_t row = 0; row < batch_rows; ++row) {
        codes[i][row] = code_of[i][table.columns[i].pick(first + row)];
      }
    }
    records.clear();
    writer.append_rows(codes, records);
    file.write(records);
  }
  return {.path = path, .row_count = table.row_count, .bytes = file.finish()};
}

std::uint64_t sample_random(std::uint64_t stream, std::uint64_t row) {
  // The finaliser of splitmix64 over a Weyl sequence of its own for each stream.
  std::uint64_t x = (row + 1) * 0x9E3779B97F4A7C15U + stream * 0xD1B54A32D192ED03U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

std::function<std::uint32_t(std::uint64_t)> pick_evenly(std::uint64_t stream, std::uint32_t count) {
  return [=](std::uint64_t row) {
    return 1 + static_cast<std::uint32_t>(((sample_random(stream, row) >> 32) * count) >> 32);
  };
}

std::function<std::uint32_t(std::uint64_t)> pick_skewed(std::uint64_t stream, std::uint32_t count) {
  return [=](std::uint64_t row) {
    const std::uint64_t random = sample_random(stream, row) >> 32;
    return 1 + static_cast<std::uint32_t>((((random * random) >> 32) * count) >> 32);
  };
}

std::function<std::uint32_t(std::uint64_t)> or_null(
    std::uint64_t stream, std::uint32_t interval,
    std::function<std::uint32_t(std::uint64_t)> pick) {
  return [=, pick = std::move(pick)](std::uint64_t row) {
    return sample_random(stream, row) % interval == 0 ? 0U : pick(row);
  };
}

}  // namespace qvdhouse::qvd
