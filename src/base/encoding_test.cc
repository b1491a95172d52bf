#include "base/encoding.h"

#include <gtest/gtest.h>

namespace qvdhouse::base {
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

TEST(Base64, AllBytesComeBack) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) {
    bytes += static_cast<char>(byte);
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  }
  EXPECT_EQ(encode_base64(""), "");
  EXPECT_EQ(encode_base64("a"), "YQ==");
  EXPECT_EQ(encode_base64("ab"), "YWI=");
  EXPECT_EQ(encode_base64("\xFB\xFF\xBF"), "+/+/");
}

TEST(Base64, PaddingMayBeMissingAndBlanksMayStandAround) {
  EXPECT_EQ(decode_base64("YQ"), "a");
  EXPECT_EQ(decode_base64(" YWI=\r\n"), "ab");
  EXPECT_EQ(decode_base64(""), "");
}

TEST(Base64, AnotherTextIsRefused) {
  for (const char* text : {"Y", "YQ=", "Y=Q=", "YQ===", "????", "YW I=", "YWI=YWI="}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace qvdhouse::base
