#include "tracking/overview.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <utility>

#include "base/encoding.h"
#include "base/error.h"
#include "clickhouse/quote.h"
#include "tracking/row_binary.h"
#include "tracking/runs.h"
#include "tracking/tables.h"

namespace qvdhouse::tracking {
namespace {

using clickhouse::qualified;
using clickhouse::quote_literal;

// Hundreds of long paths may be named in one statement.
const clickhouse::Settings kLongStatement = {{"max_query_size", "16777216"}};

constexpr std::size_t kMostFoldersNamed = 64;  // of one table

// A schema is longer than all the rest of a record, and no list shows it.
std::string list_columns(const std::vector<ColumnDefinition>& columns) {
  std::string text;
  for (const ColumnDefinition& column : columns) {
    text += text.empty() ? "" : ", ";
    text += column.name == "schema" ? "'' AS schema" : clickhouse::quote_identifier(column.name);
  }
  return text;
}

std::string literals(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + quote_literal(text);
  return list;
}

std::string condition(const FileQuery& query) {
  std::string text = "1";
  if (!query.file.empty()) text += " AND " + names_file(query.file);
  if (!query.search.empty()) {
    text += fmt::format(" AND positionCaseInsensitiveUTF8(file_path, {}) > 0",
                        quote_literal(query.search));
  }
  if (query.status) text += " AND status = " + quote_literal(base::to_string(*query.status));
  if (!query.table.empty()) text += " AND table_name = " + quote_literal(query.table);
  if (!query.path_condition.empty()) text += " AND (" + query.path_condition + ")";
  return text;
}

// What sort_key() gives for this record.
std::string key_of(const FileRecord& file, FileQuery::Sort sort) {
  switch (sort) {
    case FileQuery::Sort::kProcessedAt:
      return std::to_string(file.processed_at_us);
    case FileQuery::Sort::kName:
      return file.file_name;
    case FileQuery::Sort::kSize:
      return std::to_string(file.file_size);
    case FileQuery::Sort::kRows:
      return std::to_string(file.row_count);
    case FileQuery::Sort::kDuration:
      return std::to_string(static_cast<std::int64_t>(file.processing_duration_seconds * 1e6));
  }
  return "";
}

std::string from_hex(std::string_view digits) {
  std::string text;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned char byte = 0;
    const char* end = digits.data() + i + 2;
    if (std::from_chars(digits.data() + i, end, byte, 16).ptr != end) {
      throw base::ConfigError("this is not a cursor of a list of files");
    }
    text += static_cast<char>(byte);
  }
  return text;
}

std::string behind_cursor(const FileQuery& query, const std::string& key) {
  if (query.after.empty()) return "";
  const std::size_t dash = query.after.find('-');
  if (dash == std::string::npos) throw base::ConfigError("this is not a cursor of a list of files");
  const std::string last_key = from_hex(std::string_view(query.after).substr(0, dash));
  const std::string last_path = from_hex(std::string_view(query.after).substr(dash + 1));
  std::string value = quote_literal(last_key);
  if (query.sort != FileQuery::Sort::kName) {
    std::int64_t number = 0;
    const char* end = last_key.data() + last_key.size();
    const auto [stopped, error] = std::from_chars(last_key.data(), end, number);
    if (error != std::errc() || stopped != end) {
      throw base::ConfigError("this cursor is of another order");
    }
    value = fmt::format("toInt64({})", number);
  }
  return fmt::format(" AND ({}, file_path) {} ({}, {})", key, query.is_ascending ? ">" : "<", value,
                     quote_literal(last_path));
}

}  // namespace

Overview::Overview(clickhouse::Endpoint endpoint, std::string database, std::stop_token stop)
    : connection_(anywhere(std::move(endpoint)), std::move(stop)), database_(std::move(database)) {}

std::string Overview::ask(const std::string& sql) {
  return tracking::ask(connection_, sql, kLongStatement);
}

// A time as microseconds, Int64.
std::string Overview::micros(std::string_view column) const {
  return dialect().has_datetime64 ? fmt::format("toUnixTimestamp64Micro({})", column)
                                  : std::string(column);
}

std::string Overview::sort_key(FileQuery::Sort sort) const {
  switch (sort) {
    case FileQuery::Sort::kProcessedAt:
      return micros("processed_at");
    case FileQuery::Sort::kName:
      return "file_name";
    case FileQuery::Sort::kSize:
      return "toInt64(file_size)";
    case FileQuery::Sort::kRows:
      return "toInt64(row_count)";
    case FileQuery::Sort::kDuration:
      return "toInt64(processing_duration_seconds * 1e6)";
  }
  return "";
}

