#include "cli/table_keys.h"

#include <array>

#include "cli/setting_values.h"
#include "cli/table_values.h"

namespace qvdhouse::cli {
namespace {

using Item = const std::string&;
using Value = const RawValue&;
using Rules = schema::TableRules&;
using Shape = TableKey::Shape;

constexpr std::string_view kNames = "a list of names; * is a wildcard";
constexpr std::string_view kOneExpression = "an SQL expression";

const std::array kKeys = {
    TableKey{.key = kMatchKey,
             .default_text = "",
             .allowed = "a pattern or a list of patterns",
             .help = "which files: the end of their path",
             .shape = Shape::kList},
    TableKey{.key = kNameKey,
             .default_text = "by file: prefix and name",
             .allowed = "a text, may hold {parts}",
             .help = "the table that they go to",
             .parse = [](Item, Value v, Rules r) { return take_text(v, r.name); }},
    TableKey{.key = "mode",
             .default_text = "by pattern and name",
             .allowed = "replace, replace_by_file or append",
             .help = "one file is the table; each file has its rows in it; rows are only added",
             .parse = [](Item, Value v, Rules r) { return take_mode(v, r); }},
    TableKey{.key = "drift",
             .default_text = "the setting of that name",
             .allowed = "evolve, freeze or discard",
             .help = "files with other columns than the table",
             .parse = [](Item, Value v, Rules r) { return take_drift(v, r.drift); }},
    TableKey{.key = "vanished",
             .default_text = "the setting of that name",
             .allowed = "keep or delete",
             .help = "the rows of files that are not there any more",
             .parse = [](Item, Value v, Rules r) { return take_vanished(v, r.vanished); }},
    TableKey{.key = "include",
             .default_text = "all",
             .allowed = kNames,
             .help = "only these fields",
             .shape = Shape::kList,
             .parse = [](Item, Value v, Rules r) { return take_name_patterns(v, r.include); }},
    TableKey{.key = "exclude",
             .default_text = "",
             .allowed = kNames,
             .help = "not these fields",
             .shape = Shape::kList,
             .parse = [](Item, Value v, Rules r) { return take_name_patterns(v, r.exclude); }},
    TableKey{.key = "rename",
             .default_text = "",
             .allowed = "field = \"column\"; one * in both stands for the same",
             .help = "columns with other names than their fields",
             .shape = Shape::kTable,
             .parse = take_rename},
    TableKey{.key = "types",
             .default_text = "by rule",
             .allowed = "field or column = \"type\"; * is a wildcard",
             .help = "as [types], for this table",
             .shape = Shape::kTable,
             .parse = [](Item i, Value v, Rules r) { return take_column_type(v, r.types[i]); }},
    TableKey{.key = "codecs",
             .default_text = "by rule",
             .allowed = "column = \"Delta, ZSTD(1)\"; * is a wildcard",
             .help = "how columns are compressed",
             .shape = Shape::kTable,
             .parse = [](Item i, Value v, Rules r) { return take_expression(v, r.codecs[i]); }},
    TableKey{.key = "file_column",
             .default_text = "false; true for sets",
             .allowed = kTruth,
             .help = "a column _file with the file's path",
             .parse = [](Item, Value v, Rules r) { return take_truth(v, r.with_file); }},
    TableKey{.key = "row_column",
             .default_text = "false",
             .allowed = kTruth,
             .help = "a column _row with the row's number in its file, from 0",
             .parse = [](Item, Value v, Rules r) { return take_truth(v, r.with_row); }},
    TableKey{.key = "loaded_at_column",
             .default_text = "false",
             .allowed = kTruth,
             .help = "a column _loaded_at with the time of the load",
             .parse = [](Item, Value v, Rules r) { return take_truth(v, r.with_loaded_at); }},
    TableKey{.key = "order_by",
             .default_text = "the setting of that name",
             .allowed = "a list of fields or columns",
             .help = "what the table is sorted by",
             .shape = Shape::kList,
             .parse = [](Item, Value v, Rules r) { return take_list(v, r.order_by); }},
    TableKey{.key = "partition_by",
             .default_text = "",
             .allowed = kOneExpression,
             .help = "its partitions; in a set beside the file's own, and the same in all rows of "
                     "a file",
             .parse = [](Item, Value v, Rules r) { return take_expression(v, r.partition_by); }},
    TableKey{.key = "engine",
             .default_text = "MergeTree",
             .allowed = "MergeTree, ReplicatedMergeTree, SharedMergeTree",
             .help = "its engine, with arguments",
             .parse = [](Item, Value v, Rules r) { return take_engine(v, r.engine); }},
    TableKey{.key = "ttl",
             .default_text = "",
             .allowed = kOneExpression,
             .help = "when the server deletes rows (`verify` then finds them missing)",
             .parse = [](Item, Value v, Rules r) { return take_expression(v, r.ttl); }},
    TableKey{.key = "settings",
             .default_text = "",
             .allowed = "name = value",
             .help = "settings of the engine",
             .shape = Shape::kTable,
             .parse = take_engine_setting},
    TableKey{.key = "pre_sql",
             .default_text = "",
             .allowed = "a statement or a list of them",
             .help = "run before a file is loaded; {table} and {file} stand for both; a failure "
                     "stops the file",
             .shape = Shape::kList,
             .parse = [](Item, Value v, Rules r) { return take_statements(v, r.pre_sql); }},
    TableKey{.key = "post_sql",
             .default_text = "",
             .allowed = "a statement or a list of them",
             .help = "run when the file's rows are in the table",
             .shape = Shape::kList,
             .parse = [](Item, Value v, Rules r) { return take_statements(v, r.post_sql); }},
};

}  // namespace

std::span<const TableKey> table_keys() { return kKeys; }

}  // namespace qvdhouse::cli
