// Commands that need no engine: usage, settings, listing, inspecting.
#include <gmock/gmock.h>

#include <fstream>
#include <regex>

#include "qvd/writer.h"
#include "tests/e2e/command_line.h"
#include "tests/support/terminal.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

using Cli = CommandLine;

TEST_F(Cli, WrongCommandLinesExit1AndSayWhy) {
  EXPECT_EQ(qvdhouse({}).exit_code, 1);
  const Finished flag = qvdhouse({"sync", "--fulll"});
  EXPECT_EQ(flag.exit_code, 1);
  EXPECT_EQ(flag.out, "");
  EXPECT_THAT(flag.err, HasSubstr("'--fulll' is not known; did you mean --full?"));
  const Finished command = qvdhouse({"statsu"});
  EXPECT_EQ(command.exit_code, 1);
  EXPECT_THAT(command.err, HasSubstr("did you mean status?"));
  EXPECT_EQ(qvdhouse({"inspect"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"reset"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"reset", "--all", "--file", "x"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"completion", "tcsh"}).exit_code, 1);
  EXPECT_EQ(qvdhouse({"client", "--exec", "--keep"}).exit_code, 1);
}

TEST_F(Cli, WrongSettingsExit2AndNameThePlace) {
  const Finished batch = qvdhouse({"config"}, {{"QVD_BATCH_SIZE", "0"}});
  EXPECT_EQ(batch.exit_code, 2);
  EXPECT_THAT(batch.err, HasSubstr("QVD_BATCH_SIZE, set in environment: '0' is not allowed"));
  const Finished no_source = qvdhouse({"sync"});
  EXPECT_EQ(no_source.exit_code, 2);
  EXPECT_THAT(no_source.err, HasSubstr("QVD_SOURCE"));
  write_text(".env", "# one\nQVD_SCHEDULE=never\n");
  const Finished dot_env = qvdhouse({"config"});
  EXPECT_EQ(dot_env.exit_code, 2);
  EXPECT_THAT(dot_env.err, HasSubstr(".env:2"));
  fs::remove(folder / ".env");
  write_text("qvdhouse.toml", "streems = 2\n");
  const Finished toml = qvdhouse({"config"});
  EXPECT_EQ(toml.exit_code, 2);
  EXPECT_THAT(toml.err, HasSubstr("qvdhouse.toml:1: there is no setting 'streems'"));
  EXPECT_EQ(qvdhouse({"version"}).exit_code, 0) << "needs no settings";
}

