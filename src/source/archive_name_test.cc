#include "source/archive_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "source/scope.h"
#include "source/url.h"

namespace qvdhouse::source {
namespace {

using testing::HasSubstr;

TEST(ArchiveName, ChainedFormsAreTakenApart) {
  const auto archive = chained_place("ZIP://sub/*.qvd::s3://bucket/a.zip");
  ASSERT_TRUE(archive);
  EXPECT_EQ(archive->scheme, "zip");
  EXPECT_EQ(archive->member, "sub/*.qvd");
  EXPECT_EQ(archive->place, "s3://bucket/a.zip");
  EXPECT_EQ(chained_place("tar://::http://[::1]:80/a.tgz")->place, "http://[::1]:80/a.tgz");
  EXPECT_EQ(chained_place("zip:///x.qvd::/a.zip")->member, "x.qvd");
  for (const char* other : {"/data/zip/a.qvd", "zip:/a", "zipx://a::b", "s3://b/zip://a::b", ""}) {
    EXPECT_FALSE(chained_place(other)) << other;
  }
  for (const char* wrong : {"zip://a.qvd", "zip://", "tar://a::", "zip://a::zip://b::/c.zip"}) {
    EXPECT_THROW(chained_place(wrong), base::ConfigError) << wrong;
  }
}

TEST(ArchiveName, EndingsNameArchives) {
  for (const char* zip : {"/data/a.zip", "a.ZIP", "https://u:p@h/a.zip?sig=x", "s3://b/*.Zip"}) {
    ASSERT_TRUE(archive_place(zip)) << zip;
    EXPECT_EQ(archive_place(zip)->scheme, "zip");
    EXPECT_EQ(archive_place(zip)->place, zip);
  }
  for (const char* tar : {"a.tar", "a.TAR.GZ", "a.tgz", "sftp://h/a.tar.zst"}) {
    ASSERT_TRUE(archive_place(tar)) << tar;
    EXPECT_EQ(archive_place(tar)->scheme, "tar");
  }
  for (const char* other : {".zip", "a.zip/", "a.qvd.gz", "a.gz", "https://h/x?a=.zip", "azip"}) {
    EXPECT_FALSE(archive_place(other)) << other;
  }
}

TEST(ArchiveName, CompressedFilesHaveTheNameOfTheirFile) {
  EXPECT_EQ(plain_name("a/X.QVD.GZ"), "a/X.QVD");
  EXPECT_EQ(plain_name("X.qvd.zst"), "X.qvd");
  EXPECT_EQ(plain_name("X.csv.gz"), "X.csv.gz");
  EXPECT_EQ(plain_name(".qvd.gz"), ".qvd.gz");
  EXPECT_EQ(name_of_file("zip://sub/X.qvd.gz::s3://b/a.zip"), "X.qvd");
  EXPECT_EQ(name_of_file("/data/X.qvd"), "X.qvd");
  EXPECT_EQ(folder_of_file("/data/X.qvd"), "/data");
  EXPECT_EQ(folder_of_file("zip://sub/X.qvd::/data/a.zip"), "zip://sub::/data/a.zip");
  EXPECT_EQ(folder_of_file("zip://X.qvd::/data/a.zip"), "zip://::/data/a.zip");
}

TEST(ArchiveName, SecretsOfTheArchiveAreMasked) {
  EXPECT_EQ(masked_source("zip://x.qvd::https://u:p@h/a.zip?sig=s"),
            "zip://x.qvd::https://********@h/a.zip?********");
  EXPECT_EQ(masked_source("zip://x.qvd::/data/a.zip"), "zip://x.qvd::/data/a.zip");
  EXPECT_EQ(masked_source("zip://u:p@h/a.zip"), "zip://********@h/a.zip");
  EXPECT_EQ(identity_of("ZIP://a/x.qvd::https://u:p@h/./a.zip?sig=s"),
            "zip://a/x.qvd::https://h/a.zip");
}

TEST(ArchiveScope, CoversTheMembersOfItsArchives) {
  const Scope one("/data/a.zip");
  EXPECT_TRUE(one.covers("zip://x/y.qvd::/data/a.zip"));
  EXPECT_TRUE(one.covers("/data/a.zip"));
  EXPECT_FALSE(one.covers("zip://x.qvd::/data/b.zip"));
  EXPECT_FALSE(one.covers("tar://x.qvd::/data/a.zip"));
  EXPECT_FALSE(one.covers("/data/x.qvd"));
  EXPECT_FALSE(Scope("/data").covers("zip://x.qvd::/data/a.zip"));
  EXPECT_EQ(one.relative("zip://x/y.qvd::/data/a.zip"), "x/y.qvd");
  EXPECT_EQ(one.folder(), "zip://::/data/a.zip");

  const Scope part("zip://sub/*.qvd::s3://b/in/*.zip");
  EXPECT_TRUE(part.covers("zip://sub/y.qvd::s3://b/in/2024/a.zip"));
  EXPECT_FALSE(part.covers("zip://suby.qvd::s3://b/in/a.zip"));
  EXPECT_FALSE(part.covers("zip://sub/y.qvd::s3://b/out/a.zip"));
  EXPECT_EQ(part.relative("zip://sub/y.qvd::s3://b/in/a.zip"), "a.zip/y.qvd");
  EXPECT_EQ(part.folder(), "zip://sub::s3://b/in");
  EXPECT_EQ(part.pattern(), "*.qvd");

  const Scope member("zip://sub/y.qvd::/data/a.zip");
  EXPECT_TRUE(member.is_source("zip://sub/y.qvd::/data/a.zip"));
  EXPECT_EQ(member.relative("zip://sub/y.qvd::/data/a.zip"), "y.qvd");
  EXPECT_FALSE(member.covers("zip://sub/z.qvd::/data/a.zip"));
}

TEST(ArchiveScope, TakesWhatAListingTakes) {
  const auto takes = [](const std::string& source, const std::string& identity,
                        const Selection& selection = {}) {
    return Reach(source, selection).takes(identity);
  };
  EXPECT_TRUE(takes("/d/a.zip", "zip://x.qvd::/d/a.zip"));
  EXPECT_TRUE(takes("/d/a.zip", "zip://x.QVD.gz::/d/a.zip"));
  EXPECT_FALSE(takes("/d/a.zip", "zip://x.txt::/d/a.zip"));
  EXPECT_FALSE(takes("/d/a.zip", "zip://sub/x.qvd::/d/a.zip"));
  EXPECT_FALSE(takes("/d/a.zip", "zip://.x.qvd::/d/a.zip"));
  EXPECT_FALSE(takes("/d/a.zip", "zip://x.qvd::/d/a.zip",
                     {.pattern = "*.qvd", .include = {}, .exclude = {"x"}}));
  EXPECT_TRUE(takes("zip://sub::/d/a.zip", "zip://sub/x.qvd::/d/a.zip"));
  EXPECT_TRUE(takes("zip://x.qvd::/d/*.zip", "zip://x.qvd::/d/b.zip"));
  EXPECT_FALSE(takes("zip://x.qvd::/d/*.zip", "zip://x.qvd::/d/e/b.zip"));
  EXPECT_TRUE(takes("tar://**::/d", "tar://x/y.qvd::/d/b.tar.gz"));
  EXPECT_FALSE(takes("tar://**::/d", "tar://x/y.qvd::/d/b.tar.xz"));
  EXPECT_TRUE(takes("/d", "/d/x.qvd.zst"));
  EXPECT_FALSE(takes("/d", "/d/x.qvd.xz"));
}

TEST(ArchiveScope, ConditionTakesTheMembers) {
  const auto quoted = [](std::string_view text) { return "'" + std::string(text) + "'"; };
  EXPECT_EQ(Reach("/d/a.zip", {}).condition("p", quoted),
            "(p = '/d/a.zip' OR (startsWith(p, 'zip://') AND (endsWith(p, '::/d/a.zip') OR "
            "position(p, '::/d/a.zip/') > 0)))");
}

}  // namespace
}  // namespace qvdhouse::source
