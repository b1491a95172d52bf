#include "load/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "load/checksum.h"
#include "load/doubtful_rows.h"
#include "load/grown_file.h"
#include "load/layout.h"
#include "load/made_types.h"
#include "load/quarantine.h"
#include "load/rescued_rows.h"
#include "load/row_rules.h"
#include "load/staging.h"
#include "load/stream.h"
#include "load/superseded_rows.h"
#include "load/table_checksum.h"

namespace qvdhouse::load {
namespace {

using Clock = std::chrono::steady_clock;

// Times one step of a load and tells the progress display of it.
template <class Body>
void run_step(const char* name, Progress& progress, Result& result, const Body& body) {
  progress.step = name;
  const auto start = Clock::now();
  const auto note = [&] {
    result.steps.push_back(
        {name, std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start)});
  };
  try {
    body();
  } catch (...) {
    note();
    throw;
  }
  note();
}

// The facts of a file that the history keeps.
void describe(const PreparedFile& file, Result& result) {
  result.table = file.plan.table;
  result.column_count = file.plan.columns.size();
  result.warnings = file.header.warnings;
  for (const std::string& alert : file.alerts) result.add_alert(alert);
  result.qvd_created_at = file.header.created_at;
  result.lineage = file.header.lineage;
  for (const schema::ColumnPlan& column : file.plan.columns) {
    result.columns.emplace_back(column.name, column.type.name());
  }
}

// The table must have exactly the columns that will be sent.
void check_columns(const std::string& table, const std::vector<clickhouse::ColumnDefinition>& found,
                   std::span<const ColumnValues> columns) {
  if (found.size() != columns.size()) {
    throw base::VerifyError(fmt::format("table {}: expected {} columns, found {}", table,
                                        columns.size(), found.size()));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string type = columns[i].dictionary.type().name();
    if (found[i].name != columns[i].name || found[i].type != type) {
      throw base::VerifyError(
          fmt::format("table {}, column {}: expected \"{}\" {}, found \"{}\" {}", table, i + 1,
                      columns[i].name, type, found[i].name, found[i].type));
    }
  }
}

// Puts the columns into the order that the table has them in; new ones stay at the end.
void order_like(const Layout& table, schema::TablePlan& plan) {
  std::unordered_map<std::string_view, std::size_t> positions;
  for (const clickhouse::ColumnDefinition& column : table.columns) {
    positions.emplace(column.name, positions.size());
  }
  const auto position = [&](const schema::ColumnPlan& column) {
    const auto found = positions.find(column.name);
    return found == positions.end() ? positions.size() : found->second;
  };
  std::ranges::stable_sort(plan.columns, {}, position);
}

// {table} and {file} are the quoted table and the file's key as a literal.
void run_sql(clickhouse::Connection& connection, const std::vector<std::string>& statements,
             const Target& target, const std::string& table) {
  const std::vector<std::pair<std::string_view, std::string>> values = {
      {"{table}", quoted(connection, table)},
      {"{file}", clickhouse::quote_literal(target.file_key)}};
  for (const std::string& statement : statements) {
    std::string sql;
    for (std::string_view rest = statement; !rest.empty();) {
      const auto found = std::ranges::find_if(
          values, [&](const auto& value) { return rest.starts_with(value.first); });
      if (found == values.end()) {
        sql += rest.front();
        rest.remove_prefix(1);
      } else {
        sql += found->second;
        rest.remove_prefix(found->first.size());
      }
    }
    connection.query(sql);
  }
}

// Streams the rows, then sees that the file is still the one that was read.
Sent send_rows(const base::ByteSource& source, const qvd::TableHeader& header,
               const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
               const Staging& staging, const clickhouse::Endpoint& endpoint, const Options& options,
               const Target& target, Progress& progress, const std::stop_token& stop,
               Sifting* sifting) {
  constexpr int kTooManyParts = 252;
  try {
    Sent sent = insert_rows(source, header, decoder, columns, endpoint, staging.name(), options,
                            progress, stop, sifting);
    source.check_unchanged();
    return sent;
  } catch (const base::ServerError& error) {
    const bool of_a_block = std::string_view(error.what()).find("partitions for single INSERT") !=
                            std::string_view::npos;
    if (error.code() != kTooManyParts || !of_a_block || !target.is_set()) throw;
    refuse_partition_by(target.rules.partition_by, fmt::format("more than {}", kMostPartitions));
  }
}

// What of the table's rows, those of `where` (SQL; empty: all), is not as in the file; empty when
// all is.
std::vector<std::string> differing(clickhouse::Connection& connection, std::string_view table,
                                   std::string_view where, const RowSums& expected,
                                   const base::ByteSource& source, const PreparedFile& file,
                                   const qvd::RowDecoder& decoder,
                                   std::span<const ColumnValues> columns, unsigned threads,
                                   const std::stop_token& stop, Sifting* sifting) {
  const RowSums found = sum_table(connection, table, columns, threads, where);
  if (found == expected) return {};
  try {
    const auto of_file =
        sum_file_columns(source, file.header, decoder, columns, connection.endpoint().dialect.hash,
                         threads, stop, sifting);
    const auto of_table = sum_table_columns(connection, table, columns, threads, where);
    return differences(columns, expected, found, of_file, of_table);
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error& error) {
    return {fmt::format(
        "{} rows in the file, {} in the table, the sum of their hashes is {:016x} "
        "and {:016x}; which columns differ could not be found: {}",
        expected.row_count, found.row_count, expected.hash_sum, found.hash_sum, error.what())};
  }
}

void refuse_differences(const std::vector<std::string>& found) {
  if (found.empty()) return;
  throw base::VerifyError(
      fmt::format("the staging table is not what is in the file: {}", fmt::join(found, "; ")));
}

void check_partitions(clickhouse::Connection& connection, const Staging& staging,
                      const Layout& live, const Target& target) {
  if (!target.is_set() || live.is_by_file_only(target.mode == schema::LoadMode::kAppend)) return;
  const std::size_t partitions = partition_ids(connection, staging.table()).size();
  if (partitions > 1) refuse_partition_by(target.rules.partition_by, std::to_string(partitions));
}

// Throws SchemaError where several staged rows have one key.
void check_keys(clickhouse::Connection& connection, const std::string& staging,
                const std::vector<std::string>& key) {
  std::vector<std::string> names;
  for (const std::string& name : key) names.push_back(clickhouse::quote_identifier(name));
  const std::string grouped = fmt::format("FROM {} GROUP BY {}", staging, fmt::join(names, ", "));
  const clickhouse::Settings settings = {{"optimize_aggregation_in_order", "1"}};
  const std::string count = clickhouse::query_lines(
      connection, fmt::format("SELECT count() FROM (SELECT 1 {} HAVING count() > 1)", grouped),
      settings)[0];
  if (count == "0") return;
  const std::string example = clickhouse::query_lines(
      connection,
      fmt::format("SELECT concat(toString(tuple({})), ' has ', toString(count()), ' rows') {} "
                  "ORDER BY count() DESC, {} LIMIT 1",
                  fmt::join(names, ", "), grouped, fmt::join(names, ", ")),
      settings)[0];
  throw base::SchemaError(fmt::format(
      "{} of the key ({}) have several rows in this file ({}), so that none of them is the newest; "
      "choose a key that tells rows apart, or set duplicate_keys = \"last\": the last of them "
      "counts",
      count == "1" ? "1 value" : count + " values", fmt::join(key, ", "), example));
}
bool takes_last_rows(const Target& target) {
  return target.mode == schema::LoadMode::kUpsert &&
         target.rules.duplicate_keys == schema::DuplicateKeys::kLast;
}

// Leaves only the last of several rows with one key, where the table wants that.
void leave_out_superseded(const base::ByteSource& source, const PreparedFile& file,
                          const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                          const Target& target, RowRules& rules, const std::stop_token& stop) {
  if (!takes_last_rows(target)) return;
  rules.leave_out(
      superseded_rows(source, file.header, decoder, columns, file.plan.order_by, rules, stop));
}

// The rules of a table in the load of one file: what they say of its values, then of its rows, and
// where the rows go that break them.
class RuledLoad {
 public:
  RuledLoad(const Target& target, Result& result) : target_(target), result_(result) {}

