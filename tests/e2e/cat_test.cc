// Rows of files by `qvdhouse cat` and what differs between two by `qvdhouse diff`: the program as
// people and scripts meet it.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/e2e/command_line.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kCsv = "\"id\",\"text\"\n";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Cat : public CommandLine {};

TEST_F(Cat, WritesRowsWithoutAnEngine) {
  const std::string file = write_qvd("a.qvd").string();
  const Finished all = qvdhouse({"cat", file});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_THAT(all.out, ::testing::StartsWith(kCsv));
  const Finished two = qvdhouse(
      {"cat", file, "--columns", "id", "--where", "id >= 2", "--format", "tsv", "--no-header"});
  EXPECT_EQ(two.out, "2\n3\n");
  EXPECT_EQ(qvdhouse({"cat", file, "--limit", "0"}).out, kCsv);
  EXPECT_FALSE(fs::exists(folder / "qvdhouse-data"));
}

TEST_F(Cat, SeveralFilesAreOne) {
  write_qvd("a.qvd");
  write_qvd("b.qvd", "other");
  const Finished both = qvdhouse({"cat", "qvds/*.qvd", "--columns", "id,other", "--limit", "4"});
  EXPECT_EQ(both.exit_code, 0) << both.err;
  EXPECT_THAT(both.out, ::testing::StartsWith("\"id\",\"other\"\n1,\\N\n2,\\N\n3,\\N\n1,\""));
}

TEST_F(Cat, AFileIsWrittenWholeOrNotAtAll) {
  const std::string file = write_qvd("a.qvd").string();
  EXPECT_EQ(qvdhouse({"cat", file, "-o", "out.csv"}).exit_code, 0);
  const std::string csv = read(folder / "out.csv");
  EXPECT_EQ(csv, qvdhouse({"cat", file}).out);
  const Finished again = qvdhouse({"cat", file, "-o", "out.csv"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("--overwrite"));
  const std::string broken = write_broken_qvd("broken.qvd").string();
  EXPECT_NE(qvdhouse({"cat", broken, "-o", "out.csv", "--overwrite"}).exit_code, 0);
  EXPECT_EQ(read(folder / "out.csv"), csv);
  EXPECT_EQ(qvdhouse({"cat", file, "-o", "out.jsonl"}).exit_code, 0);
  EXPECT_THAT(read(folder / "out.jsonl"), ::testing::StartsWith("{\"id\":1,"));
}

TEST_F(Cat, SaysWhatIsWrong) {
  const std::string file = write_qvd("a.qvd").string();
  EXPECT_EQ(qvdhouse({"cat", file, "--format", "xlsx"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"cat", file, "-o", "out.xlsx"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"cat", "none.qvd"}).exit_code, 4);
  const Finished column = qvdhouse({"cat", file, "--columns", "txt"});
  EXPECT_EQ(column.exit_code, 3);
  EXPECT_THAT(column.err, HasSubstr("did you mean text?"));
}

TEST_F(Cat, DiffEndsWithZeroOrOne) {
  const std::string a = write_qvd("a.qvd").string();
  const std::string b = write_qvd("b.qvd", "other").string();
  const Finished same = qvdhouse({"diff", a, a});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_THAT(same.out, HasSubstr("equal: 3 rows"));
  const Finished other = qvdhouse({"diff", a, b});
  EXPECT_EQ(other.exit_code, 6) << other.err;
  EXPECT_THAT(other.out, HasSubstr("- column text"));
  const auto found = json({"diff", a, b, "--key", "id"}, 6);
  EXPECT_EQ(found["equal"], false);
  EXPECT_EQ(found["columns"].size(), 2U);
  EXPECT_EQ(found["only_first"], 0);
}

class CatByEngine : public EngineCommandLine {};

TEST_F(CatByEngine, ParquetAndArrowHaveTheRows) {
  const std::string file = write_qvd("a.qvd").string();
  for (const std::string format : {"Parquet", "ArrowStream"}) {
    const std::string path = (folder / "out").string();
    const Finished written = qvdhouse({"cat", file, "--format", format, "-o", path, "--overwrite"});
    EXPECT_EQ(written.exit_code, 0) << written.err;
    ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
    EXPECT_EQ(qvdhouse({"query", "--write",
                        "SELECT id, text FROM file('" + path + "', '" + format +
                            "') ORDER BY id FORMAT CSVWithNames"})
                  .out,
              qvdhouse({"cat", file}).out);
  }
}

TEST_F(CatByEngine, DiffComparesAFileWithATable) {
  const std::string file = write_qvd("a.qvd").string();
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  const std::string table = "QvdA";
  const Finished same = qvdhouse({"diff", file, table});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_THAT(same.out, HasSubstr("File and table are equal: 3 rows"));
  const std::string sql = "CREATE VIEW other AS SELECT id + 1 AS id, text FROM " + table;
  ASSERT_EQ(qvdhouse({"query", "--write", sql}).exit_code, 0);
  const Finished other = qvdhouse({"diff", file, "local.other", "--columns", "id"});
  EXPECT_EQ(other.exit_code, 6) << other.err;
  EXPECT_THAT(other.out,
              HasSubstr("1 row only in the file, 1 only in the table, 0 changed\n- row 1: "
                        "id=1\n+ row: id=4\n"));
  const Finished none = qvdhouse({"diff", file, "QvdB"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("QvdB is neither a QVD file nor a table"));
}

TEST_F(CatByEngine, TheTargetMayBeAServerThatIsDown) {
  const Finished written = qvdhouse({"cat", write_qvd("a.qvd").string(), "--format", "parquet"},
                                    {{"CLICKHOUSE_HOST", "127.0.0.1"}, {"CLICKHOUSE_PORT", "1"}});
  EXPECT_EQ(written.exit_code, 0) << written.err;
  EXPECT_THAT(written.out, ::testing::StartsWith("PAR1"));
}

}  // namespace
}  // namespace qvdhouse::tests
