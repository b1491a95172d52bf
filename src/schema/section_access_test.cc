#include "schema/section_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/test_symbols.h"

namespace qvdhouse::schema {
namespace {

using testing::HasSubstr;
using testing::Not;

qvd::TableHeader with_fields(const std::vector<const char*>& names) {
  qvd::TableHeader header;
  for (const char* name : names) header.fields.push_back({.name = name});
  return header;
}

std::string said(const std::vector<const char*>& names, const TestField& access,
                 std::vector<bool> is_clear = {}) {
  const qvd::TableHeader header = with_fields(names);
  if (!section_access_field(header)) return {};
  is_clear.resize(names.size(), is_clear.empty());
  return section_access_warning(header, access.symbols(), is_clear);
}

TEST(SectionAccess, IsAccessBesideUsers) {
  const TestField rights = TestField("ACCESS").text("ADMIN").text("USER").text("");
  EXPECT_THAT(said({"ACCESS", "USERID", "PASSWORD", "REDUCTION"}, rights),
              HasSubstr("ACCESS with USERID, PASSWORD;"));
  for (const char* user : {"USERID", "NTNAME", "USER.EMAIL", "GROUP", "PASSWORD", "SERIAL"}) {
    EXPECT_THAT(said({user, "ACCESS"}, rights), HasSubstr(user));
  }
  EXPECT_THAT(said({"Access", "UserId"}, TestField("Access").text("Admin")), HasSubstr("UserId"));
}

TEST(SectionAccess, AnOrdinaryTableIsNone) {
  const TestField rights = TestField("ACCESS").text("USER");
  EXPECT_EQ(said({"ACCESS", "Region"}, rights), "");
  EXPECT_EQ(said({"USERID", "PASSWORD"}, rights), "");
  EXPECT_EQ(said({"ACCESS", "GROUP"}, TestField("ACCESS").text("USER").text("by road")), "");
  EXPECT_EQ(said({"ACCESS", "GROUP"}, TestField("ACCESS").integer(1)), "");
  EXPECT_EQ(said({"ACCESS", "GROUP"}, TestField("ACCESS")), "");
}

TEST(SectionAccess, WhatIsProtectedIsNotNamed) {
  const TestField rights = TestField("ACCESS").text("USER");
  EXPECT_THAT(said({"ACCESS", "USERID", "PASSWORD"}, rights, {true, true, false}),
              Not(HasSubstr("PASSWORD")));
  EXPECT_EQ(said({"ACCESS", "USERID", "PASSWORD"}, rights, {true, false, false}), "");
}

}  // namespace
}  // namespace qvdhouse::schema