// A file of three rows with all that a header can say, in the folder.
void write_described(const fs::path& path) {
  qvd::TableData table{.name = "Fed", .row_count = 3};
  table.fields.push_back({.name = "id", .values = {qvd::Value::of(1), qvd::Value::of(2)}});
  table.fields.back().codes = {1, 0, 2};
  table.fields.push_back({.name = "Straße", .values = {qvd::Value::of("a \"b\"")}});
  table.fields.back().codes = {1, 1, 1};
  table.tags = {"$sensitive", "layer:raw"};
  table.lineage = {{"DSN=erp", "SELECT a,\n  b FROM t"}, {"lib://raw/fed.csv", ""}};
  const auto bytes = qvd::write_qvd(table);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

TEST_F(Cli, InspectShowsTagsAndLineage) {
  write_described(folder / "fed.qvd");
  const Finished shown = qvdhouse({"inspect", "fed.qvd"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("Tags      $sensitive, layer:raw\n"));
  EXPECT_THAT(shown.out, HasSubstr("From      DSN=erp\n    SELECT a,"));
  EXPECT_THAT(shown.out, HasSubstr("From      lib://raw/fed.csv\n"));
  const nlohmann::json json = this->json({"inspect", "fed.qvd"});
  EXPECT_EQ(json["tags"], (nlohmann::json{"$sensitive", "layer:raw"}));
  EXPECT_EQ(json["lineage"][0]["statement"], "SELECT a,\n  b FROM t");
  EXPECT_EQ(json["lineage"][1]["discriminator"], "lib://raw/fed.csv");
}

TEST_F(Cli, PeekShowsTheFirstRowsOfAFile) {
  write_described(folder / "fed.qvd");
  const Finished shown = qvdhouse({"peek", "fed.qvd", "--limit", "2"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.out, "  id  Straße\n   1  a \"b\"\nNULL  a \"b\"\n2 of 3 rows\n");
  const nlohmann::json json = this->json({"peek", "fed.qvd"});
  EXPECT_EQ(json["columns"], (nlohmann::json{"id", "Straße"}));
  EXPECT_EQ(json["rows"],
            nlohmann::json::parse(R"([["1","a \"b\""],[null,"a \"b\""],["2","a \"b\""]])"));
  // As its table would have it.
  write_text("qvdhouse.toml", "[[table]]\nmatch = 'fed.qvd'\nexclude = ['id']\n");
  EXPECT_EQ(qvdhouse({"peek", "fed.qvd", "--limit", "1"}).out, "Straße\na \"b\"\n1 of 3 rows\n");
  EXPECT_EQ(qvdhouse({"peek", "none.qvd"}).exit_code, 4);
  EXPECT_EQ(qvdhouse({"peek", "fed.qvd", "--limit", "0"}).exit_code, 1);
}

TEST_F(Cli, FilesOfTheWorkingFolderRunNoProgram) {
  write_text("evil", "#!/bin/sh\ntouch was-run\n");
  fs::permissions(folder / "evil", fs::perms::owner_all);
  for (const char* text : {"QVD_ENGINE_BINARY=./evil\n", "QVD_ENGINE_LIBRARY=./evil\n",
                           "QVD_SOURCE=sftp://127.0.0.1/x\nQVD_SOURCE_RCLONE_BINARY=./evil\n",
                           "AWS_CONFIG_FILE=./profiles\n"}) {
    write_text(".env", text);
    const Finished done = qvdhouse({"query", "SELECT 1"});
    EXPECT_EQ(done.exit_code, 2) << text;
    EXPECT_THAT(done.err, HasSubstr("only found in the working folder"));
    qvdhouse({"ls"});
    EXPECT_FALSE(fs::exists(folder / "was-run")) << text;
  }
  write_text(".env", "QVD_BATCH_SIZE=5\n");
  fs::permissions(folder / ".env", fs::perms{0666});
  const Finished writable = qvdhouse({"config"});
  EXPECT_EQ(writable.exit_code, 2);
  EXPECT_THAT(writable.err, HasSubstr("mode 0666"));
}

TEST_F(Cli, AFileNameMakesNoLineOfItsOwn) {
  fs::create_directories(folder / "qvds");
  write_text("qvds/a\nerror: forged\x1b[2K.qvd", "<not a qvd");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"models", "qvds"},
        {"inspect", "qvds/a\nerror: forged\x1b[2K.qvd"},
        {"inspect", "qvds/b\nerror: forged\x1b[2K.qvd"}}) {
    const Finished done = qvdhouse(command);
    EXPECT_NE(done.exit_code, 0);
    EXPECT_THAT(done.err, HasSubstr("\\nerror: forged\\x1b[2K.qvd"));
    EXPECT_THAT(done.err, Not(HasSubstr("\nerror: forged")));
  }
}

TEST_F(Cli, OutputsFollowNoLink) {
  fs::create_directories(folder / "qvds");
  ASSERT_EQ(qvdhouse({"sample", "qvds", "--rows", "10"}).exit_code, 0);
  write_text("victim", "mine");
  fs::create_symlink("victim", folder / "out.sql");
  const Finished models = qvdhouse({"models", "qvds", "--output", "out.sql", "--overwrite"});
  EXPECT_EQ(models.exit_code, 4);
  EXPECT_THAT(models.err, HasSubstr("out.sql cannot be written: it is a symbolic link"));
  std::ifstream victim(folder / "victim");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(victim), {}), "mine");
}

