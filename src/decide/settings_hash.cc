#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "decide/decide.h"
#include "decide/inventory.h"

namespace qvdhouse::decide {
namespace {

// Length first, so that no two settings can be written as the same text.
void add(std::string& text, std::string_view value) {
  text += fmt::format("{}:{};", value.size(), value);
}

void add(std::string& text, const std::vector<std::string>& values) {
  add(text, std::to_string(values.size()));
  for (const std::string& value : values) add(text, value);
}

template <class Pairs>
void add_pairs(std::string& text, const Pairs& pairs) {
  add(text, std::to_string(pairs.size()));
  for (const auto& [name, value] : pairs) {
    add(text, name);
    add(text, value);
  }
}

// What decides columns and layout of a table. Not: which files, whose rows go, SQL around a load.
void add_null_texts(std::string& text, const std::vector<std::string>& null_texts) {
  if (null_texts.empty()) return;
  text += "null_texts;";
  add(text, null_texts);
}

void add_rule(std::string& text, const schema::ColumnRule& rule) {
  text += fmt::format("rule {} {} {} {};", static_cast<int>(rule.action), rule.not_null,
                      rule.unique, rule.fits_type);
  add(text, rule.columns);
  for (const auto* value : {&rule.min, &rule.max, &rule.matches}) {
    text += *value ? "=" : "-";
    add(text, value->value_or(""));
  }
  add(text, rule.in);
}

std::string text_of(const schema::TableRules& rules) {
  std::string text = fmt::format("{};{};{};{};", static_cast<int>(rules.drift), rules.with_file,
                                 rules.with_row, rules.with_loaded_at);
  for (const auto* names : {&rules.include, &rules.exclude, &rules.order_by}) add(text, *names);
  add_pairs(text, rules.rename);
  for (const auto* settings : {&rules.types, &rules.codecs, &rules.settings}) {
    add_pairs(text, *settings);
  }
  for (const auto* value : {&rules.partition_by, &rules.engine, &rules.ttl}) add(text, *value);
  // What came later is added only where it is set: a table's hash stays what it was.
  if (rules.outsiders) text += fmt::format("outsiders {};", static_cast<int>(*rules.outsiders));
  for (const auto& [name, outsiders] : rules.outsiders_of) {
    add(text, name);
    text += fmt::format("outsiders {};", static_cast<int>(outsiders));
  }
  if (rules.decimals) text += fmt::format("decimals {};", static_cast<int>(*rules.decimals));
  add_null_texts(text, rules.null_texts);
  for (const auto& [name, texts] : rules.null_texts_of) {
    add(text, name);
    add_null_texts(text, texts);
  }
  if (!rules.key.empty()) {
    text += fmt::format("upsert {};{};", static_cast<int>(rules.duplicate_keys),
                        static_cast<int>(rules.null_keys));
    add(text, rules.key);
    for (const auto* value : {&rules.version, &rules.deleted}) add(text, *value);
    if (rules.is_deletes) text += "deletes;";
  }
  if (rules.with_run_id) text += "run_id;";
  if (!rules.primary_key.empty()) {
    text += "primary_key;";
    add(text, rules.primary_key);
  }
  if (!rules.sample_by.empty()) add(text, "sample_by " + rules.sample_by);
  if (!rules.indexes.empty()) {
    text += "indexes;";
    add_pairs(text, rules.indexes);
  }
  for (const schema::ColumnRule& rule : rules.column_rules) add_rule(text, rule);
  if (!rules.row_filter.empty()) add(text, "where " + rules.row_filter);
  if (rules.max_errors) text += fmt::format("max_errors {};", *rules.max_errors);
  if (rules.max_error_ratio) text += fmt::format("max_error_ratio {};", *rules.max_error_ratio);
  return text;
}

void add_protections(std::string& text, const schema::Protections& protections) {
  for (const auto& [name, protection] : protections) {
    add(text, name);
    add(text, schema::text_of(protection));
  }
}

// Stands before what protects the values, in hashes of files that have such.
constexpr char kProtectionMark = '~';

std::string hash_of(const std::string& text) {
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

}  // namespace

std::string_view mode_name(schema::LoadMode mode) {
  switch (mode) {
    case schema::LoadMode::kReplace:
      return "replace";
    case schema::LoadMode::kReplaceByFile:
      return "replace_by_file";
    case schema::LoadMode::kAppend:
      return "append";
    case schema::LoadMode::kUpsert:
      return "upsert";
  }
  return "";
}

std::string settings_hash(const std::string& general, const Placement& placement) {
  static const std::string kDefaults = text_of({});
  std::string text = text_of(placement.rules);
  for (const auto& [name, value] : placement.name_parts) add(text, name);
  const std::size_t mark = std::min(general.find(kProtectionMark), general.size());
  const std::string all = general.substr(0, mark);
  // A table that no rule says anything of has the hash that it had before there were rules.
  std::string hash = text == kDefaults ? all : hash_of(all + text);
  // A part of its own, since values that were not protected cannot wait (judge_completed()).
  const std::string of_all = general.substr(mark);
  const bool is_protected = of_all.find(';') != of_all.npos || !placement.rules.protections.empty();
  if (is_protected) {
    std::string protection = of_all;
    add_protections(protection, placement.rules.protections);
    hash += kProtectionMark + hash_of(protection);
  }
  return placement.is_set() ? fmt::format("{}/{}", hash, mode_name(placement.mode)) : hash;
}

std::string_view protection_of_hash(std::string_view settings_hash) {
  const std::size_t mark = settings_hash.find(kProtectionMark);
  if (mark == std::string_view::npos) return {};
  return settings_hash.substr(mark, settings_hash.find('/', mark) - mark);
}

schema::LoadMode mode_of_hash(std::string_view settings_hash) {
  for (const schema::LoadMode mode :
       {schema::LoadMode::kReplaceByFile, schema::LoadMode::kAppend, schema::LoadMode::kUpsert}) {
    if (settings_hash.ends_with(fmt::format("/{}", mode_name(mode)))) return mode;
  }
  return schema::LoadMode::kReplace;
}

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
  // Defaults leave the hash what it was before there were these settings.
  const schema::Policy defaults;
  if (policy.outsiders != defaults.outsiders) {
    text += fmt::format("outsiders {};", static_cast<int>(policy.outsiders));
  }
  if (policy.decimals != defaults.decimals) {
    text += fmt::format("decimals {};", static_cast<int>(policy.decimals));
  }
  add_null_texts(text, policy.null_texts);
  if (options.zero_tail == load::ZeroTail::kError) add(text, "zero_tail");
  std::string hash = hash_of(text);
  if (policy.protections.empty() && policy.privacy_key.empty()) return hash;
  hash += kProtectionMark + schema::key_id(policy.privacy_key);
  add_protections(hash, policy.protections);
  return hash;
}

}  // namespace qvdhouse::decide
