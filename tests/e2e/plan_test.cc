// What plan says of a table is what sync makes of it, and what the schema lock holds: over random
// sources, run after run, into the real engine.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/planned_source.h"
#include "decide/decide.h"
#include "models/lock.h"
#include "sync/planned_table.h"
#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

using schema::DriftPolicy;
using schema::LoadMode;

constexpr const char* kPlanned = "planned";  // the database of the tables that plan describes
constexpr std::int32_t kDay = 46'010;        // 2025-12-19

// A kind of field: what its values are.
struct Kind {
  std::vector<qvd::Value> values;
  std::string format_type{};
};

constexpr std::uint32_t kKindCount = 10;

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds = {
      {.values = {qvd::Value::of(1), qvd::Value::of(2)}},
      {.values = {qvd::Value::of(-70'000), qvd::Value::of(3)}},
      {.values = {qvd::Value::of(0.5), qvd::Value::of(1e300)}},
      {.values = {qvd::Value::of(9'007'199'254'740'994.0), qvd::Value::of(4)}},
      {.values = {qvd::Value::of(std::string_view("x")), qvd::Value::of(std::string_view("7"))}},
      {.values = {qvd::Value::of(5), qvd::Value::of(std::string_view("five"))}},
      {.values = {qvd::Value::of(kDay), qvd::Value::of(kDay + 1)}, .format_type = "DATE"},
      {.values = {qvd::Value::of(kDay), qvd::Value::of(2'958'465)}, .format_type = "DATE"},
      {.values = {qvd::Value::of(kDay + 0.5), qvd::Value::of(kDay + 0.25)},
       .format_type = "TIMESTAMP"},
      {.values = {}},  // NULL in each row
  };
  return kKinds;
}

class PlanTest : public SyncTest {
 protected:
  void SetUp() override {
    SyncTest::SetUp();
    query(fmt::format("DROP DATABASE IF EXISTS {} SYNC", kPlanned));
    for (const char* database : {kDatabase, kPlanned})
      query(fmt::format("CREATE DATABASE {}", database));
    options_.tables = {{.match = "Sales_*.qvd", .name = "Sales", .where = "test"}};
  }

  schema::TableRules& rules() { return options_.tables.front(); }

  clickhouse::Endpoint target() const {
    clickhouse::Endpoint where = endpoint();
    where.dialect = dialect_;
    return where;
  }

  // What a run would be made from, and its plan. The tables point into the decisions.
  struct Planned {
    std::vector<tracking::FileRecord> tracked;
    std::set<std::string> tables;
    std::vector<Decision> decisions;
    std::vector<PlannedTable> plan;
  };
  // `is_empty`: as if the target had no table.
  Planned plan(bool is_empty = false) {
    Planned planned;
    tracking::Tracking tracking(target(), kDatabase);
    if (!is_empty) {
      planned.tracked = tracking.files();
      planned.tables = tracking.tables();
    }
    planned.decisions = decide(options_, storage_, planned.tracked, planned.tables);
    clickhouse::Connection connection(target());
    planned.plan = plan_tables(planned.decisions,
                               {.options = options_,
                                .storage = storage_,
                                .tracked = planned.tracked,
                                .connection = planned.tables.empty() ? nullptr : &connection,
                                .tables = &planned.tables});
    return planned;
  }
  Summary sync_target() {
    Monitor monitor;
    spdlog::logger log("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    return run(options_, storage_, target(), monitor, log, {});
  }

  // Empty for a table that is not there.
  static std::string show_create(const std::string& database, const std::string& table) {
    const std::string name = fmt::format("{}.`{}`", database, table);
    if (query("EXISTS " + name) != "1") return "";
    std::string sql = query(fmt::format("SHOW CREATE TABLE {} FORMAT TSVRaw", name));
    return replaced(std::move(sql), database + ".", "");
  }
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
    return text;
  }

  // The table as it is once the statements of the plan were run.
  static std::string create_as_planned(const PlannedTable& plan, const std::string& table) {
    query(fmt::format("DROP TABLE IF EXISTS {}.`{}` SYNC", kPlanned, table));
    const std::string live = show_create(kDatabase, table);
    if (!plan.definition) return live;
    const auto on_planned = [](const std::string& sql) {
      clickhouse::Connection(endpoint())
          .query(replaced(sql, fmt::format("`{}`.", kDatabase), fmt::format("`{}`.", kPlanned)),
                 {{"mutations_sync", "2"}});
    };
    if (!plan.ddl.empty()) {
      on_planned(plan.ddl);
    } else {
      query("CREATE TABLE " + std::string(kPlanned) + "." + live.substr(sizeof("CREATE TABLE")));
      for (const std::string& alter : plan.alters) on_planned(alter);
    }
    return show_create(kPlanned, table);
  }

  // Plans, loads, and holds what was made against the plan.
  void expect_sync_as_planned() {
    const Planned planned = plan();
    std::map<std::string, std::string> expected;
    std::map<std::string, std::string> before;
    for (const PlannedTable& table : planned.plan) {
      const std::string& name = table.files.front().decision->table;
      before[name] = show_create(kDatabase, name);
      expected[name] = create_as_planned(table, name);
      const bool is_made = table.definition.has_value();
      seen_.created += is_made && !table.keeps_rows ? 1 : 0;
      seen_.remade += is_made && table.is_remade ? 1 : 0;
      seen_.altered += is_made && !table.alters.empty() ? 1 : 0;
      seen_.rebuilt += is_made && table.keeps_rows && !table.ddl.empty() ? 1 : 0;
      seen_.refused += table.error ? 1 : 0;
    }
    const Summary summary = sync_target();
    for (const PlannedTable& table : planned.plan) {
      const std::string& name = table.files.front().decision->table;
      bool has_failed = false;
      for (const PlannedFile& file : table.files) {
        const auto outcome = std::ranges::find_if(summary.files, [&](const FileOutcome& of) {
          return of.decision.file.path == file.decision->file.path;
        });
        ASSERT_NE(outcome, summary.files.end());
        has_failed |= outcome->outcome == Outcome::kFailed;
        const bool is_refused_commit =
            table.is_remade && outcome->error_class == tracking::ErrorClass::kConfig;
        if (is_refused_commit) continue;
        EXPECT_EQ(file.failure.message, outcome->error) << file.decision->file.name;
      }
      // A table of another mode stays until all of its files can be loaded.
      const bool stays = table.is_remade && has_failed;
      EXPECT_EQ(show_create(kDatabase, name), stays ? before[name] : expected[name])
          << fmt::format("{}", fmt::join(table.notes, "\n"));
    }
  }

  // What models --lock writes of the source, --locked accepts for what is due now.
  void expect_lock_holds() {
    const bool was_full = std::exchange(options_.full, true);
    const std::optional<models::Lock> lock = [&]() -> std::optional<models::Lock> {
      std::vector<models::Table> tables;
      for (const PlannedTable& table : plan(true).plan) {
        const bool is_whole = std::ranges::none_of(
            table.files, [](const PlannedFile& file) { return file.error != nullptr; });
        if (!is_whole) return std::nullopt;  // no lock is written
        tables.push_back(cli::model_of(table, options_.source));
      }
      return models::parse_lock(models::lock_text(models::lock_of(tables)), "test.lock");
    }();
    options_.full = was_full;
    if (!lock) return;
    ++seen_.locked;
    tracking::Tracking tracking(target(), kDatabase);
    const std::vector<tracking::FileRecord> tracked = tracking.files();
    const std::vector<Decision> due = decide(options_, storage_, tracked, tracking.tables());
    std::vector<models::Table> tables;
    const std::vector<PlannedTable> plans =
        plan_tables(due, {.options = options_, .storage = storage_, .tracked = tracked});
    for (const PlannedTable& table : plans) {
      if (table.definition) tables.push_back(cli::model_of(table, options_.source));
    }
    EXPECT_EQ(models::drift_from(*lock, tables, std::nullopt), "");
  }

  clickhouse::Dialect dialect_;
  struct Seen {
    int created = 0, remade = 0, altered = 0, rebuilt = 0, refused = 0, locked = 0;
  };
  Seen seen_;  // how many plans were of each kind
};

// A seeded source that changes from run to run.
class RandomSource {
 public:
  explicit RandomSource(unsigned seed) : random_(seed) {}

  bool one_in(unsigned n) { return below(n) == 0; }
  std::uint32_t below(std::uint32_t n) {
    return std::uniform_int_distribution<std::uint32_t>(0, n - 1)(random_);
  }

  std::string file() {
    qvd::TableData table{.name = "T", .row_count = one_in(4) ? 0 : 1 + below(3)};
    const bool has_symbols = table.row_count > 0 || one_in(2);
    for (const char* name : {"a", "b", "c", "d"}) {
      if (!table.fields.empty() && one_in(4)) continue;
      // Most fields are what they are in the other files.
      const Kind& kind = one_in(4) ? any_of(kKindCount) : usual_.at(name);
      qvd::FieldData field{.name = name};
      field.number_format.type = kind.format_type;
      if (one_in(5)) field.tags = {"$key"};
      if (has_symbols) field.values = kind.values;
      const auto count = static_cast<std::uint32_t>(field.values.size());
      const bool is_nullable = one_in(4);
      for (std::uint64_t row = 0; row < table.row_count; ++row) {
        field.codes.push_back(count == 0 || (is_nullable && one_in(2)) ? 0 : 1 + below(count));
      }
      table.fields.push_back(std::move(field));
    }
    return as_text(qvd::write_qvd(table));
  }

 private:
  const Kind& any_of(std::uint32_t first_kinds) { return kinds()[below(first_kinds)]; }

  std::mt19937 random_;
  std::map<std::string, Kind> usual_ = {
      {"a", any_of(3)}, {"b", any_of(6)}, {"c", any_of(9)}, {"d", any_of(kKindCount)}};
};

// What a user may change between two runs, drawn at random.
class RandomPlanTest : public PlanTest {
 protected:
  void draw_options(RandomSource& random) {
    options_.max_file_partitions = 1 + random.below(5);
    options_.load.policy.integers =
        random.one_in(2) ? schema::IntegerPolicy::kWide : schema::IntegerPolicy::kNarrow;
    rules().mode = random.one_in(2) ? LoadMode::kReplaceByFile : LoadMode::kAppend;
    if (random.one_in(4)) rules() = {.match = "*.qvd", .where = "test"};  // a table a file
    rules().with_row = random.one_in(4);
    if (random.one_in(3)) rules().order_by = {"a"};
    if (random.one_in(5)) rules().types["b"] = "String";
    if (random.one_in(3)) dialect_ = clickhouse::dialect_of(random.one_in(2) ? "18.16" : "21.8");
    dialect_.needs_low_cardinality_setting = false;  // which today's server does not know
    options_.load.policy.dialect = dialect_;
  }
  void change_options(RandomSource& random) {
    options_.full = random.one_in(4);
    if (random.one_in(6)) options_.max_file_partitions = 1 + random.below(5);
    if (random.one_in(6)) {
      rules().drift = random.one_in(2) ? DriftPolicy::kFreeze : DriftPolicy::kDiscard;
    }
    if (random.one_in(6)) rules().order_by = {"b"};
    if (random.one_in(6) && !rules().name.empty()) {
      rules().mode = random.one_in(2) ? LoadMode::kReplaceByFile : LoadMode::kAppend;
    }
  }
  void run_case(unsigned seed) {
    constexpr int kRuns = 3;
    RandomSource random(seed);
    draw_options(random);
    int age_s = 90'000;  // less: another version
    for (int i = 0; i < kRuns && !HasFailure(); ++i) {
      SCOPED_TRACE(fmt::format("run {}", i));
      for (int file = 1; file <= 4; ++file) {
        if (random.one_in(2)) put(fmt::format("Sales_{}.qvd", file), random.file(), age_s--);
      }
      expect_lock_holds();
      expect_sync_as_planned();
      expect_lock_holds();
      change_options(random);
    }
  }
};

TEST_F(RandomPlanTest, IsWhatSyncMakes) {
  constexpr unsigned kCases = 48;
  for (unsigned seed = 1; seed <= kCases; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    if (seed > 1) PlanTest::SetUp();
    dialect_ = {};
    run_case(seed);
    if (HasFailure()) return;
  }
  for (const int count :
       {seen_.created, seen_.remade, seen_.altered, seen_.rebuilt, seen_.refused, seen_.locked}) {
    EXPECT_GE(count, 3);
  }
}

TEST_F(PlanTest, AFileWithoutRowsShapesNoTable) {
  qvd::FieldData id{.name = "id",
                    .values = {qvd::Value::of(1), qvd::Value::of(2), qvd::Value::of(3)},
                    .codes = {1, 2, 3}};
  put("Sales_1.qvd", as_text(qvd::write_qvd({.name = "T", .fields = {id}, .row_count = 3})));
  put("Sales_2.qvd",
      as_text(qvd::write_qvd({.name = "T", .fields = {{.name = "id"}, {.name = "extra"}}})));
  const Planned planned = plan();
  ASSERT_EQ(planned.plan.size(), 1U);
  EXPECT_THAT(planned.plan[0].ddl, testing::HasSubstr("`id` Int64"));
  EXPECT_THAT(planned.plan[0].ddl, testing::HasSubstr("ORDER BY (`id`)"));
  EXPECT_THAT(planned.plan[0].ddl, testing::Not(testing::HasSubstr("extra")));
  expect_lock_holds();
  expect_sync_as_planned();
  EXPECT_EQ(query("SELECT count() FROM tested.Sales"), "3");
  // Nor does it change one, when it comes alone.
  put("Sales_2.qvd",
      as_text(qvd::write_qvd({.name = "T", .fields = {{.name = "id"}, {.name = "more"}}})), 3'000);
  expect_lock_holds();
  expect_sync_as_planned();
  EXPECT_THAT(fates(sync_target()), testing::Each(testing::Pair(testing::_, "unchanged")));
}

}  // namespace
}  // namespace qvdhouse::sync
