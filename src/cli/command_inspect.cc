// qvdhouse inspect: one file's header, fields and the columns that would be made of them, and why.
// Needs no engine.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "decide/decide.h"
#include "decide/placement.h"
#include "load/load.h"
#include "load/row_rules.h"
#include "qvd/header.h"
#include "qvd/profile.h"
#include "qvd/unique_rows.h"
#include "schema/names.h"
#include "schema/protection.h"
#include "source/listing.h"

namespace qvdhouse::cli {
namespace {

struct InspectArguments {
  std::string file;
  bool json = false;
};

// "3 int, 2 text, 1 blank": which kinds of symbols a field has.
std::string kinds(const qvd::FieldProfile& profile) {
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view name) {
    if (count == 0) return;
    text += text.empty() ? "" : ", ";
    text += count == profile.symbol_count ? std::string(name)
                                          : fmt::format("{} {}", format_count(count), name);
  };
  add(profile.int_count, "int");
  add(profile.double_count, "double");
  add(profile.dual_int_count, "dual int");
  add(profile.dual_double_count, "dual double");
  add(profile.text_count, "text");
  add(profile.blank_text_count, "blank");
  return text.empty() ? "no values" : text;
}

Json profile_json(const qvd::FieldProfile& profile) {
  Json json{{"symbols", profile.symbol_count},          {"int", profile.int_count},
            {"double", profile.double_count},           {"dual_int", profile.dual_int_count},
            {"dual_double", profile.dual_double_count}, {"text", profile.text_count},
            {"blank_text", profile.blank_text_count},   {"all_integral", profile.all_integral},
            {"non_finite", profile.non_finite_count},   {"text_bytes", profile.text_bytes},
            {"max_text_bytes", profile.max_text_bytes}};
  json["min"] = profile.min_number ? Json(*profile.min_number) : Json();
  json["max"] = profile.max_number ? Json(*profile.max_number) : Json();
  return json;
}

Json header_json(const qvd::TableHeader& header, const std::string& name) {
  Json json{{"file", name},
            {"file_bytes", header.file_bytes},
            {"table_name", header.table_name},
            {"records", header.record_count},
            {"record_bytes", header.record_bytes},
            {"created_at", created_json(header.created_at)},
            {"creator_document", header.creator_document},
            {"build_number", header.build_number},
            {"comment", header.comment},
            {"tags", header.table_tags},
            {"warnings", header.warnings}};
  json["lineage"] = Json::array();
  for (const qvd::Lineage& part : header.lineage) {
    json["lineage"].push_back(
        {{"discriminator", part.discriminator}, {"statement", part.statement}});
  }
  json["fields"] = Json::array();
  return json;
}

Json field_json(const qvd::FieldHeader& field, bool may_be_null) {
  return Json{{"name", field.name},
              {"comment", field.comment},
              {"tags", field.tags},
              {"format_type", field.number_format.type},
              {"format", field.number_format.format},
              {"width_bits", field.width_bits},
              {"offset_bits", field.offset_bits},
              {"bias", field.bias},
              {"may_be_null", may_be_null}};
}

// A remote file is not fetched for more rows.
constexpr std::uint64_t kMostRemoteBytes = 16 << 20;

// What could be the key of a table of newest rows.
struct KeyProposal {
  std::vector<std::string> fields;  // empty: nothing tells the rows apart
  std::string reason;
};

// A field that no two rows have the same value of, those that Qlik takes for keys first; else all
// of these together.
KeyProposal propose_key(const NamedFile& named, const load::PreparedFile& file,
                        const std::stop_token& stop) {
  const qvd::TableHeader& header = file.header;
  const std::string rows = format_quantity(header.record_count, "row");
  if (header.record_count == 0) return {{}, "The file has no rows."};
  if (named.bytes->is_remote() && header.record_count * header.record_bytes > kMostRemoteBytes) {
    return {{},
            fmt::format("The rows of a remote file of more than {} are not read for it.",
                        format_bytes(kMostRemoteBytes))};
  }
  if (header.record_count > qvd::kMostRowsCompared) {
    return {{}, fmt::format("{}: too many to be compared.", rows)};
  }
  std::vector<std::size_t> tagged;
  std::vector<std::size_t> others;
  for (const schema::ColumnPlan& column : file.plan.columns) {
    const std::size_t field = column.field_index;
    if (field == schema::kNoField || column.type.nullable) continue;
    if (column.protection.merges_values()) continue;  // two keys could be one
    std::vector<std::size_t>& list = schema::is_key_field(header.fields[field]) ? tagged : others;
    if (list.empty() || list.back() != field) list.push_back(field);
  }
  std::vector<std::vector<std::size_t>> candidates;
  for (const auto* list : {&tagged, &others}) {
    for (const std::size_t field : *list) {
      if (file.symbols[field].size() >= header.record_count) candidates.push_back({field});
    }
    if (list == &tagged && tagged.size() > 1) candidates.push_back(tagged);
  }
  for (const std::vector<std::size_t>& fields : candidates) {
    if (!qvd::are_rows_unique(*named.bytes, header, fields, stop).value_or(false)) continue;
    KeyProposal proposal{{},
                         fmt::format("never NULL, and another {} in each of {}.",
                                     fields.size() == 1 ? "value" : "combination", rows)};
    for (const std::size_t field : fields) proposal.fields.push_back(header.fields[field].name);
    return proposal;
  }
  return {{},
          fmt::format("No field, and not the key fields together, has another value in each "
                      "of {}.",
                      rows)};
}

// The columns of each field, in the plan's order.
std::vector<std::vector<const schema::ColumnPlan*>> columns_by_field(
    const load::PreparedFile& file) {
  std::vector<std::vector<const schema::ColumnPlan*>> columns(file.header.fields.size());
  for (const schema::ColumnPlan& column : file.plan.columns) {
    if (column.field_index != schema::kNoField) columns[column.field_index].push_back(&column);
  }
  return columns;
}

Json column_json(const schema::ColumnPlan& column) {
  return Json{{"name", column.name},
              {"type", column.type.name()},
              {"reason", column.reason},
              {"warnings", column.warnings}};
}

// What protects each field, as the settings say it.
std::vector<std::string> protections_of(const load::PreparedFile& file,
                                        const schema::Policy& policy) {
  std::vector<std::string> fields;
  for (const qvd::FieldHeader& field : file.header.fields) fields.push_back(field.name);
  const std::vector<std::string> names = schema::column_names(fields, policy);
  std::vector<std::string> protections;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    protections.push_back(schema::text_of(schema::protection_of(policy, fields[i], names[i])));
  }
  return protections;
}

