#include "serve/assets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

namespace qvdhouse::serve {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Asset& asset(std::string_view path) {
  for (const Asset& candidate : assets()) {
    if (candidate.path == path) return candidate;
  }
  ADD_FAILURE() << "no asset " << path;
  return assets().front();
}

std::set<std::string> all_matches(std::string_view text, const std::regex& pattern) {
  const std::string copy(text);
  return {std::sregex_token_iterator(copy.begin(), copy.end(), pattern, 1), {}};
}

TEST(Assets, EachHasTypeBodyAndTag) {
  std::set<std::string_view> paths;
  for (const Asset& file : assets()) {
    EXPECT_TRUE(paths.insert(file.path).second) << file.path << " is there twice";
    EXPECT_FALSE(file.type.empty()) << file.path;
    EXPECT_FALSE(file.body.empty()) << file.path;
    EXPECT_THAT(std::string(file.etag), testing::MatchesRegex("\"[0-9a-f]{16}\"")) << file.path;
  }
  EXPECT_THAT(std::string(asset("/").body), StartsWith("<!doctype html>"));
}

TEST(Assets, WhatThePageNamesIsThere) {
  std::set<std::string> paths;
  for (const Asset& file : assets()) paths.emplace(file.path);
  static const std::regex kLink("(?:src|href)=\"(/assets/[^\"#]*)\"");
  const std::set<std::string> links = all_matches(asset("/").body, kLink);
  EXPECT_THAT(links, Contains("/assets/app.js")) << "kLink does not match the page any more";
  for (const std::string& path : links) EXPECT_THAT(paths, Contains(path));
  static const std::regex kImport("(?:from|import) '\\./([^']+)'");
  std::size_t imports = 0;
  for (const Asset& file : assets()) {
    for (const std::string& name : all_matches(file.body, kImport)) {
      ++imports;
      EXPECT_THAT(paths, Contains("/assets/" + name)) << file.path;
    }
  }
  EXPECT_GT(imports, 0U) << "kImport does not match the scripts any more";
}

TEST(Assets, ThePageNeedsNoOtherHostAndNoInlineCode) {
  const std::string page(asset("/").body);
  EXPECT_THAT(page, Not(HasSubstr("://")));
  EXPECT_THAT(page, Not(HasSubstr(" style=")));
  EXPECT_THAT(page, Not(HasSubstr(" onclick=")));
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
}

}  // namespace
}  // namespace qvdhouse::serve
