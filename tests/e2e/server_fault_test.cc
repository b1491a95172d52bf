// A bad network between the pipeline and a good server: whatever broke at whatever statement, the
// tables are exact after the next run.
//
// QVDHOUSE_FAULTS (default 5) of each kind and QVDHOUSE_FAULT_SEED set how many moments and which.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <functional>
#include <random>
#include <thread>

#include "tests/e2e/modes_fixture.h"
#include "tests/servers/fault_proxy.h"

namespace qvdhouse::tests {
namespace {

struct FaultCase {
  TargetKind target;
  Fault fault;
  friend std::ostream& operator<<(std::ostream& out, const FaultCase& one) {
    return out << one.target << '_' << one.fault;
  }
};

class BadServerNetwork : public ModesCommandLine, public ::testing::WithParamInterface<FaultCase> {
 protected:
  // Returns when the process has ended, or there is another reason to.
  static void wait_for_end(const Process& process, const std::function<bool()>& enough) {
    siginfo_t ended{};
    const auto id = static_cast<id_t>(process.pid());
    while (::waitid(P_PID, id, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0 &&
           !enough()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  // One sync through the proxy. One that is stalled is stopped, as its user would; the others end
  // by themselves, well or not.
  void sync_through(const FaultProxy& proxy) const {
    Process pipeline(binary(), {"sync", "qvds", "--quiet"},
                     server->environment(database, proxy.port()), folder);
    if (GetParam().fault == Fault::kStall) {
      wait_for_end(pipeline, [&] { return proxy.spoiled() > 0; });
      ::kill(pipeline.pid(), SIGTERM);
      // What it does not do on its own account it waits for: a user who has no patience kills it.
      const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      wait_for_end(pipeline, [&] { return std::chrono::steady_clock::now() > patience; });
      ::kill(pipeline.pid(), SIGKILL);
    }
    pipeline.wait();
  }
};

TEST_P(BadServerNetwork, TablesAreExactAfterTheNextRun) {
  CommandLine::SetUp();
  start_with_files(GetParam().target);
  if (IsSkipped() || HasFailure()) return;
  const std::uint64_t faults = number_from("QVDHOUSE_FAULTS", 5);
  const std::uint64_t seed = number_from("QVDHOUSE_FAULT_SEED", 20261123);
  std::mt19937_64 random(seed);
  // One undisturbed run says how many statements there are.
  write_generation(1);
  int statements = 0;
  {
    const FaultProxy proxy(server->http_port(), statement_fault(GetParam().fault, 1'000'000, 0));
    sync_through(proxy);
    statements = proxy.counted();
  }
  expect_exact();
  ASSERT_GT(statements, 20);
  int spoiled = 0;
  for (std::uint64_t i = 0; i < faults && !HasFailure(); ++i) {
    const auto after = static_cast<int>(random() % static_cast<unsigned>(statements));
    // Most statements are short, an insert is tens of thousands of bytes.
    const std::size_t bytes = i % 2 == 0 ? random() % 700 : random() % 60'000;
    SCOPED_TRACE(
        fmt::format("statement {} of {}, {} bytes, seed {}", after, statements, bytes, seed));
    write_generation(newest + 1);
    const bool cuts =
        GetParam().fault == Fault::kCutRequest || GetParam().fault == Fault::kHalfHeaders;
    const FaultProxy proxy(server->http_port(),
                           statement_fault(GetParam().fault, after, cuts ? bytes : 0));
    sync_through(proxy);
    spoiled += proxy.spoiled();
    repair();
    expect_exact();
  }
  EXPECT_GT(spoiled, 0);
}

// The one statement that no run may take for not done: it is done, and a run goes on.
class LostAnswer : public BadServerNetwork {};

TEST_P(LostAnswer, ACommitIsNotUndone) {
  CommandLine::SetUp();
  start_with_files(GetParam().target);
  if (IsSkipped() || HasFailure()) return;
  const bool is_oldest = GetParam().target == TargetKind::kOldest;
  const std::string_view swap = is_oldest ? "RENAME TABLE" : "EXCHANGE TABLES";
  for (const std::string_view commit : {swap, std::string_view("REPLACE PARTITION")}) {
    for (int after = 0; after < 2; ++after) {
      SCOPED_TRACE(fmt::format("{} number {}", commit, after + 1));
      write_generation(newest + 1);
      FaultPlan plan = statement_fault(GetParam().fault, after, 0);
      plan.body = commit;
      const FaultProxy proxy(server->http_port(), plan);
      sync_through(proxy);
      EXPECT_EQ(proxy.spoiled(), 1);
      expect_exact();
    }
  }
}

std::vector<FaultCase> fault_cases() {
  std::vector<FaultCase> all;
  for (const TargetKind target : {TargetKind::kNewest, TargetKind::kOldest}) {
    for (const Fault fault : {Fault::kCutRequest, Fault::kLostReply, Fault::k503, Fault::kDrop,
                              Fault::kHalfHeaders, Fault::kStall}) {
      all.push_back({target, fault});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Fault, BadServerNetwork, ::testing::ValuesIn(fault_cases()),
                         ::testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Fault, LostAnswer,
                         ::testing::Values(FaultCase{TargetKind::kNewest, Fault::kDrop},
                                           FaultCase{TargetKind::kNewest, Fault::kLostReply},
                                           FaultCase{TargetKind::kOldest, Fault::kDrop},
                                           FaultCase{TargetKind::kOldest, Fault::kLostReply}),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
