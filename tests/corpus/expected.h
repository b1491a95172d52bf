// What others found in the files of the corpus: EXPECTED.tsv (independent readers, column by
// column) and TRUTH.tsv (the text sources that some files were made from). The corpus' README.md
// defines their columns. Nothing here reads a QVD file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace qvdhouse::corpus {

// One field over all rows of its file.
struct ExpectedField {
  std::string name;
  std::uint64_t row_count = 0;
  std::uint64_t null_count = 0;
  std::uint64_t symbol_count = 0;
  std::string kinds;                // the kind bytes that occur, ascending: "1", "145"
  std::uint64_t numeric_count = 0;  // cells with a finite number
  double numeric_sum = 0;           // exact, rounded once
  double numeric_min = 0;
  double numeric_max = 0;
  std::uint64_t text_bytes = 0;  // of all cells, display texts of duals included

  bool has_kind(char kind) const { return kinds.find(kind) != std::string::npos; }
};

// A file that was made from a text file at hand.
struct Truth {
  std::string file;
  std::filesystem::path text_file;
};

std::filesystem::path corpus_folder();

// File name → its fields, in field order.
std::map<std::string, std::vector<ExpectedField>> read_expected();

// Those whose cells are all equal to their text source's.
std::vector<Truth> read_truths();

// Records of a CSV file after the one with the names; line breaks within quotes end no record.
std::uint64_t count_csv_rows(const std::filesystem::path& path);

}  // namespace qvdhouse::corpus
