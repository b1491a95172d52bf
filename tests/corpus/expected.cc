#include "tests/corpus/expected.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace qvdhouse::corpus {
namespace {

namespace fs = std::filesystem;

// One line of a TSV file, by the names in its first line.
using Line = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line + '\t');
  for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
  return cells;
}

std::vector<Line> read_tsv(const fs::path& path) {
  std::ifstream file(path);
  std::string text;
  std::getline(file, text);
  const std::vector<std::string> names = split(text);
  std::vector<Line> lines;
  while (std::getline(file, text)) {
    const std::vector<std::string> cells = split(text);
    if (cells.size() != names.size()) {
      throw std::runtime_error(path.string() +
                               ": a line has not as many cells as the first one: " + text);
    }
    Line& line = lines.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) line[names[i]] = cells[i];
  }
  return lines;
}

double number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

ExpectedField field_of(const Line& line) {
  std::string kinds = line.at("types");
  std::erase(kinds, ',');
  return {.name = line.at("field"),
          .row_count = std::stoull(line.at("rows")),
          .null_count = std::stoull(line.at("nulls")),
          .symbol_count = std::stoull(line.at("symbols")),
          .kinds = kinds,
          .numeric_count = std::stoull(line.at("numeric_count")),
          .numeric_sum = number(line.at("numeric_sum")),
          .numeric_min = number(line.at("numeric_min")),
          .numeric_max = number(line.at("numeric_max")),
          .text_bytes = std::stoull(line.at("text_bytes"))};
}

}  // namespace

fs::path corpus_folder() { return fs::path(QVDHOUSE_SOURCE_DIR) / ".." / "shared" / "corpus"; }

std::map<std::string, std::vector<ExpectedField>> read_expected() {
  std::map<std::string, std::vector<ExpectedField>> files;
  for (const Line& line : read_tsv(corpus_folder() / "EXPECTED.tsv")) {
    std::vector<ExpectedField>& fields = files[line.at("file")];
    if (std::stoull(line.at("col")) != fields.size()) {
      throw std::runtime_error("EXPECTED.tsv: fields out of order in " + line.at("file"));
    }
    fields.push_back(field_of(line));
  }
  return files;
}

std::vector<Truth> read_truths() {
  std::vector<Truth> truths;
  for (const Line& line : read_tsv(corpus_folder() / "TRUTH.tsv")) {
    if (line.at("verdict") != "ALL EQUAL") continue;
    truths.push_back({line.at("qvd"), corpus_folder() / "truth" / line.at("truth_file")});
  }
  return truths;
}

std::uint64_t count_csv_rows(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::uint64_t record_count = 0;
  bool in_quotes = false;
  bool in_record = false;
  for (const char c : text) {
    if (c == '"') in_quotes = !in_quotes;  // a doubled quote switches twice
    if (c == '\n' && !in_quotes) {
      record_count += in_record ? 1 : 0;
      in_record = false;
    } else if (c != '\r') {
      in_record = true;
    }
  }
  record_count += in_record ? 1 : 0;
  return std::max<std::uint64_t>(record_count, 1) - 1;
}

}  // namespace qvdhouse::corpus