  // Before the symbols of `file` are given back; keeps them as long as they are asked for.
  void judge(const base::ByteSource& source, PreparedFile& file, const qvd::RowDecoder& decoder,
             std::span<const ColumnValues> columns, unsigned threads, const std::stop_token& stop) {
    rules_ = RowRules(file, columns, target_.rules, threads, stop);
    for (const std::string& idle : rules_.idle()) result_.add_alert(idle);
    if (rules_.has_unique()) rules_.find_repeated(source, file.header, decoder, threads, stop);
    leave_out_superseded(source, file, decoder, columns, target_, rules_, stop);
    if (rules_.are_kept()) file.symbols.clear();
  }

  // For a pass over the rows that proves them; null: all stay.
  Sifting* to_check() {
    if (rules_.are_kept()) return nullptr;
    sifting_.emplace(Sifting{.rules = rules_, .proves_indexes = true});
    return &*sifting_;
  }
  // For another pass over the rows that were sent; null: all stay.
  Sifting* to_explain() {
    if (rules_.are_kept()) return nullptr;
    again_.emplace(Sifting{.rules = rules_});
    return &*again_;
  }
  // For the pass that sends them; also one that proves them, where none has before. What the
  // quarantine table takes is done beside it, and beside the verification of the table's rows.
  Sifting* to_send(const clickhouse::Endpoint& endpoint, const PreparedFile& file,
                   const qvd::RowDecoder& decoder, const std::string& run_id,
                   std::stop_token stop) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    if (target_.has_quarantine || !target_.rules.column_rules.empty()) {
      quarantine_ = std::make_unique<Quarantine>(
          endpoint, quarantine_of(target_, file.plan.table), run_id,
          std::chrono::duration_cast<std::chrono::microseconds>(now).count());
    }
    if (rules_.are_kept()) return nullptr;
    const bool is_checked = sifting_.has_value();
    if (is_checked ? sifting_->counts.quarantined > 0 : rules_.may_quarantine()) {
      connection_.emplace(endpoint, std::move(stop));
      const std::shared_future<void> created = std::async(
          std::launch::async,
          [this, &table = file.plan.table] { quarantine_->create(*connection_, table); });
      writer_ = quarantine_->writer(*connection_, created, file, rules_, decoder);
    }
    sifting_.emplace(
        Sifting{.rules = rules_, .sink = writer_.get(), .proves_indexes = !is_checked});
    return &*sifting_;
  }

