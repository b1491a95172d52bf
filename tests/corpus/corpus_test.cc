// Every real file of the corpus through the whole load into the real engine: each table must hold
// what EXPECTED.tsv says that independent readers found, as the plan of its columns maps it, and
// the broken files must leave nothing. What ClickHouse answers is compared with what others
// computed; our own reader is asked only for what they do not tell (comparison.h). Skips where the
// corpus or the engine is not at hand.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "base/error.h"
#include "clickhouse/test_engine.h"
#include "source/local.h"
#include "tests/corpus/comparison.h"
#include "tests/corpus/expected.h"
#include "tests/corpus/table_facts.h"

namespace qvdhouse::corpus {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kThreads = 3;

std::unique_ptr<base::ByteSource> open_file(const fs::path& path) {
  return source::open_local(source::list_local(path.string(), {}).at(0));
}

// A table of its own for each file, however alike the names are.
load::Options options_for(std::size_t number) {
  return {
      .policy = {.table_prefix = fmt::format("T{}_", number)}, .streams = 1, .run_id = "corpus"};
}

// A file that was loaded, and what its table holds.
struct LoadedFile {
  std::unique_ptr<base::ByteSource> source;
  load::PreparedFile prepared;
  TableFacts facts;
};

LoadedFile load_and_measure(const std::string& name, std::size_t number,
                            const std::vector<ExpectedField>& fields,
                            const clickhouse::Endpoint& endpoint) {
  const load::Options options = options_for(number);
  LoadedFile file{
      .source = open_file(corpus_folder() / "files" / name), .prepared = {}, .facts = {}};
  load::Progress progress;
  load::Result result;
  load::load_file(*file.source, name, endpoint, options, progress, result);
  file.prepared = load::prepare(*file.source, name, options);
  clickhouse::Connection connection(endpoint);
  file.facts = measure_table(connection, file.prepared.plan, fields);
  return file;
}

// Calls `work` with 0 … count - 1 from several threads; returns what it found, by number.
using Findings = std::map<std::size_t, std::vector<std::string>>;
Findings for_each_number(std::size_t count,
                         const std::function<std::vector<std::string>(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  Findings findings;
  const auto run = [&] {
    for (std::size_t number = next++; number < count; number = next++) {
      std::vector<std::string> found;
      try {
        found = work(number);
      } catch (const std::exception& error) {
        found = {error.what()};
      }
      const std::lock_guard lock(mutex);
      if (!found.empty()) findings[number] = std::move(found);
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < kThreads; ++i) threads.emplace_back(run);
  run();
  threads.clear();
  return findings;
}

class Corpus : public tests::SharedEngine {
 protected:
  void SetUp() override {
    if (!fs::exists(corpus_folder())) GTEST_SKIP() << "no corpus at " << corpus_folder();
    SharedEngine::SetUp();
    if (IsSkipped()) return;
    query(fmt::format("CREATE DATABASE {}", kDatabase));
    expected_ = read_expected();
    for (const auto& [name, fields] : expected_) names_.push_back(name);
  }

  static std::string table_count() {
    return query(fmt::format("SELECT count() FROM system.tables WHERE database = '{}'", kDatabase));
  }

  std::map<std::string, std::vector<ExpectedField>> expected_;
  std::vector<std::string> names_;  // of all files, in order
};

TEST_F(Corpus, EveryTableIsAsExpected) {
  ASSERT_GT(names_.size(), 100U);
  const Findings findings = for_each_number(names_.size(), [&](std::size_t number) {
    const std::vector<ExpectedField>& fields = expected_.at(names_[number]);
    const LoadedFile file = load_and_measure(names_[number], number, fields, endpoint());
    return differences(fields, file.facts, file.prepared, *file.source);
  });
  for (const auto& [number, found] : findings) {
    ADD_FAILURE() << names_[number] << ":\n  " << fmt::format("{}", fmt::join(found, "\n  "));
  }
  EXPECT_EQ(table_count(), std::to_string(names_.size()))
      << "a staging table is left, or a table missing";
}

TEST_F(Corpus, ExpectationsNameEveryFile) {
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(corpus_folder() / "files")) {
    files.insert(entry.path().filename());
  }
  EXPECT_THAT(names_, testing::ElementsAreArray(files));
}

TEST_F(Corpus, TablesHaveTheRowsOfTheirTextSources) {
  const std::vector<Truth> truths = read_truths();
  ASSERT_GT(truths.size(), 30U);
  const Findings findings = for_each_number(truths.size(), [&](std::size_t number) {
    const std::string& name = truths[number].file;
    const LoadedFile file = load_and_measure(name, number, expected_.at(name), endpoint());
    const std::uint64_t wanted = count_csv_rows(truths[number].text_file);
    if (file.facts.row_count == wanted) return std::vector<std::string>{};
    return std::vector{fmt::format("expected {} rows, found {}", wanted, file.facts.row_count)};
  });
  for (const auto& [number, found] : findings) {
    ADD_FAILURE() << truths[number].file << ": " << found.front();
  }
}

// One expectation after the other, each altered by about the least that there is.
std::vector<ExpectedField> alterations(const ExpectedField& field, const schema::ColumnPlan& column,
                                       const ColumnFacts& facts) {
  std::vector<ExpectedField> altered;
  const auto alter = [&]() -> ExpectedField& { return altered.emplace_back(field); };
  ++alter().row_count;
  ++alter().null_count;
  alter().name += '_';
  alter().symbol_count = facts.distinct_count > 0 ? facts.distinct_count - 1 : 1;
  if (is_text(column)) {
    ++alter().text_bytes;
    return altered;
  }
  // In days: what a clock's sum may miss, at half a tick a row.
  const double step = column.type.kind == clickhouse::TypeKind::kDateTime64 ? 1e-6 : 0;
  const auto next = [&](double number) { return std::nextafter(number, INFINITY) + step; };
  --alter().numeric_count;
  alter().numeric_sum = next(field.numeric_sum);
  alter().numeric_min = next(field.numeric_min);
  alter().numeric_max = next(field.numeric_max);
  return altered;
}

// The comparison itself can fail. Among them these files have dual fields in two columns, dropped
// and kept texts, blanks that are NULL, mixed fields, and every type that the corpus comes to.
TEST_F(Corpus, EveryAlteredExpectationIsSeen) {
  const std::string northwind =
      "PacktPublishing__Hands-On-Business-Intelligence-with-Qlik-Sense__Chapter04__";
  const std::string packt = "PacktPublishing__QlikView-Advanced-Data-Visualization__";
  const std::vector<std::string> names = {
      "DraperAndDash__qlikview-scripts__MasterCalendar.qvd",
      "Duva-01__CitasMedicasQlikView__Data__Cita.qvd",
      "matfurrier__ETL-Qlik-ecommerce__E-com-product.qvd",
      northwind + "Employees.qvd",
      northwind + "Orders.qvd",
      packt +
          "Module_03__Chapter_16__1005.Operations_Perspective__2.QVD__2.Transform__"
          "Operational_Process.qvd"};
  for (std::size_t number = 0; number < names.size(); ++number) {
    const std::vector<ExpectedField>& fields = expected_.at(names[number]);
    const LoadedFile file = load_and_measure(names[number], number, fields, endpoint());
    const std::vector<schema::ColumnPlan>& columns = file.prepared.plan.columns;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].outside == schema::Outside::kOnly) continue;
      const std::size_t index = columns[i].field_index;
      const auto altered = alterations(fields[index], columns[i], file.facts.columns[i]);
      for (std::size_t alteration = 0; alteration < altered.size(); ++alteration) {
        std::vector<ExpectedField> wrong = fields;
        wrong[index] = altered[alteration];
        EXPECT_THAT(differences(wrong, file.facts, file.prepared, *file.source),
                    testing::Not(testing::IsEmpty()))
            << names[number] << ", " << columns[i].name << " " << columns[i].type.name()
            << ", alteration " << alteration;
      }
    }
  }
}

