#include "clickhouse/dialect.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <compare>
#include <optional>

#include "base/error.h"
#include "clickhouse/quote.h"

namespace qvdhouse::clickhouse {
namespace {

struct Version {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const Version&) const = default;
};

constexpr Version kOldest{18, 16};

// A feature and the release from which we count on it.
struct Feature {
  bool Dialect::*member;
  Version since;
};

constexpr std::array kFeatures = {
    Feature{&Dialect::has_codecs, {20, 8}},
    Feature{&Dialect::has_ttl, {20, 8}},
    Feature{&Dialect::has_indexes, {20, 8}},
    Feature{&Dialect::has_nullable_key, {20, 8}},
    Feature{&Dialect::has_alter_if, {20, 8}},
    // With the database engine Atomic, which came with it.
    Feature{&Dialect::has_exchange, {20, 10}},
    Feature{&Dialect::has_drop_sync, {21, 3}},
    Feature{&Dialect::has_covering_parts, {24, 3}},  // known of 26.7; late rather than early
    Feature{&Dialect::has_long_columns, {24, 3}},    // asked for by a setting before
    Feature{&Dialect::has_query_parameters, {21, 3}},
    Feature{&Dialect::has_column_position, {22, 3}},
    Feature{&Dialect::has_map, {22, 3}},
    Feature{&Dialect::has_bool, {22, 3}},
    Feature{&Dialect::has_table_comment, {22, 8}},
    // They came earlier, but held no year before 1925 nor after 2283.
    Feature{&Dialect::has_date32, {22, 8}},
    Feature{&Dialect::has_datetime64, {22, 8}},
    Feature{&Dialect::has_alter_settings, {23, 3}},
    Feature{&Dialect::has_limit_setting, {21, 8}},
    Feature{&Dialect::has_projections, {23, 3}},
    Feature{&Dialect::has_default_replica_path, {22, 8}},
    Feature{&Dialect::has_active_replica_wait, {24, 3}},
    Feature{&Dialect::has_light_sync, {23, 8}},
    Feature{&Dialect::has_newest_rows, {23, 3}},
    // Before that only by a setting for experiments.
    Feature{&Dialect::has_time64, {26, 1}},
};
constexpr Version kLowCardinalityByItselfSince{20, 8};
constexpr Version kXxh3Since{23, 3};
constexpr Version kZstdSince{22, 8};

// "18.16.1" → 18, 16.
std::optional<Version> parse_version(std::string_view text) {
  Version version;
  const char* end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc() || (minor.ptr != end && *minor.ptr != '.')) return std::nullopt;
  return version;
}

}  // namespace

std::string Replication::on_cluster() const {
  return cluster.empty() ? "" : " ON CLUSTER " + quote_identifier(cluster);
}

Dialect Dialect::local() const {
  Dialect dialect = *this;
  dialect.replication = {};
  return dialect;
}

bool Dialect::has_type(const ColumnType& type) const {
  switch (type.kind) {
    case TypeKind::kBool:
      return has_bool;
    case TypeKind::kDate32:
      return has_date32;
    case TypeKind::kDateTime64:
      return has_datetime64;
    case TypeKind::kTime64:
      return has_time64;
    default:
      return true;
  }
}

std::string Dialect::version() const { return fmt::format("{}.{}", major, minor); }

Dialect dialect_of(std::string_view version) {
  const auto found = parse_version(version);
  if (!found) {
    throw base::ServerError(
        fmt::format("expected a version such as 26.7.3.1 from SELECT version(), found \"{}\": is "
                    "that a ClickHouse server?",
                    version.substr(0, 100)),
        0);
  }
  if (*found < kOldest) {
    throw base::ServerError(
        fmt::format("ClickHouse {} is too old: {}.{} is the oldest that qvdhouse can use", version,
                    kOldest.major, kOldest.minor),
        0);
  }
  Dialect dialect{.major = found->major, .minor = found->minor};
  for (const Feature& feature : kFeatures) dialect.*feature.member = *found >= feature.since;
  dialect.needs_low_cardinality_setting = *found < kLowCardinalityByItselfSince;
  if (*found < kXxh3Since) dialect.hash = HashFunction::kMetroHash;
  if (*found < kZstdSince) dialect.best_compression = Compression::kGzip;
  return dialect;
}

}  // namespace qvdhouse::clickhouse
