// What may not leave the process does not: secrets in texts of headers, values of protected
// columns, and rows that a filter leaves out, by the real program on every kind of target
// (docs/privacy.md).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/e2e/target_fixture.h"
#include "tests/servers/fault_proxy.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;
using qvd::Value;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Each clear value has it; of its texts no protection here lets four characters through.
constexpr const char* kCanary = "CANARY";
const Environment kKey = {{"QVD_PRIVACY_KEY", "0123456789abcdef0123456789abcdef"}};

void write_file(const fs::path& path, const qvd::TableData& table) {
  const auto bytes = qvd::write_qvd(table);
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// Three rows; each text that people write into a header has a secret.
void write_secretive_table(const fs::path& path) {
  qvd::TableData table{.name = "Fed", .row_count = 3};
  for (const char* name : {"id", "Amount"}) {
    table.fields.push_back({.name = name,
                            .values = {Value::of(1), Value::of(2), Value::of(3)},
                            .codes = {1, 2, 3},
                            .comment = "of field; PWD=CANARY1;",
                            .tags = {"$numeric", "token=ghp_CANARY2"}});
  }
  table.creator_document = "lib://apps/load.qvf?token=CANARY3";
  table.created_at = "2024-05-06 07:08:09";
  table.comment = "of table; token=ghp_CANARY4";
  table.lineage = {{"Provider=SQLOLEDB.1;User ID=sa;Password=CANARY5;Data Source=erp",
                    "SELECT * FROM openrowset('x', 'Pwd=CANARY6', 'y')"},
                   {"https://loader:CANARY7@files.example.org/raw.csv", ""}};
  write_file(path, table);
}

class Secrets : public TargetCommandLine, public ::testing::WithParamInterface<TargetKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(GetParam());
  }
};

TEST_P(Secrets, OfHeadersAreInNoOutput) {
  write_secretive_table(qvd("fed.qvd"));
  const fs::path file = qvd("fed.qvd");
  std::vector<std::vector<std::string>> commands = {{"inspect", file, "--json"},
                                                    {"inspect", file},
                                                    {"plan", "qvds"},
                                                    {"plan", "qvds", "--json"},
                                                    {"sync", "qvds", "--json"},
                                                    {"catalog", "qvds", "--json"},
                                                    {"status", "--json"},
                                                    {"history", "--json"},
                                                    {"explain", file},
                                                    {"models", "qvds", "--dump-data"}};
  for (const char* format : {"sql", "pydantic", "moose", "json-schema", "cpp"}) {
    commands.push_back({"models", "qvds", "--format", format});
  }
  for (const std::vector<std::string>& command : commands) {
    const Finished done = on_target(command);
    EXPECT_EQ(done.exit_code, 0) << ::testing::PrintToString(command) << done.err;
    EXPECT_THAT(done.out + done.err, Not(HasSubstr(kCanary))) << ::testing::PrintToString(command);
  }
  EXPECT_THAT(on_target({"inspect", file}).out, HasSubstr("of table; token=***"));
  EXPECT_THAT(on_target({"models", "qvds", "--dump-data"}).out, HasSubstr("token=***"));
  const bool has_table_comment = GetParam() != TargetKind::kOldest;
  if (has_table_comment) {
    EXPECT_THAT(query("SELECT comment FROM system.tables WHERE name = 'QvdFed'"),
                AllOf(HasSubstr("of table; token=***"), Not(HasSubstr(kCanary))));
  }
  EXPECT_THAT(query("SELECT comment FROM system.columns WHERE table = 'QvdFed' AND name = 'id'"),
              AllOf(HasSubstr("PWD=***"), HasSubstr("token=***"), Not(HasSubstr(kCanary))));
}

