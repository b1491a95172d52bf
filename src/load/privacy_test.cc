// Filters of rows and protected columns in loads into the real engine (docs/privacy.md).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "clickhouse/test_engine.h"
#include "load/first_rows.h"
#include "load/load.h"
#include "load/row_rules.h"
#include "load/superseded_rows.h"
#include "qvd/writer.h"
#include "schema/protection.h"

namespace qvdhouse::load {
namespace {

using schema::LoadMode;
using schema::RuleAction;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kKey = "a key of the tests";

// Rows 0, 1, 2, …: a key of row / 2, a region West, East, NULL, West, …, an amount of row % 10, and
// a person p<row % 100>.
std::vector<std::byte> people(std::uint32_t rows) {
  qvd::FieldData key{.name = "key"};
  qvd::FieldData region{.name = "Region",
                        .values = {qvd::Value::of("West"), qvd::Value::of("East")}};
  qvd::FieldData amount{.name = "amount"};
  qvd::FieldData person{.name = "person"};
  for (int i = 0; i < 10; ++i) amount.values.push_back(qvd::Value::of(i));
  for (int i = 0; i < 100; ++i) person.values.push_back(qvd::Value::of(fmt::format("p{:04}", i)));
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (row % 2 == 0) key.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row / 2)));
    key.codes.push_back(row / 2 + 1);
    region.codes.push_back((row + 1) % 3);
    amount.codes.push_back(row % 10 + 1);
    person.codes.push_back(row % 100 + 1);
  }
  return qvd::write_qvd({.name = "T", .fields = {key, region, amount, person}, .row_count = rows});
}

class Privacy : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (!IsSkipped()) query(fmt::format("CREATE DATABASE {}", kDatabase));
  }
  static Target where(const std::string& filter, LoadMode mode = LoadMode::kReplace) {
    Target target{.table = "T", .mode = mode, .file_key = "/f.qvd", .version = 1};
    target.rules.row_filter = filter;
    return target;
  }
  static Options with(const std::string& column, std::string_view protection) {
    Options options{.run_id = "r1"};
    options.policy.protections = {{column, *schema::parse_protection(protection)}};
    options.policy.privacy_key = kKey;
    return options;
  }
  static Result load(const std::vector<std::byte>& bytes, const Target& target,
                     const Options& options = {.run_id = "r1"}) {
    Progress progress;
    Result result;
    load_file(base::MemorySource(bytes), "T.qvd", endpoint(), options, target, progress, result);
    return result;
  }
  static std::string error_of(const std::vector<std::byte>& bytes, const Target& target,
                              const Options& options = {.run_id = "r1"}) {
    try {
      load(bytes, target, options);
    } catch (const base::SchemaError& error) {
      return error.what();
    }
    ADD_FAILURE() << "no SchemaError";
    return "";
  }
  static std::vector<std::string> verify(const std::vector<std::byte>& bytes, const Target& target,
                                         const Options& options = {}) {
    return verify_table(base::MemorySource(bytes), "T.qvd", endpoint(), options, target);
  }
  static std::string ask(const std::string& what) { return query(fmt::format("SELECT {}", what)); }
};

