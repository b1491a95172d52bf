// Rows as text and Native: that they are those that ClickHouse has after a load, byte for byte, and
// which of them are asked for.
#include "render/rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "clickhouse/test_engine.h"
#include "load/load.h"
#include "qvd/writer.h"
#include "render/files.h"
#include "render/format.h"
#include "render/test_every_type.h"
#include "render/test_made_files.h"

namespace qvdhouse::render {
namespace {

using qvd::Value;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Made : public MadeFiles {
 public:
  std::string written(Format format, const Request& request = {}, bool has_head = true) const {
    Files all(files, request, {});
    Rows rows(all, {.format = format,
                    .has_head = has_head,
                    .threads = 2,
                    .warn = [this](const File&, std::string_view text) {
                      said += std::string(text) + "\n";
                    }});
    std::string text;
    for (auto piece = rows.next(); !piece.empty(); piece = rows.next()) {
      text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    return text;
  }
  std::string csv(const Request& request = {}) const { return written(Format::kCsv, request); }
  // The message of the SchemaError or InputError that csv() throws; empty: it throws none.
  std::string refusal(const Request& request = {}) const {
    try {
      csv(request);
    } catch (const base::SchemaError& error) {
      return error.what();
    } catch (const base::InputError& error) {
      return error.what();
    }
    return {};
  }

  mutable std::string said;  // warnings
};

qvd::TableData sales() {
  qvd::FieldData region{.name = "Region", .values = {}, .codes = {1, 2, 1, 0}};
  region.values = {Value::of("West"), Value::of("East")};
  qvd::FieldData amount{.name = "Amount", .values = {}, .codes = {1, 2, 3, 1}};
  amount.values = {Value::of(1), Value::of(2), Value::of(2.5)};
  qvd::FieldData id{.name = "Sales Id", .values = {}, .codes = {1, 2, 3, 4}};
  for (int i = 1; i <= 4; ++i) id.values.push_back(Value::of(i));
  return {.name = "Sales", .fields = {region, amount, id}, .row_count = 4};
}

Made of_sales() {
  Made made;
  made.add(sales());
  return made;
}

TEST(RowsOfFiles, AreAllOfThem) {
  EXPECT_EQ(of_sales().csv(),
            "\"Region\",\"Amount\",\"Sales Id\"\n"
            "\"West\",1,1\n\"East\",2,2\n\"West\",2.5,3\n\\N,1,4\n");
  EXPECT_EQ(of_sales().written(Format::kJsonEachRow, {.columns = {"Region"}, .limit = 4}),
            "{\"Region\":\"West\"}\n{\"Region\":\"East\"}\n{\"Region\":\"West\"}\n"
            "{\"Region\":null}\n");
  EXPECT_EQ(of_sales().written(Format::kMarkdown, {.columns = {"Region", "Amount"}, .limit = 1}),
            "| Region | Amount |\n|:-|-:|\n| West | 1 |\n");
  EXPECT_EQ(of_sales().written(Format::kTsv, {.columns = {"Amount"}}, false), "1\n2\n2.5\n1\n");
}

TEST(RowsOfFiles, ColumnsComeInTheOrderOfTheRequest) {
  EXPECT_EQ(of_sales().csv({.columns = {"Sales*", "Region"}, .limit = 1}),
            "\"Sales Id\",\"Region\"\n1,\"West\"\n");
  EXPECT_EQ(of_sales().csv({.columns = {"_row", "*"}, .limit = 1}),
            "\"_row\",\"Region\",\"Amount\",\"Sales Id\"\n0,\"West\",1,1\n");
  try {
    of_sales().csv({.columns = {"Regoin"}});
    FAIL() << "a column that is not there was taken";
  } catch (const base::SchemaError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean Region?"));
  }
}

TEST(RowsOfFiles, AFieldIsNamedByItsOwnNameToo) {
  Made made;
  made.add(sales()).options.policy.naming = schema::NamingPolicy::kSnake;
  EXPECT_EQ(made.csv({.columns = {"Sales Id"}, .limit = 1}), "\"sales_id\"\n1\n");
  EXPECT_EQ(made.csv({.columns = {"sales_id"}, .limit = 1}), "\"sales_id\"\n1\n");
}

TEST(RowsOfFiles, WhereAndLimitHoldTogether) {
  EXPECT_EQ(of_sales().csv({.columns = {"Sales Id"}, .where = "Region = 'West'"}),
            "\"Sales Id\"\n1\n3\n");
  EXPECT_EQ(of_sales().csv({.columns = {"_row", "Sales Id"}, .where = "Amount >= 2", .limit = 1}),
            "\"_row\",\"Sales Id\"\n1,2\n");
  EXPECT_EQ(of_sales().csv({.columns = {"Amount"}, .where = {}, .limit = 0}), "\"Amount\"\n");
  Made filtered;
  filtered.add(sales()).target.rules.row_filter = "Amount = 1";
  EXPECT_EQ(filtered.csv({.columns = {"Sales Id"}, .where = "Region = 'West'", .limit = {}}),
            "\"Sales Id\"\n1\n");
}

TEST(RowsOfFiles, AConditionCannotTellWhatTheSettingsHide) {
  Made made;
  File& file = made.add(sales());
  file.options.policy.protections["Region"] = {.kind = schema::Protection::Kind::kMask};
  file.options.policy.exclude = {"Amount"};
  EXPECT_THAT(made.csv({.columns = {"Region"}}), ::testing::Not(HasSubstr("West")));
  for (const char* where : {"Region = 'West'", "Amount = 1"}) {
    EXPECT_THROW(made.csv({.columns = {}, .where = where}), base::SchemaError) << where;
  }
}

TEST(RowsOfFiles, RowsThatRulesLeaveOutAreNotThere) {
  Made made;
  made.add(sales()).target.rules.column_rules = {
      {.columns = "Amount", .max = "2", .action = schema::RuleAction::kQuarantine}};
  EXPECT_EQ(made.csv({.columns = {"Sales Id"}}), "\"Sales Id\"\n1\n2\n4\n");
}

TEST(RowsOfFiles, WhatALoadWouldRefuseIsRefused) {
  Made made;
  schema::TableRules& rules = made.add(sales()).target.rules;
  rules.column_rules = {{.columns = "Amount", .max = "2", .action = schema::RuleAction::kError}};
  EXPECT_THAT(made.refusal({.columns = {"Region"}}),
              AllOf(HasSubstr("1 row breaks the rule \"Amount\" max = 2"),
                    HasSubstr("a load would take nothing of the file")));
  // What is not read is not judged.
  EXPECT_EQ(made.refusal({.limit = 2}), "");
  EXPECT_THAT(made.refusal({.limit = 3}), HasSubstr("row 3 with '2.5'"));
  rules.column_rules[0].action = schema::RuleAction::kQuarantine;
  rules.max_errors = 0;
  EXPECT_THAT(made.refusal(), HasSubstr("more than max_errors = 0 allows"));
  rules.max_errors = 1;
  EXPECT_EQ(made.refusal(), "");
  EXPECT_THAT(made.said, HasSubstr("left out, as a load would quarantine them"));
}

TEST(RowsOfFiles, ConditionsOfARequestJudgeTheRowsThatRulesLeave) {
  Made made;
  schema::TableRules& rules = made.add(sales()).target.rules;
  rules.column_rules = {
      {.columns = "Region", .unique = true, .action = schema::RuleAction::kQuarantine}};
  EXPECT_EQ(made.csv({.columns = {"_row", "Region"}}), "\"_row\",\"Region\"\n1,\"East\"\n3,\\N\n");
  // Each condition alone would leave one "West", which is still there twice.
  EXPECT_EQ(made.csv({.columns = {"_row"}, .where = "Amount = 1"}), "\"_row\"\n3\n");
  EXPECT_EQ(made.csv({.columns = {"_row"}, .where = "Amount = 2.5"}), "\"_row\"\n");
  rules.max_error_ratio = 0.6;
  EXPECT_EQ(made.refusal({.columns = {}, .where = "Amount = 2"}), "");
}

TEST(RowsOfFiles, TheFilterOfATableIsNotForItsFilesOfKeys) {
  Made made;
  schema::TableRules& rules = made.add(sales()).target.rules;
  rules.row_filter = "Gone = 1";
  EXPECT_THAT(made.refusal(), HasSubstr("Gone"));
  rules.is_deletes = true;
  EXPECT_EQ(made.csv({.columns = {"Amount"}, .where = {}, .limit = 1}), "\"Amount\"\n1\n");
}

TEST(RowsOfFiles, RowsNeverWrittenAreToldOrRefused) {
  qvd::FieldData id{.name = "Id"};
  for (std::uint32_t i = 0; i < 4'000; ++i) {
    id.values.push_back(Value::of(static_cast<int>(i)));
    id.codes.push_back(i + 1);
  }
  std::vector<std::byte> bytes = qvd::write_qvd({.name = "T", .fields = {id}, .row_count = 4'000});
  std::fill(bytes.end() - 1'000, bytes.end(), std::byte{0});
  Made made;
  load::Options& options = made.add(bytes).options;
  EXPECT_EQ(made.refusal(), "");
  EXPECT_THAT(made.said, HasSubstr("are zero bytes"));
  options.zero_tail = load::ZeroTail::kError;
  EXPECT_THAT(made.refusal(), HasSubstr("zero_tail"));
}

TEST(RowsOfFiles, SymbolTablesBeyondTheLimitAreNotRead) {
  std::vector<std::byte> bytes = qvd::write_qvd(sales());
  const qvd::TableHeader header = qvd::read_header(base::MemorySource(bytes));
  const std::uint64_t region = header.fields[0].length;
  const std::uint64_t amount = header.fields[1].length;
  bytes[header.body_offset + header.fields[0].offset] = std::byte{99};  // who reads it notices
  Made made;
  made.add(bytes);
  EXPECT_EQ(
      made.refusal({.columns = {"Amount"}, .where = {}, .limit = {}, .most_symbol_bytes = amount}),
      "");
  EXPECT_THROW(
      made.csv({.columns = {"Amount"}, .where = {}, .limit = {}, .most_symbol_bytes = amount - 1}),
      TooLarge);
  EXPECT_THROW(made.csv({.columns = {"Amount"},
                         .where = "Region = 'West'",
                         .limit = {},
                         .most_symbol_bytes = amount + region - 1}),
               TooLarge);
}

TEST(RowsOfFiles, OneOfSeveralFieldsOfOneNameIsAskedForByItsColumn) {
  qvd::TableData table = sales();
  table.fields[1].name = table.fields[0].name;
  Made made;
  made.add(table);
  EXPECT_EQ(made.csv({.columns = {"Region_2"}, .where = {}, .limit = 1}), "\"Region_2\"\n1\n");
  EXPECT_EQ(made.csv({.columns = {"Region"}, .where = {}, .limit = 1}), "\"Region\"\n\"West\"\n");
}

TEST(RowsOfFiles, AProtectionOfAColumnThatIsNotAskedForIsNotIdle) {
  Made made;
  schema::Policy& policy = made.add(sales()).options.policy;
  policy.naming = schema::NamingPolicy::kSnake;
  policy.protections_of_table["sales_id"] = {.kind = schema::Protection::Kind::kMask};
  EXPECT_EQ(made.csv({.columns = {"region"}, .where = {}, .limit = 1}), "\"region\"\n\"West\"\n");
  EXPECT_EQ(made.said, "");
}

TEST(RowsOfFiles, ColumnsOfTheTablesAreThoseOfAllFiles) {
  Made made = of_sales();
  File& other = made.add(sales(), "Other.qvd");
  made.files[0].target.file_key = "T.qvd";
  other.target.file_key = "Other.qvd";
  other.target.rules.with_row = true;
  other.target.mode = schema::LoadMode::kReplaceByFile;
  const std::string rows = made.csv({.columns = {"Amount", "_*"}});
  EXPECT_THAT(rows, AllOf(HasSubstr("\"Amount\",\"_file\",\"_row\"\n1,\"T.qvd\",0\n"),
                          HasSubstr("\n1,\"Other.qvd\",0\n")));
  EXPECT_THAT(made.csv(),
              ::testing::StartsWith("\"Region\",\"Amount\",\"Sales Id\",\"_file\",\"_row\"\n"));
}

TEST(RowsOfFiles, AColumnThatNoFileWithRowsHasIsNone) {
  Made made = of_sales();
  made.add({.name = "None", .fields = {{.name = "Other"}}, .row_count = 0}, "None.qvd");
  EXPECT_THAT(made.refusal({.columns = {"Other"}}), HasSubstr("that have rows"));
  made.files.erase(made.files.begin());
  EXPECT_EQ(made.csv({.columns = {"Other"}}), "\"Other\"\n");
}

TEST(RowsOfFiles, SeveralFilesAreJoinedByName) {
  qvd::FieldData amount{
      .name = "Amount", .values = {Value::of("n/a"), Value::of(7)}, .codes = {1, 2}};
  qvd::FieldData note{.name = "Note", .values = {Value::of("new")}, .codes = {1, 1}};
  Made made = of_sales();
  made.add({.name = "More", .fields = {note, amount}, .row_count = 2}, "More.qvd");
  made.add({.name = "None", .fields = {{.name = "Other"}}, .row_count = 0}, "None.qvd");
  EXPECT_EQ(made.csv({.columns = {"Note", "Amount"}}),
            "\"Note\",\"Amount\"\n\\N,\"1\"\n\\N,\"2\"\n\\N,\"2.5\"\n\\N,\"1\"\n"
            "\"new\",\"n/a\"\n\"new\",\"7\"\n");
  EXPECT_EQ(made.csv({.columns = {"Note"}, .limit = 5}), "\"Note\"\n\\N\n\\N\n\\N\n\\N\n\"new\"\n");
}

TEST(RowsOfFiles, OnlyWhatIsAskedForIsRead) {
  // Symbols of the other field are damaged: who reads them notices.
  std::vector<std::byte> bytes = qvd::write_qvd(sales());
  const base::MemorySource source(bytes);
  const qvd::TableHeader header = qvd::read_header(source);
  bytes[header.body_offset + header.fields[0].offset] = std::byte{99};
  Made made;
  made.add(bytes);
  EXPECT_THROW(made.csv({}), base::InputError);
  EXPECT_EQ(made.csv({.columns = {"Amount"}, .limit = 1}), "\"Amount\"\n1\n");
}

TEST(RowsOfFiles, ADamagedFileIsNamedAmongOthers) {
  std::vector<std::byte> bytes = qvd::write_qvd(sales());
  bytes.back() = std::byte{0xFF};
  Made made = of_sales();
  made.add(bytes, "Damaged.qvd");
  try {
    made.csv();
    FAIL() << "a damaged row was taken";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith("Damaged.qvd: "));
  }
}

TEST(RowsOfFiles, ARemoteFileIsReadAheadAndHasTheSameRows) {
  qvd::FieldData field{.name = "a"};
  for (int i = 0; i < 3; ++i) field.values.push_back(Value::of(i));
  for (std::uint32_t row = 0; row < 2'500'000; ++row) field.codes.push_back(row * 7 / 5 % 3 + 1);
  const std::uint64_t rows = field.codes.size();
  Made made;
  made.add({.name = "T", .fields = {field}, .row_count = rows});
  const std::vector<Request> requests = {
      {}, {.columns = {}, .where = "a = 1"}, {.columns = {}, .where = "a > 0", .limit = 900'000}};
  std::vector<std::string> local;
  for (const Request& request : requests) local.push_back(made.csv(request));
  EXPECT_EQ(local[0].size(), 4 + 2 * rows);
  made.make_remote();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_TRUE(made.csv(requests[i]) == local[i]) << i;
  }
}

TEST(RowsOfFiles, LongTextsAreWrittenInPieces) {
  qvd::FieldData text{.name = "Text", .values = {Value::of(std::string(3'000'000, 'x'))}};
  text.codes.assign(50, 1);
  Made made;
  made.add({.name = "T", .fields = {text}, .row_count = 50});
  EXPECT_EQ(made.csv().size(), 7 + 50 * 3'000'003u);
}

TEST(Formats, HaveTheNamesOfClickHouseAndOthers) {
  EXPECT_EQ(find_format("csvWithNames"), Format::kCsv);
  EXPECT_EQ(find_format("TabSeparated"), Format::kTsv);
  EXPECT_EQ(find_format("ndjson"), Format::kJsonEachRow);
  EXPECT_EQ(find_format("xlsx"), std::nullopt);
  EXPECT_EQ(format_of_file("a/B.PARQUET"), Format::kParquet);
  EXPECT_EQ(format_of_file("a.csv.gz"), std::nullopt);
  for (const FormatInfo& format : formats()) {
    EXPECT_EQ(find_format(format.name), format.format) << format.name;
    EXPECT_EQ(&info(format.format), &format) << format.name;
  }
}

// Against the tables that loads make.
class RenderedRows : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (!IsSkipped()) query(fmt::format("CREATE DATABASE {}", kDatabase));
  }
  // Loads the file and returns its rows in the order of the file.
  static std::string loaded(const File& file, const std::string& format) {
    load::Progress progress;
    load::Result result;
    load::load_file(*file.open(), file.name, endpoint(), file.options, file.target, progress,
                    result);
    return clickhouse::Connection(endpoint())
        .query(fmt::format("SELECT * FROM {} ORDER BY _row FORMAT {}", result.table, format));
  }
  static File& add_every_type(Made& made) {
    const EveryType every;
    File& file = made.add(every.table);
    file.options.policy.overrides = every.types;
    file.options.invalid_utf8 = every.invalid_utf8;
    file.options.run_id = "r1";
    file.target.rules.with_row = true;
    return file;
  }
  static std::string by_engine(const std::string& native, const std::string& sql) {
    const std::filesystem::path path = folder() / "rows.native";
    std::ofstream(path, std::ios::binary) << native;
    return query(fmt::format(fmt::runtime(sql), "file('" + path.string() + "', 'Native')"));
  }
};

TEST_F(RenderedRows, TextIsWhatClickHouseWrites) {
  Made made;
  const File file = add_every_type(made);
  const std::pair<Format, std::string> formats[] = {{Format::kCsv, "CSVWithNames"},
                                                    {Format::kTsv, "TSVWithNames"},
                                                    {Format::kJsonEachRow, "JSONEachRow"}};
  for (const auto& [format, name] : formats) {
    const std::string wanted = loaded(file, name);
    EXPECT_THAT(wanted, HasSubstr("hundred")) << name;
    EXPECT_EQ(made.written(format), wanted) << name;
  }
}

TEST_F(RenderedRows, NativeIsTheTable) {
  Made made;
  const File file = add_every_type(made);
  const std::string wanted = loaded(file, "TSVWithNamesAndTypes");
  EXPECT_EQ(by_engine(made.written(Format::kNative),
                      "SELECT * FROM {} ORDER BY _row FORMAT TSVWithNamesAndTypes") +
                "\n",
            wanted);
}

TEST_F(RenderedRows, ANativeAnswerWithoutRowsHasItsColumns) {
  const std::string native =
      of_sales().written(Format::kNative, {.columns = {"Region", "Amount"}, .limit = 0});
  EXPECT_EQ(by_engine(native, "SELECT count() FROM {}"), "0");
  EXPECT_THAT(by_engine(native, "DESCRIBE TABLE {} FORMAT TSV"),
              AllOf(HasSubstr("Region\t"), HasSubstr("\nAmount\t")));
}

}  // namespace
}  // namespace qvdhouse::render
