// A bad network in front of a good server: loads complete, and what they load is there once.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/e2e/source_fixture.h"
#include "tests/servers/fault_proxy.h"

namespace qvdhouse::tests {
namespace {

constexpr std::uint32_t kRows = 40'000;

struct Case {
  Scheme scheme;
  Fault fault;
  friend std::ostream& operator<<(std::ostream& out, const Case& one) {
    return out << one.scheme << '_' << one.fault;
  }
};

class BadNetwork : public SourceCommandLine, public ::testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    SourceCommandLine::SetUp();
    if (IsSkipped()) return;
    std::filesystem::remove_all(tree);
    write_table("Large.qvd", kRows);
    start(GetParam().scheme);
  }

  // The source and its settings with the proxy's port for the server's.
  std::string behind(const FaultProxy& proxy, std::string text) const {
    const std::string port = fmt::format(":{}", served.port);
    const std::size_t at = text.find(port);
    if (at != std::string::npos) text.replace(at, port.size(), fmt::format(":{}", proxy.port()));
    return text;
  }
};

TEST_P(BadNetwork, LoadsCompleteOnce) {
  FaultProxy proxy(served.port, GetParam().fault, 2, 20'000);
  Environment environment = served.environment;
  for (auto& [name, value] : environment) value = behind(proxy, value);
  environment.insert(environment.end(), {{"QVD_SOURCE_STALL_TIMEOUT", "1s"}});
  const Finished finished = on_source(behind(proxy, served.source), environment, {"sync"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(proxy.spoiled(), 2);
  EXPECT_EQ(query("SELECT count(), uniqExact(id), uniqExact(Amount) FROM QvdLarge"),
            fmt::format("{0}\t{0}\t{0}\n", kRows));
  EXPECT_EQ(query("SELECT row_count, failure_count FROM QvdFileTracking FINAL"),
            fmt::format("{}\t0\n", kRows));
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Scheme scheme : {Scheme{"http", serve_http}, Scheme{"s3", serve_s3}}) {
    for (const Fault fault :
         {Fault::kDrop, Fault::kHalfHeaders, Fault::k503, Fault::kStall, Fault::kSlow}) {
      all.push_back({scheme, fault});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Fault, BadNetwork, ::testing::ValuesIn(cases()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
