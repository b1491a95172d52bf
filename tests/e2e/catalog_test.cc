// qvdhouse catalog on every kind of target: what a user asks of it, and what it must never say.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "load/staging.h"
#include "tests/e2e/target_fixture.h"
#include "tests/servers/served.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;
using qvd::Value;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSecret = "hunter2";

// Three rows; the lineage has a password.
void write_fed_table(const fs::path& path, const std::vector<std::string>& fields) {
  qvd::TableData table{.name = "Fed", .row_count = 3};
  for (const std::string& name : fields) {
    table.fields.push_back({.name = name,
                            .values = {Value::of(1), Value::of(2.5), Value::of("three")},
                            .codes = {1, 2, 3},
                            .comment = fmt::format("Pwd={};", kSecret)});
  }
  table.creator_document = "sales.qvw";
  table.created_at = "2024-05-06 07:08:09";
  table.comment = fmt::format("api_key: {}", kSecret);
  table.lineage = {
      {fmt::format("Provider=SQLOLEDB.1;User ID=sa;Password={};Data Source=erp", kSecret),
       fmt::format("SELECT * FROM openrowset('x', 'Pwd={}', 'y')", kSecret)},
      {fmt::format("https://loader:{}@files.example.org/raw.csv", kSecret), ""}};
  const auto bytes = qvd::write_qvd(table);
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

class CatalogCommand : public TargetCommandLine {
 protected:
  nlohmann::json catalog(const std::string& source, int exit_code = 0) const {
    std::vector<std::string> arguments{"catalog", "--json"};
    if (!source.empty()) arguments.insert(arguments.begin() + 1, source);
    const Finished done = on_target(arguments);
    EXPECT_EQ(done.exit_code, exit_code) << done.out << done.err;
    EXPECT_THAT(done.out + done.err, Not(HasSubstr(kSecret)));
    return nlohmann::json::parse(done.out, nullptr, false);
  }
  void expect_nothing_is_staged() const {
    EXPECT_EQ(query("SELECT name FROM system.tables WHERE database = currentDatabase() AND (name "
                    "LIKE 'QvdCatalog%' OR startsWith(name, '__')) ORDER BY name"),
              "QvdCatalogFields\nQvdCatalogFiles");
  }
};

class Catalog : public CatalogCommand, public ::testing::WithParamInterface<TargetKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(GetParam());
  }
};

TEST_P(Catalog, AnswersTheTwoQuestions) {
  write_fed_table(qvd("sales.qvd"), {"id", "Amount"});
  write_fed_table(qvd("orders.qvd"), {"id", "Total"});
  const auto done = catalog("qvds");
  EXPECT_EQ(done["files"], 2);
  EXPECT_EQ(done["fields"], 4);
  EXPECT_EQ(done["rows"], 6);
  EXPECT_EQ(query("SELECT file_name, column_types FROM QvdCatalogFields WHERE field_name = "
                  "'Amount'"),
            "sales.qvd\t['LowCardinality(String)']");
  EXPECT_EQ(query("SELECT file_name FROM QvdCatalogFields WHERE field_name = 'id' ORDER BY "
                  "file_name"),
            "orders.qvd\nsales.qvd");
  EXPECT_EQ(query("SELECT creator_document, lineage.discriminator FROM QvdCatalogFiles WHERE "
                  "file_name = 'sales.qvd'"),
            "sales.qvw\t['Provider=SQLOLEDB.1;User ID=***;Password=***;Data Source=erp',"
            "'https://***@files.example.org/raw.csv']");
  // The same without the array: a row for each origin.
  EXPECT_EQ(query("SELECT file_name FROM QvdCatalogFiles ARRAY JOIN lineage AS l WHERE "
                  "l.discriminator LIKE '%Data Source=erp%' ORDER BY file_name"),
            "orders.qvd\nsales.qvd");
  EXPECT_EQ(query("SELECT table_name, load_mode, record_count, field_count, error FROM "
                  "QvdCatalogFiles WHERE file_name = 'sales.qvd'"),
            "QvdSales\treplace\t3\t2\t");
  EXPECT_EQ(query("SELECT int_symbols, double_symbols, text_symbols, min_number, max_number, "
                  "width_bits > 1, position FROM QvdCatalogFields WHERE field_name = 'Amount'"),
            "1\t1\t1\t1\t2.5\t1\t2");
  EXPECT_EQ(query("SELECT count() FROM QvdCatalogFields WHERE length(column_reasons[1]) > 10"),
            "4");
  expect_nothing_is_staged();
}

