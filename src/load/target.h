// Where the rows of one file go: the table, the way into it, and which of its columns come from no
// field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/drift.h"
#include "schema/table_rules.h"

namespace qvdhouse::load {

struct Target {
  bool is_set() const { return mode != schema::LoadMode::kReplace; }

  std::string table;  // empty: by the naming rule
  // The number of the staging table: not 0 and unique in the run where files of a table are staged
  // together.
  std::uint64_t number = 0;
  schema::LoadMode mode = schema::LoadMode::kReplace;
  // A set whose live table is to be replaced by one of another layout: what is staged does not look
  // like it, and only a rebuild can commit it.
  bool is_remade = false;
  schema::TableRules rules;
  std::string file_key;           // value of `_file`: what the rows of this file are known by
  std::uint64_t version = 0;      // value of `_version`: the same for the same version of the file
  std::int64_t loaded_at_us = 0;  // value of `_loaded_at`
  std::vector<schema::NamePart> name_parts;  // columns out of the file's name
  // Columns of fields and name parts. Of a set: as the table has them. kReplace: as the live table
  // has them, which the file's own are joined with. Absent: as the file alone would have them (a
  // table that is rebuilt).
  std::optional<schema::Shape> shape;
  // kReplace: the columns of the table whose place the file takes, whether they bind it or not, to
  // tell which types give up.
  std::optional<schema::Shape> replaced{};
};

}  // namespace qvdhouse::load