TEST_F(Cli, ConfigShowsValuesOriginsAndNoSecrets) {
  write_text("qvdhouse.toml", "batch_size = 5\n[types]\nPrice = 'Decimal(18, 2)'\n");
  write_text(".env", "QVD_SOURCE='./q v'\n");
  const Environment environment = {{"CLICKHOUSE_URL", "http://u:hunter2@h/db"},
                                   {"QVD_ENGINE_PASSWORD", "hunter3"}};
  const Finished text = qvdhouse({"config", "--mixed", "split"}, environment);
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("qvdhouse.toml:1"));
  EXPECT_THAT(text.out, HasSubstr(".env:1"));
  EXPECT_THAT(text.out, HasSubstr("$CLICKHOUSE_URL"));
  EXPECT_THAT(text.out, HasSubstr("--mixed"));
  EXPECT_THAT(text.out, HasSubstr("Decimal(18, 2)"));
  EXPECT_THAT(text.out, Not(HasSubstr("hunter")));
  const Finished json = qvdhouse({"config", "--json"}, environment);
  EXPECT_TRUE(nlohmann::json::accept(json.out));
  EXPECT_THAT(json.out, Not(HasSubstr("hunter")));
  EXPECT_EQ(nlohmann::json::parse(json.out)["source"]["value"], "./q v");
}

TEST_F(Cli, AMissingSourceExits4AndMakesNothing) {
  for (const char* command : {"sync", "plan", "ls"}) {
    const Finished finished = qvdhouse({command, "./no such folder"});
    EXPECT_EQ(finished.exit_code, 4) << command << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("no such folder")) << command;
  }
  EXPECT_FALSE(fs::exists(folder / "qvdhouse-data"));
}

TEST_F(Cli, InspectTellsTypesAndReasons) {
  const fs::path file = write_qvd("O'Brien \"x\" Склад.qvd", "Имя\n\"поля\"");
  const Finished text = qvdhouse({"inspect", file.string()});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("O'Brien \"x\" Склад.qvd"));
  EXPECT_THAT(text.out, HasSubstr("Имя\\n\"поля\""));
  const auto report = json({"inspect", file.string()});
  EXPECT_EQ(report["records"], 3);
  EXPECT_EQ(report["fields"][1]["name"], "Имя\n\"поля\"");
  EXPECT_EQ(report["fields"][0]["columns"][0]["type"], "Int64");
  EXPECT_NE(report["fields"][0]["columns"][0]["reason"], "");
  EXPECT_THAT(text.out, HasSubstr("Key for mode = \"upsert\": id: never NULL, and another value in "
                                  "each of 3 rows."));
  EXPECT_EQ(report["key"], nlohmann::json::array({"id"}));
  EXPECT_EQ(qvdhouse({"inspect", (folder / "absent.qvd").string()}).exit_code, 4);
  const Finished broken = qvdhouse({"inspect", write_broken_qvd("broken.qvd").string()});
  EXPECT_EQ(broken.exit_code, 4);
  EXPECT_THAT(broken.err, HasSubstr("broken.qvd"));
  EXPECT_FALSE(fs::exists(folder / "qvdhouse-data")) << "inspect needs no engine";
}

TEST_F(Cli, APolicyThatForbidsASchemaExits3) {
  const fs::path file = write_qvd("a.qvd");
  write_text("qvdhouse.toml", "[types]\ntext = 'Int64'\n");
  const Finished finished = qvdhouse({"inspect", file.string()});
  EXPECT_EQ(finished.exit_code, 3) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("text"));
}

