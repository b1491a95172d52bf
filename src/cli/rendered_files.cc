#include "cli/rendered_files.h"

#include <fmt/format.h>

#include <cstddef>
#include <exception>
#include <span>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/error.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/pipe.h"
#include "cli/target.h"
#include "clickhouse/connection.h"
#include "clickhouse/quote.h"
#include "decide/placement.h"
#include "source/listing.h"

namespace qvdhouse::cli {
namespace {

std::string structure_of(const render::Rows& rows) {
  std::string structure;
  for (const auto& [name, type] : rows.columns()) {
    structure += fmt::format("{}{} {}", structure.empty() ? "" : ", ",
                             clickhouse::quote_identifier(name), type);
  }
  return structure;
}

}  // namespace

std::vector<render::File> rendered_files(std::string_view command,
                                         const std::vector<std::string>& names, Sources& sources,
                                         const Context& context) {
  std::vector<render::File> files;
  for (const std::string& name : names) {
    const OpenSource source = sources.of(name);
    const sync::Options options = sync_options(context.config, source.settings);
    const decide::Placer placer(options.tables, options.load.policy, options.source);
    const std::size_t before = files.size();
    for (const source::FileEntry& entry : source.storage.list(name, {})) {
      if (!entry.skip_code.empty()) continue;
      decide::FileLoad load = decide::load_of(options.load, placer.place(entry.path), entry.path);
      files.push_back({.name = entry.name,
                       .open = [&storage = source.storage, entry] { return storage.open(entry); },
                       .options = std::move(load.options),
                       .target = std::move(load.target)});
    }
    if (files.size() > before) continue;
    throw UsageError(fmt::format("{}: {} leads to no QVD file", command, masked_source(name)));
  }
  return files;
}

void write_by_engine(render::Rows& rows, render::Format format,
                     const std::function<void(std::string_view)>& on_bytes,
                     const Context& context) {
  const std::string_view name = render::info(format).name;
  const std::span<const std::byte> first = rows.next();
  // Whatever the target: a server would not see the pipe.
  Config embedded = context.config;
  embedded.endpoint.reset();
  const Context with_engine{.config = embedded,
                            .display = context.display,
                            .log = context.log,
                            .stop = context.stop,
                            .sources = context.sources,
                            .on_reload = {}};
  const Target target = Target::open_to_ask(with_engine);
  Pipe pipe;
  std::stop_source stop;
  const std::stop_callback forward(context.stop, [&] { stop.request_stop(); });
  std::exception_ptr failure;
  std::jthread writer([&] {
    try {
      std::span<const std::byte> piece = first;
      while (!piece.empty() && pipe.write(piece)) piece = rows.next();
      pipe.close_writer();
    } catch (...) {
      failure = std::current_exception();
      stop.request_stop();  // before the end that the engine would take for that of the rows
    }
  });
  std::exception_ptr of_query;
  try {
    clickhouse::Connection connection = target.connect_anywhere(stop.get_token());
    connection.query_streamed(fmt::format("SELECT * FROM file({}, 'Native', {}) FORMAT {}",
                                          clickhouse::quote_literal(pipe.path()),
                                          clickhouse::quote_literal(structure_of(rows)), name),
                              on_bytes, {{"max_threads", "1"}});
  } catch (...) {
    of_query = std::current_exception();
  }
  pipe.close_reader();
  writer.join();
  if (failure) std::rethrow_exception(failure);
  if (of_query) std::rethrow_exception(of_query);
}

}  // namespace qvdhouse::cli
