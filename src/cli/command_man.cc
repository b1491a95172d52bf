// qvdhouse man: the manual page, made from what --help says of each command and from the table of
// settings.
#include <fmt/format.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "config/setting.h"

namespace qvdhouse::cli {
namespace {

// Text as roff shows it, word for word: no escape, no request, and hyphens that can be copied.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_line_start = out.empty() || out.back() == '\n';
    if (is_line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

// A term and what it means, indented below it.
std::string item(const std::string& term, std::string_view text) {
  return fmt::format(".TP\n{}\n{}\n", term, roff(text));
}

std::string option_item(const OptionNode& option) {
  std::string term;
  for (const std::string& name : option.names) {
    term += (term.empty() ? "" : ", ") + (name.starts_with('-') ? bold(name) : italic(name));
  }
  if (!option.value_name.empty()) term += " " + italic(option.value_name);
  return item(term, option.help);
}

std::string command_section(const CommandNode& command) {
  std::string text = fmt::format(".SS {}\n{}.\n", roff(command.name), roff(command.help));
  for (const OptionNode& option : command.options) text += option_item(option);
  if (!command.example.empty()) {
    text += fmt::format(".PP\nExample:\n.PP\n.RS\n.nf\n{}\n.fi\n.RE\n", roff(command.example));
  }
  return text;
}

std::string setting_item(const config::Setting& setting) {
  std::string term;
  const auto add = [&term](const std::string& name) { term += (term.empty() ? "" : ", ") + name; };
  if (!setting.flag.empty()) {
    add(bold(setting.flag) + (setting.value_name.empty() ? "" : " " + italic(setting.value_name)));
  }
  if (!setting.env.empty()) add(bold(setting.env));
  add(bold(setting.key));
  std::string text(setting.help);
  if (!setting.default_text.empty()) text += fmt::format(" (default: {})", setting.default_text);
  return item(term, text);
}

std::string settings_sections() {
  std::string text;
  std::string_view title;
  for (const config::Setting& setting : config::settings_table()) {
    if (const std::string_view own = config::title_of(setting.topic); own != title) {
      title = own;
      text += fmt::format(".SS {}\n", roff(title));
    }
    text += setting_item(setting);
  }
  return text;
}

std::string manual(const CommandTree& tree) {
  std::string text = fmt::format(
      ".TH QVDHOUSE 1 \"\" \"qvdhouse {}\" \"qvdhouse\"\n"
      ".SH NAME\nqvdhouse, init_qvd \\- {}\n"
      ".SH SYNOPSIS\n.B qvdhouse\n.I COMMAND\n.RI [ OPTIONS ]\n.br\n.B init_qvd\n.RI [ OPTIONS ]\n"
      ".SH DESCRIPTION\n"
      "Loads QVD files of QlikView and Qlik Sense into ClickHouse tables: the embedded one, or a\n"
      "server. Run again, it loads what is new or changed, and nothing else.\n"
      ".B init_qvd\nis {} under the name of the original, with its command line.\n"
      ".SH COMMANDS\n",
      roff(version()), roff("QVD files become ClickHouse tables"), bold("qvdhouse init-qvd"));
  for (const CommandNode& command : tree.commands) text += command_section(command);
  text += ".SH OPTIONS\nThey go with every command.\n";
  for (const OptionNode& option : tree.global.options) text += option_item(option);
  text +=
      ".SH SETTINGS\nEach may be a flag, a variable of the environment or of .env, or a line of\n"
      "qvdhouse.toml, in this order; the names stand in this order below.\n";
  text += settings_sections();
  text += ".SH EXIT STATUS\n";
  for (const ExitMeaning& meaning : exit_meanings()) {
    text += item(bold(std::to_string(meaning.code)), meaning.text);
  }
  return text + fmt::format(".SH FILES\n{}{}{}{}", item(italic("./qvdhouse.toml"), "settings"),
                            item(italic("./.env"), "settings, as variables"),
                            item(italic("./qvdhouse-data"), "the embedded ClickHouse"),
                            item(italic("/etc/qvdhouse/qvdhouse.toml"),
                                 "settings of the system's service"));
}

}  // namespace

void add_man(CommandLine& line) {
  auto [o, a] = line.add("man", kSetup, "print the manual page (roff)", print_text);
  o->preparse_callback([&text = a.text, &line](std::size_t) { text = manual(line.tree()); });
  o.example("qvdhouse man | man -l -");
  o.needs_no_config();
}

}  // namespace qvdhouse::cli
