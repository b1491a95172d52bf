// Columns of a table that come from no field: the parts of the file's name and, at the end, the
// file, its version, the row's number, the time of the load, its run, and what other fields hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/plan.h"
#include "schema/table_rules.h"

namespace qvdhouse::schema {

struct OwnColumns {
  std::vector<NamePart> name_parts;
  std::optional<std::string> file;           // `_file`
  std::optional<std::uint64_t> version;      // `_version`
  bool row = false;                          // `_row`
  std::optional<std::int64_t> loaded_at_us;  // `_loaded_at`, since 1970-01-01 UTC
  std::optional<std::string> run_id;         // `_run_id`
  bool rescued = false;                      // `_rescued`
  std::optional<std::uint64_t> file_time;    // `_qvd_order` and `_qvd_deleted` (schema/upsert.h)
};

// Those that the table has by its mode and rules.
OwnColumns own_columns(const TableRules& rules, LoadMode mode, std::string file_key,
                       std::uint64_t version, std::int64_t loaded_at_us,
                       std::vector<NamePart> name_parts, std::string run_id = {});

// Appends them to the plan of a file's fields. Name parts are LowCardinality(String), or what
// rules.types says when the part is exactly a value of that. Throws SchemaError when it is not, and
// for a field that claims one of their names. `_loaded_at` has microseconds where the server has.
// `header`: of the file, whose fields the rules name.
void add_own_columns(TablePlan& plan, const qvd::TableHeader& header, const OwnColumns& own,
                     const TableRules& rules, const clickhouse::Dialect& dialect = {});

}  // namespace qvdhouse::schema