TEST_F(Cli, LsListsWhateverTheName) {
  write_qvd("line\nbreak.qvd");
  write_qvd("b.QVD");
  write_qvd(".hidden.qvd");
  const Finished text = qvdhouse({"ls", "qvds", "-v"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("line\\nbreak.qvd"));
  EXPECT_THAT(text.out, HasSubstr(".hidden.qvd: skipped"));
  EXPECT_THAT(text.out, HasSubstr("2 files"));
  const auto files = json({"ls", "qvds", "--exclude", "B"});
  ASSERT_EQ(files.size(), 3U);
  EXPECT_NE(files[1]["skip_reason"], "");
  EXPECT_EQ(files[2]["name"], "line\nbreak.qvd");
  EXPECT_EQ(files[2]["skip_reason"], "");
}

TEST_F(Cli, ASettingMayStandBeforeTheArgument) {
  write_qvd("a.qvd");
  const Finished done = qvdhouse({"ls", "--pattern", "*.qvd", "--exclude", "b", "qvds"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("a.qvd"));
}

TEST_F(Cli, EveryHelpHasAnExampleAndFits) {
  const Finished all = qvdhouse({"--help"});
  EXPECT_EQ(all.exit_code, 0);
  for (const char* command :
       {"sync",    "plan",    "ls",     "inspect",  "cat",     "diff",       "status",
        "history", "explain", "verify", "reset",    "query",   "export",     "client",
        "doctor",  "config",  "sample", "init-qvd", "version", "completion", "man"}) {
    EXPECT_THAT(all.out, HasSubstr(std::string("\n  ") + command + " "));
    const Finished help = qvdhouse({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("Example:\n  ")) << command;
  }
  std::istringstream lines(all.out);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 82U) << line;
  EXPECT_LE(count, 45U) << "a screen";
}

TEST_F(Cli, HelpShowsTheSettingsOfTheCommandAndAllTakeEffect) {
  const std::string serve = qvdhouse({"serve", "--help"}).out;
  const std::string sync = qvdhouse({"sync", "--help"}).out;
  const std::string status = qvdhouse({"status", "--help"}).out;
  for (const char* flag : {"--port", "--schedule", "--streams", "--aws-key", "--data-dir"}) {
    EXPECT_THAT(serve, HasSubstr(std::string("\n  ") + flag + " ")) << flag;
  }
  EXPECT_THAT(sync, HasSubstr("\n  --streams N "));
  EXPECT_THAT(sync, HasSubstr("[QVD_STREAMS]"));
  EXPECT_THAT(sync, Not(HasSubstr("--schedule")));
  EXPECT_THAT(status, HasSubstr("--database NAME"));
  EXPECT_THAT(status, Not(HasSubstr("--streams")));
  const auto settings = json({"config", "--schedule", "5m", "--streams", "7", "--aws-key", "id"});
  EXPECT_EQ(settings["schedule"]["value"], "5m");
  EXPECT_EQ(settings["streams"]["value"], "7");
  EXPECT_EQ(settings["source.aws_key"]["value"], "id");
}

TEST_F(Cli, VersionAndHelpAreThereUnderTheirUsualNames) {
  const std::string version = qvdhouse({"version"}).out;
  EXPECT_EQ(qvdhouse({"--version"}).out, version);
  EXPECT_EQ(qvdhouse({"-V"}).out, version);
  EXPECT_EQ(qvdhouse({"help"}).out, qvdhouse({"--help"}).out);
  EXPECT_EQ(qvdhouse({"help", "sync"}).out, qvdhouse({"sync", "--help"}).out);
  EXPECT_EQ(qvdhouse({"help", "sync"}).exit_code, 0);
  const Finished slip = qvdhouse({"help", "snyc"});
  EXPECT_EQ(slip.exit_code, 1);
  EXPECT_THAT(slip.err, HasSubstr("there is no command 'snyc'; did you mean sync?"));
}

TEST_F(Cli, NoMatchSaysWhatLiesInFoldersBelow) {
  write_qvd("top.qvd");
  fs::create_directories(folder / "qvds" / "2024" / "01");
  fs::rename(folder / "qvds" / "top.qvd", folder / "qvds" / "2024" / "01" / "a.qvd");
  fs::copy(folder / "qvds" / "2024" / "01" / "a.qvd", folder / "qvds" / "2024" / "b.qvd");
  const std::string fix = ", but 2 in folders below it do: take them with --pattern '**/*.qvd'";
  for (const char* command : {"ls", "plan"}) {
    const Finished done = qvdhouse({command, "qvds"});
    EXPECT_THAT(done.out, HasSubstr("No files match *.qvd in qvds" + fix)) << command << done.err;
  }
  EXPECT_THAT(qvdhouse({"models", "qvds"}).err, HasSubstr(fix));
  EXPECT_THAT(qvdhouse({"ls", "qvds/*.qvd"}).out, HasSubstr(fix));
  EXPECT_THAT(qvdhouse({"ls", "qvds", "--pattern", "b*.qvd"}).out,
              HasSubstr("but 1 in folders below it does: take it with --pattern '**/b*.qvd'"));
  EXPECT_THAT(qvdhouse({"ls", "qvds", "--pattern", "**/*.qvd"}).out, Not(HasSubstr("No files")));
}

TEST_F(Cli, NamesOfNothingAreWarnedOf) {
  write_qvd("Item.qvd");
  const std::string files =
      "include_files names \"Itme\", which matches no file; did you mean Item?";
  for (const char* command : {"ls", "plan", "models"}) {
    const Finished done = qvdhouse({command, "qvds", "--include", "Itme,Item"});
    EXPECT_THAT(done.err, HasSubstr(files)) << command;
  }
  EXPECT_EQ(qvdhouse({"ls", "qvds", "--include", "ITEM,it*.qvd"}).err, "");
  write_text("qvdhouse.toml", "mixed = 'split'\n[types]\ntxet = 'String'\n\"te*\" = 'String'\n");
  for (const char* command : {"plan", "models"}) {
    const Finished done = qvdhouse({command, "qvds"});
    EXPECT_THAT(done.err,
                HasSubstr("[types] names \"txet\" (qvdhouse.toml:3), which is no field or "
                          "column of any table; did you mean text?"));
    EXPECT_THAT(done.err, Not(HasSubstr("te*")));
  }
}

TEST_F(Cli, TimesInJsonAreRfc3339) {
  write_qvd("a.qvd");
  const std::string time = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z";
  EXPECT_THAT(json({"ls", "qvds", "-v"})[0]["mtime"].get<std::string>(),
              testing::MatchesRegex(time));
  EXPECT_THAT(json({"plan", "qvds"})[0]["mtime"].get<std::string>(), testing::MatchesRegex(time));
  const nlohmann::json created = json({"inspect", "qvds/a.qvd"})["created_at"];
  EXPECT_TRUE(created.is_null() ||
              testing::Value(created.get<std::string>(), testing::MatchesRegex(time)));
}

TEST_F(Cli, TheManualHasAllCommandsSettingsAndExitCodes) {
  const Finished man = qvdhouse({"man"});
  EXPECT_EQ(man.exit_code, 0);
  EXPECT_THAT(man.out, testing::StartsWith(".TH QVDHOUSE 1"));
  for (const char* text :
       {".SS sync\n", "\\fB\\-\\-dry\\-run\\fR", ".SS init\\-qvd\n", "\\fBQVD_STREAMS\\fR",
        "\\fB\\-h\\fR, \\fB\\-\\-help\\fR", "qvdhouse doctor \\-\\-source"}) {
    EXPECT_THAT(man.out, HasSubstr(text)) << text;
  }
  // The same words as in the document.
  std::ifstream document(fs::path(QVDHOUSE_SOURCE_DIR) / "docs/commands.md");
  const std::regex row(R"(\| ([0-9]+) \| (.*) \|)");
  int codes = 0;
  std::smatch match;
  for (std::string line; std::getline(document, line);) {
    if (!std::regex_match(line, match, row)) continue;
    ++codes;
    EXPECT_THAT(man.out, HasSubstr(".TP\n\\fB" + match.str(1) + "\\fR\n"));
    EXPECT_THAT(man.out,
                HasSubstr("\n" + std::regex_replace(match.str(2), std::regex("-"), "\\-") + "\n"));
  }
  EXPECT_EQ(codes, 9);
  if (!fs::exists("/usr/bin/man")) GTEST_SKIP() << "man is not installed";
  write_text("qvdhouse.1", man.out);
  const Finished shown = run("/usr/bin/man", {"--warnings", "-l", "qvdhouse.1"},
                             {{"LC_ALL", "C.UTF-8"}, {"MANWIDTH", "80"}, {"PAGER", "cat"}}, folder);
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_EQ(shown.err, "") << "groff warns";
  EXPECT_THAT(shown.out, HasSubstr("--dry-run"));
}

TEST_F(Cli, CompletionScriptsAreSound) {
  const Finished bash = qvdhouse({"completion", "bash"});
  EXPECT_EQ(bash.exit_code, 0);
  write_text("completion.bash", bash.out);
  EXPECT_EQ(run("/bin/bash", {"-n", "completion.bash"}, {}, folder).exit_code, 0);
  const Finished words =
      run("/bin/bash",
          {"-c",
           "source ./completion.bash; COMP_WORDS=(qvdhouse sy); COMP_CWORD=1; "
           "_qvdhouse; echo \"${COMPREPLY[*]}\"; COMP_WORDS=(qvdhouse sync --dr); "
           "COMP_CWORD=2; _qvdhouse; echo \"${COMPREPLY[*]}\"; COMP_WORDS=(init_qvd --l); "
           "COMP_CWORD=1; _qvdhouse; echo \"${COMPREPLY[*]}\"; COMP_WORDS=(init_qvd --sou); "
           "_qvdhouse; echo \"${COMPREPLY[*]}\""},
          {}, folder);
  EXPECT_EQ(words.out, "sync\n--dry-run --drift\n--list-files --log-level\n--source\n");
  if (fs::exists("/usr/bin/shellcheck")) {
    const Finished checked = run("/usr/bin/shellcheck", {"completion.bash"}, {}, folder);
    EXPECT_EQ(checked.exit_code, 0) << checked.out;
  }
}

TEST_F(Cli, FishCompletes) {
  if (!fs::exists("/usr/bin/fish")) GTEST_SKIP() << "fish is not installed";
  const Finished script = qvdhouse({"completion", "fish"});
  EXPECT_EQ(script.exit_code, 0);
  write_text("qvdhouse.fish", script.out);
  const Finished words = run("/usr/bin/fish",
                             {"--no-config", "-c",
                              "source qvdhouse.fish; complete -C 'qvdhouse expl'; "
                              "complete -C 'qvdhouse sync --dry'; complete -C 'init_qvd --list'"},
                             {{"HOME", folder.string()}}, folder);
  EXPECT_EQ(words.err, "");
  EXPECT_EQ(words.out, "explain\twhy a file was loaded or skipped\n--dry-run\n--list-files\n");
}

TEST_F(Cli, ZshCompletes) {
  if (!fs::exists("/usr/bin/zsh")) GTEST_SKIP() << "zsh is not installed";
  const Finished script = qvdhouse({"completion", "zsh"});
  EXPECT_EQ(script.exit_code, 0);
  fs::create_directories(folder / "functions");
  write_text("functions/_qvdhouse", script.out);
  Terminal zsh("/usr/bin/zsh", {"-f"}, {{"HOME", folder.string()}, {"TERM", "dumb"}}, folder);
  zsh.press(
      "fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -D; print re'ady'\n");
  ASSERT_TRUE(zsh.shows("\nready")) << zsh.shown();
  // Tab completes the word; then the line is printed instead of run.
  for (const auto& [typed, completed] :
       {std::pair("qvdhouse expl", "qvdhouse explain"),
        std::pair("qvdhouse sync --dry", "qvdhouse sync --dry-run"),
        std::pair("init_qvd --list", "init_qvd --list-files")}) {
    zsh.press(typed + std::string("\t\x01print -r -- it is: \n"));
    EXPECT_TRUE(zsh.shows(std::string("\nit is: ") + completed)) << zsh.shown();
  }
}

TEST_F(Cli, AFullDiskIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const Finished finished =
      run("/bin/sh", {"-c", binary().string() + " version >/dev/full"}, {}, folder);
  EXPECT_EQ(finished.exit_code, 4);
  EXPECT_THAT(finished.err, HasSubstr("standard output cannot be written"));
}

TEST_F(Cli, NothingLoadedYetIsNoError) {
  EXPECT_THAT(qvdhouse({"status"}).out, HasSubstr("Nothing was loaded yet"));
  EXPECT_EQ(json({"status"}).size(), 0U);
  EXPECT_EQ(json({"history"}).size(), 0U);
  EXPECT_EQ(json({"verify"}).size(), 0U);
  const Finished query = qvdhouse({"query", "SELECT 1"});
  EXPECT_EQ(query.exit_code, 2);
  EXPECT_THAT(query.err, HasSubstr("there is no data directory ./qvdhouse-data"));
  EXPECT_FALSE(fs::exists(folder / "qvdhouse-data")) << "asking makes nothing";
}

}  // namespace
}  // namespace qvdhouse::tests