Totals Overview::totals(std::int64_t today_us) {
  Totals totals;
  const std::string files =
      ask(fmt::format("SELECT count(), sum(if(status = 'completed', row_count, 0)), "
                      "toUInt64(sum(status = 'failed')), toInt64(max({})) FROM {} FINAL",
                      micros("processed_at"), qualified(database_, kFileTable)));
  if (!files.empty()) {
    RowReader reader(files);
    reader(totals.files, totals.rows, totals.failed_files, totals.last_sync_at_us);
  }
  const std::string history =
      ask(fmt::format("SELECT count(), toUInt64(sum({} >= {})) FROM {} WHERE status = 'completed'",
                      micros("finished_at"), today_us, qualified(database_, kHistoryTable)));
  if (!history.empty()) {
    RowReader reader(history);
    reader(totals.syncs, totals.syncs_today);
  }
  return totals;
}

FilePage Overview::find_files(const FileQuery& query) {
  const std::string key = sort_key(query.sort);
  std::string matching = condition(query);
  if (query.since_us) {
    matching += fmt::format(" AND {} >= {}", micros("processed_at"), *query.since_us);
  }
  const std::string table = qualified(database_, kFileTable);
  const std::string behind = behind_cursor(query, key);
  const std::string order = query.is_ascending ? "ASC" : "DESC";
  FilePage page;
  const std::string count =
      ask(fmt::format("SELECT count() FROM {} FINAL WHERE {}", table, matching));
  if (count.empty()) return page;
  RowReader reader(count);
  reader(page.total);
  // One more than asked for tells whether there are more.
  page.files = read_files(
      ask(fmt::format("SELECT {} FROM {} FINAL WHERE {}{} ORDER BY {} {}, file_path {} LIMIT {}",
                      list_columns(file_columns(dialect())), table, matching, behind, key, order,
                      order, query.limit + 1)));
  if (page.files.size() > query.limit) {
    page.files.resize(query.limit);
    const FileRecord& last = page.files.back();
    // Key and path in hexadecimal digits, with a dash between.
    page.next_after =
        base::encode_hex(key_of(last, query.sort)) + "-" + base::encode_hex(last.file_path);
  }
  return page;
}

std::vector<FileRecord> Overview::failures(std::size_t limit) {
  return read_files(ask(fmt::format(
      "SELECT {} FROM {} FINAL WHERE status = 'failed' ORDER BY processed_at DESC, file_path "
      "LIMIT {}",
      list_columns(file_columns(dialect())), qualified(database_, kFileTable), limit)));
}

std::vector<BrokenFile> Overview::broken_files(std::size_t limit) {
  std::vector<BrokenFile> broken;
  std::vector<std::string> paths;
  std::map<std::string, std::size_t> places;
  for (FileRecord& file : failures(limit)) {
    places[file.file_path] = broken.size();
    paths.push_back(file.file_path);
    // What was refused has no attempt: its record keeps the time.
    broken.push_back({.file = std::move(file)});
    broken.back().since_us = broken.back().file.processed_at_us;
  }
  if (paths.empty()) return broken;
  const std::string answer = ask(fmt::format(
      "SELECT file_path, toInt64(arrayReduce('min', arrayFilter(x -> x > loaded, failed))) FROM "
      "(SELECT file_path, maxIf(at, status = 'completed') AS loaded, "
      "groupArrayIf(at, status = 'failed') AS failed FROM "
      "(SELECT file_path, status, toInt64({}) AS at FROM {} WHERE file_path IN ({})) "
      "GROUP BY file_path)",
      micros("finished_at"), qualified(database_, kHistoryTable), literals(paths)));
  for (RowReader reader(answer); !reader.done();) {
    std::string path;
    std::int64_t since_us = 0;
    reader(path, since_us);
    if (since_us > 0) broken[places.at(path)].since_us = since_us;
  }
  return broken;
}

std::vector<Attempt> Overview::attempts_of_files(const std::vector<std::string>& paths,
                                                 std::size_t each) {
  if (paths.empty()) return {};
  return read_attempts(
      ask(fmt::format("SELECT {} FROM {} WHERE file_path IN ({}) ORDER BY file_path, "
                      "started_at DESC, attempt DESC LIMIT {} BY file_path",
                      list_columns(history_columns(dialect())), qualified(database_, kHistoryTable),
                      literals(paths), each)),
      dialect());
}

std::vector<Attempt> Overview::attempts_of_run(const std::string& run_id, std::size_t limit) {
  return read_attempts(
      ask(fmt::format("SELECT {} FROM {} WHERE run_id = {} ORDER BY status = 'completed', "
                      "started_at, file_path LIMIT {}",
                      list_columns(history_columns(dialect())), qualified(database_, kHistoryTable),
                      quote_literal(run_id), limit)),
      dialect());
}

