#include <fmt/format.h>
#include <xxhash.h>

#include <string_view>

#include "sync/decide.h"

namespace qvdhouse::sync {
namespace {

// Length first, so that no two settings can be written as the same text.
void add(std::string& text, std::string_view value) {
  text += fmt::format("{}:{};", value.size(), value);
}

}  // namespace

std::string settings_hash(const load::Options& options) {
  const schema::Policy& policy = options.policy;
  std::string text =
      fmt::format("{};{};{};{};{};{};{};{};{};", static_cast<int>(options.invalid_utf8),
                  static_cast<int>(policy.dual), static_cast<int>(policy.mixed),
                  static_cast<int>(policy.integers), static_cast<int>(policy.dates),
                  static_cast<int>(policy.naming), policy.low_cardinality_limit,
                  policy.overrides.size(), policy.order_by.size());
  add(text, policy.timezone);
  add(text, policy.table_prefix);
  for (const auto& [name, type] : policy.overrides) {
    add(text, name);
    add(text, type);
  }
  for (const std::string& name : policy.order_by) add(text, name);
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

}  // namespace qvdhouse::sync