// Ten rows; person, mail, born and note have canaries. In row 3 the amount breaks a rule.
qvd::TableData people() {
  qvd::TableData table{.name = "People", .row_count = 10};
  const auto add = [&](const char* name, const auto& value) {
    qvd::FieldData field{.name = name};
    for (std::uint32_t row = 0; row < 10; ++row) {
      field.values.push_back(value(static_cast<int>(row)));
      field.codes.push_back(row + 1);
    }
    table.fields.push_back(std::move(field));
  };
  add("id", [](int row) { return Value::of(row); });
  add("E-Mail", [](int row) { return Value::of(fmt::format("{0}{1}@{0}.org", kCanary, row)); });
  add("person", [](int row) { return Value::of(fmt::format("{}_{}", kCanary, row)); });
  add("born",
      [](int row) { return Value::dual(31'234 + row, fmt::format("{} {}", kCanary, row)); });
  add("note", [](int row) { return Value::of(fmt::format("{} \"'\\ {}", kCanary, row)); });
  add("amount", [](int row) { return Value::of(row == 3 ? -1 : row); });
  table.fields[3].number_format.type = "DATE";
  return table;
}

constexpr const char* kUnprotected = R"toml(
[table.QvdPeople.rules]
amount = { min = 0, action = "quarantine" }
person = { matches = "x", action = "warn" }
)toml";
// The same, and what protects values.
constexpr const char* kProtected = R"toml(
[protect]
"*mail*" = "hash"

[table.QvdPeople.protect]
person = "mask(2)"
born = "truncate(year)"
note = "drop"

[table.QvdPeople.rules]
amount = { min = 0, action = "quarantine" }
person = { matches = "x", action = "warn" }
)toml";

class Protected : public TargetCommandLine, public ::testing::WithParamInterface<TargetKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(GetParam());
    if (IsSkipped()) return;
    write_text("qvdhouse.toml", kProtected);
    write_file(qvd("people.qvd"), people());
  }
  Finished with_key(const std::vector<std::string>& arguments) const {
    return on_target(arguments, kKey);
  }
  // Every column of every table, as text.
  std::string all_that_is_stored() const {
    std::string all;
    for (const char* table : {"QvdPeople", "QvdPeople__quarantine", "QvdFileTracking",
                              "QvdFileHistory", "QvdRunHistory"}) {
      all += query(fmt::format("SELECT * FROM {}", table)) + "\n";
    }
    return all + query(
                     "SELECT name, comment FROM system.columns WHERE database = "
                     "currentDatabase()");
  }
};

TEST_P(Protected, ValuesAreInNoTableAndNoOutput) {
  const fs::path file = qvd("people.qvd");
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"inspect", file},
                                             {"inspect", file, "--json"},
                                             {"peek", file},
                                             {"peek", file, "--json"},
                                             {"plan", "qvds"},
                                             {"plan", "qvds", "--json"},
                                             {"sync", "qvds", "--verbose"},
                                             {"verify", "--json"},
                                             {"catalog", "qvds", "--json"},
                                             {"status", "--json"},
                                             {"history", "--json"},
                                             {"explain", file, "--json"},
                                             {"models", "qvds", "--dump-data"},
                                             {"query", "SELECT * FROM QvdCatalogFields"}}) {
    const Finished done = with_key(command);
    EXPECT_EQ(done.exit_code, 0) << ::testing::PrintToString(command) << done.out << done.err;
    EXPECT_THAT(done.out + done.err, Not(HasSubstr(kCanary))) << ::testing::PrintToString(command);
  }
  EXPECT_THAT(all_that_is_stored(), Not(HasSubstr(kCanary)));
  EXPECT_EQ(query("SELECT count(), uniqExact(`E-Mail`), min(length(`E-Mail`)), min(person), "
                  "max(person), toString(max(born)) FROM QvdPeople"),
            "9\t9\t64\t****_0\t****_9\t1985-01-01");
  EXPECT_EQ(query("SELECT count() FROM system.columns WHERE name = 'note' AND database = "
                  "currentDatabase()"),
            "0");
  EXPECT_THAT(query("SELECT * FROM QvdPeople__quarantine"), HasSubstr("****_3"));
  EXPECT_THAT(with_key({"inspect", file}).out,
              AllOf(HasSubstr("Hashed by the settings (hash)."),
                    HasSubstr("left out by the settings (protect: drop)")));
}

TEST_P(Protected, ErrorsQuoteTheMaskedForm) {
  write_text("qvdhouse.toml", R"toml(
[protect]
"*mail*" = "mask"
born = "drop"
note = "drop"
[table.QvdPeople]
types = { "E-Mail" = "Int64" }
protect = { person = "mask(2)" }
rules = { person = { in = ["x"] } }
)toml");
  for (int i = 0; i < 2; ++i) {
    const Finished done = on_target({"sync", "qvds"});
    EXPECT_EQ(done.exit_code, 3) << done.out << done.err;
    EXPECT_THAT(done.out + done.err, AllOf(HasSubstr("'****"), Not(HasSubstr(kCanary))));
    EXPECT_THAT(on_target({"history", "--json"}).out,
                AllOf(HasSubstr("'****"), Not(HasSubstr(kCanary))));
    // The second time it is the rule that breaks.
    write_text("qvdhouse.toml", R"toml(
[protect]
"*mail*" = "mask"
born = "drop"
note = "drop"
[table.QvdPeople]
protect = { person = "mask(2)" }
rules = { person = { in = ["x"] } }
)toml");
  }
}

