// qvdhouse inspect: one file's header, fields and the columns that would be made of them, and why.
// Needs no engine.
#include <fmt/format.h>

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
#include "qvd/header.h"
#include "qvd/profile.h"
#include "source/listing.h"

namespace qvdhouse::cli {
namespace {

struct InspectArguments {
  std::string file;
  bool json = false;
};

struct NamedFile {
  source::FileEntry entry;
  std::unique_ptr<base::ByteSource> bytes;
  SourceSettings source;
};

// `sources` must outlive what is returned.
NamedFile open_named(const std::string& file, Sources& sources) {
  const OpenSource source = sources.of(file);
  const auto files = source.storage.list(file, {.pattern = "*", .include = {}, .exclude = {}});
  if (files.size() != 1) {
    throw UsageError(fmt::format("inspect takes one file; {} is {}", masked_source(file),
                                 files.empty() ? "none" : format_quantity(files.size(), "file")));
  }
  return {files[0], source.storage.open(files[0]), source.settings};
}

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
            {"warnings", header.warnings}};
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

void print_json_report(const load::PreparedFile& file, const std::string& name,
                       schema::LoadMode mode) {
  const qvd::TableHeader& header = file.header;
  Json json = header_json(header, name);
  const auto columns = columns_by_field(file);
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    Json field = field_json(header.fields[i], file.may_be_null[i]);
    field["profile"] = profile_json(qvd::profile_field(file.symbols[i]));
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
  json["order_by"] = file.plan.order_by;
  json["order_by_reason"] = file.plan.order_by_reason;
  print_json(json);
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
  for (const std::string& warning : header.warnings) line("Repaired", warning);
}

void print_indented(std::string_view text) {
  const std::size_t width = stdout_is_terminal() ? terminal_width() : 100;
  for (const std::string& line : wrap(printable(text), width > 24 ? width - 4 : 20)) {
    print("    " + line + "\n");
  }
}

void print_column(const schema::ColumnPlan& column) {
  print_indented(fmt::format("→ {} {}", column.name, column.type.name()));
  print_indented(column.reason);
  for (const std::string& warning : column.warnings) print_indented("Note: " + warning);
}

void print_fields(const load::PreparedFile& file) {
  const auto columns = columns_by_field(file);
  for (std::size_t i = 0; i < file.header.fields.size(); ++i) {
    print(fmt::format("\n{}\n", printable(file.header.fields[i].name)));
    if (columns[i].empty()) {
      print_indented("left out by the settings of its table");
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

void print_table_of(const load::PreparedFile& file, schema::LoadMode mode) {
  std::string order;
  for (const std::string& name : file.plan.order_by) order += (order.empty() ? "" : ", ") + name;
  print(fmt::format(
      "\nClickHouse table {}{}\n", printable(file.plan.table),
      mode == schema::LoadMode::kReplace ? "" : fmt::format(" ({})", decide::mode_name(mode))));
  for (const schema::ColumnPlan& column : file.plan.columns) {
    if (column.field_index == schema::kNoField) print_column(column);
  }
  print_indented(fmt::format("ORDER BY ({}): {}", order, file.plan.order_by_reason));
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
  if (arguments.json) {
    print_json_report(file, name, placement.mode);
  } else {
    print_fields(file);
    print_table_of(file, placement.mode);
  }
}

int run_inspect(const InspectArguments& arguments, const Context& context) {
  Sources sources(context);
  const NamedFile file = open_named(arguments.file, sources);
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
