// What a session answers, message by message (JSON-RPC 2.0 and the protocol's revisions).
#include "cli/mcp.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <stdexcept>

namespace qvdhouse::cli {
namespace {

const std::vector<McpTool> kTools = {
    {"echo", "Echo", "Says it again.", {{"text", "what", true}, {"loud", "", false, "boolean"}}},
    {"wait", "Wait", "Until it is cancelled.", {}},
    {"fail", "Fail", "Always.", {}}};

class Mcp : public ::testing::Test {
 protected:
  // The next message that the session sends.
  Json next() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return !sent_.empty(); });
    const Json message = Json::parse(sent_.front());
    sent_.erase(sent_.begin());
    return message;
  }
  Json ask(std::string_view message) {
    session_.take(message);
    return next();
  }
  void wait_until_called() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return is_waiting_; });
  }

 private:
  McpAnswer call(const McpTool& tool, const Json& arguments, const std::stop_token& stop) {
    if (tool.name == "fail") throw std::runtime_error("it failed");
    if (tool.name == "echo") return {.text = arguments.value("text", "")};
    std::unique_lock lock(mutex_);
    is_waiting_ = true;
    arrived_.notify_all();
    std::condition_variable_any stopped;
    stopped.wait(lock, stop, [] { return false; });
    return {.text = "stopped"};
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::string> sent_;
  bool is_waiting_ = false;

 protected:
  McpSession session_{kTools, "1.2",
                      [this](const McpTool& tool, const Json& arguments,
                             const std::stop_token& stop) { return call(tool, arguments, stop); },
                      [this](const std::string& message) {
                        const std::lock_guard lock(mutex_);
                        sent_.push_back(message);
                        arrived_.notify_all();
                      }};
};

TEST_F(Mcp, RevisionsAreAgreedOn) {
  const auto revision = [&](const std::string& asked) {
    return ask(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":")" +
               asked + R"("}})")["result"]["protocolVersion"];
  };
  EXPECT_EQ(revision("2024-11-05"), "2024-11-05");
  EXPECT_EQ(revision("2025-06-18"), "2025-06-18");
  EXPECT_EQ(revision("2099-01-01"), "2025-06-18");
  const Json answer = ask(R"({"jsonrpc":"2.0","id":"a","method":"initialize"})");
  EXPECT_EQ(answer["id"], "a");
  EXPECT_EQ(answer["result"]["serverInfo"]["version"], "1.2");
  EXPECT_TRUE(answer["result"]["capabilities"]["tools"].is_object());
}

TEST_F(Mcp, ToolsAreListedWithTheirArguments) {
  const Json tools = ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})")["result"]["tools"];
  ASSERT_EQ(tools.size(), 3U);
  EXPECT_EQ(tools[0]["inputSchema"]["required"], Json::array({"text"}));
  EXPECT_EQ(tools[0]["inputSchema"]["properties"]["loud"]["type"], "boolean");
  EXPECT_EQ(tools[1]["inputSchema"]["properties"], Json::object());
}

TEST_F(Mcp, WrongMessagesAreAnsweredAndEndNothing) {
  EXPECT_EQ(ask("{")["error"]["code"], -32700);
  EXPECT_EQ(ask("[]")["error"]["code"], -32600);
  EXPECT_EQ(ask(R"({"jsonrpc":"2.0","id":1,"method":7})")["error"]["code"], -32600);
  EXPECT_EQ(ask(R"({"jsonrpc":"2.0","id":1,"method":"resources/list"})")["error"]["code"], -32601);
  for (const std::string_view parameters :
       {R"("echo")", R"({"name":"none"})", R"({"name":"echo"})",
        R"({"name":"echo","arguments":[]})", R"({"name":"echo","arguments":{"text":1}})",
        R"({"name":"echo","arguments":{"text":"a","more":1}})"}) {
    const Json answer = ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":)" +
                            std::string(parameters) + "}");
    EXPECT_EQ(answer["error"]["code"], -32602) << parameters;
  }
  session_.take(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  session_.take(R"({"jsonrpc":"2.0","id":9,"result":{}})");
  EXPECT_EQ(ask(R"({"jsonrpc":"2.0","id":2,"method":"ping"})")["result"], Json::object());
}

TEST_F(Mcp, CallsAnswerWithTextOrAnError) {
  const Json said = ask(
      R"({"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","arguments":{"text":"Ünï \"q\""}}})");
  EXPECT_EQ(said["id"], 5);
  EXPECT_EQ(said["result"]["isError"], false);
  EXPECT_EQ(said["result"]["content"][0]["text"], "Ünï \"q\"");
  const Json failed =
      ask(R"({"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"fail"}})");
  EXPECT_EQ(failed["result"]["isError"], true);
  EXPECT_THAT(failed["result"]["content"][0]["text"].get<std::string>(),
              ::testing::HasSubstr("it failed"));
}

TEST_F(Mcp, ACancelledCallIsNotAnswered) {
  session_.take(R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"wait"}})");
  wait_until_called();
  EXPECT_EQ(ask(R"({"jsonrpc":"2.0","id":8,"method":"ping"})")["id"], 8);
  session_.take(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
  // The next answer is the next question's.
  EXPECT_EQ(ask(R"({"jsonrpc":"2.0","id":9,"method":"ping"})")["id"], 9);
}

}  // namespace
}  // namespace qvdhouse::cli
