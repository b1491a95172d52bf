// Files and tables as datasets of OpenLineage, by its rules for names. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::observe {

struct Dataset {
  std::string name_space;  // "file", "s3://bucket"
  std::string name;        // "/data/sales.qvd", "sales/2024.qvd"
};

// A file of a source, by its path or its URL without secrets.
Dataset dataset_of_file(const std::string& path);

// The table that a statement reads, "shop.orders", where it is plain that it is one and which: a
// single SELECT with one name behind its only FROM. Empty for all else: nothing is guessed.
std::optional<std::string> table_of_select(std::string_view statement);

}  // namespace qvdhouse::observe
