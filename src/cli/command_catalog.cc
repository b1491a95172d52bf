// qvdhouse catalog: what the headers and symbol tables of all files say, as two tables to be asked.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/shell.h"
#include "base/workers.h"
#include "catalog/catalog.h"
#include "catalog/file_row.h"
#include "catalog/tables.h"
#include "claim/lease.h"
#include "claim/locks.h"
#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "decide/decide.h"
#include "decide/placement.h"
#include "load/staging.h"
#include "source/scope.h"
#include "sync/failure.h"
#include "sync/sync.h"

namespace qvdhouse::cli {
namespace {

struct CatalogArguments {
  bool json = false;
};

// What is said of a file when all is done.
struct Catalogued {
  source::FileEntry entry;
  std::string table;
  std::vector<std::string> field_names;
  std::uint64_t record_count = 0;
  bool has_lineage = false;
  std::string error;
  tracking::ErrorClass error_class = tracking::ErrorClass::kNone;
};

struct CataloguedSource {
  SourceSettings settings;
  std::string name;  // in the tables
  std::vector<Catalogued> files;
  std::exception_ptr error;  // why it could not be listed: its old catalogue stays
};

// What the tables call a source. One without a name must not be taken for another: it is called by
// its path or URL.
std::string name_of(const SourceSettings& source) {
  return source.name.empty() ? masked_source(source::identity_of(source.url)) : source.name;
}

catalog::Destination destination_of(const source::FileEntry& entry, const decide::Placer& placer,
                                    const load::Options& options) {
  try {
    auto [of_file, target] = decide::load_of(options, placer.place(entry.path), entry.path);
    const std::string mode(decide::mode_name(target.mode));
    return {std::move(of_file), std::move(target), mode, ""};
  } catch (const base::SchemaError& error) {
    return {options, {}, "", error.what()};
  }
}

// The listing's own word for what may not be looked at; what it leaves out on purpose is not part
// of the catalogue.
catalog::FileRow unreadable(const source::FileEntry& entry) {
  return {.source_type = entry.source_type,
          .file_path = entry.path,
          .file_name = entry.name,
          .error = entry.skip_reason,
          .error_class = tracking::ErrorClass::kIo};
}

// Holds what keeps others off the tables, and the target's facts, for the whole command.
struct Writing {
  const Target& target;
  std::string run_id;
  std::int64_t now_us;
};

class Cataloguer {
 public:
  Cataloguer(const OpenSource& source, const Writing& writing, const Context& context)
      : source_(source),
        context_(context),
        options_(sync_options(context.config, source.settings)),
        writing_(writing) {
    options_.load.policy.dialect = writing.target.endpoint().dialect;
  }

  // Throws what a source that cannot be listed throws before anything is written.
  CataloguedSource run() {
    CataloguedSource done{.settings = source_.settings, .name = name_of(source_.settings)};
    std::vector<source::FileEntry> entries;
    try {
      entries = source_.storage.list(options_.source, options_.selection);
    } catch (const base::Cancelled&) {
      throw;
    } catch (const base::Error&) {
      done.error = std::current_exception();
      return done;
    }
    std::erase_if(entries, [](const source::FileEntry& entry) {
      return !entry.skip_reason.empty() && entry.skip_code != "unreadable";
    });
    done.files.resize(entries.size());
    at_target(context_.config, [&] {
      catalog::SourceCatalog tables(writing_.target.endpoint(), done.name, writing_.run_id,
                                    context_.stop);
      read_all(entries, tables, done);
      if (context_.stop.stop_requested()) throw base::Cancelled("stopped");
      tables.commit();
    });
    return done;
  }

 private:
  // Small files side by side; those whose symbols may not fit into memory together one by one, each
  // with all streams.
  void read_all(const std::vector<source::FileEntry>& entries, catalog::SourceCatalog& tables,
                CataloguedSource& done) {
    constexpr unsigned kLeastThreads = 4;  // storages wait more than they compute
    const unsigned wanted = options_.parallel_files;
    const unsigned threads =
        wanted > 0 ? wanted : std::max(kLeastThreads, std::thread::hardware_concurrency());
    const decide::Placer placer(options_.tables, options_.load.policy, options_.source);
    std::vector<std::size_t> small;
    std::vector<std::size_t> large;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const bool is_large = entries[i].size > options_.load.memory_bytes / threads;
      (is_large ? large : small).push_back(i);
    }
    load::Options one_stream = options_.load;
    one_stream.streams = 1;
    base::for_each_index(small.size(), threads, [&](std::size_t i) {
      read_one(entries[small[i]], placer, one_stream, tables, done, small[i]);
    });
    for (const std::size_t i : large) {
      read_one(entries[i], placer, options_.load, tables, done, i);
    }
  }

