// `qvdhouse models` by the real binary, its output read by the real parsers: Python with Pydantic
// and jsonschema (check_models.py), the C++ compiler, ClickHouse.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <sstream>

#include "clickhouse/quote.h"
#include "qvd/writer.h"
#include "tests/e2e/command_line.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

const fs::path kHere = fs::path(QVDHOUSE_SOURCE_DIR) / "tests" / "models";
const fs::path kCorpus = fs::path(QVDHOUSE_SOURCE_DIR) / ".." / "shared" / "corpus" / "files";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

constexpr std::string_view kWords[] = {"class",
                                       "def",
                                       "None",
                                       "NULL",
                                       "int",
                                       "std",
                                       "json",
                                       "model_config",
                                       "Optional",
                                       "template",
                                       "Field",
                                       "copy",
                                       "errno",
                                       "self",
                                       "__init__",
                                       "_file",
                                       "3rd",
                                       "2024",
                                       "a b",
                                       "ITEM",
                                       "Item",
                                       "item",
                                       "Größe",
                                       "Остаток",
                                       "在庫",
                                       "💥",
                                       "ﬁ",
                                       "İı",
                                       "é",
                                       "",
                                       " ",
                                       "\"",
                                       "'",
                                       "`",
                                       "\\",
                                       "\n",
                                       "\r",
                                       "\t",
                                       "*/",
                                       "/*",
                                       "//",
                                       "--",
                                       "#",
                                       "\"\"\"",
                                       "'''",
                                       "?"
                                       "?/",
                                       "{{name}}",
                                       "{0}",
                                       "${x}",
                                       "%s",
                                       "%",
                                       ";",
                                       ")",

                                       "\u2028",
                                       "\u202e",
                                       "\ufeff",
                                       "\\n",
                                       "\\u0041",
                                       "\\x41",
                                       "R\"(",
                                       ")\"",
                                       "__import__('os')",
                                       "a\"); boom(\"",
                                       "0",
                                       "_",
                                       "-",
                                       ".",
                                       "@",
                                       "list",
                                       "import",
                                       "register",
                                       "mro",
                                       "a_b",
                                       "st_mtime"};

// Names as no one should give them.
class Names {
 public:
  explicit Names(std::uint32_t seed) : random_(seed) {}

  std::string next() {
    std::string name;
    const unsigned words = 1 + below(3);
    for (unsigned i = 0; i < words; ++i) name += kWords[random_() % std::size(kWords)];
    return name;
  }
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

 private:
  std::mt19937 random_;
};