  // After each of these passes.
  void take_counts(const PreparedFile& file) {
    if (!sifting_) return;
    check_counts(rules_, sifting_->counts, file, target_.rules);
  }
  // After the second.
  void sent(const PreparedFile& file) {
    if (!sifting_) return;
    const RowCounts& counts = sifting_->counts;
    take_counts(file);
    result_.rows_quarantined = counts.quarantined;
    result_.rows_dropped = counts.dropped;
    result_.rows_filtered = counts.filtered;
    result_.rows_warned = counts.warned;
    const std::string table = quarantine_of(target_, file.plan.table).table;
    for (const std::string& text : texts_of(rules_, counts, file, {.quarantined = "in " + table})) {
      result_.add_alert(text);
    }
    if (!writer_) return;
    verified_ = std::async(std::launch::async,
                           [this] { quarantine_->verify(*connection_, writer_->finish()); });
  }
  // Throws what went wrong with the rows in the quarantine table.
  void verify() {
    if (verified_.valid()) verified_.get();
  }
  std::uint64_t left_out() const { return sifting_ ? sifting_->counts.not_loaded() : 0; }
  std::unique_ptr<Quarantine> take_quarantine() { return std::move(quarantine_); }

 private:
  const Target& target_;
  Result& result_;
  RowRules rules_;
  std::optional<Sifting> sifting_;
  std::optional<Sifting> again_;
  std::optional<clickhouse::Connection> connection_;  // of what is done beside the load
  std::unique_ptr<Quarantine> quarantine_;
  std::unique_ptr<QuarantineWriter> writer_;  // waits for the table's creation when it goes
  std::future<void> verified_;
};

