// qvdhouse export on every kind of target: what a user asks of it, and what a failure must leave.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/e2e/target_fixture.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Export : public TargetCommandLine, public ::testing::WithParamInterface<TargetKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(GetParam());
    fs::create_directories(folder / "out");
    if (IsSkipped()) return;
    write_table(qvd("sales.qvd"), plain_rows(1, 1000));
    sync();
  }
  bool is_embedded() const { return GetParam() == TargetKind::kEmbedded; }
  std::size_t files_out() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder / "out"), {}));
  }
};

TEST_P(Export, ATableThatIsExportedAndLoadedAgainIsTheSame) {
  std::vector<TestField> fields = plain_rows(1, 1000);
  TestField day{.name = "Tag"};
  for (int i = 0; i < 1000; ++i) {
    day.cells.emplace_back(
        qvd::Value::dual(45000 + i % 365, fmt::format("{}.{}.", i % 28 + 1, i % 12 + 1)));
  }
  fields.push_back(day);
  write_table(qvd("sales.qvd"), fields);
  sync();
  const Finished done = on_target({"export", "--table", "QvdSales", "out/again.qvd", "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto result = nlohmann::json::parse(done.out);
  EXPECT_EQ(result["rows"], 1000);
  EXPECT_EQ(result["columns"], 5) << "the texts of Tag are kept beside its numbers";
  EXPECT_EQ(result["bytes"], fs::file_size(folder / "out" / "again.qvd"));
  EXPECT_EQ(result["fields"][0]["name"], "id");
  EXPECT_EQ(result["fields"][2]["nulls"], 142);
  const Finished loaded = on_target({"sync", "out", "--json"});
  EXPECT_EQ(loaded.exit_code, 0) << loaded.err;
  const auto rows = [&](const std::string& table) {
    return query(
        "SELECT count(), sum(cityHash64(toString(id), text, ifNull(toString(half), 'NULL'), "
        "Tag, toString(Tag__num))) FROM " +
        table);
  };
  EXPECT_EQ(rows("QvdAgain"), rows("QvdSales"));
  const auto columns = [&](const std::string& table) {
    return query(
        fmt::format("SELECT name, type FROM system.columns WHERE database = currentDatabase() AND "
                    "table = '{}'",
                    table));
  };
  EXPECT_EQ(columns("QvdAgain"), columns("QvdSales"));
}

TEST_P(Export, AQueryComesInItsOrderAndTypesAreWrittenByTheServer) {
  const Finished done =
      on_target({"export",
                 "SELECT toString(number) AS text, [number, 1] AS list, toDate('2024-02-29') + "
                 "number AS day, "
                 "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS id FROM system.numbers "
                 "WHERE number < 3 ORDER BY number DESC LIMIT 3;",
                 "out/query.qvd"});
  if (GetParam() == TargetKind::kOldest) {
    EXPECT_EQ(done.exit_code, 5) << "18.16 has no toJSONString()";
    EXPECT_THAT(done.err, HasSubstr("toJSONString"));
    EXPECT_EQ(files_out(), 0u);
    return;
  }
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("out/query.qvd: 3 rows, 4 columns, "));
  EXPECT_THAT(done.err, HasSubstr("column \"list\": Array("));
  const Finished shown = on_target({"peek", "out/query.qvd", "--json"});
  EXPECT_EQ(nlohmann::json::parse(shown.out)["rows"][0],
            (nlohmann::json{"2", "[2,1]", "2024-03-02", "61f0c404-5cb3-11e7-907b-a6006ad3dba0"}));
}

TEST_P(Export, AFailureMidwayIsAnErrorAndLeavesNothing) {
  const Finished done = on_target(
      {"export",
       "SELECT number, throwIf(number = 1500000) AS late FROM system.numbers LIMIT 2000000",
       "out/late.qvd"});
  EXPECT_EQ(done.exit_code, 5) << done.out << done.err;
  EXPECT_THAT(done.err, HasSubstr("throwIf"));
  EXPECT_EQ(files_out(), 0u);
}

TEST_P(Export, FilesOfOtherFormatsNeedTheEmbeddedEngine) {
  write_text("in.csv", "id,Имя,day\n1,a,2024-01-01\n2,\"b, c\",2024-01-02\n");
  const Finished done = on_target({"export", "--from", "in.csv", "out/in.qvd"});
  if (!is_embedded()) {
    EXPECT_EQ(done.exit_code, 2);
    EXPECT_THAT(done.err, HasSubstr("--from reads a file of this machine"));
    return;
  }
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto rows = nlohmann::json::parse(on_target({"peek", "out/in.qvd", "--json"}).out);
  EXPECT_EQ(rows["columns"], (nlohmann::json{"id", "Имя", "day"}));
  EXPECT_EQ(rows["rows"][1], (nlohmann::json{"2", "b, c", "2024-01-02"}));
  // The same rows through another format.
  EXPECT_EQ(query(fmt::format("INSERT INTO FUNCTION file('{}', Parquet) SELECT 7 AS n, 'x' AS t",
                              (folder / "in.parquet").string())),
            "");
  EXPECT_EQ(on_target({"export", "--from", "in.parquet", "out/parquet.qvd"}).exit_code, 0);
  const auto parquet = nlohmann::json::parse(on_target({"peek", "out/parquet.qvd", "--json"}).out);
  EXPECT_EQ(parquet["rows"][0], (nlohmann::json{"7", "x"}));
  EXPECT_EQ(on_target({"export", "--from", "none.csv", "out/none.qvd"}).exit_code, 4);
  EXPECT_EQ(on_target({"export", "--from", "in.xlsx", "out/none.qvd"}).exit_code, 2);
}

TEST_P(Export, AKilledExportLeavesWhatWasThere) {
  write_text("out/there.qvd", "what was there");
  Process process(binary(),
                  {"export", "SELECT number FROM system.numbers LIMIT 2000000000", "out/there.qvd",
                   "--replace", "--max-symbols-bytes", "500GB"},
                  target, folder);
  // Until it has begun: the rows that came are in files without a name.
  const fs::path descriptors = fmt::format("/proc/{}/fd", process.pid());
  bool has_begun = false;
  for (int i = 0; i < 1200 && !has_begun; ++i) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(descriptors, ignored)) {
      const std::string name = fs::read_symlink(entry.path(), ignored).string();
      has_begun = has_begun || name.find("spool_") != std::string::npos;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(has_begun);
  ::kill(process.pid(), SIGKILL);
  process.wait();
  EXPECT_EQ(files_out(), 1u);
  std::ifstream in(folder / "out" / "there.qvd");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "what was there");
}

