#include "clickhouse/table_engine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "base/ascii.h"
#include "clickhouse/names.h"
#include "clickhouse/quote.h"

namespace qvdhouse::clickhouse {
namespace {

constexpr std::array<std::string_view, 2> kReplicating = {"Replicated", "Shared"};
constexpr std::string_view kFamily = "MergeTree";
// The path of a table that all shards keep, and the name of a replica there.
constexpr std::string_view kSharedPath = "'/clickhouse/tables/{uuid}/all_shards'";
constexpr std::string_view kSharedReplica = "'{shard}-{replica}'";
constexpr std::string_view kPathMark = "/qvdhouse_";  // a table's hash is behind it

// An engine clause, taken apart: `ReplacingMergeTree`, its arguments, and all that follows them.
struct Clause {
  std::string_view name;
  std::vector<std::string_view> arguments;
  std::string_view rest;  // " ORDER BY id"
};

// Where the brackets that open at `at` close; the size of `text` when they do not.
std::size_t end_of_brackets(std::string_view text, std::size_t at,
                            std::vector<std::string_view>& arguments) {
  int depth = 0;
  bool quoted = false;
  std::size_t begin = at + 1;
  const auto take = [&](std::size_t end) {
    const std::string_view argument = base::trimmed(text.substr(begin, end - begin));
    if (!argument.empty()) arguments.push_back(argument);
    begin = end + 1;
  };
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\' && quoted) {
      ++at;
    } else if (c == '\'') {
      quoted = !quoted;
    } else if (quoted) {
      continue;
    } else if (c == '(') {
      ++depth;
    } else if (c == ',' && depth == 1) {
      take(at);
    } else if (c == ')' && --depth == 0) {
      take(at);
      return at + 1;
    }
  }
  return text.size();
}

Clause parse_clause(std::string_view text) {
  const std::size_t name_end = std::min(text.find_first_of("( "), text.size());
  Clause clause{.name = text.substr(0, name_end), .arguments = {}, .rest = {}};
  std::size_t end = name_end;
  if (end < text.size() && text[end] == '(') end = end_of_brackets(text, end, clause.arguments);
  clause.rest = text.substr(end);
  return clause;
}

bool is_text(std::string_view argument) { return argument.starts_with('\''); }

std::string written(std::string_view name, const std::vector<std::string_view>& arguments,
                    std::string_view rest) {
  return arguments.empty() ? fmt::format("{}{}", name, rest)
                           : fmt::format("{}({}){}", name, fmt::join(arguments, ", "), rest);
}

// The prefix of an engine that is replicated; empty for another.
std::string_view replicating_prefix(std::string_view name) {
  for (const std::string_view prefix : kReplicating) {
    if (name.starts_with(prefix) && name.ends_with(kFamily)) return prefix;
  }
  return {};
}

}  // namespace

bool is_replicated_engine(std::string_view engine) {
  return !replicating_prefix(parse_clause(engine).name).empty();
}

std::string local_engine(std::string_view engine) {
  Clause parsed = parse_clause(engine);
  const std::string_view prefix = replicating_prefix(parsed.name);
  if (prefix.empty()) return std::string(engine);
  parsed.name.remove_prefix(prefix.size());
  // The path and the replica's name; an engine may have been made without them.
  std::vector<std::string_view>& arguments = parsed.arguments;
  if (arguments.size() >= 2 && is_text(arguments[0]) && is_text(arguments[1])) {
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  return written(parsed.name, arguments, parsed.rest);
}

std::string plain_engine(std::string_view engine) {
  return fmt::format("{}{}", kFamily, parse_clause(engine).rest);
}

Reach reach_of(std::string_view engine) {
  const Clause parsed = parse_clause(engine);
  const bool is_shared = parsed.arguments.size() >= 2 && parsed.arguments[1] == kSharedReplica;
  return is_shared ? Reach::kAllShards : Reach::kOwnShard;
}

std::string engine_for(std::string_view engine, const Dialect& dialect, std::string_view database,
                       std::string_view table, Reach reach) {
  const Clause parsed = parse_clause(engine);
  if (!dialect.replication.is_on || !parsed.name.ends_with(kFamily) ||
      !replicating_prefix(parsed.name).empty()) {
    return std::string(engine);
  }
  std::vector<std::string_view> arguments = parsed.arguments;
  const std::string path = quote_literal(
      fmt::format("/clickhouse/tables/{{shard}}{}{:016x}", kPathMark, table_hash(database, table)));
  if (!dialect.has_default_replica_path) {
    arguments.insert(arguments.begin(), {path, "'{replica}'"});
  } else if (!dialect.replication.shards.empty() && reach == Reach::kAllShards) {
    arguments.insert(arguments.begin(), {kSharedPath, kSharedReplica});
  }
  return written(fmt::format("{}{}", kReplicating[0], parsed.name), arguments, parsed.rest);
}

bool has_own_path(std::string_view engine) {
  const Clause parsed = parse_clause(engine);
  return replicating_prefix(parsed.name) == kReplicating[0] && !parsed.arguments.empty() &&
         parsed.arguments.front().find(kPathMark) != std::string_view::npos;
}

}  // namespace qvdhouse::clickhouse
