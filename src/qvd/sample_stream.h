// Writes generated tables row by row, for src/qvd/sample.h alone: a column is a list of values that
// could occur and a rule that picks one of them for each row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "qvd/sample.h"
#include "qvd/writer.h"

namespace qvdhouse::qvd {

struct SampleColumn {
  std::string name;
  std::uint32_t candidate_count = 0;
  // Candidate k as a value; no two candidates are equal.
  std::function<Value(std::uint32_t k)> value;
  // The code of a row: 0 = NULL, k + 1 = candidate k. Pure: called more than once for a row.
  std::function<std::uint32_t(std::uint64_t row)> pick;
  NumberFormat number_format;
  std::vector<std::string> tags;
  std::string comment;
};

struct SampleTable {
  std::string name;
  std::uint64_t row_count = 0;
  std::vector<SampleColumn> columns;
  std::string comment;
};

// Writes the table as QVD: symbols are the candidates that rows pick, in the order of first use.
// Memory: the candidates and one batch of rows.
SampleFile write_sample(const std::filesystem::path& path, const SampleTable& table);

// A 64-bit number that looks random and depends on nothing but `stream` (one a column) and `row`.
std::uint64_t sample_random(std::uint64_t stream, std::uint64_t row);

// Rules for SampleColumn::pick. All candidates equally often:
std::function<std::uint32_t(std::uint64_t)> pick_evenly(std::uint64_t stream, std::uint32_t count);
// The first candidates often, the last ones seldom, but half as often as the average:
std::function<std::uint32_t(std::uint64_t)> pick_skewed(std::uint64_t stream, std::uint32_t count);
// One row in `interval`, on average, is NULL, the others go by `pick`:
std::function<std::uint32_t(std::uint64_t)> or_null(
    std::uint64_t stream, std::uint32_t interval, std::function<std::uint32_t(std::uint64_t)> pick);

}  // namespace qvdhouse::qvd
