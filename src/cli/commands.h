// The commands: what each is given and its function, which returns the exit code. One file each:
// command_<name>.cc. Throws the errors of base/error.h, UsageError and TargetError.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/context.h"

namespace qvdhouse::cli {

struct SyncArguments {
  bool dry_run = false;
  bool full = false;
  std::string locked;  // path of a schema lock; empty: none
  bool json = false;
};
int run_sync(const SyncArguments& arguments, const Context& context);

struct ServeArguments {};
int run_serve(const ServeArguments& arguments, const Context& context);

struct WorkflowArguments {
  std::string action;  // list, run, history, status, pause, unpause, cancel
  std::string name;    // of the workflow; of cancel: the run's id
  bool full = false;
  bool retry_failed = false;
  std::size_t limit = 20;
  bool json = false;
};
int run_workflow(const WorkflowArguments& arguments, const Context& context);

struct TokenArguments {
  bool json = false;
};
int run_token(const TokenArguments& arguments, const Context& context);

struct LsArguments {
  bool json = false;
};
int run_ls(const LsArguments& arguments, const Context& context);

// The original's command line: exactly one of the first three.
struct InitQvdArguments {
  bool list_files = false;
  bool generate_models = false;
  bool reset_state = false;
  std::string output = "app/ingest/qvd.py";  // of --generate-models
  bool overwrite = false;
  bool force = false;
  std::string state_file;  // has no effect
};
int run_init_qvd(const InitQvdArguments& arguments, const Context& context);

struct InspectArguments {
  std::string file;
  bool json = false;
};
int run_inspect(const InspectArguments& arguments, const Context& context);

struct PlanArguments {
  bool full = false;
  std::string locked;  // as of sync
  bool json = false;
};
int run_plan(const PlanArguments& arguments, const Context& context);

struct ModelsArguments {
  std::string format;         // empty: "sql", or what the template's name says
  std::string template_file;  // instead of the format's own; empty: none
  std::string output;         // empty: standard output
  std::string lock;           // writes this schema lock; empty: none
  bool overwrite = false;
  bool dump_data = false;
};
int run_models(const ModelsArguments& arguments, const Context& context);

struct CatalogArguments {
  bool json = false;
};
int run_catalog(const CatalogArguments& arguments, const Context& context);

struct StatusArguments {
  bool json = false;
};
int run_status(const StatusArguments& arguments, const Context& context);

struct HistoryArguments {
  std::string file;
  std::size_t limit = 50;
  bool json = false;
};
int run_history(const HistoryArguments& arguments, const Context& context);

struct ExplainArguments {
  std::string file;
  bool json = false;
};
int run_explain(const ExplainArguments& arguments, const Context& context);

struct VerifyArguments {
  std::string table;
  bool json = false;
};
int run_verify(const VerifyArguments& arguments, const Context& context);

struct ResetArguments {
  std::string file;
  std::string table;
  bool all = false;
  bool with_data = false;
  bool force = false;
  bool json = false;
};
int run_reset(const ResetArguments& arguments, const Context& context);

struct QueryArguments {
  std::string sql;  // "-" reads standard input
  std::string format;
};
int run_query(const QueryArguments& arguments, const Context& context);

struct ClientArguments {
  bool exec = false;
  bool keep = false;
};
int run_client(const ClientArguments& arguments, const Context& context);

struct LogsArguments {
  bool tail = false;
  std::string filter;
  std::string level;
  std::size_t limit = 100;
  bool json = false;
};
int run_logs(const LogsArguments& arguments, const Context& context);

struct SampleArguments {
  std::string directory;
  std::uint64_t rows = 1000;
  bool speed_table = false;
  bool json = false;
};
int run_sample(const SampleArguments& arguments, const Context& context);

struct ConfigArguments {
  bool json = false;
};
int run_config(const ConfigArguments& arguments, const Context& context);

struct DoctorArguments {
  bool json = false;
  bool hash_library = false;  // compare libchdb.so with what was built with
};
int run_doctor(const DoctorArguments& arguments, const Context& context);

// "0.1.0"
std::string version();

}  // namespace qvdhouse::cli
