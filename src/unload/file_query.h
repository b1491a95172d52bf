// A file of another format as a query, for the embedded engine, which reads files of this machine.
#pragma once

#include <filesystem>
#include <string>

namespace qvdhouse::unload {

// The SELECT of all its rows; the format goes by the name: .parquet, .csv, .tsv, .jsonl and so on,
// also compressed (.csv.gz). The first line of a CSV or TSV file has the names. Throws ConfigError
// for a name of another kind, and for one that the engine would take for a pattern or an archive;
// IoError where no such file can be read.
std::string select_from_file(const std::filesystem::path& file);

}  // namespace qvdhouse::unload
