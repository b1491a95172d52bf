// All commands, in the order of --help. To add one: a file command_NAME.cc with its add_NAME()
// (command.h), and that name here.
#pragma once

#include <array>

namespace qvdhouse::cli {

class CommandLine;

using AddCommand = void(CommandLine& line);
AddCommand add_sync, add_plan, add_serve, add_models;
AddCommand add_ls, add_inspect, add_peek, add_cat, add_diff, add_catalog, add_sample;
AddCommand add_status, add_history, add_explain, add_verify, add_reset, add_query, add_export;
AddCommand add_client;
AddCommand add_workflow, add_logs, add_token, add_mcp;
AddCommand add_doctor, add_config, add_state, add_init_qvd, add_version, add_completion, add_man;

inline constexpr auto kCommands = std::to_array<AddCommand*>(
    {add_sync,    add_plan,     add_serve,    add_models,  add_ls,         add_inspect,
     add_peek,    add_cat,      add_diff,     add_catalog, add_sample,     add_status,
     add_history, add_explain,  add_verify,   add_reset,   add_query,      add_export,
     add_client,  add_workflow, add_logs,     add_token,   add_mcp,        add_doctor,
     add_config,  add_state,    add_init_qvd, add_version, add_completion, add_man});

}  // namespace qvdhouse::cli