// The columns' values; the symbols stay where rules look at them.
std::vector<ColumnValues> values_of(const base::ByteSource& source, PreparedFile& file,
                                    const Options& options, const Target& target,
                                    const std::stop_token& stop) {
  const bool has_rules = !target.rules.column_rules.empty();
  std::vector<ColumnValues> columns =
      cast_columns(file, options.streams, stop, has_rules || !file.rescued.empty());
  add_rescued(source, file, columns, stop);
  if (!has_rules) file.symbols.clear();
  return columns;
}

// The set that the file's rows become part of; not exists(): the table is made of the file, or
// remade. Throws SchemaError for another's table.
Layout live_layout(clickhouse::Connection& connection, const std::string& table,
                   const Target& target) {
  const bool is_asked_for = target.is_set() && !target.is_remade;
  if (is_asked_for && target.layout != nullptr) return target.layout->get(connection, table);
  const bool is_there = target.may_exist && is_our_table(connection, table);
  return is_there && is_asked_for ? read_layout(connection, table) : Layout();
}

// `live`: of the set that its partitions are to become those of, where it exists.
void create_staging(clickhouse::Connection& connection, const std::string& table,
                    const Layout& live, const clickhouse::TableDefinition& definition,
                    std::span<const ColumnValues> columns, MadeTypes* made_types,
                    Staging& staging) {
  if (live.exists()) {
    check_columns(table, live.columns, columns);
    staging.create_like(connection, table, live, columns);
    return;
  }
  staging.create(connection, definition, columns);
  if (made_types != nullptr && made_types->has_all(columns)) return;
  check_columns(
      staging.table(),
      clickhouse::describe_table(connection, connection.endpoint().database, staging.table()),
      columns);
  if (made_types != nullptr) made_types->add(columns);
}

// What is verified, ready for its commit.
std::unique_ptr<StagedFile> as_staged(std::unique_ptr<Staging> staging, PreparedFile& file,
                                      const clickhouse::Endpoint& endpoint, const Options& options,
                                      const Target& target,
                                      const clickhouse::TableDefinition& definition,
                                      RuledLoad& ruled) {
  StagedRows rows{.staging = staging->table(),
                  .file_key = target.file_key,
                  .version = target.version,
                  .keeps_versions = target.mode == schema::LoadMode::kAppend,
                  .row_count = file.header.record_count - ruled.left_out()};
  std::string aside =
      aside_table(endpoint.database, file.plan.table, options.run_id, target.number);
  return std::make_unique<StagedFile>(std::move(staging), std::move(aside), std::move(rows),
                                      definition, file.header.record_count - ruled.left_out(),
                                      std::move(file.column_changes), ruled.take_quarantine());
}

}  // namespace

double Result::seconds() const {
  double sum = 0;
  for (const Step& step : steps) sum += step.seconds();
  return sum;
}

void Result::add_alert(const std::string& alert) {
  warnings.push_back(alert);
  alerts.push_back(alert);
}

void Result::add_changes(const std::vector<schema::ColumnChange>& changes) {
  for (const schema::ColumnChange& change : changes) add_alert(schema::said_of(change));
  column_changes.insert(column_changes.end(), changes.begin(), changes.end());
}

StagedFile::StagedFile(std::unique_ptr<Staging> staging, std::string aside, StagedRows rows,
                       clickhouse::TableDefinition definition, std::uint64_t row_count,
                       std::vector<schema::ColumnChange> column_changes,
                       std::unique_ptr<Quarantine> quarantine)
    : staging_(std::move(staging)),
      aside_(std::move(aside)),
      rows_(std::move(rows)),
      definition_(std::move(definition)),
      row_count_(row_count),
      column_changes_(std::move(column_changes)),
      quarantine_(std::move(quarantine)) {}

StagedFile::~StagedFile() = default;

void StagedFile::was_renamed() { staging_->was_renamed(); }

