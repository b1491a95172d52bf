#include "base/loopback.h"

#include <gtest/gtest.h>

namespace qvdhouse::base {
namespace {

TEST(Loopback, OnlyThisMachinesAddressesAndName) {
  for (const char* own :
       {"localhost", "LOCALHOST", "127.0.0.1", "127.255.1.2", "::1", "[::1]", "0:0:0:0:0:0:0:1"}) {
    EXPECT_TRUE(is_loopback_host(own)) << own;
  }
  for (const char* other :
       {"127.evil.example", "127.0.0.1.evil.example", "127.", "127.1", "localhost.evil.example",
        "128.0.0.1", "0.0.0.0", "::", "::2", "[::2]", "[]", "", "127.0.0.1 ", "1270.0.0.1"}) {
    EXPECT_FALSE(is_loopback_host(other)) << other;
  }
  EXPECT_FALSE(is_loopback_host(std::string_view("127.0.0.1\0.evil", 15)));
}

}  // namespace
}  // namespace qvdhouse::base
