// The column _rescued: each row's cells of fields that the table has no columns for, whichever way
// the rows come.
#include "load/rescued_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "clickhouse/test_engine.h"
#include "load/load.h"
#include "load/test_source.h"
#include "qvd/writer.h"

namespace qvdhouse::load {
namespace {

using schema::ColumnRule;
using schema::RuleAction;
using ::testing::IsEmpty;

// More rows than are read at once; `extra` has every seventh row empty, `other` is row % 3.
std::vector<std::byte> with_extra_fields(std::uint32_t rows) {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData extra{.name = "extra"};
  qvd::FieldData other{.name = "other"};
  for (int i = 0; i < 3; ++i) other.values.push_back(qvd::Value::of(i));
  for (std::uint32_t row = 0; row < rows; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row)));
    id.codes.push_back(row + 1);
    const bool is_null = row % 7 == 0;
    if (!is_null) extra.values.push_back(qvd::Value::of(fmt::format("text {}", row)));
    extra.codes.push_back(is_null ? 0 : static_cast<std::uint32_t>(extra.values.size()));
    other.codes.push_back(row % 3 + 1);
  }
  return qvd::write_qvd({.name = "T", .fields = {id, extra, other}, .row_count = rows});
}

class Rescued : public tests::SharedEngine, public ::testing::WithParamInterface<bool> {};

TEST_P(Rescued, EachRowHasItsOwnCells) {
  if (IsSkipped()) return;
  query(fmt::format("CREATE DATABASE {}", kDatabase));
  constexpr std::uint32_t kRows = 150'000;
  const auto bytes = with_extra_fields(kRows);
  const MaybeRemote source(bytes, GetParam());
  Target target{.table = "T", .file_key = "/f.qvd"};
  target.rules.drift = schema::DriftPolicy::kRescue;
  target.shape = {{.name = "id", .type = {.kind = clickhouse::TypeKind::kInt64}}};
  // Rows between are left out, so that codes are not those of the file's rows in order.
  target.rules.column_rules = {
      ColumnRule{.columns = "id", .min = "1000", .action = RuleAction::kDrop}};
  Progress progress;
  Result result;
  load_file(source, "T.qvd", endpoint(), {.streams = 2}, target, progress, result);
  EXPECT_EQ(result.row_count, kRows - 1000);
  EXPECT_EQ(query("SELECT countIf(_rescued = if(id % 7 = 0, concat('{\"other\":\"', toString(id % "
                  "3), '\"}'), concat('{\"extra\":\"text ', toString(id), '\",\"other\":\"', "
                  "toString(id % 3), '\"}'))) FROM tested.T"),
            std::to_string(kRows - 1000));
  EXPECT_THAT(verify_table(source, "T.qvd", endpoint(), {}, target), IsEmpty());
  query("ALTER TABLE tested.T UPDATE _rescued = '{}' WHERE id = 77777 SETTINGS mutations_sync = 1");
  EXPECT_THAT(verify_table(source, "T.qvd", endpoint(), {}, target), testing::Not(IsEmpty()));
}

INSTANTIATE_TEST_SUITE_P(Local, Rescued, ::testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Remote, Rescued, ::testing::Values(true));

}  // namespace
}  // namespace qvdhouse::load