namespace {

// A load from its plan to the commit: what its steps work on.
struct Work {
  const base::ByteSource& source;
  const clickhouse::Endpoint& endpoint;
  const Options& options;
  const Target& target;
  clickhouse::Connection& connection;
  Progress& progress;
  Result& result;
  const std::stop_token& stop;
  RuledLoad ruled;
  PreparedFile file{};
  std::vector<ColumnValues> columns{};
  Layout live{};  // of a set that exists
  std::optional<qvd::RowDecoder> decoder{};
  clickhouse::TableDefinition definition{};
  RowSums expected{};
  std::optional<RowRange> added{};  // of a file that has grown: the rows that are sent
};

// Reads header and symbol tables, decides the columns, casts every distinct value.
void plan(Work& work, const std::string& file_name) {
  PreparedFile& file = work.file;
  run_step("plan", work.progress, work.result, [&] {
    file = prepare(work.source, file_name, work.options, work.target, work.stop);
    work.live = live_layout(work.connection, file.plan.table, work.target);
    if (work.live.exists()) order_like(work.live, file.plan);
    work.columns = values_of(work.source, file, work.options, work.target, work.stop);
    run_sql(work.connection, work.target.rules.pre_sql, work.target, file.plan.table);
  });
  describe(file, work.result);
  const std::string doubt =
      check_written(work.source, file.header, work.options.zero_tail, "loaded", work.stop);
  if (!doubt.empty()) work.result.add_alert(doubt);
  work.progress.rows_total = file.header.record_count;
  work.decoder.emplace(file.header);
  work.definition = schema::table_definition(file.plan, file.header, work.endpoint.database,
                                             work.target.rules, work.target.mode);
  if (!work.target.rules.column_rules.empty() || !file.filtered.empty() ||
      takes_last_rows(work.target)) {
    run_step("rules", work.progress, work.result, [&] {
      work.ruled.judge(work.source, file, *work.decoder, work.columns, work.options.streams,
                       work.stop);
    });
  }
}

// Reads all rows once: every index is in range, and this is what the table must hold. What comes
// over a network is checked as it is sent, since reading it twice would cost twice.
void check(Work& work) {
  if (work.source.is_remote()) return;
  const clickhouse::Dialect& dialect = work.endpoint.dialect;
  run_step("check", work.progress, work.result, [&] {
    Sifting* const sifting = work.ruled.to_check();
    if (sifting == nullptr && may_have_grown(work.target, work.file, work.options, dialect)) {
      const GrownFile grown =
          sum_grown_file(work.source, work.file.header, *work.decoder, work.columns, dialect.hash,
                         work.options.streams, work.stop, *work.target.held);
      work.expected = grown.sums;
      work.added = grown.added;
      return;
    }
    work.expected = sum_file(work.source, work.file.header, *work.decoder, work.columns,
                             dialect.hash, work.options.streams, work.stop, sifting);
    work.ruled.take_counts(work.file);
  });
}

// With the rows of the last load of a file that has grown, unless the server does not link them.
std::unique_ptr<Staging> create_staging(Work& work) {
  const std::string& table = work.file.plan.table;
  std::unique_ptr<Staging> staging;
  const auto create = [&] {
    staging.reset();  // drops the one before, which has the same name
    staging = std::make_unique<Staging>(
        work.endpoint,
        staging_table(work.endpoint.database, table, work.options.run_id, work.target.number),
        !work.added && work.file.header.record_count > kSmallTableRows);
    create_staging(work.connection, table, work.live, work.definition, work.columns,
                   work.options.made_types, *staging);
  };
  run_step("create", work.progress, work.result, [&] {
    create();
    if (!work.added || link_rows(work.connection, table, staging->table())) return;
    work.added.reset();
    create();
  });
  return staging;
}

// Streams the rows.
void insert(Work& work, const Staging& staging) {
  run_step("insert", work.progress, work.result, [&] {
    const qvd::TableHeader& all = work.file.header;
    const RowRange rows = work.added.value_or(RowRange{.first = 0, .count = all.record_count});
    work.progress.rows_total = rows.count;
    work.result.rows_kept = all.record_count - rows.count;
    const Sent sent =
        send_rows(work.source, header_of(all, rows), *work.decoder, work.columns, staging,
                  work.endpoint, work.options, work.target, work.progress, work.stop,
                  work.ruled.to_send(work.endpoint, work.file, *work.decoder, work.options.run_id,
                                     work.stop));
    work.result.bytes_sent += sent.bytes;
    if (sent.sums) work.expected = *sent.sums;
    work.ruled.sent(work.file);
  });
}

// Compares what is in staging with what is in the file. False: the rows that were linked are not
// those of the last load.
bool verify(Work& work, Staging& staging) {
  bool is_exact = true;
  run_step("verify", work.progress, work.result, [&] {
    if (work.added) {
      is_exact = sum_table(work.connection, staging.name(), work.columns, work.options.streams) ==
                 work.expected;
      if (!is_exact) return;
    } else {
      refuse_differences(differing(work.connection, staging.name(), {}, work.expected, work.source,
                                   work.file, *work.decoder, work.columns, work.options.streams,
                                   work.stop, work.ruled.to_explain()));
    }
    check_partitions(work.connection, staging, work.live, work.target);
    if (work.target.mode == schema::LoadMode::kUpsert) {
      check_keys(work.connection, staging.name(), work.file.plan.order_by);
    }
    work.ruled.verify();
    staging.settle(work.connection);
  });
  return is_exact;
}

}  // namespace

