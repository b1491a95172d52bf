#include "cli/mcp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>

#include "base/error.h"

namespace qvdhouse::cli {
namespace {

// Newest first: what a client that asks for another one is offered.
constexpr std::array<std::string_view, 3> kRevisions = {"2025-06-18", "2025-03-26", "2024-11-05"};

// JSON-RPC 2.0, section 5.1.
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;

struct RpcError {
  int code;
  std::string message;
};

constexpr std::string_view kInstructions =
    "qvdhouse loads QVD files (tables of Qlik) into ClickHouse. list_files and inspect_file look "
    "at "
    "files, plan says what a sync would do, status and explain_file what became of the files, "
    "query "
    "asks ClickHouse. Nothing here changes a file or a table.";

Json schema_of(const McpTool& tool) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const McpParameter& parameter : tool.parameters) {
    properties[std::string(parameter.name)] = {{"type", parameter.type},
                                               {"description", parameter.description}};
    if (parameter.is_required) required.push_back(parameter.name);
  }
  return {{"type", "object"},
          {"properties", properties},
          {"required", required},
          {"additionalProperties", false}};
}

Json described(const McpTool& tool) {
  return {{"name", tool.name},
          {"title", tool.title},
          {"description", tool.description},
          {"inputSchema", schema_of(tool)},
          {"annotations",
           {{"title", tool.title},
            {"readOnlyHint", true},
            {"destructiveHint", false},
            {"idempotentHint", true},
            {"openWorldHint", false}}}};
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  return value.is_string();
}

// Throws RpcError for an argument that the tool does not take.
void check_arguments(const McpTool& tool, const Json& arguments) {
  if (!arguments.is_object()) throw RpcError{kInvalidParams, "\"arguments\" must be an object"};
  for (const auto& [name, value] : arguments.items()) {
    const auto parameter = std::ranges::find(tool.parameters, name, &McpParameter::name);
    if (parameter == tool.parameters.end()) {
      throw RpcError{kInvalidParams, fmt::format("{} has no argument \"{}\"", tool.name, name)};
    }
    if (!has_type(value, parameter->type)) {
      throw RpcError{kInvalidParams, fmt::format("the argument \"{}\" of {} must be of type {}",
                                                 name, tool.name, parameter->type)};
    }
  }
  for (const McpParameter& parameter : tool.parameters) {
    if (parameter.is_required && !arguments.contains(parameter.name)) {
      throw RpcError{kInvalidParams,
                     fmt::format("{} needs the argument \"{}\"", tool.name, parameter.name)};
    }
  }
}

Json result_message(const Json& id, Json result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Json error_message(const Json& id, const RpcError& error) {
  return {{"jsonrpc", "2.0"},
          {"id", id},
          {"error", {{"code", error.code}, {"message", error.message}}}};
}

}  // namespace

struct McpSession::Running {
  std::string id;  // as JSON
  std::atomic<bool> is_over = false;
  std::jthread thread;  // last: its end waits for it
};

McpSession::McpSession(std::span<const McpTool> tools, std::string version, Call call, Send send)
    : tools_(tools), version_(std::move(version)), call_(std::move(call)), send_(std::move(send)) {}

McpSession::~McpSession() {
  const std::lock_guard lock(mutex_);
  for (const auto& run : runs_) run->thread.request_stop();
  runs_.clear();
}

void McpSession::take(std::string_view message) {
  const Json request = Json::parse(message, nullptr, false);
  if (request.is_discarded()) {
    return send(error_message(Json(), {kParseError, "expected a JSON object on each line"}));
  }
  if (!request.is_object() || !request.contains("method") || !request["method"].is_string()) {
    // An answer to a request, which this side never sends, or none of the protocol.
    if (request.is_object() && (request.contains("result") || request.contains("error"))) return;
    return send(error_message(Json(), {kInvalidRequest, "expected a request with a method"}));
  }
  const std::string method = request["method"];
  const Json parameters = request.value("params", Json::object());
  if (!request.contains("id")) {
    if (method == "notifications/cancelled" && parameters.is_object()) {
      cancel(parameters.value("requestId", Json()));
    }
    return;
  }
  const Json& id = request["id"];
  try {
    if (method == "tools/call") return begin(id, parameters);
    send(result_message(id, answer(method, parameters)));
  } catch (const RpcError& error) {
    send(error_message(id, error));
  }
}

Json McpSession::answer(const std::string& method, const Json& parameters) {
  if (method == "ping") return Json::object();
  if (method == "tools/list") {
    Json tools = Json::array();
    for (const McpTool& tool : tools_) tools.push_back(described(tool));
    return {{"tools", std::move(tools)}};
  }
  if (method != "initialize") {
    throw RpcError{kMethodNotFound, fmt::format("there is no method {}", method)};
  }
  std::string revision;
  if (parameters.is_object() && parameters.contains("protocolVersion") &&
      parameters["protocolVersion"].is_string()) {
    revision = parameters["protocolVersion"];
  }
  if (std::ranges::find(kRevisions, revision) == kRevisions.end()) revision = kRevisions[0];
  return {{"protocolVersion", revision},
          {"capabilities", {{"tools", Json::object()}}},
          {"serverInfo", {{"name", "qvdhouse"}, {"title", "qvdhouse"}, {"version", version_}}},
          {"instructions", kInstructions}};
}

void McpSession::begin(const Json& id, const Json& parameters) {
  if (!parameters.is_object() || !parameters.contains("name") || !parameters["name"].is_string()) {
    throw RpcError{kInvalidParams, "tools/call needs the name of a tool"};
  }
  const std::string name = parameters["name"];
  const auto tool = std::ranges::find(tools_, name, &McpTool::name);
  if (tool == tools_.end()) {
    throw RpcError{kInvalidParams, fmt::format("there is no tool {}", name)};
  }
  const Json arguments = parameters.value("arguments", Json::object());
  check_arguments(*tool, arguments);

  clear_finished();
  const std::lock_guard lock(mutex_);
  Running& run = *runs_.emplace_back(std::make_unique<Running>());
  run.id = id.dump();
  run.thread = std::jthread([this, &run, &tool = *tool, arguments](const std::stop_token& stop) {
    McpAnswer made;
    try {
      made = call_(tool, arguments, stop);
    } catch (const std::exception& error) {
      made = {.text = base::message_of(error), .is_error = true};
    }
    // Who cancelled a call wants no answer.
    if (!stop.stop_requested()) {
      send(result_message(
          Json::parse(run.id),
          {{"content", {{{"type", "text"}, {"text", made.text}}}}, {"isError", made.is_error}}));
    }
    run.is_over = true;
  });
}

void McpSession::cancel(const Json& id) {
  const std::string text = id.dump();
  const std::lock_guard lock(mutex_);
  for (const auto& run : runs_) {
    if (run->id == text) run->thread.request_stop();
  }
}

void McpSession::clear_finished() {
  const std::lock_guard lock(mutex_);
  std::erase_if(runs_, [](const auto& run) { return run->is_over.load(); });
}

void McpSession::send(const Json& message) {
  const std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::lock_guard lock(sending_);
  send_(text);
}

}  // namespace qvdhouse::cli
