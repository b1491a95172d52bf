#include "http/percent.h"

#include <gtest/gtest.h>

namespace qvdhouse::http {
namespace {

TEST(Percent, AllBytesComeBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(decode_percent(encode_path(all)), all);
  EXPECT_EQ(decode_percent(encode_component(all)), all);
  EXPECT_EQ(encode_path("Az0-._~/ %+\xFF"), "Az0-._~/%20%25%2B%FF");
  EXPECT_EQ(encode_component("a/b?c&d"), "a%2Fb%3Fc%26d");
}

TEST(Percent, WhatIsNotAnEscapeStays) {
  EXPECT_EQ(decode_percent("100% %4 %zz %"), "100% %4 %zz %");
  EXPECT_EQ(decode_percent("%41%6a%6A%7e"), "Ajj~");
  EXPECT_EQ(decode_percent("a+b"), "a+b");
}

}  // namespace
}  // namespace qvdhouse::http
