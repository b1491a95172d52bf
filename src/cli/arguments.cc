#include "cli/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/did_you_mean.h"
#include "cli/exit_code.h"
#include "cli/init_qvd.h"
#include "cli/output.h"
#include "cli/settings_table.h"
#include "cli/source_url.h"

namespace qvdhouse::cli {
namespace {

constexpr const char* kJsonHelp = "print JSON";

// --help in 80 columns: names in the first, texts in the rest.
constexpr std::size_t kHelpNameColumns = 28;
constexpr std::size_t kHelpTextColumns = 80 - kHelpNameColumns;

std::string wrapped_help(const std::string& text) {
  return fmt::format("{}", fmt::join(wrap(text, kHelpTextColumns), "\n"));
}

// A command whose arguments are a plain struct: options are bound to the struct in `bind`, and
// what runs is `run` with a copy of it.
template <class A>
CLI::App* add_command(CLI::App& app, Arguments& arguments, const std::string& name,
                      const std::string& help, const std::string& example,
                      int (*run)(const A&, const Context&),
                      const std::function<void(CLI::App&, A&)>& bind) {
  CLI::App* command = app.add_subcommand(name, help);
  const auto own = std::make_shared<A>();
  bind(*command, *own);
  command->footer("Example:\n  " + example +
                  "\n\nSettings such as --data-dir go with every command: qvdhouse --help");
  command->callback([own, run, &arguments] {
    arguments.command = [own, run](const Context& context) { return run(*own, context); };
  });
  return command;
}

// [SOURCE]: a setting too, so it goes where the settings go.
void add_source(CLI::App& command, Arguments& arguments) {
  command
      .add_option_function<std::string>(
          "SOURCE",
          [&arguments](const std::string& value) {
            arguments.flags["source"] = value;
            arguments.flag_names["source"] = "the command line";
          },
          "folder, file, glob, URL, or name of a [source.NAME] (default: all\nthat are configured)")
      ->type_name("");
}

// A variable that is not set must not switch off what names a file by it.
const CLI::Validator& is_named() {
  static const CLI::Validator kIsNamed(
      [](const std::string& path) {
        return path.empty() ? std::string("expected the name of a file, found nothing") : "";
      },
      "", "named");
  return kIsNamed;
}

void add_locked(CLI::App& command, std::string& path) {
  command
      .add_option("--locked", path,
                  "load nothing, and exit with 3, when a table would differ\nfrom this schema lock")
      ->check(is_named())
      ->type_name("FILE");
}

// A setting under the name that the original's command line had for it.
void add_named_setting(CLI::App& command, Arguments& arguments, const std::string& flags,
                       const std::string& key, const std::string& value_name,
                       const std::string& help) {
  command
      .add_option_function<std::string>(
          flags,
          [&arguments, flags, key](const std::string& value) {
            arguments.flags[key] = value;
            arguments.flag_names[key] = flags;
          },
          help)
      ->type_name(value_name)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void add_model_commands(CLI::App& app, Arguments& arguments) {
  add_command<ModelsArguments>(
      app, arguments, "models", "the tables as SQL, Python, JSON Schema or C++; a schema lock",
      "qvdhouse models ./qvds --format pydantic --output models.py\n"
      "  qvdhouse models ./qvds --lock qvdhouse.lock.json",
      run_models, [&](CLI::App& c, ModelsArguments& a) {
        add_source(c, arguments);
        c.add_option("--format", a.format, "sql (default), pydantic, moose, json-schema or cpp")
            ->check(CLI::IsMember({"sql", "pydantic", "moose", "json-schema", "cpp"}))
            ->type_name("NAME");
        add_named_setting(c, arguments, "--files", "include_files", "NAME,...",
                          "only these files, as --include has them");
        CLI::Option* output =
            c.add_option("--output", a.output, "write this file instead of printing")
                ->check(is_named())
                ->type_name("PATH");
        c.add_flag("--overwrite", a.overwrite, "replace files that are there");
        CLI::Option* own =
            c.add_option("--template", a.template_file,
                         "a Mustache template of your own; its language by\n--format or its name "
                         "(rows.py.mustache)")
                ->check(is_named())
                ->type_name("FILE");
        CLI::Option* lock =
            c.add_option("--lock", a.lock, "write the schema lock, for sync --locked")
                ->check(is_named())
                ->type_name("FILE");
        c.add_flag("--dump-data", a.dump_data, "print what templates are filled with, as JSON")
            ->excludes(output)
            ->excludes(own)
            ->excludes(lock);
      });
}

void add_loading_commands(CLI::App& app, Arguments& arguments) {
  add_command<SyncArguments>(app, arguments, "sync", "load what is new or changed",
                             "qvdhouse sync ./qvds", run_sync, [&](CLI::App& c, SyncArguments& a) {
                               add_source(c, arguments);
                               c.add_flag("--dry-run", a.dry_run, "only say what would be done");
                               c.add_flag("--full", a.full, "load unchanged files too");
                               add_locked(c, a.locked);
                               c.add_flag("--json", a.json, kJsonHelp);
                             });
  CLI::App* serve = add_command<ServeArguments>(
      app, arguments, "serve", "sync by the schedule; API and page on port 4000",
      "qvdhouse serve ./qvds --schedule '@every 5m'", run_serve,
      [&](CLI::App& c, ServeArguments&) { add_source(c, arguments); });
  serve->alias("dev");
  serve->preparse_callback([&arguments](std::size_t) { arguments.is_service = true; });
  add_command<PlanArguments>(app, arguments, "plan",
                             "what sync would do, and the tables it would make",
                             "qvdhouse plan ./qvds", run_plan, [&](CLI::App& c, PlanArguments& a) {
                               add_source(c, arguments);
                               c.add_flag("--full", a.full, "as for sync --full");
                               add_locked(c, a.locked);
                               c.add_flag("--json", a.json, kJsonHelp);
                             });
  add_command<LsArguments>(app, arguments, "ls", "the files of the source",
                           "qvdhouse ls ./qvds --pattern '**/*.qvd' -v", run_ls,
                           [&](CLI::App& c, LsArguments& a) {
                             add_source(c, arguments);
                             c.add_flag("--json", a.json, kJsonHelp);
                           });
  add_command<InspectArguments>(
      app, arguments, "inspect", "one file: header, fields, column types and why",
      "qvdhouse inspect ./qvds/Item.qvd", run_inspect, [](CLI::App& c, InspectArguments& a) {
        c.add_option("FILE", a.file, "a QVD file: a path or a URL")->required()->type_name("");
        c.add_flag("--json", a.json, kJsonHelp);
      });
  add_command<CatalogArguments>(
      app, arguments, "catalog", "headers of all files into tables, to be asked by SQL",
      "qvdhouse catalog ./qvds\n  qvdhouse query \"SELECT file_name FROM QvdCatalogFields WHERE "
      "field_name = 'Amount'\"",
      run_catalog, [&](CLI::App& c, CatalogArguments& a) {
        add_source(c, arguments);
        c.add_flag("--json", a.json, kJsonHelp);
      });
  add_command<SampleArguments>(
      app, arguments, "sample", "write sample QVD files", "qvdhouse sample ./samples --rows 10000",
      run_sample, [](CLI::App& c, SampleArguments& a) {
        c.add_option("DIR", a.directory, "the folder to write them into")
            ->required()
            ->type_name("");
        c.add_option("--rows", a.rows, "rows of the largest file")->capture_default_str();
        c.add_flag("--speed", a.speed_table, "one wide table for measuring, of any length");
        c.add_flag("--json", a.json, kJsonHelp);
      });
}

void add_service_commands(CLI::App& app, Arguments& arguments) {
  add_command<WorkflowArguments>(
      app, arguments, "workflow", "what a running service does, and telling it what to do",
      "qvdhouse workflow run\n  qvdhouse workflow history lake --limit 5", run_workflow,
      [](CLI::App& c, WorkflowArguments& a) {
        c.add_option("ACTION", a.action, "list, run, history, status, pause, unpause or cancel")
            ->required()
            ->check(
                CLI::IsMember({"list", "run", "history", "status", "pause", "unpause", "cancel"}))
            ->type_name("");
        c.add_option("NAME", a.name, "a workflow (default: the only one); for cancel: a run's id")
            ->type_name("");
        c.add_flag("--full", a.full, "run: load unchanged files too");
        c.add_flag("--retry-failed", a.retry_failed, "run: try failed files now");
        c.add_option("--limit", a.limit, "history, status: most runs shown")
            ->check(CLI::Range(1, 500))
            ->capture_default_str();
        c.add_flag("--json", a.json, kJsonHelp);
      });
  add_command<LogsArguments>(
      app, arguments, "logs", "what the service says", "qvdhouse logs --tail --filter sales.qvd",
      run_logs, [](CLI::App& c, LogsArguments& a) {
        c.add_flag("-t,--tail", a.tail, "go on with what is added, until Ctrl-C");
        c.add_option("--filter", a.filter, "a text in the message, event, workflow, run or file")
            ->type_name("TEXT");
        c.add_option("--level", a.level, "the least level")
            ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
            ->type_name("LEVEL");
        c.add_option("--limit", a.limit, "most lines shown")->capture_default_str();
        c.add_flag("--json", a.json, "print a JSON object a line");
      });
  CLI::App* token = add_command<TokenArguments>(
      app, arguments, "token", "make a token for the service's API and page", "qvdhouse token",
      run_token, [](CLI::App& c, TokenArguments& a) { c.add_flag("--json", a.json, kJsonHelp); });
  token->preparse_callback([&arguments](std::size_t) { arguments.needs_config = false; });
}

void add_tracking_commands(CLI::App& app, Arguments& arguments) {
  add_command<StatusArguments>(
      app, arguments, "status", "what was loaded, file by file", "qvdhouse status", run_status,
      [](CLI::App& c, StatusArguments& a) { c.add_flag("--json", a.json, kJsonHelp); });
  add_command<HistoryArguments>(
      app, arguments, "history", "every attempt, newest first", "qvdhouse history Item.qvd -v",
      run_history, [](CLI::App& c, HistoryArguments& a) {
        c.add_option("FILE", a.file, "path, URL, name or stem (default: all files)")->type_name("");
        c.add_option("--limit", a.limit, "most attempts shown")->capture_default_str();
        c.add_flag("--json", a.json, kJsonHelp);
      });
  add_command<ExplainArguments>(
      app, arguments, "explain", "why a file was loaded or skipped",
      "qvdhouse explain Item.qvd --source ./qvds", run_explain,
      [](CLI::App& c, ExplainArguments& a) {
        c.add_option("FILE", a.file, "path, URL, name or stem")->required()->type_name("");
        c.add_flag("--json", a.json, kJsonHelp);
      });
  add_command<VerifyArguments>(
      app, arguments, "verify", "compare tables with their files, value by value",
      "qvdhouse verify QvdItem", run_verify, [](CLI::App& c, VerifyArguments& a) {
        c.add_option("TABLE", a.table, "a table or file name (default: all)")->type_name("");
        c.add_flag("--json", a.json, kJsonHelp);
      });
  add_command<ResetArguments>(
      app, arguments, "reset", "forget files, so that they are loaded again",
      "qvdhouse reset --file Item.qvd --with-data", run_reset, [](CLI::App& c, ResetArguments& a) {
        c.add_option("--file", a.file, "this file: path, URL, name or stem");
        c.add_option("--table", a.table, "the file of this table");
        c.add_flag("--all", a.all, "every file");
        c.add_flag("--with-data", a.with_data, "drop the tables too");
        c.add_flag("--force", a.force, "do not ask");
        c.add_flag("--json", a.json, kJsonHelp);
      });
}

void add_engine_commands(CLI::App& app, Arguments& arguments) {
  add_command<QueryArguments>(
      app, arguments, "query", "ask ClickHouse",
      "qvdhouse query 'SELECT count() FROM QvdItem' --format JSON", run_query,
      [](CLI::App& c, QueryArguments& a) {
        c.add_option("SQL", a.sql, "one statement; - reads it from standard input")
            ->required()
            ->type_name("");
        c.add_option("--format", a.format,
                     "a ClickHouse format (default: PrettyCompact on a terminal, else TSV)");
      });
  add_command<ClientArguments>(
      app, arguments, "client", "clickhouse-client on the embedded engine",
      "qvdhouse client --exec", run_client, [](CLI::App& c, ClientArguments& a) {
        CLI::Option* exec = c.add_flag("--exec", a.exec, "run it instead of printing the call");
        c.add_flag("--keep", a.keep, "keep the engine running until Ctrl-C")->excludes(exec);
      });
  add_command<DoctorArguments>(
      app, arguments, "doctor", "check everything that must be there",
      "qvdhouse doctor --source s3://bucket/qvds", run_doctor, [](CLI::App& c, DoctorArguments& a) {
        c.add_flag("--json", a.json, kJsonHelp);
        c.add_flag("--hash-library", a.hash_library, "compare libchdb.so with the build's hash");
      });
  add_command<ConfigArguments>(
      app, arguments, "config", "the settings in effect, and their origin",
      "qvdhouse config --json", run_config,
      [](CLI::App& c, ConfigArguments& a) { c.add_flag("--json", a.json, kJsonHelp); });
}

// The original's flags, all of them.
void add_init_qvd(CLI::App& app, Arguments& arguments) {
  CLI::App* command = add_command<InitQvdArguments>(
      app, arguments, std::string(kInitQvdCommand), "the original's init_qvd.py", "", run_init_qvd,
      [&](CLI::App& c, InitQvdArguments& a) {
        const std::string actions = "Exactly one of";
        c.add_flag("--list-files", a.list_files, "the files of the source; -v: with details")
            ->group(actions);
        c.add_flag("--generate-models", a.generate_models, "Python models of their tables")
            ->group(actions);
        c.add_flag("--reset-state", a.reset_state, "forget all files; asks first")->group(actions);
        add_named_setting(c, arguments, "--source", "source", "SOURCE",
                          "path or URL of the files [QVD_SOURCE]");
        add_named_setting(c, arguments, "--pattern", "file_pattern", "GLOB",
                          "which files of it (default: *.qvd)");
        add_named_setting(c, arguments, "--files", "include_files", "A,B", "only these files");
        add_named_setting(c, arguments, "--exclude", "exclude_files", "A,B", "not these files");
        c.add_option("--output", a.output, "where the models go")
            ->type_name("FILE")
            ->capture_default_str();
        c.add_flag("--overwrite", a.overwrite, "replace that file");
        c.add_flag("--force", a.force, "do not ask");
        add_named_setting(c, arguments, "--aws-key", "source.aws_key", "KEY",
                          "[AWS_ACCESS_KEY_ID]");
        add_named_setting(c, arguments, "--aws-secret", "source.aws_secret", "SECRET",
                          wrapped_help("[AWS_SECRET_ACCESS_KEY]; that is better: others on the "
                                       "machine can see flags"));
        c.add_flag("-v,--verbose", arguments.verbose, "say more");
        c.add_option("--state-file", a.state_file)->group("");  // of the original's first version
      });
  command->footer(
      "Example:\n  init_qvd --list-files --source /path/to/qvd --verbose\n"
      "  init_qvd --generate-models --source s3://bucket/path --files Item,PO\n"
      "  init_qvd --reset-state --force\n\n"
      "init_qvd is a second name of qvdhouse: init_qvd FLAGS is qvdhouse init-qvd FLAGS.\n"
      "Exit codes are those of qvdhouse, and 2 for a wrong command line. Other settings\n"
      "go with it too: qvdhouse --help");
}

CommandNode describe(const CLI::App& app) {
  CommandNode node{app.get_name(), app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // left out of --help too
    std::vector<std::string> names;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    for (const std::string& name : names) {
      node.flags.push_back(name);
      if (option->get_expected_max() > 0) node.value_flags.push_back(name);
    }
  }
  return node;
}

CommandTree command_tree(const CLI::App& app) {
  CommandTree tree{describe(app), {}};
  const std::vector<std::string>& global = tree.global.flags;
  const auto is_global = [&](const std::string& flag) {
    return std::find(global.begin(), global.end(), flag) != global.end();
  };
  const auto all = [](const CLI::App*) { return true; };
  for (const CLI::App* command : app.get_subcommands(all)) {
    tree.commands.push_back(describe(*command));
    std::erase_if(tree.commands.back().flags, is_global);
  }
  return tree;
}

// Commands that work whatever the settings say.
void add_other_commands(CLI::App& app, Arguments& arguments) {
  CLI::App* version_command = app.add_subcommand("version", "print the version");
  version_command->footer("Example:\n  qvdhouse version");
  version_command->callback([&arguments] {
    arguments.needs_config = false;
    arguments.command = [](const Context&) {
      print("qvdhouse " + version() + "\n");
      return static_cast<int>(kOk);
    };
  });

  CLI::App* completion = app.add_subcommand("completion", "print a shell completion script");
  const auto shell = std::make_shared<std::string>();
  completion->add_option("SHELL", *shell, "bash, zsh or fish")->required()->type_name("");
  completion->footer("Example:\n  source <(qvdhouse completion bash)");
  completion->callback([&app, &arguments, shell] {
    arguments.needs_config = false;
    arguments.command = [tree = command_tree(app), shell](const Context&) {
      print(completion_script(*shell, tree));
      return static_cast<int>(kOk);
    };
  });
}

void add_global_options(CLI::App& app, Arguments& arguments) {
  app.set_help_flag("-h,--help", "print this help");
  app.add_option("--config", arguments.config_file, "a settings file instead of ./qvdhouse.toml")
      ->type_name("FILE");
  app.add_flag("-q,--quiet", arguments.quiet, "no progress, and only errors are logged");
  app.add_flag("-v,--verbose", arguments.verbose, "say more");
  for (const Setting& setting : settings_table()) {
    if (setting.flag.empty()) continue;
    const std::string group = setting.key.starts_with("source.") ? "Storages" : "Settings";
    if (setting.is_switch) {
      app.add_flag_callback(
             std::string(setting.flag),
             [&arguments, key = std::string(setting.key)] { arguments.flags[key] = "true"; },
             wrapped_help(fmt::format("{} [{}]", setting.help, setting.env)))
          ->group(group);
      continue;
    }
    CLI::Option* option = app.add_option_function<std::vector<std::string>>(
        std::string(setting.flag),
        [&arguments, key = std::string(setting.key)](const std::vector<std::string>& values) {
          // Lists add up; of other settings the last one given counts.
          arguments.flags[key] = fmt::format("{}", fmt::join(values, ","));
        },
        wrapped_help(fmt::format("{} [{}]", setting.help, setting.env)));
    option->type_name(std::string(setting.value_name))->group(group)->expected(1);
    option->allow_extra_args(false);  // the word after the value is an argument of the command
    option->multi_option_policy(setting.is_list ? CLI::MultiOptionPolicy::TakeAll
                                                : CLI::MultiOptionPolicy::TakeLast);
  }
}

// A message that names the slip: CLI11's own says only what was left over.
std::string usage_message(const CLI::App& app, const CLI::Error& error, const CommandTree& tree) {
  std::string message = error.what();
  // An unknown command comes as a command that is missing, with the word left over.
  const bool may_be_a_slip = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                             dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const std::vector<std::string> extras = app.remaining(true);
  if (!may_be_a_slip) return message;
  if (extras.empty()) return message;
  const std::string& word = extras.front();
  std::vector<std::string> known = tree.global.flags;
  const bool is_flag = word.starts_with('-');
  if (!is_flag) known.clear();
  for (const CommandNode& command : tree.commands) {
    if (!is_flag) {
      known.push_back(command.name);
    } else if (app.got_subcommand(command.name)) {
      known.insert(known.end(), command.flags.begin(), command.flags.end());
    }
  }
  return fmt::format("{} '{}' is not known{}", is_flag ? "the flag" : "the argument", word,
                     did_you_mean(word, known));
}

}  // namespace

Parsed parse_arguments(int argc, const char* const* argv) {
  Parsed parsed;
  // Callbacks and commands refer to it, so it must not move before parsing is over.
  Arguments arguments;
  CLI::App app("QVD files become ClickHouse tables, every cell accounted for.", "qvdhouse");
  app.fallthrough();
  app.require_subcommand(1);
  add_global_options(app, arguments);
  app.get_formatter()->column_width(kHelpNameColumns);
  add_loading_commands(app, arguments);
  add_model_commands(app, arguments);
  add_service_commands(app, arguments);
  add_tracking_commands(app, arguments);
  add_engine_commands(app, arguments);
  add_init_qvd(app, arguments);
  add_other_commands(app, arguments);
  app.footer(
      "Example:\n  qvdhouse sync ./qvds\n  qvdhouse query 'SHOW TABLES'\n\n"
      "Exit codes: 0 ok, 1 usage, 2 configuration, 3 schema policy, 4 source, 5 ClickHouse,\n"
      "6 verification, 7 some files failed, 130 stopped.");
  const std::vector<std::string> words = whole_words(argc, argv);
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  try {
    app.parse(static_cast<int>(pointers.size()), pointers.data());
  } catch (const CLI::Success& asked_for) {
    app.exit(asked_for);
    parsed.exit_code = kOk;
    return parsed;
  } catch (const CLI::ParseError& error) {
    const std::string message = usage_message(app, error, command_tree(app));
    if (app.got_subcommand(std::string(kInitQvdCommand))) throw InitQvdError(message);
    throw UsageError(message);
  }
  parsed.arguments = std::move(arguments);
  return parsed;
}

void hide_secrets(int argc, char** argv) {
  const auto overwrite = [](char* text) { std::memset(text, '*', std::strlen(text)); };
  // The same words, or one more in front, but that flags are written out in them.
  const std::vector<std::string> words = whole_words(argc, argv);
  const std::size_t added = words.size() - static_cast<std::size_t>(argc);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string& whole = words[static_cast<std::size_t>(i) + added];
    const std::size_t equals = word.find('=');
    const std::string flag = whole.substr(0, whole.find('='));
    for (const Setting& setting : settings_table()) {
      if (!setting.is_secret || setting.flag.empty() || flag != setting.flag) continue;
      if (equals != std::string_view::npos) {
        overwrite(argv[i] + equals + 1);
      } else if (i + 1 < argc) {
        overwrite(argv[i + 1]);
      }
    }
    if (masked_source(word) != word) overwrite(argv[i] + word.find("://") + 3);
  }
}

}  // namespace qvdhouse::cli
