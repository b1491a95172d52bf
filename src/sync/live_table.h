// A table in the server as those see it who plan its files.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "decide/placement.h"
#include "load/layout.h"
#include "load/load.h"
#include "schema/drift.h"
#include "source/storage.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// What planning a table may look at; it changes nothing.
struct PlanFacts {
  const Options& options;  // load.policy.dialect is the target's
  source::Storage& storage;
  const std::vector<tracking::FileRecord>& tracked;  // sorted by path, as Tracking::files()
  clickhouse::Connection* connection = nullptr;      // null: as if the target had no tables
  // Tracking::tables(); null: not known.
  const std::set<std::string>* tables = nullptr;
  // Without a connection: files of the table beside those to load, each with a partition of its
  // own.
  std::size_t settled_files = 0;
  std::stop_token stop = {};  // ends the planning with Cancelled
  // What the rules of tables say of their files is wanted: rows of local files are read for it.
  bool describes_rules = false;
};

// Null when it is not among them. `tracked` is sorted by path.
const tracking::FileRecord* find_record(const std::vector<tracking::FileRecord>& tracked,
                                        const std::string& path);

// A table that is there, as far as it binds the files that are to be loaded into it.
struct LiveTable {
  load::Layout layout;  // not exists(): there is no such table
  schema::Shape shape;  // the columns that bind the files; empty: the files alone decide
  schema::Key key;      // the columns of sorting and partition key, or those of order_by
  // A multi-file table of another load mode: it stays until the rows of all files can take its
  // place.
  bool is_remade = false;
  // A table of one file: its columns, whether they bind the file or not.
  std::optional<schema::Shape> replaced{};
  // A table of one file that comes again: it stays sorted as it is, unless by nothing.
  bool keeps_order = false;

  // Whether rows of it stay beside those that are loaded.
  bool keeps_rows() const { return layout.exists() && !is_remade; }
  // Holds a file that takes the place of the table to what binds it.
  void bind(decide::FileLoad& file) const;
};

// Keeps fields of columns that a table of this shape has as numbers, as text of version 0.1, or as
// text with numbers beside, what they were by the rules of version 0.1 (Policy::as_in_0_1), and the
// names of all.
void keep_columns(const schema::Shape& shape, load::Options& options);
// Gives the file the columns of a table, and their rules.
void hold_to(const schema::Shape& shape, decide::FileLoad& file);

// The table of `files` (decisions to load, all of one table). Throws SchemaError for a name that
// the database cannot hold, for another's table and for a column of a type that we do not write,
// ServerError, IoError.
LiveTable read_live_table(const std::vector<const Decision*>& files, const PlanFacts& facts);

// The columns of fields and name parts. Empty for a table that is not there. Throws SchemaError for
// a column of a type that we do not write.
schema::Shape live_shape(const load::Layout& layout);

// The columns that it is sorted by, in their order; empty when the key is made of expressions.
std::optional<std::vector<std::string>> key_columns(const load::Layout& layout);
// The same without those that are Nullable in `shape`.
std::optional<std::vector<std::string>> kept_order(const load::Layout& layout,
                                                   const schema::Shape& shape);

// The values of `_file` in it; none when it has no such column.
std::vector<std::string> stored_files(clickhouse::Connection& connection, const std::string& table);

// Waits until ALTERs have gone through all rows, where the server cannot be asked to wait itself.
// Throws Cancelled.
void await_mutations(clickhouse::Connection& connection, const std::string& table,
                     std::stop_token stop);

}  // namespace qvdhouse::sync