std::unique_ptr<StagedFile> stage_file(const base::ByteSource& source, const std::string& file_name,
                                       const clickhouse::Endpoint& endpoint, const Options& options,
                                       const Target& target, Progress& progress, Result& result,
                                       std::stop_token stop) {
  result = {};
  clickhouse::Connection connection(endpoint, stop);
  Work work{.source = source,
            .endpoint = endpoint,
            .options = options,
            .target = target,
            .connection = connection,
            .progress = progress,
            .result = result,
            .stop = stop,
            .ruled = RuledLoad(target, result)};
  plan(work, file_name);
  check(work);
  std::unique_ptr<Staging> staging = create_staging(work);
  insert(work, *staging);
  if (!verify(work, *staging)) {
    // Somebody changed the rows in the table: all are sent, as if nothing was known of them.
    work.added.reset();
    staging.reset();
    progress.rows_sent = 0;
    staging = create_staging(work);
    insert(work, *staging);
    verify(work, *staging);
  }
  result.rows_hash = work.expected.hash_sum;
  return as_staged(std::move(staging), work.file, endpoint, options, target, work.definition,
                   work.ruled);
}

namespace {

// The staged rows as a table of one file. On replicas a swap would show the rows of a replica that
// has not fetched them yet, so the staging table stays where it is.
void replace_table(clickhouse::Connection& connection, StagedFile& file, bool may_exist) {
  const std::string& table = file.definition().name;
  if (!connection.endpoint().dialect.replication.is_on) {
    if (swap_in(connection, file.rows().staging, table, may_exist)) file.was_renamed();
  } else if (!replace_whole(connection, file.rows(), file.definition())) {
    rebuild({&connection, 1}, file.definition(), file.aside(), table, {file.rows()}, {}, false);
  }
}

}  // namespace

bool commit_file(StagedFile& file, const clickhouse::Endpoint& endpoint, const Target& target,
                 Progress& progress, Result& result, std::stop_token stop) {
  const std::string& table = file.definition().name;
  clickhouse::Connection connection(endpoint, std::move(stop));
  bool committed = true;
  if (file.quarantine() != nullptr) file.quarantine()->commit_begins();
  run_step("swap", progress, result, [&] {
    if (target.mode == schema::LoadMode::kReplace) {
      replace_table(connection, file, target.may_exist);
      result.add_changes(file.column_changes());
    } else {
      committed = replace_partition(connection, file.rows(), table,
                                    target.layout != nullptr ? target.layout->get(connection, table)
                                                             : read_layout(connection, table));
    }
    if (committed && file.quarantine() != nullptr) file.quarantine()->settle(connection);
    if (committed) run_post_sql(connection, target, table);
  });
  if (!committed && file.quarantine() != nullptr) file.quarantine()->not_committed();
  if (!committed) return false;
  result.row_count = file.row_count();
  progress.step = "done";
  return true;
}

void run_post_sql(clickhouse::Connection& connection, const Target& target,
                  const std::string& table) {
  run_sql(connection, target.rules.post_sql, target, table);
}

