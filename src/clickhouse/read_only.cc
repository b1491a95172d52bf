#include "clickhouse/read_only.h"

#include <fmt/format.h>

#include <string>

namespace qvdhouse::clickhouse {

Settings read_only_settings(Connection& connection, ReadOnly wanted) {
  const std::string profile =
      connection.query("SELECT value FROM system.settings WHERE name = 'readonly' FORMAT TSV");
  if (!profile.starts_with('0')) return {};
  return {{"readonly", fmt::to_string(static_cast<int>(wanted))}};
}

}  // namespace qvdhouse::clickhouse