TEST_P(Catalog, HoldsNoSecret) {
  write_fed_table(qvd("sales.qvd"), {"id", "Amount"});
  catalog("qvds");
  for (const char* table : {"QvdCatalogFiles", "QvdCatalogFields"}) {
    const std::string all = query(fmt::format("SELECT * FROM {}", table));
    EXPECT_THAT(all, Not(HasSubstr(kSecret)));
    EXPECT_THAT(all, HasSubstr("***"));
  }
}

TEST_P(Catalog, ItsExamplesCanBePasted) {
  write_fed_table(qvd("sales.qvd"), {"it's", "Сумма (итог)"});
  const Finished done = on_target({"catalog", "qvds"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("1 file, 2 fields, 3 rows described"));
  std::istringstream lines(done.out);
  std::vector<std::string> answers;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t begin = line.find("qvdhouse query \"");
    if (begin == std::string::npos) continue;
    answers.push_back(query(line.substr(begin + 16, line.size() - begin - 17)));
  }
  ASSERT_EQ(answers.size(), 2U) << done.out;
  EXPECT_THAT(answers[0], HasSubstr("sales.qvd"));
  EXPECT_THAT(answers[1], HasSubstr("sales.qvw"));
}

TEST_P(Catalog, BrokenFilesAreInItToo) {
  write_fed_table(qvd("good.qvd"), {"id"});
  write_fed_table(qvd("half.qvd"), {"id", "Amount"});
  fs::resize_file(qvd("half.qvd"), fs::file_size(qvd("half.qvd")) - 1);
  write_fed_table(qvd("cut.qvd"), {"id"});
  fs::resize_file(qvd("cut.qvd"), 200);
  std::ofstream(qvd("text.qvd")) << "no QVD at all";
  write_fed_table(qvd("CatalogFiles.qvd"), {"id"});
  const auto done = catalog("qvds", 7);
  EXPECT_EQ(done["files"], 5);
  EXPECT_EQ(done["failed"], 4);
  EXPECT_EQ(done["failures"].size(), 4U);
  EXPECT_EQ(query("SELECT file_name, field_count, error_class FROM QvdCatalogFiles WHERE error != "
                  "'' ORDER BY file_name"),
            "CatalogFiles.qvd\t1\tschema\ncut.qvd\t0\tinput\nhalf.qvd\t2\tinput\n"
            "text.qvd\t0\tinput");
  EXPECT_EQ(query("SELECT field_name, column_types, symbol_count FROM QvdCatalogFields WHERE "
                  "file_name = 'half.qvd' ORDER BY position"),
            "id\t[]\t3\nAmount\t[]\t3");
}

TEST_P(Catalog, AnotherRunSaysWhatIsThereNow) {
  write_fed_table(qvd("a.qvd"), {"id"});
  write_fed_table(qvd("b.qvd"), {"id", "Amount"});
  catalog("qvds");
  const std::string all =
      "SELECT file_name, file_size, table_name, fields.field_name, fields.column_types, "
      "lineage.statement, created_at, file_mtime FROM QvdCatalogFiles ORDER BY file_name";
  const std::string first = query(all);
  const std::string time = query("SELECT max(catalogued_at) FROM QvdCatalogFiles");
  catalog("qvds");
  EXPECT_EQ(query(all), first);
  EXPECT_NE(query("SELECT min(catalogued_at) FROM QvdCatalogFiles"), time);
  fs::remove(qvd("b.qvd"));
  write_fed_table(qvd("c.qvd"), {"id"});
  catalog("qvds");
  EXPECT_EQ(query("SELECT file_name FROM QvdCatalogFiles ORDER BY file_name"), "a.qvd\nc.qvd");
  EXPECT_EQ(query("SELECT count() FROM QvdCatalogFields WHERE field_name = 'Amount'"), "0");
  fs::remove(qvd("a.qvd"));
  fs::remove(qvd("c.qvd"));
  EXPECT_EQ(catalog("qvds")["files"], 0);
  EXPECT_EQ(query("SELECT count() FROM QvdCatalogFiles"), "0");
  expect_nothing_is_staged();
}

