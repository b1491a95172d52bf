// Which table a file goes to: the first rule whose pattern matches it, else the naming rule
// (docs/configuration.md, "Tables").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "load/load.h"
#include "schema/policy.h"
#include "schema/table_rules.h"
#include "source/scope.h"

namespace qvdhouse::decide {

struct Placement {
  std::string table;
  schema::LoadMode mode = schema::LoadMode::kReplace;
  schema::TableRules rules;  // of the rule that matched; the defaults when none did
  std::vector<schema::NamePart> name_parts;
  // What a user should know of it, a sentence: a pattern takes it but for the bound of a part, or
  // takes it although a part that is named like a date is none. Mostly empty.
  std::string warning;
  // Many files may be this table.
  bool is_set() const { return mode != schema::LoadMode::kReplace; }
};

// Whether the files of the table are spread over the shards of a database.
bool is_spread(const Placement& placement, const clickhouse::Dialect& dialect);
// The table that has the rows: `table` itself, or the one that `table` shows: on shards on each
// server, and of mode upsert.
std::string stored_in(const Placement& placement, const std::string& table,
                      const clickhouse::Dialect& dialect);
// The table that shows all rows of all its files: `table` itself, but in mode upsert.
std::string all_rows_of(schema::LoadMode mode, const std::string& table);

// The rules, read once for many files. Rules without a pattern are those of the table that they
// name, whichever way a file got there, in place of its pattern's; one without pattern and name
// holds for tables that no other rule is of.
//
// A pattern matches the end of a path, part by part from the last: "Sales_*.qvd" the name,
// "region=*/Sales_{yyyymm:6 digits}.qvd" also the folder. `*` `?` `[]` as in globs; `{part}` is one
// or more characters but '/', or what its bound says (placement_pattern.h), taken as a column.
// Folders above the source are matched by plain names only.
class Placer {
 public:
  // Throws ConfigError as check_rules() does.
  // `source`: a folder, glob or URL as Storage::list() takes it; patterns are relative to it for
  // files below it. Empty: none.
  Placer(const std::vector<schema::TableRules>& rules, schema::Policy policy,
         const std::string& source = "");
  ~Placer();
  Placer(const Placer&) = delete;
  Placer& operator=(const Placer&) = delete;

  // Those of all patterns.
  std::set<std::string> part_names() const;

  // `path` as in FileEntry::path; `known_table`: as schema::table_name() takes it. Throws
  // SchemaError for a file that can have no table.
  Placement place(std::string_view path, std::string_view known_table = {}) const;

 private:
  struct Rule;
  const schema::TableRules* rules_of(std::string_view table) const;
  std::string why_taken(const Placement& placement) const;
  static void check_one_rule(const Rule* a, const schema::TableRules& of_a, const Rule* b,
                             const schema::TableRules& of_b);
  std::vector<std::unique_ptr<Rule>> patterns_;
  std::vector<schema::TableRules> named_;
  schema::TableRules defaults_;
  schema::Policy policy_;
  std::optional<source::Scope> scope_;
  bool has_upsert_ = false;  // a rule is of mode upsert
  std::size_t depth_ = 0;    // components of the source's own path
};

// The same for one file.
Placement place_file(std::string_view path, const std::vector<schema::TableRules>& rules,
                     const schema::Policy& policy, const std::string& source = "",
                     std::string_view known_table = {});

// Throws ConfigError (naming rule.where) for a pattern or a name that cannot be.
void check_rules(const std::vector<schema::TableRules>& rules);

// How a file is read, and where its rows go.
struct FileLoad {
  load::Options options;  // the policy with what the rules of its table say of columns
  load::Target target;    // `shape`, `replaced`, `is_remade`, `number`, `version`: the caller's
};
// `file_key`: the value of `_file`.
FileLoad load_of(const load::Options& options, const Placement& placement, std::string file_key,
                 std::int64_t loaded_at_us = 0);

}  // namespace qvdhouse::decide
