// What somebody asks for of one or several files, and the columns that it makes: those of the table
// that would hold all of them, or some of these.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/error.h"
#include "load/load.h"
#include "qvd/header.h"
#include "schema/drift.h"
#include "schema/plan.h"
#include "schema/row_filter.h"

namespace qvdhouse::render {

struct Request {
  // Names of columns or fields, with wildcards as settings have them, in the order in which the
  // columns are wanted; empty: all. "_file" and "_row" may be asked for where no table has them.
  std::vector<std::string> columns;
  // schema/row_filter.h, of the rows that the tables would have; empty: all of them.
  std::string where;
  std::optional<std::uint64_t> limit;  // rows in all
  // Limit of the bytes in the file of the symbol tables that are read; absent: any size.
  std::optional<std::uint64_t> most_symbol_bytes{};
  // What the files are compared with: the common columns hold its values, too.
  const schema::Shape* beside = nullptr;
};

// A file is beyond Request::most_symbol_bytes.
struct TooLarge : base::SchemaError {
  using base::SchemaError::SchemaError;
};

// A file, read as a load would read it (decide::load_of).
struct File {
  std::string name;  // FileEntry::name
  std::function<std::unique_ptr<base::ByteSource>()> open;
  load::Options options;
  load::Target target;  // `shape` and `replaced` are not looked at
};

// A file that is open and planned.
struct OpenFile {
  std::unique_ptr<base::ByteSource> bytes;
  load::PreparedFile prepared;
};

// The files of a request with the columns that they have in common: a table of many files joins
// them so (schema/drift.h). What only a load knows (`_version`, `_loaded_at`, `_run_id`, which row
// of a key is the newest) is left out.
class Files {
 public:
  // Reads the headers of all files and the symbol tables of what is asked for; of several files the
  // latter are read once more by open(). `files` is not empty. Throws InputError, IoError,
  // SchemaError (also for a name in `request` that no file has, and for a condition on a field that
  // the settings protect or leave out: it would tell what they hide), TooLarge before any symbol
  // of the file is read, and Cancelled.
  Files(std::vector<File> files, Request request, std::stop_token stop);

  std::size_t size() const { return files_.size(); }
  const File& file(std::size_t index) const { return files_[index]; }
  const Request& request() const { return request_; }
  const std::stop_token& stop() const { return stop_; }
  std::uint64_t record_count() const { return record_count_; }  // of all files, whatever is asked

  // The columns that each file would have by itself, and those of `beside`; none where there is one
  // file and nothing beside it.
  const std::vector<schema::Shape>& own_shapes() const { return own_shapes_; }

  // Runs `read`, in which an error of a file's contents says which of several files it is of.
  template <class Read>
  auto naming(std::size_t index, const Read& read) const {
    try {
      return read();
    } catch (const base::InputError& error) {
      if (size() == 1) throw;
      throw base::InputError(file(index).name + ": " + error.what());
    } catch (const base::SchemaError& error) {
      if (size() == 1) throw;
      throw base::SchemaError(file(index).name + ": " + error.what());
    }
  }

  // Opens a file and plans it for the common columns. To be called once a file.
  OpenFile open(std::size_t index);

  // Which of these columns are wanted, by index, in the order wanted; the same of a plan that
  // open() made.
  std::vector<std::size_t> chosen(const std::vector<std::string>& columns) const;
  std::vector<std::size_t> chosen(const schema::TablePlan& plan) const;

 private:
  OpenFile prepare(std::size_t index) const;
  void check_where(const load::Options& options, const qvd::TableHeader& header) const;
  void check_size(const load::Options& options, const load::Target& target,
                  const qvd::TableHeader& header) const;
  void note_columns(const load::PreparedFile& prepared);
  void join_shapes(std::vector<schema::Shape> with_rows);
  void forget_columns_without_rows();
  void check_columns() const;

  std::vector<File> files_;
  Request request_;
  schema::RowConditions where_;  // request_.where
  std::stop_token stop_;
  std::uint64_t record_count_ = 0;
  std::optional<OpenFile> only_;  // where there is one file and nothing beside it
  schema::Shape shape_;           // else
  std::vector<schema::Shape> own_shapes_;
  // By name in the request: columns of fields that are called so.
  std::vector<std::set<std::string>> of_fields_;
  std::set<std::string> columns_;  // of all files
};

}  // namespace qvdhouse::render