  void read_one(const source::FileEntry& entry, const decide::Placer& placer,
                const load::Options& options, catalog::SourceCatalog& tables,
                CataloguedSource& done, std::size_t index) {
    if (context_.stop.stop_requested()) throw base::Cancelled("stopped");
    catalog::FileRow row =
        entry.skip_reason.empty()
            ? catalog::describe_file(entry, source_.storage, destination_of(entry, placer, options),
                                     context_.stop)
            : unreadable(entry);
    row.source = done.name;
    row.source_url = masked_source(source_.settings.url);
    row.catalogued_at_us = writing_.now_us;
    tables.add(row);
    Catalogued& file = done.files[index];
    file.entry = entry;
    file.table = row.table_name;
    for (catalog::FieldRow& field : row.fields) file.field_names.push_back(std::move(field.name));
    file.record_count = row.record_count;
    file.has_lineage = !row.lineage_discriminators.empty();
    file.error = std::move(row.error);
    file.error_class = row.error_class;
  }

  const OpenSource& source_;
  const Context& context_;
  sync::Options options_;
  const Writing& writing_;
};

// The lock of the tables is held: no one else's staging table is alive.
void drop_leftovers(const Target& target, const Context& context) {
  const std::string& database = context.config.sync.database;
  const std::string table(catalog::kFileTable);
  tracking::Tracking tracking = target.tracking(context.config);
  clickhouse::Connection connection = target.connect(context.stop);
  for (const std::string& name : tracking.tables()) {
    if (!load::is_staging_of(database, table, name)) continue;
    if (load::drop_stale_staging(connection, database, name)) {
      context.log.info("dropped {}, which an earlier run left behind", name);
    }
  }
}

// One source after the other; what ClickHouse cannot do ends all.
std::vector<CataloguedSource> catalogue_all(const std::vector<OpenSource>& sources,
                                            const Target& target, const Context& context) {
  const Config& config = context.config;
  const std::string table(catalog::kFileTable);
  const std::int64_t now = sync::now_us();
  const Writing writing{.target = target, .run_id = load::make_run_id(now), .now_us = now};
  const base::FileLock lock = claim::lock_table(config.engine.data_dir / "locks",
                                                config.sync.database, table, context.stop);
  std::optional<claim::Lease> lease;
  at_target(config, [&] {
    if (target.engine() == nullptr) {
      lease.emplace(target.endpoint(), config.sync.database, std::set<std::string>{table},
                    writing.run_id, claim::LeaseOptions{.patience = config.sync.lease.patience},
                    context.log, context.stop);
    }
    drop_leftovers(target, context);
  });
  std::vector<CataloguedSource> done;
  for (const OpenSource& source : sources) {
    if (context.stop.stop_requested()) throw base::Cancelled("stopped");
    if (lease) lease->check();
    done.push_back(Cataloguer(source, writing, context).run());
  }
  return done;
}

// As a sync counts: for its exit code.
int exit_code_of_sources(const std::vector<CataloguedSource>& sources) {
  std::vector<sync::Summary> summaries;
  for (const CataloguedSource& source : sources) {
    sync::Summary summary{.source_error = source.error};
    for (const Catalogued& file : source.files) {
      const bool is_good = file.error.empty();
      summary.files.push_back({.outcome = is_good ? sync::Outcome::kLoaded : sync::Outcome::kFailed,
                               .error_class = file.error_class});
    }
    summaries.push_back(std::move(summary));
  }
  return exit_code_of_runs(summaries);
}

struct Totals {
  std::uint64_t files = 0;
  std::uint64_t failed = 0;
  std::uint64_t fields = 0;
  std::uint64_t rows = 0;
};

Totals totals_of(const std::vector<CataloguedSource>& sources) {
  Totals sum;
  for (const CataloguedSource& source : sources) {
    for (const Catalogued& file : source.files) {
      ++sum.files;
      if (!file.error.empty()) ++sum.failed;
      sum.fields += file.field_names.size();
      sum.rows += file.record_count;
    }
  }
  return sum;
}

void print_json_report(const std::vector<CataloguedSource>& sources, int exit_code, double seconds,
                       const Config& config) {
  const Totals sum = totals_of(sources);
  Json json{{"exit_code", exit_code},
            {"files", sum.files},
            {"failed", sum.failed},
            {"fields", sum.fields},
            {"rows", sum.rows},
            {"seconds", seconds},
            {"database", config.sync.database},
            {"tables", {catalog::kFileTable, catalog::kFieldView}}};
  json["sources"] = Json::array();
  json["failures"] = Json::array();
  for (const CataloguedSource& source : sources) {
    const sync::Failure failure =
        source.error ? sync::describe_failure(source.error) : sync::Failure();
    json["sources"].push_back(Json{{"name", source.name},
                                   {"url", masked_source(source.settings.url)},
                                   {"files", source.files.size()},
                                   {"error", failure.message},
                                   {"error_class", base::to_string(failure.error_class)}});
    for (const Catalogued& file : source.files) {
      if (file.error.empty()) continue;
      json["failures"].push_back(Json{{"source", source.name},
                                      {"path", file.entry.path},
                                      {"error", file.error},
                                      {"error_class", base::to_string(file.error_class)}});
    }
  }
  print_json(json);
}

// Whether a shell and SQL both take the name as it is, within quotes.
bool is_plain(const std::string& name) {
  return !name.empty() && name.find_first_of("\"'`$\\!") == std::string::npos &&
         printable(name) == name;
}

// The flags of this command that lead to the same tables.
std::string target_flags(const Context& context) {
  std::string text;
  const auto add = [&](std::string_view flag, const std::string& value) {
    text += fmt::format(" {} {}", flag, base::shell_quoted(value));
  };
  if (context.sources.config_file) add("--config", context.sources.config_file->string());
  for (const auto& [key, flag] :
       {std::pair("data_dir", "--data-dir"), std::pair("clickhouse.url", "--clickhouse-url"),
        std::pair("clickhouse.host", "--clickhouse-host"),
        std::pair("clickhouse.port", "--clickhouse-port"),
        std::pair("clickhouse.user", "--clickhouse-user"),
        std::pair("clickhouse.ca_file", "--clickhouse-ca-file"),
        std::pair("clickhouse.database", "--database")}) {
    const auto given = context.sources.flags.find(key);
    if (given == context.sources.flags.end()) continue;
    add(flag, masked_source(given->second));
  }
  return text;
}

// Two questions that can be asked at once, about a field and a file that are there.
void print_examples(const std::vector<CataloguedSource>& sources, const Context& context) {
  std::string field;
  std::string fed;  // a file, with lineage if there is one
  bool has_lineage = false;
  for (const CataloguedSource& source : sources) {
    for (const Catalogued& file : source.files) {
      if (!file.error.empty()) continue;
      if (field.empty()) {
        const auto plain = std::ranges::find_if(file.field_names, is_plain);
        if (plain != file.field_names.end()) field = *plain;
      }
      if (is_plain(file.entry.name) && (fed.empty() || (file.has_lineage && !has_lineage))) {
        fed = file.entry.name;
        has_lineage = file.has_lineage;
      }
    }
  }
  const std::string flags = target_flags(context);
  if (!field.empty()) {
    print(
        fmt::format("\nWhich files hold a field:\n  qvdhouse query{} \"SELECT file_name, "
                    "column_types FROM {} WHERE field_name = '{}'\"\n",
                    flags, catalog::kFieldView, field));
  }
  if (!fed.empty()) {
    print(
        fmt::format("\nWhat feeds a file:\n  qvdhouse query{} \"SELECT creator_document, "
                    "lineage.discriminator, lineage.statement FROM {} WHERE file_name = '{}'\"\n",
                    flags, catalog::kFileTable, fed));
  }
}

void print_report(const std::vector<CataloguedSource>& sources,
                  const std::vector<OpenSource>& opened, double seconds, const Context& context) {
  const Totals sum = totals_of(sources);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const CataloguedSource& source = sources[i];
    if (source.error) {
      print_paragraph(fmt::format("{}: ", printable(source_title(source.settings))),
                      "not reached, its catalogue stays as it was: " +
                          sync::describe_failure(source.error).message,
                      2);
    } else if (source.files.empty()) {
      print(printable(no_files(opened[i])) + ".\n");
    }
    for (const Catalogued& file : source.files) {
      if (file.error.empty()) continue;
      print_paragraph(short_path(file.entry, source.settings.url) + ": ", file.error, 2);
    }
  }
  if (context.quiet && sum.failed == 0) return;
  print(fmt::format(
      "{}{}, {}, {} described in {} and {}\n({}) in {}\n", format_quantity(sum.files, "file"),
      sum.failed == 0 ? "" : fmt::format(" ({} with errors)", format_count(sum.failed)),
      format_quantity(sum.fields, "field"), format_quantity(sum.rows, "row"), catalog::kFileTable,
      catalog::kFieldView, printable(target_name(context.config)), format_seconds(seconds)));
  if (!context.quiet) print_examples(sources, context);
}

int run_catalog(const CatalogArguments& arguments, const Context& context) {
  const auto start = std::chrono::steady_clock::now();
  Sources sources(context);
  const std::vector<OpenSource> chosen = sources.chosen("catalog", true);
  const Target target = Target::open(context, true);
  const std::vector<CataloguedSource> done = catalogue_all(chosen, target, context);
  if (done.size() == 1 && done[0].error) std::rethrow_exception(done[0].error);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const int exit_code = exit_code_of_sources(done);
  if (arguments.json) {
    print_json_report(done, exit_code, seconds, context.config);
  } else {
    print_report(done, chosen, seconds, context);
  }
  return exit_code;
}

}  // namespace

void add_catalog(CommandLine& line) {
  auto [o, a] = line.add("catalog", kFiles, "headers of all files into tables, to be asked by SQL",
                         run_catalog);
  o.example(
      "qvdhouse catalog ./qvds\n  qvdhouse query \"SELECT file_name FROM QvdCatalogFields WHERE "
      "field_name = 'Amount'\"");
  o.settings({Topic::kSources, Topic::kStorages, Topic::kServer, Topic::kEngine});
  o.source();
  o.json(a.json);
}

}  // namespace qvdhouse::cli