// What is said of a file beside its columns.
struct Remarks {
  std::vector<std::string> protections;  // by field
  std::vector<std::string> rules;
};

void print_json_report(const load::PreparedFile& file, const std::string& name,
                       schema::LoadMode mode, const KeyProposal& key, const Remarks& remarks) {
  const qvd::TableHeader& header = file.header;
  Json json = header_json(header, name);
  for (const std::string& alert : file.alerts) json["warnings"].push_back(alert);
  const auto columns = columns_by_field(file);
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    Json field = field_json(header.fields[i], file.may_be_null[i]);
    field["profile"] = profile_json(qvd::profile_field(file.symbols[i]));
    field["protection"] = remarks.protections[i];
    field["columns"] = Json::array();
    for (const schema::ColumnPlan* column : columns[i]) {
      field["columns"].push_back(column_json(*column));
    }
    json["fields"].push_back(std::move(field));
  }
  json["own_columns"] = Json::array();
  for (const schema::ColumnPlan& column : file.plan.columns) {
    if (column.field_index == schema::kNoField) json["own_columns"].push_back(column_json(column));
  }
  json["table"] = file.plan.table;
  json["mode"] = decide::mode_name(mode);
  json["rules"] = remarks.rules;
  json["order_by"] = file.plan.order_by;
  json["order_by_reason"] = file.plan.order_by_reason;
  json["key"] = key.fields;
  json["key_reason"] = key.reason;
  print_json(json);
}

void print_indented(std::string_view text) {
  const std::size_t width = stdout_is_terminal() ? terminal_width() : 100;
  for (const std::string& line : wrap(printable(text), width > 24 ? width - 4 : 20)) {
    print("    " + line + "\n");
  }
}

void print_header(const qvd::TableHeader& header, const std::string& name) {
  const auto line = [](std::string_view title, const std::string& value) {
    if (!value.empty()) print(fmt::format("{:<10}{}\n", title, printable(value)));
  };
  line("File", fmt::format("{} ({})", name, format_bytes(header.file_bytes)));
  line("Table", header.table_name);
  line("Records", fmt::format("{} of {}", format_count(header.record_count),
                              format_quantity(header.record_bytes, "byte")));
  line("Fields", format_count(header.fields.size()));
  line("Created", header.created_at.empty() ? "" : header.created_at + " UTC");
  line("By", header.creator_document +
                 (header.build_number.empty() ? "" : " (build " + header.build_number + ")"));
  line("Comment", header.comment);
  line("Tags", fmt::format("{}", fmt::join(header.table_tags, ", ")));
  for (const qvd::Lineage& part : header.lineage) {
    line("From", part.discriminator.empty() ? "a statement alone" : part.discriminator);
    if (!part.statement.empty()) print_indented(part.statement);
  }
  for (const std::string& warning : header.warnings) line("Repaired", warning);
}