std::vector<SeriesPoint> Overview::series(std::int64_t from_us, std::uint64_t step_seconds) {
  const std::uint64_t step_us = step_seconds * 1'000'000;
  const std::string answer = ask(fmt::format(
      "SELECT toInt64(intDiv(began, {0}) * {0}) AS at, count(), sum(files_loaded), "
      "sum(rows), sum(bytes), sum(if(ended > began, (ended - began) / 1e6, 0)) "
      "FROM (SELECT {1} AS began, {2} AS ended, status, files_loaded, rows, bytes "
      "FROM {3} FINAL WHERE {1} >= {4}) WHERE status != 'skipped' GROUP BY at ORDER BY at",
      step_us, micros("started_at"), micros("finished_at"), qualified(database_, kRunTable),
      from_us));
  std::map<std::int64_t, SeriesPoint> points;
  for (RowReader reader(answer); !reader.done();) {
    SeriesPoint point;
    reader(point.at_us, point.runs, point.files_loaded, point.rows, point.bytes, point.seconds);
    points[point.at_us] = point;
  }
  const std::string failed = ask(fmt::format(
      "SELECT toInt64(intDiv({1}, {0}) * {0}) AS at, uniqExact(file_path) FROM {2} WHERE status = "
      "'failed' AND {1} >= {3} GROUP BY at",
      step_us, micros("finished_at"), qualified(database_, kHistoryTable), from_us));
  for (RowReader reader(failed); !reader.done();) {
    std::int64_t at_us = 0;
    reader(at_us);
    points[at_us].at_us = at_us;
    reader(points[at_us].files_failed);
  }
  std::vector<SeriesPoint> list;
  for (const auto& [at_us, point] : points) list.push_back(point);
  return list;
}

// By table: a path of each folder. Files that are gone or forgotten are examples only where no
// other file is one.
std::map<std::string, std::vector<std::string>> Overview::example_paths(const std::string& only) {
  const std::string answer = ask(fmt::format(
      "SELECT table_name, arraySort(if(max(stands) > 0, groupArrayIf({2})(path, stands), "
      "groupArray({2})(path))) FROM "
      "(SELECT table_name, toUInt8(status IN ('completed', 'failed')) AS stands, "
      "min(file_path) AS path FROM {0} FINAL WHERE {1} GROUP BY table_name, stands, "
      "substring(file_path, 1, length(file_path) - position(reverse(file_path), '/'))) "
      "GROUP BY table_name",
      qualified(database_, kFileTable), only, kMostFoldersNamed));
  std::map<std::string, std::vector<std::string>> examples;
  for (RowReader reader(answer); !reader.done();) {
    std::string table;
    reader(table);
    reader(examples[table]);
  }
  return examples;
}

std::vector<TableOverview> Overview::tables(const std::string& name) {
  const std::string only =
      name.empty() ? "table_name != ''" : "table_name = " + quote_literal(name);
  const std::string files =
      ask(fmt::format("SELECT table_name, count(), toUInt64(sum(status = 'failed')), "
                      "toInt64(max(if(status = 'completed', {}, 0))), "
                      "argMaxIf(qvd_created_at, processed_at, status = 'completed') "
                      "FROM {} FINAL WHERE {} GROUP BY table_name ORDER BY table_name",
                      micros("processed_at"), qualified(database_, kFileTable), only));
  std::vector<TableOverview> tables;
  std::map<std::string, std::size_t> places;
  for (RowReader reader(files); !reader.done();) {
    TableOverview& table = tables.emplace_back();
    reader(table.name, table.files, table.failed_files, table.last_loaded_at_us,
           table.newest_created_at);
    places[table.name] = tables.size() - 1;
  }
  for (auto& [name_of_table, paths] : example_paths(only)) {
    const auto place = places.find(name_of_table);
    if (place == places.end() || paths.empty()) continue;
    tables[place->second].example_path = paths.front();
    tables[place->second].example_paths = std::move(paths);
  }
  const std::string parts = ask(fmt::format(
      "SELECT table, toUInt64(sum(rows)), toUInt64(sum(bytes_on_disk)) FROM system.parts WHERE "
      "database = {} AND active{} GROUP BY table",
      quote_literal(database_), name.empty() ? "" : " AND table = " + quote_literal(name)));
  for (RowReader reader(parts); !reader.done();) {
    TableOverview found;
    reader(found.name, found.rows, found.bytes);
    const auto place = places.find(found.name);
    if (place == places.end()) continue;
    tables[place->second].rows = found.rows;
    tables[place->second].bytes = found.bytes;
  }
  const std::string there = ask(
      fmt::format("SELECT name FROM system.tables WHERE database = {}{}", quote_literal(database_),
                  name.empty() ? "" : " AND name = " + quote_literal(name)));
  for (RowReader reader(there); !reader.done();) {
    std::string found;
    reader(found);
    const auto place = places.find(found);
    if (place != places.end()) tables[place->second].is_there = true;
  }
  return tables;
}

std::vector<NewestLoad> Overview::newest_loads(const std::vector<std::string>& tables) {
  if (tables.empty()) return {};
  const std::string answer = ask(fmt::format(
      "SELECT table_name, toInt64(max({})), argMax(qvd_created_at, finished_at) FROM {} "
      "WHERE status = 'completed' AND table_name IN ({}) GROUP BY table_name ORDER BY table_name",
      micros("finished_at"), qualified(database_, kHistoryTable), literals(tables)));
  std::vector<NewestLoad> loads;
  for (RowReader reader(answer); !reader.done();) {
    NewestLoad& load = loads.emplace_back();
    reader(load.table, load.finished_at_us, load.created_at);
  }
  return loads;
}

}  // namespace qvdhouse::tracking
