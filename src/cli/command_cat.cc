// qvdhouse cat: rows of files as text, Native, Parquet or Arrow, as their tables would hold them;
// no table is made.
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/planned_source.h"
#include "cli/rendered_files.h"
#include "cli/sources.h"
#include "render/files.h"
#include "render/format.h"
#include "render/rows.h"
#include "source/listing.h"

namespace qvdhouse::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kBetweenDrawings{100};

struct CatArguments {
  std::vector<std::string> files;
  std::vector<std::string> columns;
  std::string where;
  std::optional<std::uint64_t> limit;
  std::string format;
  std::string output;  // empty: standard output
  bool overwrite = false;
  bool no_header = false;
};

render::Format format_of(const CatArguments& arguments) {
  if (!arguments.format.empty()) {
    const auto format = render::find_format(arguments.format);
    if (format) return *format;
    throw UsageError(fmt::format("--format: expected one of {}, found {}", render::format_names(),
                                 arguments.format));
  }
  if (arguments.output.empty()) return render::Format::kCsv;
  if (const auto format = render::format_of_file(arguments.output)) return *format;
  throw UsageError(fmt::format("the ending of {} names no format; name one of {} by --format",
                               printable(arguments.output), render::format_names()));
}

// The reader of standard output went away: there is no one left to write for.
struct OutputClosed {};

// Where the bytes go: to a file that appears whole, or to standard output.
class Output {
 public:
  Output(const CatArguments& arguments, render::Format format)
      : is_text_on_terminal_(arguments.output.empty() && stdout_is_terminal()) {
    if (!arguments.output.empty()) {
      file_.emplace(arguments.output,
                    arguments.overwrite ? base::Existing::kReplace : base::Existing::kKeep);
    } else if (is_text_on_terminal_ && !render::info(format).is_text) {
      throw UsageError(
          fmt::format("{} is not for a terminal: name a file with --output, or another "
                      "program behind a pipe",
                      render::info(format).name));
    }
  }

  // Throws OutputClosed.
  void write(std::string_view bytes) {
    if (file_) return file_->write(bytes);
    // A terminal obeys control characters, also those that a cell holds.
    print(is_text_on_terminal_ ? cells_.add(bytes) : bytes);
    if (!output_is_open()) throw OutputClosed();
  }
  void finish() {
    if (file_) {
      file_->finish();
    } else if (is_text_on_terminal_) {
      print(cells_.finish());
    }
  }

 private:
  const bool is_text_on_terminal_;
  std::optional<base::OutputFile> file_;
  PrintableStream cells_;
};

// "3,000,000 of 10,000,000 rows read (30 %)" on standard error, unless the rows go to the same
// terminal.
class ReadingProgress {
 public:
  ReadingProgress(const CatArguments& arguments, std::uint64_t total, const Context& context)
      : total_(total),
        display_(context.display),
        is_shown_(!context.quiet && total > 0 &&
                  (!arguments.output.empty() || !stdout_is_terminal())) {}
  ~ReadingProgress() {
    if (is_shown_) display_.show_live({});
  }
  ReadingProgress(const ReadingProgress&) = delete;
  ReadingProgress& operator=(const ReadingProgress&) = delete;

  void show(std::uint64_t read) {
    if (!is_shown_ || Clock::now() - drawn_ < kBetweenDrawings) return;
    drawn_ = Clock::now();
    display_.show_live({fmt::format("{} of {} read ({} %)", format_count(read),
                                    format_quantity(total_, "row"), read * 100 / total_)});
  }

 private:
  const std::uint64_t total_;
  Display& display_;
  const bool is_shown_;
  Clock::time_point drawn_ = Clock::now();
};

render::Request request_of(const CatArguments& arguments) {
  render::Request request{.columns = {}, .where = arguments.where, .limit = arguments.limit};
  for (const std::string& list : arguments.columns) {
    for (std::string& name : source::split_list(list)) request.columns.push_back(std::move(name));
  }
  return request;
}

int run_cat(const CatArguments& arguments, const Context& context) {
  const render::Format format = format_of(arguments);
  check_output_is_new(arguments.output, arguments.overwrite);
  Sources sources(context);
  render::Files files(rendered_files("cat", arguments.files, sources, context),
                      request_of(arguments), context.stop);
  Output output(arguments, format);
  const bool needs_engine = render::info(format).needs_clickhouse;
  render::Rows rows(files, {.format = needs_engine ? render::Format::kNative : format,
                            .has_head = !arguments.no_header,
                            .threads = files.file(0).options.streams,
                            .warn = [&](const render::File& file, std::string_view text) {
                              context.log.warn("{}: {}", file.name, text);
                            }});
  ReadingProgress progress(arguments, files.record_count(), context);
  try {
    if (needs_engine) {
      write_by_engine(
          rows, format, [&](std::string_view bytes) { output.write(bytes); }, context);
    } else {
      for (auto piece = rows.next(); !piece.empty(); piece = rows.next()) {
        output.write({reinterpret_cast<const char*>(piece.data()), piece.size()});
        progress.show(rows.rows_read());
      }
    }
    output.finish();
  } catch (const OutputClosed&) {
  }
  return kOk;
}

}  // namespace

void add_cat(CommandLine& line) {
  auto [o, a] =
      line.add("cat", kFiles, "rows of files as CSV, JSON, Parquet, …; no table is made", run_cat);
  o.example(
      "qvdhouse cat sales.qvd --columns 'Region,Amount' --where \"Region = 'West'\"\n"
      "  qvdhouse cat 'sales/*.qvd' -o sales.parquet");
  o.settings({Topic::kStorages, Topic::kTypes});
  o.option("FILE", a.files, "", "QVD files, as paths, URLs, folders or globs")->required();
  o.option("--columns", a.columns, "A,B*", "only these columns, in this order");
  o.option("--where", a.where, "CONDITION", "only rows like \"Region = 'West' and Amount > 10\"");
  o.option("--limit", a.limit, "ROWS", "how many rows at most");
  o.option("--format", a.format, "NAME",
           "CSV (default), TSV, JSONEachRow, Markdown, Native, Parquet or ArrowStream");
  o.file("-o,--output", a.output, "write this file; its ending names the format", "PATH");
  o.flag("--overwrite", a.overwrite, "replace a file that is there");
  o.flag("--no-header", a.no_header, "CSV and TSV without the names of columns");
}

}  // namespace qvdhouse::cli