void print_column(const schema::ColumnPlan& column) {
  print_indented(fmt::format("→ {} {}", column.name, column.type.name()));
  print_indented(column.reason);
  for (const std::string& warning : column.warnings) print_indented("Note: " + warning);
}

void print_fields(const load::PreparedFile& file, const std::vector<std::string>& protections) {
  const auto columns = columns_by_field(file);
  for (std::size_t i = 0; i < file.header.fields.size(); ++i) {
    print(fmt::format("\n{}\n", printable(file.header.fields[i].name)));
    if (columns[i].empty()) {
      print_indented(protections[i] == "drop" ? "left out by the settings (protect: drop)"
                                              : "left out by the settings of its table");
      continue;
    }
    const qvd::FieldProfile profile = qvd::profile_field(file.symbols[i]);
    std::string facts =
        fmt::format("{}: {}", format_quantity(profile.symbol_count, "symbol"), kinds(profile));
    if (profile.min_number) {
      facts += fmt::format("; {} to {}", *profile.min_number, *profile.max_number);
    }
    if (file.may_be_null[i]) facts += "; may be NULL";
    print_indented(facts);
    for (const schema::ColumnPlan* column : columns[i]) print_column(*column);
  }
}

void print_table_of(const load::PreparedFile& file, schema::LoadMode mode, const KeyProposal& key) {
  std::string order;
  for (const std::string& name : file.plan.order_by) order += (order.empty() ? "" : ", ") + name;
  print(fmt::format(
      "\nClickHouse table {}{}\n", printable(file.plan.table),
      mode == schema::LoadMode::kReplace ? "" : fmt::format(" ({})", decide::mode_name(mode))));
  for (const schema::ColumnPlan& column : file.plan.columns) {
    if (column.field_index == schema::kNoField) print_column(column);
  }
  print_indented(fmt::format("ORDER BY ({}): {}", order, file.plan.order_by_reason));
  if (mode == schema::LoadMode::kUpsert) return;
  print_indented(key.fields.empty() ? fmt::format("Key for mode = \"upsert\": none. {}", key.reason)
                                    : fmt::format("Key for mode = \"upsert\": {}: {}",
                                                  fmt::join(key.fields, ", "), key.reason));
}

void inspect(const NamedFile& named, const InspectArguments& arguments, const Context& context) {
  const std::string& name = named.entry.name;
  // The header is shown even when what follows cannot be read.
  if (!arguments.json) print_header(qvd::read_header(*named.bytes), name);

  const sync::Options options = sync_options(context.config, named.source);
  const decide::Placement placement =
      decide::place_file(named.entry.path, options.tables, options.load.policy, options.source);
  const auto [of_file, target] = decide::load_of(options.load, placement, named.entry.path);
  const load::PreparedFile file = load::prepare(*named.bytes, name, of_file, target, context.stop);
  // A table of newest rows has its key: only JSON says what else could be one.
  KeyProposal key;
  if (arguments.json || placement.mode != schema::LoadMode::kUpsert) {
    key = propose_key(named, file, context.stop);
  }
  const Remarks remarks{.protections = protections_of(file, of_file.policy),
                        .rules = load::describe_rules(*named.bytes, file, target.rules,
                                                      of_file.streams, context.stop)};
  if (arguments.json) {
    print_json_report(file, name, placement.mode, key, remarks);
  } else {
    print_fields(file, remarks.protections);
    print_table_of(file, placement.mode, key);
    for (const std::string& rule : remarks.rules) print_indented(rule);
    for (const std::string& alert : file.alerts) print_indented("Note: " + alert);
  }
}

int run_inspect(const InspectArguments& arguments, const Context& context) {
  Sources sources(context);
  const NamedFile file = open_named("inspect", arguments.file, sources);
  try {
    inspect(file, arguments, context);
  } catch (const base::InputError& error) {
    throw base::InputError(file.entry.path + ": " + error.what());
  } catch (const base::SchemaError& error) {
    throw base::SchemaError(file.entry.path + ": " + error.what());
  }
  return kOk;
}

}  // namespace

void add_inspect(CommandLine& line) {
  auto [o, a] =
      line.add("inspect", kFiles, "one file: header, fields, column types and why", run_inspect);
  o.example("qvdhouse inspect ./qvds/Item.qvd");
  o.settings({Topic::kStorages, Topic::kTypes});
  o.option("FILE", a.file, "", "a QVD file: a path or a URL")->required();
  o.json(a.json);
}

}  // namespace qvdhouse::cli