TEST_F(Privacy, OnlyRowsOfTheFilterAreLoaded) {
  const auto bytes = people(200'000);
  const Target target = where("Region = 'West' and amount >= 5");
  const Result result = load(bytes, target);
  EXPECT_EQ(result.row_count, 33'334U);
  EXPECT_EQ(result.rows_filtered, 200'000U - 33'334U);
  EXPECT_THAT(result.alerts, IsEmpty());
  EXPECT_EQ(ask("count(), uniqExact(Region), any(Region), min(amount) FROM tested.T"),
            "33334\t1\tWest\t5");
  EXPECT_THAT(verify(bytes, target), IsEmpty());
  EXPECT_THAT(verify(bytes, where("Region = 'West'")), Not(IsEmpty()));
}

class FromAfar : public base::MemorySource {
 public:
  using MemorySource::MemorySource;
  bool is_remote() const override { return true; }
};

TEST_F(Privacy, TheFirstRowsAreThoseThatAreLoaded) {
  const auto bytes = people(50'000);
  const base::MemorySource source(bytes);
  const auto first = [&](const std::string& filter, std::uint64_t limit) {
    const PreparedFile file = prepare(source, "T.qvd", {}, where(filter));
    return first_rows(source, file, limit);
  };
  // The codes of `key` are row / 2 + 1.
  EXPECT_THAT(first("", 3).codes[0], ElementsAre(1, 1, 2));
  EXPECT_THAT(first("key >= 20000", 3).codes[0], ElementsAre(20'001, 20'001, 20'002));
  EXPECT_EQ(first("key >= 24999", 3).row_count, 2U);
  EXPECT_EQ(first("key > 24999", 3).row_count, 0U);
  EXPECT_EQ(first("", 100'000).row_count, 50'000U);
}

// It is checked and summed as it is sent.
TEST_F(Privacy, ARemoteFileIsFilteredToo) {
  const auto bytes = people(100'000);
  const Options options = with("person", "hash");
  Progress progress;
  Result result;
  load_file(FromAfar(bytes), "T.qvd", endpoint(), options, where("Region is null"), progress,
            result);
  EXPECT_EQ(result.row_count, 33'333U);
  EXPECT_EQ(result.rows_filtered, 66'667U);
  EXPECT_EQ(ask("count(), uniqExact(person) FROM tested.T"), "33333\t100");
  EXPECT_THAT(verify(bytes, where("Region is null"), options), IsEmpty());
}

TEST_F(Privacy, AFilterMayLeaveNoRow) {
  const auto bytes = people(1'000);
  const Target target = where("Region = 'North'");
  const Result result = load(bytes, target);
  EXPECT_EQ(result.row_count, 0U);
  EXPECT_EQ(result.rows_filtered, 1'000U);
  EXPECT_EQ(ask("count() FROM tested.T"), "0");
  EXPECT_THAT(verify(bytes, target), IsEmpty());
}

TEST_F(Privacy, AFilterThatAllFulfilCostsNothing) {
  const Result result = load(people(100), where("amount >= 0 and key is not null"));
  EXPECT_EQ(result.row_count, 100U);
  EXPECT_EQ(result.rows_filtered, 0U);
}

// Rules look at the rows that are loaded, and at no others.
TEST_F(Privacy, RulesDoNotSeeFilteredRows) {
  // Each key is in two rows, of which one is even.
  const auto bytes = people(6'000);
  Target target = where("amount in (0, 2, 4, 6, 8)");
  target.rules.column_rules = {
      {.columns = "key", .unique = true},
      {.columns = "amount", .max = "7", .action = RuleAction::kQuarantine}};
  const Result result = load(bytes, target);
  EXPECT_EQ(result.rows_filtered, 3'000U);
  EXPECT_EQ(result.rows_quarantined, 600U);
  EXPECT_EQ(result.row_count, 2'400U);
  EXPECT_THAT(verify(bytes, target), IsEmpty());
  target.rules.row_filter.clear();
  EXPECT_THAT(error_of(bytes, target), HasSubstr("unique"));
  // The part of them that may be left out is of these rows, too: 600 of 3,000 here.
  target.rules.row_filter = "amount in (0, 2, 4, 6, 8)";
  target.rules.max_error_ratio = 0.15;
  EXPECT_THAT(error_of(bytes, target), HasSubstr("600 of 3,000 rows"));
}

TEST_F(Privacy, AFieldOfTheFilterNeedsNoColumn) {
  const auto bytes = people(900);
  const Target target = where("Region is null");
  Options options{.run_id = "r1"};
  options.policy.exclude = {"Region"};
  EXPECT_EQ(load(bytes, target, options).row_count, 300U);
  EXPECT_EQ(ask("arrayStringConcat(groupArray(name), ' ') FROM system.columns WHERE database = "
                "'tested' AND table = 'T'"),
            "key amount person");
  EXPECT_THAT(verify(bytes, target, options), IsEmpty());
}

// It judges what is in the file, not what is left of it.
TEST_F(Privacy, TheFilterSeesValuesBeforeTheyAreProtected) {
  const auto bytes = people(1'000);
  const Target target = where("person < p0050");
  const Options options = with("person", "mask");
  EXPECT_EQ(load(bytes, target, options).row_count, 500U);
  EXPECT_EQ(ask("uniqExact(person), any(person) FROM tested.T"), "1\t****");
  EXPECT_THAT(verify(bytes, target, options), IsEmpty());
}

TEST_F(Privacy, AFieldThatIsNotThereIsSaid) {
  EXPECT_THAT(error_of(people(10), where("Regoin = 'West'")),
              AllOf(HasSubstr("where names \"Regoin\""), HasSubstr("did you mean Region?")));
}

TEST_F(Privacy, ProtectedValuesAreLoadedAndVerified) {
  const auto bytes = people(10'000);
  const auto check = [&](std::string_view how, const std::string& distinct,
                         const std::string& any) {
    const Options options = with("PERSON", how);
    load(bytes, where(""), options);
    EXPECT_EQ(ask("uniqExact(person), min(person) FROM tested.T"), distinct + "\t" + any) << how;
    EXPECT_EQ(ask("countIf(startsWith(person, 'p0')) FROM tested.T"),
              any.starts_with("p0") ? "10000" : "0");
    EXPECT_THAT(verify(bytes, where(""), options), IsEmpty()) << how;
    EXPECT_THAT(verify(bytes, where("")), Not(IsEmpty())) << how;
  };
  check("mask", "1", "****");
  check("mask(2)", "100", "****00");
  check("truncate(2)", "1", "p0");
  const Options hashed = with("person", "hash");
  load(bytes, where(""), hashed);
  EXPECT_EQ(ask("uniqExact(person), min(length(person)) FROM tested.T"), "100\t64");
  EXPECT_EQ(ask("comment FROM system.columns WHERE database = 'tested' AND table = 'T' AND name = "
                "'person'"),
            "hashed");
  EXPECT_THAT(verify(bytes, where(""), hashed), IsEmpty());
  Options other = hashed;
  other.policy.privacy_key = "another key of tests";
  EXPECT_THAT(verify(bytes, where(""), other), Not(IsEmpty()));
}

TEST_F(Privacy, ADroppedColumnDoesNotExist) {
  const auto bytes = people(100);
  const Options options = with("per*", "drop");
  load(bytes, where(""), options);
  EXPECT_EQ(ask("count() FROM system.columns WHERE database = 'tested' AND name = 'person'"), "0");
  EXPECT_THAT(verify(bytes, where(""), options), IsEmpty());
}

TEST_F(Privacy, QuarantineAndMessagesHaveTheMaskedForm) {
  const auto bytes = people(1'000);
  const Options options = with("person", "mask(2)");
  Target target = where("");
  target.rules.column_rules = {
      {.columns = "amount", .max = "8", .action = RuleAction::kQuarantine},
      {.columns = "person", .matches = "[^0].*", .action = RuleAction::kWarn}};
  Result result = load(bytes, target, options);
  EXPECT_EQ(result.rows_quarantined, 100U);
  EXPECT_EQ(ask("uniqExact(cells['person']), min(cells['person']) FROM tested.T__quarantine"),
            "10\t****09");
  for (const std::string& alert : result.alerts) EXPECT_THAT(alert, Not(HasSubstr("p00")));
  // An error that quotes a value.
  target.rules.column_rules = {{.columns = "person", .in = {"x"}}};
  EXPECT_THAT(error_of(bytes, target, options),
              AllOf(HasSubstr("'****00'"), Not(HasSubstr("p00"))));
  Options typed = options;
  typed.policy.overrides = {{"person", "Int32"}};
  EXPECT_THAT(error_of(bytes, where(""), typed),
              AllOf(HasSubstr("'****00'"), Not(HasSubstr("p00"))));
}

TEST_F(Privacy, NamesThatProtectNothingAreSaid) {
  Options options{.run_id = "r1"};
  options.policy.protections = {{"nobody", *schema::parse_protection("mask")}};
  options.policy.protections_of_table = {{"persno", *schema::parse_protection("mask")},
                                         {"am*", *schema::parse_protection("mask")}};
  EXPECT_THAT(load(people(10), where(""), options).alerts,
              ElementsAre("protect names \"persno\", which is no field or column of this file; did "
                          "you mean person?: it protects nothing here"));
}

TEST_F(Privacy, AKeyThatMergesRowsIsRefused) {
  Target target = where("", LoadMode::kUpsert);
  target.rules.key = {"person"};
  target.rules.duplicate_keys = schema::DuplicateKeys::kLast;
  for (const auto& [how, is_refused] :
       std::vector<std::pair<const char*, bool>>{{"mask", true}, {"truncate(2)", true}}) {
    Options options = with("person", how);
    options.policy.order_by = target.rules.key;
    EXPECT_THAT(error_of(people(10), target, options),
                AllOf(HasSubstr("key names a field that is"), HasSubstr("by hash")));
  }
  Options options = with("amount", "hash");
  options.policy.order_by = target.rules.key;
  target.rules.version = "amount";
  EXPECT_THAT(error_of(people(10), target, options), HasSubstr("version names a field"));
  target.rules.version.clear();
  target.rules.deleted = "amount = 1";
  EXPECT_THAT(error_of(people(10), target, options), HasSubstr("deleted names a field"));
}

// A row that a filter takes out supersedes none.
TEST_F(Privacy, TheLastRowOfAKeyIsTheLastThatIsLoaded) {
  const auto bytes = people(1'000);
  const base::MemorySource source(bytes);
  const auto superseded = [&](const Target& target) {
    PreparedFile file = prepare(source, "T.qvd", {}, target);
    const auto columns = cast_columns(file, 1, {}, true);
    const RowRules rules(file, columns, target.rules, 1);
    return superseded_rows(source, file.header, qvd::RowDecoder(file.header), columns, {"key"},
                           rules)
        .size();
  };
  EXPECT_EQ(superseded(where("")), 500U);
  EXPECT_EQ(superseded(where("amount in (0, 2, 4, 6, 8)")), 0U);
  EXPECT_EQ(superseded(where("amount != 0")), 400U);
}

}  // namespace
}  // namespace qvdhouse::load