TEST_F(Corpus, BrokenFilesSayWhyAndLeaveNothing) {
  const std::map<std::string, std::string> expected_errors = {
      {"MuellerConstantin__PyQvd__tests__data__damaged.567fe357.qvd",
       "byte 30788: expected a NUL byte behind </QvdTableHeader>, found none in 30788 bytes: the "
       "file is cut or was changed as text"},
      {"MuellerConstantin__qvd4js____tests____data__damaged.qvd",
       "byte 90: expected well-formed XML, found: Start-end tags mismatch"},
      {"ptarmiganlabs__ctrl-q-qvd-viewer__test-data__sample.qvd",
       "byte 1112: expected a NUL byte behind </QvdTableHeader>, found none in 1112 bytes: the "
       "file is cut or was changed as text"}};
  std::map<std::string, std::string> errors;
  for (const auto& entry : fs::directory_iterator(corpus_folder() / "broken")) {
    const std::string name = entry.path().filename();
    load::Progress progress;
    load::Result result;
    try {
      load::load_file(*open_file(entry.path()), name, endpoint(), options_for(0), progress, result);
      errors[name] = "loaded";
    } catch (const base::InputError& error) {
      errors[name] = error.what();
    }
  }
  EXPECT_THAT(errors, testing::ContainerEq(expected_errors));
  EXPECT_EQ(table_count(), "0");
}

}  // namespace
}  // namespace qvdhouse::corpus