TEST_P(Protected, AChangedProtectionLoadsTheFileAgain) {
  write_text("qvdhouse.toml", kUnprotected);
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_THAT(query("SELECT * FROM QvdPeople"), HasSubstr(kCanary));
  EXPECT_THAT(query("SELECT * FROM QvdPeople__quarantine"), HasSubstr(kCanary));
  EXPECT_EQ(sync()["loaded"], 0);
  // Whatever settings_changed says, which is "keep" here.
  write_text("qvdhouse.toml", kProtected);
  const auto done = sync(0, kKey);
  EXPECT_EQ(done["loaded"], 1);
  EXPECT_EQ(done["files"][0]["reason_code"], "settings");
  EXPECT_THAT(query("SELECT * FROM QvdPeople"), Not(HasSubstr(kCanary)));
  EXPECT_THAT(query("SELECT * FROM QvdPeople__quarantine"),
              AllOf(HasSubstr("****_3"), Not(HasSubstr(kCanary))));
  EXPECT_EQ(sync(0, kKey)["loaded"], 0);
  const std::string before = query("SELECT min(`E-Mail`) FROM QvdPeople");
  EXPECT_EQ(sync(0, {{"QVD_PRIVACY_KEY", "fedcba9876543210fedcba9876543210"}})["loaded"], 1);
  EXPECT_NE(query("SELECT min(`E-Mail`) FROM QvdPeople"), before);
  EXPECT_THAT(with_key({"config"}).out, Not(HasSubstr("0123456789abcdef")));
}

TEST_P(Protected, TablesOfManyFilesAreProtectedInEachMode) {
  for (const char* mode : {"replace_by_file", "append", "upsert"}) {
    if (GetParam() == TargetKind::kOldest && std::string(mode) == "upsert") continue;
    SCOPED_TRACE(mode);
    const std::string table = fmt::format("All_{}", mode);
    const std::string settings = fmt::format(
        "[[table]]\nmatch = \"people*.qvd\"\nname = \"{}\"\nmode = \"{}\"\n{}where = \"amount != 5 "
        "and id < 8\"\n",
        table, mode, std::string(mode) == "upsert" ? "key = [\"id\"]\n" : "");
    write_file(qvd("people2.qvd"), people());
    write_text("qvdhouse.toml", settings);
    EXPECT_EQ(sync()["loaded"], 2);
    const std::string count = std::string(mode) == "upsert" ? "7" : "14";
    EXPECT_EQ(query(fmt::format("SELECT count() FROM {}", table)), count);
    write_text("qvdhouse.toml", settings +
                                    "[table.protect]\n\"*mail*\" = \"hash\"\nperson = "
                                    "\"mask\"\nborn = \"truncate(month)\"\nnote = "
                                    "\"truncate(2)\"\n");
    const auto done = sync(0, kKey);
    EXPECT_EQ(done["loaded"], 2);
    EXPECT_EQ(done["rows_filtered"], 6);
    EXPECT_EQ(query(fmt::format("SELECT count() FROM {}", table)), count);
    EXPECT_THAT(query(fmt::format("SELECT * FROM {}", table)), Not(HasSubstr(kCanary)));
    EXPECT_EQ(with_key({"verify"}).exit_code, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Secrets,
                         ::testing::Values(TargetKind::kEmbedded, TargetKind::kNewest,
                                           TargetKind::kOldest),
                         ::testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Targets, Protected,
                         ::testing::Values(TargetKind::kEmbedded, TargetKind::kNewest,
                                           TargetKind::kOldest),
                         ::testing::PrintToStringParamName());

// A proxy between the program and the server notes every byte.
class OnTheWire : public TargetCommandLine {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(TargetKind::kNewest);
    if (IsSkipped()) return;
    write_file(qvd("people.qvd"), people());
  }
  std::string said_by(const std::vector<std::string>& command, int exit_code = 0) const {
    const FaultProxy proxy(server->http_port(), FaultPlan{.records = true});
    Environment environment = server->environment(database, proxy.port());
    environment.insert(environment.end(), kKey.begin(), kKey.end());
    environment.emplace_back("CLICKHOUSE_COMPRESSION", "none");
    const Finished done = qvdhouse(command, environment);
    EXPECT_EQ(done.exit_code, exit_code) << done.out << done.err;
    return proxy.recorded();
  }
};

TEST_F(OnTheWire, NoRequestHasAClearValue) {
  // It would be seen: an unprotected load has them.
  EXPECT_THAT(said_by({"sync", "qvds"}), HasSubstr(kCanary));
  write_text("qvdhouse.toml", kProtected);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"sync", "qvds", "--full"}, {"verify"}, {"catalog", "qvds"}, {"plan", "qvds"}}) {
    const std::string said = said_by(command);
    EXPECT_GT(said.size(), 1'000U);
    EXPECT_THAT(said, Not(HasSubstr(kCanary))) << ::testing::PrintToString(command);
  }
  for (const char* how : {"mask", "mask(1)", "hash", "truncate(3)", "drop"}) {
    write_text("qvdhouse.toml",
               fmt::format("[protect]\n\"*mail*\" = \"{0}\"\nperson = \"{0}\"\nborn = "
                           "\"{0}\"\nnote = \"{0}\"\n[table.QvdPeople.rules]\namount = {{ min = 0, "
                           "action = \"quarantine\" }}\n",
                           how));
    EXPECT_THAT(said_by({"sync", "qvds"}), Not(HasSubstr(kCanary))) << how;
  }
  // A load that fails writes down why.
  write_text("qvdhouse.toml", std::string(kProtected) +
                                  "note = { not_null = true }\n"
                                  "[table.QvdPeople.types]\nperson = \"Date32\"\n");
  EXPECT_THAT(said_by({"sync", "qvds", "--full"}, 3),
              AllOf(HasSubstr("****"), Not(HasSubstr(kCanary))));
}

