// Sample QVD files made with the writer: tables of any length for measuring, and a folder of small
// related tables for trying things out. Deterministic: the same call writes the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace qvdhouse::sample {

// Each file is written beside its name as NAME.part and renamed when complete; a file that is there
// already is replaced. All functions throw IoError, naming path, cause and what to do, when the
// disk is full or the folder cannot be written; no .part is left behind then.

struct SampleFile {
  std::filesystem::path path;
  std::uint64_t row_count = 0;
  std::uint64_t bytes = 0;
};

// A sales fact table of 10 columns: sorted %SaleKey, %CustomerKey (200,000 customers, few of them
// frequent), OrderDate (3,650 days), DeliveredAt (timestamps, one in 12 NULL), Amount (money,
// 100,000 values, whole ones as int), Quantity, Country (60), Status (5), Product (5,000), Note
// (free text, 200,000 texts, one in 5 NULL). From a few million rows on it has the same symbols
// whatever its length (%SaleKey has at most 1,000,000 keys, each of them in consecutive rows), so
// that memory use at different lengths can be compared. Rows are streamed: memory does not depend
// on row_count.
SampleFile write_speed_table(const std::filesystem::path& path, std::uint64_t row_count);

// A table as extracts of SAP are: of every ten columns six are texts of 256 values, two whole
// numbers and one an amount of 65,536 values, one a date of 3,650 days; all picked at random.
SampleFile write_wide_table(const std::filesystem::path& path, std::uint64_t row_count,
                            std::uint32_t column_count);

// Writes into `dir`, made if missing: customers.qvd, products.qvd, orders.qvd, order_lines.qvd,
// calendar.qvd and "Остатки на складе.qvd". Together they have what real exports have: %KEY fields
// that join, duals ('Jan' = 1, '2024-01-31' = 45322), zero-padded codes ('05021' = 5021), a column
// that mixes numbers and text, blank texts, NULLs, a column of NULLs only, a constant, a comment.
// order_lines.qvd has `line_count` rows, the others fewer in proportion; calendar.qvd has one year.
std::vector<SampleFile> write_sample_tree(const std::filesystem::path& dir,
                                          std::uint64_t line_count);

}  // namespace qvdhouse::sample