constexpr const char* kSources = R"(
[source.lake]
url = "lake"
table_prefix = "Lake"

[source.store]
url = "it's \"x\" Склад 🦆"

[source.down]
url = "http://loader:hunter2@127.0.0.1:1/c.qvd"
attempts = 1

[[table]]
match = "Sales_{yyyymm}.qvd"
name = "Sales"
rename = { id = "key" }
)";

TEST_P(Catalog, EachSourceIsItsOwn) {
  write_text("qvdhouse.toml", kSources);
  write_fed_table(folder / "lake" / "item.qvd", {"id"});
  write_fed_table(folder / "lake" / "Sales_202401.qvd", {"id"});
  write_fed_table(folder / "it's \"x\" Склад 🦆" / "item.qvd", {"id"});
  const auto done = catalog("", 7);
  EXPECT_EQ(done["files"], 3);
  ASSERT_EQ(done["sources"].size(), 3U);
  EXPECT_EQ(done["sources"][0]["name"], "down") << "in the order of their names";
  EXPECT_EQ(done["sources"][0]["error_class"], "io");
  const std::string all =
      "SELECT source, file_name, table_name, load_mode FROM QvdCatalogFiles ORDER BY source, "
      "file_name";
  const std::string both =
      "lake\tSales_202401.qvd\tSales\treplace_by_file\nlake\titem.qvd\tLakeItem\treplace\n"
      "store\titem.qvd\tQvdItem\treplace";
  EXPECT_EQ(query(all), both);
  EXPECT_EQ(query("SELECT column_names FROM QvdCatalogFields WHERE table_name = 'Sales'"),
            "['key']");
  // One that cannot be listed keeps what was known of it.
  fs::rename(folder / "lake", folder / "away");
  EXPECT_EQ(on_target({"catalog", "lake"}).exit_code, 4);
  EXPECT_EQ(query(all), both);
  fs::create_directories(folder / "lake");
  catalog("lake");
  EXPECT_EQ(query("SELECT file_path LIKE '%Склад 🦆/item.qvd' FROM QvdCatalogFiles"), "1");
}

TEST_P(Catalog, NamesMayHoldAnything) {
  const std::string nasty = "it's \"x\" `y` \\ \\' '; DROP TABLE x -- \n\t🦆 Остатки";
  const fs::path source = qvd(nasty);  // a folder, which has no other name
  write_fed_table(source / (nasty + ".qvd"), {nasty, "`", "{name}", "?", " "});
  catalog(source.string());
  catalog(source.string());
  EXPECT_EQ(query("SELECT source FROM QvdCatalogFiles"), source.string());
  EXPECT_EQ(query("SELECT field_name FROM QvdCatalogFields WHERE position = 1"), nasty);
  EXPECT_EQ(query("SELECT file_name FROM QvdCatalogFiles"), nasty + ".qvd");
  EXPECT_EQ(query("SELECT count() FROM QvdCatalogFields"), "5");
}

// Whenever it is stopped or killed, there is the old catalogue or the new one, and the next run
// clears up.
TEST_P(Catalog, StoppedAnywhereItIsOldOrNew) {
  constexpr int kFiles = 150;
  for (int i = 0; i < kFiles; ++i) write_fed_table(qvd(fmt::format("{}.qvd", i)), {"id", "x"});
  const auto start = std::chrono::steady_clock::now();
  catalog("qvds");
  const auto whole = std::chrono::steady_clock::now() - start;
  const std::string counts =
      "SELECT uniqExact(file_name), count() FROM QvdCatalogFields WHERE field_name != ''";
  constexpr int kTrials = 8;
  int ended_early = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const int signal = trial % 2 == 0 ? SIGKILL : SIGINT;
    {
      Process process(binary(), {"catalog", "qvds"}, target, folder);
      std::this_thread::sleep_for(whole * trial / kTrials);
      ::kill(process.pid(), signal);
      const Finished ended = process.wait();
      if (ended.exit_code != 0) ++ended_early;
      // The signal itself ends a program that has only just begun.
      if (signal == SIGINT && ended.signal != SIGINT) {
        EXPECT_THAT(ended.exit_code, ::testing::AnyOf(0, 130)) << ended.err;
      }
    }
    EXPECT_EQ(query(counts), fmt::format("{}\t{}", kFiles, 2 * kFiles)) << "trial " << trial;
  }
  EXPECT_GT(ended_early, 0) << "no run was stopped before its end: nothing was tested";
  // What a killed run leaves.
  const bool is_oldest = GetParam() == TargetKind::kOldest;
  for (const std::string& left :
       {load::staging_table(database, "QvdCatalogFiles", "r"),
        std::string("QvdCatalogFiles__staging_20260101T000000_0badcafe")}) {
    query(fmt::format(
        "CREATE TABLE {} AS QvdCatalogFiles ENGINE = MergeTree PARTITION BY source ORDER BY "
        "(source, file_path){}",
        left, is_oldest ? "" : " COMMENT 'qvdhouse: '"));
  }
  catalog("qvds");
  EXPECT_EQ(query(counts), fmt::format("{}\t{}", kFiles, 2 * kFiles));
  expect_nothing_is_staged();
}