TEST_F(OnTheWire, NoRequestHasARowThatIsFiltered) {
  write_text("qvdhouse.toml", "[table.QvdPeople]\nwhere = \"id >= 5\"\n");
  const std::string said = said_by({"sync", "qvds"});
  EXPECT_THAT(said, HasSubstr("CANARY_7"));
  for (int row = 0; row < 5; ++row) {
    EXPECT_THAT(said, Not(HasSubstr(fmt::format("CANARY_{}", row))));
  }
}

class Privacy : public EngineCommandLine {};

TEST_F(Privacy, WithoutAKeyNothingIsRead) {
  write_text("qvdhouse.toml", "[protect]\nmail = \"hash\"\n");
  write_file(folder / "qvds" / "people.qvd", people());
  const Finished done = qvdhouse({"sync", "qvds"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_EQ(qvdhouse({"status"}).exit_code, 0);
  EXPECT_THAT(done.err, AllOf(HasSubstr("qvdhouse.toml:2"), HasSubstr("QVD_PRIVACY_KEY")));
}

TEST_F(Privacy, ASectionAccessTableIsSaid) {
  write_file(
      folder / "qvds" / "sa.qvd",
      {.name = "SA",
       .fields =
           {{.name = "ACCESS", .values = {Value::of("ADMIN"), Value::of("USER")}, .codes = {1, 2}},
            {.name = "USERID", .values = {Value::of("ann"), Value::of("bob")}, .codes = {1, 2}}},
       .row_count = 2});
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"inspect", folder / "qvds" / "sa.qvd"}, {"plan", "qvds"}, {"sync", "qvds"}}) {
    const Finished done = qvdhouse(command);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    const std::size_t at = done.out.find("section access");
    EXPECT_NE(at, std::string::npos) << done.out;
    EXPECT_EQ(done.out.find("section access", at + 1), std::string::npos) << done.out;
  }
  write_text("qvdhouse.toml", "[protect]\nuserid = \"mask\"\n");
  EXPECT_THAT(qvdhouse({"inspect", folder / "qvds" / "sa.qvd"}).out,
              Not(HasSubstr("section access")));
}

TEST_F(Privacy, TheFilterIsCounted) {
  write_file(folder / "qvds" / "people.qvd", people());
  write_text("qvdhouse.toml", "[table.QvdPeople]\nwhere = \"id >= 4\"\n");
  EXPECT_THAT(qvdhouse({"inspect", folder / "qvds" / "people.qvd"}).out,
              HasSubstr("where id >= 4: 4 of 10 rows would not be loaded"));
  EXPECT_THAT(qvdhouse({"peek", folder / "qvds" / "people.qvd"}).out,
              AllOf(HasSubstr("CANARY_4"), Not(HasSubstr("CANARY_3"))));
  EXPECT_THAT(qvdhouse({"sync", "qvds"}).out, HasSubstr("6 rows loaded, 4 filtered"));
  EXPECT_THAT(qvdhouse({"status"}).out, HasSubstr("6 rows, 4 filtered"));
  const auto history = json({"history"});
  EXPECT_EQ(history[0]["rows_filtered"], 4) << history;
}

}  // namespace
}  // namespace qvdhouse::tests
