// The Model Context Protocol: what programs that let a language model use tools speak, JSON-RPC 2.0
// with one message a line (https://modelcontextprotocol.io, revisions 2024-11-05 to 2025-06-18).
// The messages only; who runs the tools is the caller's business.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cli/output.h"

namespace qvdhouse::cli {

struct McpParameter {
  std::string_view name;
  std::string_view description;
  bool is_required = false;
  std::string_view type = "string";  // or "boolean", "integer": of JSON Schema
};

struct McpTool {
  std::string_view name;
  std::string_view title;
  std::string_view description;
  std::vector<McpParameter> parameters;
};

struct McpAnswer {
  std::string text;
  bool is_error = false;
};

// One client's session. Calls of tools run in threads of their own, so that one can be cancelled
// while it runs; all else is answered at once.
class McpSession {
 public:
  // Runs a tool; its arguments have been checked. What it throws becomes the text of an error.
  using Call =
      std::function<McpAnswer(const McpTool&, const Json& arguments, const std::stop_token&)>;
  // Sends a message, which has no line end. Called by one thread at a time.
  using Send = std::function<void(const std::string& message)>;

  // `tools` must outlive it.
  McpSession(std::span<const McpTool> tools, std::string version, Call call, Send send);
  // Stops the calls that run, and waits for them.
  ~McpSession();
  McpSession(const McpSession&) = delete;
  McpSession& operator=(const McpSession&) = delete;

  // Takes a message of the client. Never throws for what it holds: the answer says what is wrong.
  void take(std::string_view message);

 private:
  struct Running;

  Json answer(const std::string& method, const Json& parameters);
  void begin(const Json& id, const Json& parameters);
  void cancel(const Json& id);
  void send(const Json& message);
  void clear_finished();

  std::span<const McpTool> tools_;
  std::string version_;
  Call call_;
  Send send_;
  std::mutex sending_;
  std::mutex mutex_;                            // of what follows
  std::vector<std::unique_ptr<Running>> runs_;  // also those that are over
};

}  // namespace qvdhouse::cli