TEST_P(Export, WrongCommandLinesSayWhatIsRight) {
  const auto exit_of = [&](const std::vector<std::string>& arguments) {
    return on_target(arguments).exit_code;
  };
  EXPECT_EQ(exit_of({"export"}), 1);
  EXPECT_EQ(exit_of({"export", "out/x.qvd"}), 1);
  EXPECT_EQ(exit_of({"export", "SELECT 1", "out/x.qvd", "--table", "t"}), 1);
  EXPECT_EQ(exit_of({"export", "--from", "a.csv", "--table", "t", "out/x.qvd"}), 1);
  EXPECT_EQ(exit_of({"export", "SELECT 1", "out/x.qvd", "--max-symbols-bytes", "many"}), 1);
  EXPECT_EQ(exit_of({"export", "SELECT 1 AS a", "out"}), 2) << "a folder";
  EXPECT_EQ(exit_of({"export", "SELECT 1 AS a", "out", "--replace"}), 4) << "a folder";
  EXPECT_EQ(exit_of({"export", "--table", "NoSuchTable", "out/x.qvd"}), 5);
  EXPECT_EQ(exit_of({"export", "SELECT 1 AS a", "out/x.qvd"}), 0);
  const Finished again = on_target({"export", "SELECT 2 AS a", "out/x.qvd"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("out/x.qvd is there already; --replace replaces it"));
  EXPECT_EQ(exit_of({"export", "SELECT 2 AS a", "out/x.qvd", "--replace"}), 0);
  EXPECT_EQ(files_out(), 1u);
}

INSTANTIATE_TEST_SUITE_P(On, Export,
                         ::testing::Values(TargetKind::kEmbedded, TargetKind::kNewest,
                                           TargetKind::kOldest),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