INSTANTIATE_TEST_SUITE_P(On, Catalog,
                         ::testing::Values(TargetKind::kEmbedded, TargetKind::kNewest,
                                           TargetKind::kNewestTls, TargetKind::kOldest),
                         ::testing::PrintToStringParamName());

// The example on a terminal names the flags that lead to the same place.
TEST_F(CatalogCommand, ExamplesNameTheDataDirectory) {
  if (!engine_is_installed()) GTEST_SKIP() << "libchdb.so is not installed";
  write_fed_table(qvd("a.qvd"), {"id"});
  const Finished done = qvdhouse({"catalog", "qvds", "--data-dir", "it's data"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("qvdhouse query --data-dir 'it'\\''s data' \"SELECT"));
}

class CatalogOfStorage : public CommandLine, public ::testing::WithParamInterface<Scheme> {};

TEST_P(CatalogOfStorage, SaysTheSameAndNoSecret) {
  if (!engine_is_installed()) GTEST_SKIP() << "libchdb.so is not installed";
  write_fed_table(folder / "qvds" / "Остатки 1.qvd", {"id", "Amount"});
  write_fed_table(folder / "qvds" / "sales.qvd", {"id"});
  fs::create_directories(folder / "work");
  Served served;
  try {
    served = GetParam().serve(folder / "qvds", folder / "work");
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }
  if (!served.settings.empty()) write_text("qvdhouse.toml", "[source]\n" + served.settings);
  served.publish();
  const Finished done = qvdhouse({"catalog", served.source, "--json"}, served.environment);
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  const std::string rows = qvdhouse({"query", "SELECT * FROM QvdCatalogFiles"}).out;
  const std::string fields = qvdhouse({"query",
                                       "SELECT file_name, field_name FROM "
                                       "QvdCatalogFields ORDER BY file_name, position"})
                                 .out;
  EXPECT_EQ(fields, "sales.qvd\tid\nОстатки 1.qvd\tid\nОстатки 1.qvd\tAmount\n");
  for (const std::string& secret : served.secrets) {
    EXPECT_THAT(rows + done.out + done.err, Not(HasSubstr(secret)));
  }
}

INSTANTIATE_TEST_SUITE_P(Of, CatalogOfStorage, ::testing::ValuesIn(schemes()),
                         ::testing::PrintToStringParamName());

TEST_F(CatalogCommand, EveryFileOfTheCorpusIsInIt) {
  const fs::path corpus = fs::path(QVDHOUSE_SOURCE_DIR) / ".." / "shared" / "corpus";
  if (!fs::exists(corpus)) GTEST_SKIP() << "no corpus at " << corpus;
  if (!engine_is_installed()) GTEST_SKIP() << "libchdb.so is not installed";
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(corpus / "files"))
    files += entry.is_regular_file();
  const Finished good = qvdhouse({"catalog", (corpus / "files").string(), "--json"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  const auto done = nlohmann::json::parse(good.out, nullptr, false);
  EXPECT_EQ(done["files"], files);
  EXPECT_EQ(done["failed"], 0);
  EXPECT_EQ(qvdhouse({"catalog", (corpus / "broken").string()}).exit_code, 4);
  EXPECT_EQ(qvdhouse({"query",
                      "SELECT countIf(error = ''), countIf(error != ''), "
                      "sum(field_count) = (SELECT count() FROM QvdCatalogFields) FROM "
                      "QvdCatalogFiles"})
                .out,
            fmt::format("{}\t3\t1\n", files));
}

}  // namespace
}  // namespace qvdhouse::tests