void load_file(const base::ByteSource& source, const std::string& file_name,
               const clickhouse::Endpoint& endpoint, const Options& options, const Target& target,
               Progress& progress, Result& result, std::stop_token stop) {
  const auto file =
      stage_file(source, file_name, endpoint, options, target, progress, result, stop);
  if (commit_file(*file, endpoint, target, progress, result, stop)) return;
  const std::string& table = file->definition().name;
  clickhouse::Connection connection(endpoint, stop);
  if (file->quarantine() != nullptr) file->quarantine()->commit_begins();
  run_step("rebuild", progress, result, [&] {
    rebuild({&connection, 1}, file->definition(),
            staging_table(endpoint.database, table, options.run_id), table, {file->rows()}, {});
    if (file->quarantine() != nullptr) file->quarantine()->settle(connection);
    run_post_sql(connection, target, table);
  });
  result.row_count = file->row_count();
  progress.step = "done";
}

void load_file(const base::ByteSource& source, const std::string& file_name,
               const clickhouse::Endpoint& endpoint, const Options& options, Progress& progress,
               Result& result, std::stop_token stop) {
  load_file(source, file_name, endpoint, options, Target(), progress, result, std::move(stop));
}

std::vector<std::string> verify_table(const base::ByteSource& source, const std::string& file_name,
                                      const clickhouse::Endpoint& endpoint, const Options& options,
                                      const Target& target, std::stop_token stop) {
  clickhouse::Connection connection(endpoint, stop);
  PreparedFile file = prepare(source, file_name, options, target, stop);
  const Layout live = read_layout(connection, file.plan.table);
  order_like(live, file.plan);
  std::vector<ColumnValues> columns = values_of(source, file, options, target, stop);
  const qvd::RowDecoder decoder(file.header);
  RowRules rules(file, columns, target.rules, options.streams, stop);
  if (rules.has_unique()) rules.find_repeated(source, file.header, decoder, options.streams, stop);
  leave_out_superseded(source, file, decoder, columns, target, rules, stop);
  try {
    check_columns(file.plan.table, live.columns, columns);
  } catch (const base::VerifyError& error) {
    return {error.what()};
  }
  // Nobody knows any more when the rows were loaded and by which run, nor wants to compare it.
  std::erase_if(columns, [](const ColumnValues& column) {
    return column.field_index == schema::kNoField &&
           (column.name == schema::kLoadedAtColumn || column.name == schema::kRunIdColumn);
  });
  const StagedRows rows{.staging = {},
                        .file_key = target.file_key,
                        .version = target.version,
                        .keeps_versions = target.mode == schema::LoadMode::kAppend};
  const QuarantineOf quarantine = quarantine_of(target, file.plan.table);
  QuarantineWriter quarantined(quarantine, file, rules, decoder, endpoint.dialect.hash, nullptr, {},
                               {}, 0);
  Sifting sifting{.rules = rules, .sink = &quarantined};
  const RowSums expected = sum_file(source, file.header, decoder, columns, endpoint.dialect.hash,
                                    options.streams, stop, rules.are_kept() ? nullptr : &sifting);
  Sifting again{.rules = rules};
  auto found =
      differing(connection, clickhouse::qualified(endpoint.database, file.plan.table),
                target.is_set() ? rows_of(rows) : std::string(), expected, source, file, decoder,
                columns, options.streams, stop, rules.are_kept() ? nullptr : &again);
  const QuarantineSums in_file = quarantined.finish();
  const QuarantineSums in_table = quarantine_sums(connection, quarantine);
  if (in_file != in_table) {
    found.push_back(
        fmt::format("quarantine: {} rows of the file break rules, {} has {}{}", in_file.row_count,
                    quarantine.table, in_table.row_count,
                    in_file.row_count == in_table.row_count ? " whose content is another" : ""));
  }
  return found;
}

std::vector<std::string> verify_table(const base::ByteSource& source, const std::string& file_name,
                                      const clickhouse::Endpoint& endpoint, const Options& options,
                                      std::stop_token stop) {
  return verify_table(source, file_name, endpoint, options, Target(), std::move(stop));
}

}  // namespace qvdhouse::load
