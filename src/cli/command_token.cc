// qvdhouse token: makes a token for the service. Only its hash is a setting.
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "serve/auth.h"

namespace qvdhouse::cli {
namespace {

struct TokenArguments {
  bool json = false;
};

int run_token(const TokenArguments& arguments, const Context& /*context*/) {
  const std::string token = serve::new_token();
  const std::string hash = serve::hash_token(token);
  if (arguments.json) {
    print_json(Json{{"token", token}, {"token_hash", hash}});
    return kOk;
  }
  print("Token (shown once; give it to those who may use the service):\n  " + token + "\n\n");
  print("For the service, in qvdhouse.toml:\n  serve.token_hash = \"" + hash + "\"\n\n");
  print("For commands and curl:\n  QVD_TOKEN=" + token + " qvdhouse workflow list\n");
  print("  curl -H \"Authorization: Bearer $QVD_TOKEN\" http://HOST:4000/api/runs\n");
  return kOk;
}

}  // namespace

void add_token(CommandLine& line) {
  auto [o, a] =
      line.add("token", kService, "make a token for the service's API and page", run_token);
  o.example("qvdhouse token");
  o.needs_no_config();
  o.json(a.json);
}

}  // namespace qvdhouse::cli