// Values of one kind: whole numbers, numbers, texts, days, stamps, times, money, nothing.
qvd::FieldData some_field(std::string name, unsigned kind, bool has_nulls) {
  qvd::FieldData field{.name = std::move(name)};
  constexpr std::uint32_t kRows = 4;
  for (std::uint32_t row = 0; row < kRows; ++row) {
    const double n = row;
    switch (kind) {
      case 0:
        field.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row)));
        break;
      case 1:
        field.values.push_back(
            qvd::Value::of(row == 2 ? std::numeric_limits<double>::quiet_NaN() : n + 0.25));
        break;
      case 2:
        field.values.push_back(qvd::Value::of("text " + std::to_string(row)));
        break;
      case 3:
        field.values.push_back(
            qvd::Value::dual(45'000 + n, fmt::format("2023-03-{:02}", 15 + row)));
        field.number_format = {.type = "DATE", .format = "YYYY-MM-DD"};
        break;
      case 4:
        field.values.push_back(qvd::Value::of(45'000.5 + n));
        field.number_format = {.type = "TIMESTAMP", .format = "YYYY-MM-DD hh:mm:ss"};
        break;
      case 5:
        field.values.push_back(qvd::Value::of((n + 1) / 8));
        field.number_format = {.type = "TIME", .format = "hh:mm:ss"};
        break;
      case 6:
        field.values.push_back(qvd::Value::of(n + 0.5));
        field.number_format = {.type = "MONEY", .decimals = 2, .format = "#,##0.00"};
        break;
      default:
        break;
    }
    field.codes.push_back(kind > 6 || (has_nulls && row == 1) ? 0 : row + 1);
  }
  field.comment = "about \"" + field.name;
  return field;
}

class Models : public CommandLine {
 protected:
  // Tables that differ in everything that a name can be.
  void write_hostile_files(std::uint32_t seed) const {
    Names names(seed);
    for (int file = 0; file < 6; ++file) {
      qvd::TableData table{.name = names.next(), .row_count = 4, .comment = names.next()};
      std::set<std::string> used;
      for (unsigned field = 0; field < 12; ++field) {
        std::string name = names.next();
        // A column must have a name, and one that no other has.
        if (name.find_first_not_of(" \t\r\n") == std::string::npos) name += "x";
        if (!used.insert(name).second) continue;
        table.fields.push_back(some_field(name, names.below(8), names.below(3) == 0));
      }
      std::string name = names.next() + std::to_string(file);
      std::ranges::replace(name, '/', '_');
      const auto bytes = qvd::write_qvd(table);
      std::ofstream(folder / "qvds" / ("f" + name + ".qvd"), std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    }
  }

  // What check_models.py wants to see, of a source.
  void write_models(const std::string& source, int exit_code = 0) const {
    const auto models = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), {"models", source, "--quiet", "--overwrite"});
      const Finished finished = qvdhouse(arguments);
      ASSERT_EQ(finished.exit_code, exit_code) << finished.err;
      if (arguments.back() == "--dump-data") write_text("data.json", finished.out);
    };
    models({"--dump-data"});
    models({"--format", "pydantic", "--output", "models.py"});
    models({"--format", "moose", "--output", "moose.py"});
    models({"--format", "json-schema", "--output", "models.json"});
    models({"--format", "cpp", "--output", "models.h"});
    models({"--format", "sql", "--output", "models.sql"});
  }

  static bool has_python() {
    return fs::exists("/usr/lib/python3/dist-packages/pydantic") &&
           fs::exists("/usr/lib/python3/dist-packages/jsonschema");
  }

  // All models parse, name what they should, and take the rows; with `python`.
  void check_models(const std::string& python = "/usr/bin/python3") const {
    const Finished checked =
        run(python, {(kHere / "check_models.py").string(), folder.string()},
            {{"PYTHONPATH", kHere.string()}, {"PYTHONDONTWRITEBYTECODE", "1"}}, folder);
    EXPECT_EQ(checked.exit_code, 0) << checked.err << read(folder / "models.py");
    std::cout << checked.out;
    const Finished compiled =
        run(QVDHOUSE_CXX,
            {"-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "check.cc"}, {}, folder);
    EXPECT_EQ(compiled.exit_code, 0) << compiled.err.substr(0, 3'000);
  }
};

class EngineModels : public Models {
 protected:
  void SetUp() override {
    if (!engine_is_installed()) GTEST_SKIP() << "the embedded engine is not installed";
    Models::SetUp();
    // Else each query starts the engine again.
    engine_ = std::make_unique<Process>(binary(), std::vector<std::string>{"client", "--keep"},
                                        Environment{}, folder);
  }

  void TearDown() override {
    if (engine_) {
      ::kill(engine_->pid(), SIGTERM);
      engine_->wait();
    }
    Models::TearDown();
  }

  std::string query(const std::string& sql) const {
    const Finished finished = qvdhouse({"query", "--write", sql});
    EXPECT_EQ(finished.exit_code, 0) << sql << finished.err;
    return finished.out;
  }

  // Makes the tables of models.sql in the database that it names, and compares them with sync's.
  void expect_tables_as_synced() const {
    query("CREATE DATABASE copy");
    const std::string sql = read(folder / "models.sql");
    for (std::size_t at = 0; at < sql.size();) {
      const std::size_t end = std::min(sql.find(";\n", at), sql.size());
      query(sql.substr(at, end - at));
      at = end + 2;
    }
    const Json data = Json::parse(read(folder / "data.json"));
    for (const Json& table : data["tables"]) {
      const std::string name =
          clickhouse::quote_identifier(table["name"]["text"].get<std::string>());
      const std::string synced = query("SHOW CREATE TABLE local." + name + " FORMAT TSVRaw");
      std::string copied = query("SHOW CREATE TABLE copy." + name + " FORMAT TSVRaw");
      copied.replace(copied.find("copy."), 5, "local.");
      EXPECT_EQ(copied, synced);
    }
  }

  void write_rows() const {
    fs::create_directories(folder / "rows");
    const Json data = Json::parse(read(folder / "data.json"));
    for (const Json& table : data["tables"]) {
      const std::string name =
          clickhouse::quote_identifier(table["name"]["text"].get<std::string>());
      write_text(fmt::format("rows/{}.jsonl", table["index"].get<int>()),
                 query("SELECT * FROM local." + name + " FORMAT JSONEachRow"));
    }
  }

 private:
  std::unique_ptr<Process> engine_;
};

TEST_F(Models, HostileNamesParseInEveryLanguage) {
  if (!has_python()) GTEST_SKIP() << "python3-pydantic and python3-jsonschema are not installed";
  for (const std::uint32_t seed : {1U, 2U, 3U, 4U, 5U}) {
    SCOPED_TRACE(seed);
    fs::remove_all(folder / "qvds");
    fs::create_directories(folder / "qvds");
    write_hostile_files(seed);
    write_models("qvds");
    check_models();
    if (HasFailure()) return;
  }
}

TEST_F(EngineModels, HostileNamesAreTheTablesThatSyncMakes) {
  write_hostile_files(20261123);
  ASSERT_EQ(qvdhouse({"sync", "qvds", "--quiet"}).exit_code, 0);
  write_models("qvds");
  write_rows();
  if (has_python()) check_models();
  ASSERT_EQ(qvdhouse({"models", "qvds", "--quiet", "--overwrite", "--database", "copy", "--output",
                      "models.sql"})
                .exit_code,
            0);
  expect_tables_as_synced();
}

TEST_F(EngineModels, SamplesAreTheTablesThatSyncMakesAndTheirRowsValidate) {
  ASSERT_EQ(qvdhouse({"sample", "qvds", "--rows", "300"}).exit_code, 0);
  write_text(
      "qvdhouse.toml",
      "source = \"qvds\"\n[[table]]\nmatch = \"order*.qvd\"\nname = \"Orders of \\\"all\\\"\"\n"
      "[[table]]\nmatch = \"{kind}.qvd\"\nname = \"Rest\"\n");
  ASSERT_EQ(qvdhouse({"sync", "--quiet"}).exit_code, 0);
  write_models("qvds");
  write_rows();
  if (has_python()) check_models();
  ASSERT_EQ(
      qvdhouse({"models", "--quiet", "--overwrite", "--database", "copy", "--output", "models.sql"})
          .exit_code,
      0);
  expect_tables_as_synced();
}

// The other Pydantic, where this machine has it: Debian's is 1.10.
TEST_F(EngineModels, RowsValidateWithPydantic2) {
  const Finished version = run("/usr/bin/env",
                               {"python3", "-c",
                                "import pydantic, jsonschema; "
                                "print(pydantic.VERSION)"},
                               {}, folder);
  if (!version.out.starts_with("2.")) GTEST_SKIP() << "no Pydantic 2 for python3 on this machine";
  ASSERT_EQ(qvdhouse({"sample", "qvds", "--rows", "300"}).exit_code, 0);
  write_hostile_files(7);
  ASSERT_EQ(qvdhouse({"sync", "qvds", "--quiet"}).exit_code, 0);
  write_models("qvds");
  write_rows();
  std::string python = run("/usr/bin/env", {"which", "python3"}, {}, folder).out;
  python.pop_back();
  check_models(python);
}

TEST_F(Models, EveryFileOfTheCorpusHasModels) {
  if (!fs::exists(kCorpus)) GTEST_SKIP() << "no corpus at " << kCorpus;
  if (!has_python()) GTEST_SKIP() << "python3-pydantic and python3-jsonschema are not installed";
  write_models(kCorpus.string());
  const Json data = Json::parse(read(folder / "data.json"));
  std::size_t files = 0;
  for (const Json& table : data["tables"]) files += table["files"].size();
  EXPECT_EQ(files, static_cast<std::size_t>(std::distance(fs::directory_iterator(kCorpus), {})));
  check_models();
}

TEST_F(Models, AFileThatCanNotBeReadIsNamedAndTheOthersAreModelled) {
  write_qvd("Good.qvd");
  write_broken_qvd("Bad.qvd");
  const Finished finished = qvdhouse({"models", "qvds"});
  EXPECT_EQ(finished.exit_code, 7);
  EXPECT_THAT(finished.err, HasSubstr("Bad.qvd"));
  EXPECT_THAT(finished.out, HasSubstr("CREATE TABLE `local`.`QvdGood`"));
  EXPECT_THAT(finished.out, Not(HasSubstr("QvdBad")));
  // A lock without it would forbid it for ever, and models that are there are better than these.
  write_text("models.sql", "good");
  for (const char* flag : {"--lock", "--output"}) {
    const Finished refused = qvdhouse({"models", "qvds", flag, "models.sql", "--overwrite"});
    EXPECT_EQ(refused.exit_code, 7);
    EXPECT_THAT(refused.err, HasSubstr("nothing is written"));
  }
  EXPECT_EQ(read(folder / "models.sql"), "good");
  EXPECT_EQ(qvdhouse({"models", "qvds", "--files", "Bad"}).out, "");
}

TEST_F(Models, OutputIsReplacedOnlyWhenTold) {
  write_qvd("Item.qvd");
  EXPECT_EQ(qvdhouse({"models", "qvds", "--output", "new/deep/models.sql"}).exit_code, 0);
  const std::string before = read(folder / "new/deep/models.sql");
  EXPECT_THAT(before, HasSubstr("CREATE TABLE"));
  const Finished refused = qvdhouse({"models", "qvds", "--output", "new/deep/models.sql"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--overwrite"));
  EXPECT_EQ(
      qvdhouse({"models", "qvds", "--output", "new/deep/models.sql", "--overwrite"}).exit_code, 0);
  const Finished nowhere = qvdhouse({"models", "qvds", "--output", "/proc/models.sql"});
  EXPECT_EQ(nowhere.exit_code, 4);
  EXPECT_THAT(nowhere.err, HasSubstr("/proc/models.sql cannot be written"));
}

TEST_F(Models, TwoSourcesDoNotMakeOneTable) {
  write_qvd("Item.qvd");
  fs::create_directories(folder / "more");
  fs::copy(folder / "qvds" / "Item.qvd", folder / "more" / "Item.qvd");
  write_text("qvdhouse.toml", "[source.a]\nurl = \"qvds\"\n[source.b]\nurl = \"more\"\n");
  const Finished finished = qvdhouse({"models"});
  EXPECT_EQ(finished.exit_code, 7);
  EXPECT_THAT(finished.err, HasSubstr("table QvdItem is another source's"));
  EXPECT_EQ(finished.out.find("CREATE TABLE"), finished.out.rfind("CREATE TABLE"));
}

TEST_F(Models, AVariableThatIsNotSetSwitchesNothingOff) {
  write_qvd("Item.qvd");
  for (const char* flag : {"--lock", "--output", "--template"}) {
    EXPECT_EQ(qvdhouse({"models", "qvds", flag, ""}).exit_code, 1) << flag;
  }
  EXPECT_EQ(qvdhouse({"sync", "qvds", "--locked", ""}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"plan", "qvds", "--locked", ""}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"models", "qvds", "--dump-data", "--output", "x"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"models", "qvds", "--lock", "x", "--output", "x"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"models", "qvds", "--output", std::string(300, 'x')}).exit_code, 2);
  EXPECT_FALSE(fs::exists(folder / "x"));
}

TEST_F(Models, FilesAreChosenByName) {
  for (const char* name : {"Item.qvd", "PO.qvd", "Archive.qvd"}) write_qvd(name);
  const std::string some = qvdhouse({"models", "qvds", "--files", "item,po"}).out;
  EXPECT_THAT(some, HasSubstr("`QvdItem`"));
  EXPECT_THAT(some, HasSubstr("`QvdPO`"));
  EXPECT_THAT(some, Not(HasSubstr("`QvdArchive`")));
  EXPECT_THAT(qvdhouse({"models", "qvds", "--exclude", "Archive"}).out,
              Not(HasSubstr("`QvdArchive`")));
  const Finished none = qvdhouse({"models", "qvds", "--files", "Nothing"});
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.err, HasSubstr("No files match"));
}

TEST_F(Models, ATemplateOfOnesOwn) {
  write_qvd("Item.qvd", "say \"hi\"");
  write_text("cols.py.mustache",
             "{{#tables}}{{name.python_identifier}} = "
             "[{{#columns}}\"{{name.text}}\"{{^is_last}}, {{/is_last}}{{/columns}}]\n{{/tables}}");
  EXPECT_EQ(qvdhouse({"models", "qvds", "--template", "cols.py.mustache"}).out,
            "QvdItem = [\"id\", \"say \\x22hi\\x22\"]\n");
  EXPECT_EQ(qvdhouse({"models", "qvds", "--template", "cols.py.mustache", "--format", "cpp"}).out,
            "QvdItem = [\"id\", \"say \\042hi\\042\"]\n");
  write_text("cols.sh.mustache", "");
  const Finished unknown = qvdhouse({"models", "qvds", "--template", "cols.sh.mustache"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("does not say which language"));
  const Finished missing = qvdhouse({"models", "qvds", "--template", "nowhere.mustache"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("nowhere.mustache"));
}

TEST_F(EngineModels, ALockedSyncLoadsWhatTheLockSaysOrNothing) {
  write_qvd("Item.qvd");
  write_qvd("PO.qvd");
  ASSERT_EQ(qvdhouse({"models", "qvds", "--lock", "schema.lock"}).exit_code, 0);
  ASSERT_EQ(qvdhouse({"plan", "qvds", "--locked", "schema.lock"}).exit_code, 0);
  ASSERT_EQ(qvdhouse({"sync", "qvds", "--locked", "schema.lock"}).exit_code, 0);
  // Nothing to load is not drift: the tables are what they were.
  ASSERT_EQ(qvdhouse({"sync", "qvds", "--locked", "schema.lock"}).exit_code, 0);

  write_qvd("Item.qvd", "renamed");
  write_qvd("New.qvd");
  for (const char* command : {"plan", "sync"}) {
    const Finished drifted = qvdhouse({command, "qvds", "--locked", "schema.lock"});
    EXPECT_EQ(drifted.exit_code, 3) << command;
    EXPECT_THAT(drifted.err, HasSubstr("`QvdItem`:\n- `text` LowCardinality(String)\n"
                                       "+ `renamed` LowCardinality(String)\n"
                                       "- order_by `id`, `text`\n+ order_by `id`, `renamed`\n"
                                       "`QvdNew`:\n+ a table that the lock does not have"))
        << command;
  }
  EXPECT_EQ(query("EXISTS TABLE local.QvdNew"), "0\n");
  EXPECT_EQ(query("SELECT count() FROM local.QvdItem WHERE text != ''"), "3\n");

  ASSERT_EQ(qvdhouse({"models", "qvds", "--lock", "schema.lock", "--overwrite"}).exit_code, 0);
  EXPECT_EQ(qvdhouse({"sync", "qvds", "--locked", "schema.lock"}).exit_code, 0);
  EXPECT_EQ(query("SELECT count() FROM local.QvdNew"), "3\n");
  const Finished nowhere = qvdhouse({"sync", "qvds", "--locked", "nowhere.lock"});
  EXPECT_EQ(nowhere.exit_code, 2);
}

}  // namespace
}  // namespace qvdhouse::tests
