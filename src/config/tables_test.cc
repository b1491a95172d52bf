#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "config/parts.h"
#include "config/setting.h"
#include "config/test_config.h"
#include "decide/placement.h"

namespace qvdhouse::config {
namespace {

using schema::DriftPolicy;
using schema::LoadMode;
using schema::TableRules;
using schema::VanishedPolicy;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

class TablesTest : public ConfigFolder {
 protected:
  void toml(const std::string& text) { write("qvdhouse.toml", text); }
  std::string file() const { return (directory_ / "qvdhouse.toml").string(); }
  // The message about a [[table]] of these lines, which begin in line 2.
  std::string wrong(const std::string& lines) {
    toml("[[table]]\n" + lines);
    return error();
  }
};

TEST_F(TablesTest, WithoutAnyThereAreTheDefaults) {
  const Config config = load();
  ASSERT_EQ(config.sync.tables.size(), 1U);
  EXPECT_EQ(config.sync.tables[0].match, "");
  EXPECT_EQ(config.sync.tables[0].name, "");
  EXPECT_EQ(config.sync.tables[0].drift, DriftPolicy::kEvolve);
  EXPECT_EQ(config.sync.max_file_partitions, 1'000U);
  EXPECT_EQ(config.sync.lease.patience.count(), 600);
}

TEST_F(TablesTest, EveryKeyReachesItsPlace) {
  toml(R"toml(
[[table]]
match = ["eu/Sales_{yyyymm}.qvd", "us/Sales_{yyyymm}.qvd"]
name = "Sales"
mode = "append"
drift = "freeze"
vanished = "delete"
sharding = "copy"
anomaly = "hold"
anomaly_ratio = 0.75
wait_for = ["_DONE", "Sales_*.qvd"]
include = ["A*", "%Key"]
exclude = "AB"
outsiders = "null"
decimals = "auto"
null_texts = ["NULL", "N/A"]
rename = { "%*" = "*", A1 = "One" }
file_column = false
row_column = true
loaded_at_column = true
run_id_column = true
order_by = ["One", "A,2"]
max_errors = 10
max_error_ratio = 0.25
where = "A = 'x' and B > 1"
primary_key = "One"
sample_by = "One"
partition_by = "toYYYYMM(d)"
engine = "ReplicatedMergeTree('/t/{uuid}', '{replica}')"
ttl = "d + INTERVAL 1 YEAR"
pre_sql = "SELECT 1"
post_sql = ["OPTIMIZE TABLE {table}", "SELECT {file}"]
[table.types]
A2 = "Decimal(18, 2)"
"A.3" = "String"
[table.codecs]
"A*" = "Delta, ZSTD(1)"
[table.outsiders_of]
"Valid*" = "clamp"
[table.null_texts_of]
Code = ["-"]
[table.protect]
"*Mail*" = "hash"
"A.4" = "truncate(2)"
[table.settings]
index_granularity = 1024
[table.indexes]
"by day" = "d TYPE minmax GRANULARITY 4"
[table.rules]
A1 = { not_null = true, min = 2024-01-31, max = "2024-12-31", action = "quarantine" }
"A*" = [{ in = [1, "x"], action = "warn" }, { matches = "a+", unique = true }]
[table.rules."A.3"]
fits_type = true
action = "drop"
[[table]]
match = "Orders_*.qvd"
deletes = ["Gone_*.qvd"]
name = "Orders"
mode = "upsert"
key = ["OrderID", "Line"]
version = "Changed"
deleted = "Status = gone"
duplicate_keys = "last"
null_keys = "keep"
)toml");
  const Config config = load();
  ASSERT_EQ(config.sync.tables.size(), 5U);
  const TableRules& rules = config.sync.tables[0];
  EXPECT_EQ(rules.match, "eu/Sales_{yyyymm}.qvd");
  EXPECT_EQ(config.sync.tables[1].match, "us/Sales_{yyyymm}.qvd");
  EXPECT_EQ(rules.where, file() + ":2");
  EXPECT_EQ(rules.name, "Sales");
  EXPECT_THAT(rules.wait_for, ElementsAre("_DONE", "Sales_*.qvd"));
  EXPECT_EQ(rules.mode, LoadMode::kAppend);
  EXPECT_EQ(rules.drift, DriftPolicy::kFreeze);
  EXPECT_EQ(rules.vanished, VanishedPolicy::kDelete);
  EXPECT_EQ(rules.sharding, schema::Sharding::kCopy);
  EXPECT_EQ(rules.anomaly, schema::AnomalyPolicy::kHold);
  EXPECT_EQ(rules.anomaly_ratio, 0.75);
  EXPECT_THAT(rules.include, ElementsAre("A*", "%Key"));
  EXPECT_THAT(rules.exclude, ElementsAre("AB"));
  EXPECT_THAT(rules.rename, ElementsAre(Pair("%*", "*"), Pair("A1", "One")));
  EXPECT_FALSE(rules.with_file);
  EXPECT_TRUE(rules.with_row);
  EXPECT_TRUE(rules.with_loaded_at);
  EXPECT_TRUE(rules.with_run_id);
  EXPECT_THAT(rules.order_by, ElementsAre("One", "A,2"));
  EXPECT_EQ(rules.partition_by, "toYYYYMM(d)");
  EXPECT_THAT(rules.primary_key, ElementsAre("One"));
  EXPECT_EQ(rules.sample_by, "One");
  EXPECT_THAT(rules.indexes, ElementsAre(Pair("by day", "d TYPE minmax GRANULARITY 4")));
  EXPECT_EQ(rules.engine, "ReplicatedMergeTree('/t/{uuid}', '{replica}')");
  EXPECT_EQ(rules.ttl, "d + INTERVAL 1 YEAR");
  EXPECT_THAT(rules.pre_sql, ElementsAre("SELECT 1"));
  EXPECT_THAT(rules.post_sql, ElementsAre("OPTIMIZE TABLE {table}", "SELECT {file}"));
  EXPECT_THAT(rules.types, ElementsAre(Pair("A.3", "String"), Pair("A2", "Decimal(18, 2)")));
  EXPECT_THAT(rules.codecs, ElementsAre(Pair("A*", "Delta, ZSTD(1)")));
  EXPECT_THAT(rules.settings, ElementsAre(Pair("index_granularity", "1024")));
  EXPECT_EQ(rules.outsiders, schema::OutsiderPolicy::kNull);
  EXPECT_THAT(rules.outsiders_of, ElementsAre(Pair("Valid*", schema::OutsiderPolicy::kClamp)));
  EXPECT_EQ(rules.decimals, schema::DecimalPolicy::kAuto);
  EXPECT_THAT(rules.null_texts, ElementsAre("NULL", "N/A"));
  EXPECT_THAT(rules.null_texts_of, ElementsAre(Pair("Code", ElementsAre("-"))));
  EXPECT_THAT(rules.protections,
              ElementsAre(Pair("*Mail*", *schema::parse_protection("hash")),
                          Pair("A.4", *schema::parse_protection("truncate(2)"))));
  EXPECT_EQ(rules.row_filter, "A = 'x' and B > 1");
  EXPECT_EQ(rules.max_errors, 10U);
  EXPECT_EQ(rules.max_error_ratio, 0.25);
  ASSERT_EQ(rules.column_rules.size(), 4U);
  EXPECT_EQ(rules.column_rules[0].columns, "A1");
  EXPECT_TRUE(rules.column_rules[0].not_null);
  EXPECT_EQ(rules.column_rules[0].min, "2024-01-31");
  EXPECT_EQ(rules.column_rules[0].max, "2024-12-31");
  EXPECT_EQ(rules.column_rules[0].action, schema::RuleAction::kQuarantine);
  EXPECT_THAT(rules.column_rules[1].in, ElementsAre("1", "x"));
  EXPECT_EQ(rules.column_rules[1].action, schema::RuleAction::kWarn);
  EXPECT_EQ(rules.column_rules[2].columns, "A*");
  EXPECT_EQ(rules.column_rules[2].matches, "a+");
  EXPECT_TRUE(rules.column_rules[2].unique);
  EXPECT_EQ(rules.column_rules[2].action, schema::RuleAction::kError);
  EXPECT_EQ(rules.column_rules[3].columns, "A.3");
  EXPECT_TRUE(rules.column_rules[3].fits_type);
  EXPECT_EQ(rules.column_rules[3].action, schema::RuleAction::kDrop);
  std::set<std::string> set;
  const TableRules& gone = config.sync.tables[2];
  const TableRules& orders = config.sync.tables[3];
  EXPECT_TRUE(gone.is_deletes);
  EXPECT_EQ(gone.match, "Gone_*.qvd");
  EXPECT_FALSE(orders.is_deletes);
  EXPECT_EQ(orders.match, "Orders_*.qvd");
  EXPECT_EQ(orders.mode, LoadMode::kUpsert);
  EXPECT_THAT(orders.key, ElementsAre("OrderID", "Line"));
  EXPECT_EQ(orders.version, "Changed");
  EXPECT_EQ(orders.deleted, "Status = gone");
  EXPECT_EQ(orders.duplicate_keys, schema::DuplicateKeys::kLast);
  EXPECT_EQ(orders.null_keys, schema::NullKeys::kKeep);
  for (const RawTable& table : config.raw_tables) {
    for (const RawTable::Entry& entry : table.entries) set.insert(entry.key);
  }
  for (const Setting& key : table_keys()) EXPECT_TRUE(set.contains(std::string(key.key)));
}

TEST_F(TablesTest, RenamesKeepTheirOrder) {
  toml("[table.T.rename]\n\"z*\" = \"first_*\"\na = \"b\"\n\"%*\" = \"*\"\n");
  EXPECT_THAT(load().sync.tables[0].rename,
              ElementsAre(Pair("z*", "first_*"), Pair("a", "b"), Pair("%*", "*")));
}

TEST_F(TablesTest, NamedTablesStandAloneOrBelowPatterns) {
  toml("[table.QvdItem]\nengine = 'MergeTree'\n[table.QvdItem.types]\nPrice = 'String'\n");
  Config config = load();
  ASSERT_EQ(config.sync.tables.size(), 2U);
  EXPECT_EQ(config.sync.tables[0].name, "QvdItem");
  EXPECT_EQ(config.sync.tables[0].match, "");
  EXPECT_EQ(config.sync.tables[0].types.at("Price"), "String");
  toml(
      "[[table]]\nmatch = 'S*'\nname = 'S'\n[table.types]\nA = 'String'\n"
      "[table.QvdItem]\nttl = 'd'\n[table.QvdItem.types]\nPrice = 'String'\n"
      "[[table]]\nmatch = 'T*'\nname = 'T'\n");
  config = load();
  ASSERT_EQ(config.sync.tables.size(), 4U);
  EXPECT_EQ(config.sync.tables[0].types.at("A"), "String");
  EXPECT_EQ(config.sync.tables[1].name, "T");
  EXPECT_EQ(config.sync.tables[2].name, "QvdItem");
  EXPECT_EQ(config.sync.tables[2].types.at("Price"), "String");
  EXPECT_EQ(entry_name(config, 0, config.raw_tables[0].entries[2]), "table[1].types.A");
  EXPECT_EQ(entry_name(config, 2, config.raw_tables[2].entries[1]), "table.QvdItem.types.Price");
}

TEST_F(TablesTest, WhatHoldsForAllTablesIsTheirDefault) {
  toml(
      "drift = 'freeze'\nmax_file_partitions = 7\nclaim_wait = '90s'\n"
      "[[table]]\nmatch = 'S*'\ndrift = 'discard'\n[[table]]\nmatch = 'T*'\n");
  sources_.environment["QVD_VANISHED"] = "delete";
  const Config config = load();
  EXPECT_EQ(config.sync.tables[0].drift, DriftPolicy::kDiscard);
  EXPECT_EQ(config.sync.tables[0].vanished, VanishedPolicy::kDelete);
  EXPECT_EQ(config.sync.tables[1].drift, DriftPolicy::kFreeze);
  EXPECT_EQ(config.sync.tables[2].drift, DriftPolicy::kFreeze);
  EXPECT_EQ(decide::place_file("/x.qvd", config.sync.tables, {}).rules.drift, DriftPolicy::kFreeze);
  EXPECT_EQ(config.sync.max_file_partitions, 7U);
  EXPECT_EQ(config.sync.lease.patience.count(), 90);
  EXPECT_EQ(config.sync.min_age.count(), 0);
  EXPECT_EQ(config.sync.load.zero_tail, load::ZeroTail::kWarn);
  toml("min_age = '10m'\nzero_tail = 'error'\n");
  EXPECT_EQ(load().sync.min_age.count(), 600);
  EXPECT_EQ(load().sync.load.zero_tail, load::ZeroTail::kError);
  sources_.environment["QVD_CLAIM_WAIT"] = "0";
  EXPECT_EQ(load().sync.lease.patience.count(), 0);
  for (const auto& [name, text] :
       std::map<std::string, std::string>{{"QVD_CLAIM_WAIT", "1500ms"},
                                          {"QVD_DRIFT", "evlove"},
                                          {"QVD_VANISHED", "drop"},
                                          {"QVD_MAX_FILE_PARTITIONS", "-1"}}) {
    sources_.environment = {{name, text}};
    EXPECT_THAT(error(), HasSubstr("is not allowed; expected")) << name;
  }
}

TEST_F(TablesTest, WrongKeysNameThePlaceAndWhatWasMeant) {
  EXPECT_EQ(wrong("match = 'a'\nmod = 'append'\n"),
            file() + ":3: [[table]] has no setting 'mod'; did you mean mode?");
  EXPECT_EQ(wrong("match = 'a'\n[table.type]\nPrice = 'String'\n"),
            file() + ":4: [table.type] has no setting 'Price'; did you mean [table.types]?");
  EXPECT_THAT(wrong("mode = 'append'\n"), HasSubstr(":1: expected a match or a name"));
  toml("[table]\nmode = 'append'\n");
  EXPECT_THAT(error(), StartsWith(file() + ":2: expected settings under [[table]]"));
  toml("table = 3\n");
  EXPECT_THAT(error(), HasSubstr("expected settings under [[table]]"));
  toml("table = [3]\n");
  EXPECT_THAT(error(), HasSubstr("expected settings under [[table]]"));
  toml("[table.S]\nmatch = 'S*'\n");
  EXPECT_THAT(error(), HasSubstr(":2: [table.S] has no setting 'match'"));
  toml("[table.S.mode]\nx = 'S*'\n");
  EXPECT_THAT(error(), HasSubstr("[table.S] mode.x, set in " + file() + ":2: a table is not"));
  toml("[table.\"\"]\nmode = 'replace'\n");
  EXPECT_THAT(error(), HasSubstr("expected the name of a table"));
}

// Only a line [table.NAME] begins a table of its own: a key with items that is unknown is a slip.
TEST_F(TablesTest, UnknownKeysWithItemsAreNoTables) {
  EXPECT_EQ(wrong("match = 'S*'\ntypo = { mode = 'append' }\n"),
            file() + ":3: [[table]] has no setting 'typo'");
  EXPECT_EQ(wrong("match = 'S*'\n  type.Price = 'String'\n"),
            file() + ":3: [[table]] has no setting 'type'; did you mean types?");
  EXPECT_EQ(wrong("match = 'S*'\nSales.mode = 'append'\n"),
            file() + ":3: [[table]] has no setting 'Sales'");
  EXPECT_EQ(wrong("match = 'S*'\nempty = {}\n"), file() + ":3: [[table]] has no setting 'empty'");
  toml("[[table]]\nmatch = 'S*'\nname = 'S'\n  [table.Sales]  # indented\n  mode = 'replace'\n");
  EXPECT_EQ(load().sync.tables[1].name, "Sales");
  toml("[[table]]\nmatch = 'S*'\nname = 'S'\n[table.Sales.types]\nPrice = 'String'\n");
  EXPECT_EQ(load().sync.tables[1].types.at("Price"), "String");
  toml("table = { Sales = { mode = 'replace' } }\n");
  EXPECT_EQ(load().sync.tables[0].name, "Sales");
}

TEST_F(TablesTest, WrongValuesNameThePlaceAndWhatIsAllowed) {
  EXPECT_EQ(
      wrong("match = 'a'\nmode = 'merge'\n"),
      "[[table]] mode, set in " + file() +
          ":3: 'merge' is not allowed; expected one of replace, replace_by_file, append, upsert");
  for (const char* line : {"match = ''",
                           "match = []",
                           "match = ['']",
                           "name = ''",
                           "drift = 'x'",
                           "vanished = 'x'",
                           "include = ['']",
                           "exclude = ['a', '']",
                           "row_column = 2",
                           "types.a = 'Money'",
                           "types = 'a'",
                           "codecs.a = 'ZSTD(1'",
                           "codecs.a = 'ZSTD) x'",
                           "partition_by = 'a; DROP TABLE b'",
                           "partition_by = 'a -- b'",
                           "partition_by = \"'a\"",
                           "partition_by = ['a']",
                           "ttl = ''",
                           "indexes.a = 'd'",
                           "indexes.a = 'd TYPE minmax; DROP TABLE b'",
                           "indexes = 'd TYPE minmax'",
                           "sample_by = ''",
                           "ttl = '(]'",
                           "settings.\"a b\" = 1",
                           "settings.a = ''",
                           "rules = 'a'",
                           "rules.a = 3",
                           "rules.a = {}",
                           "rules.a = { action = 'drop' }",
                           "rules.a = { mni = 3 }",
                           "rules.a = { min = 'x' }",
                           "rules.a = { min = [1] }",
                           "rules.a = { in = 1 }",
                           "rules.a = { not_null = 3 }",
                           "rules.a = { unique = true, action = 'keep' }",
                           "rules.a = [{ min = 1 }, { matches = '(' }]",
                           "types.a = { min = 1 }",
                           "max_errors = -1",
                           "max_error_ratio = 1.5",
                           "pre_sql = ''",
                           "post_sql = ['a', ' ']",
                           "rename.a = ''",
                           "rename.a = '_file'",
                           "rename.a = 'b*'",
                           "rename.\"*a\" = '*b*'"}) {
    const std::string text =
        wrong((std::string_view(line).starts_with("match") ? "" : "match = 'x'\n") +
              std::string(line) + "\n");
    EXPECT_THAT(text, HasSubstr("is not allowed; expected")) << line;
    EXPECT_THAT(text, HasSubstr("set in " + file() + ":")) << line;
  }
  EXPECT_THAT(
      wrong("match = 'x'\nrules.a = { mni = 3 }\n"),
      HasSubstr("rules.a, set in " + file() +
                ":3: 'mni = 3' is not allowed; expected "
                "not_null, min, max, matches, in, unique, fits_type or action, found 'mni'; "
                "did you mean min?"));
  EXPECT_THAT(wrong("match = '{a'\n"), StartsWith(file() + ":1: match = \"{a\": expected a '}'"));
  EXPECT_THAT(wrong("match = 'a'\nname = 'QvdFileTracking'\n"), HasSubstr("its own state"));
  EXPECT_THAT(wrong("match = 'a*'\nname = 'A'\n[[table]]\nmatch = 'b*'\nname = 'A'\n"),
              StartsWith(file() + ":4: table \"A\" has settings already at " + file() + ":1"));
  EXPECT_THAT(wrong("match = 'a*'\nname = 'A'\n[table.A]\nttl = 'd'\n"),
              HasSubstr("has settings already"));
}

TEST_F(TablesTest, EnginesThatLoseRowsAreRefused) {
  const auto engine = [&](const std::string& text) {
    return wrong("match = 'a'\nengine = \"" + text + "\"\n");
  };
  for (const char* name :
       {"ReplacingMergeTree", "ReplacingMergeTree(v)", "SummingMergeTree()",
        "ReplicatedCollapsingMergeTree('a', 'b', sign)", "SharedAggregatingMergeTree"}) {
    EXPECT_THAT(engine(name), HasSubstr("expected an engine that keeps every row")) << name;
  }
  for (const char* name :
       {"Memory", "Log", "Distributed(a, b, c)", "mergetree", "MergeTree2", ""}) {
    EXPECT_THAT(engine(name), HasSubstr("expected MergeTree, ReplicatedMergeTree")) << name;
  }
  EXPECT_THAT(engine("MergeTree ORDER BY a"), HasSubstr("is not allowed"));
  EXPECT_THAT(engine("MergeTree() ORDER BY a"), HasSubstr("arguments as texts"));
  EXPECT_THAT(engine("MergeTree(date, (a), 8192)"), HasSubstr("arguments as texts"));
  EXPECT_THAT(engine("ReplicatedMergeTree('/t/{table}', 'r')"), HasSubstr("{uuid}"));
  for (const char* name : {"MergeTree", "MergeTree()", "ReplicatedMergeTree", "SharedMergeTree",
                           "ReplicatedMergeTree('/t/{uuid}','{replica}')"}) {
    toml("[[table]]\nmatch = 'a'\nengine = \"" + std::string(name) + "\"\n");
    EXPECT_EQ(load().sync.tables[0].engine, name);
  }
}

TEST_F(TablesTest, ImpossibleTablesAreRefused) {
  EXPECT_EQ(wrong("match = 'a'\nexclude = ['%*']\norder_by = ['b', '%Key']\n"),
            file() +
                ":1: order_by names \"%Key\", which \"%*\" of exclude leaves out; a table is "
                "sorted by columns that it has");
  EXPECT_THAT(wrong("match = 'a'\nrename = {a = 'x', b = 'x'}\n"),
              HasSubstr("expected a name that no other column has: \"a\" is renamed to it too"));
  toml("[[table]]\nmatch = 'a'\nexclude = ['x']\nrename = {a = 'x'}\norder_by = ['x']\n");
  EXPECT_THAT(load().sync.tables[0].order_by, ElementsAre("x"));
}

// docs/configuration.md has one row a key, in their order.
TEST(TableKeys, AreWhatTheDocumentSays) {
  std::ifstream file(QVDHOUSE_SOURCE_DIR "/docs/configuration.md");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::string expected;
  for (const Setting& key : table_keys()) {
    expected += "| `" + std::string(key.key) + "` | " +
                (key.default_text.empty() ? "–" : std::string(key.default_text)) + " | " +
                std::string(key.help) + " | " + std::string(key.allowed) + " |\n";
  }
  EXPECT_NE(text.find(expected), std::string::npos)
      << "put this table into docs/configuration.md:\n"
      << expected;
}

}  // namespace
}  // namespace qvdhouse::config
