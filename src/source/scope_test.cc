#include "source/scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace qvdhouse::source {
namespace {

bool covers(const std::string& source, const std::string& identity) {
  return Scope(source).covers(identity);
}

bool takes(const std::string& source, const std::string& identity,
           const Selection& selection = {}) {
  return Reach(source, selection).takes(identity);
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

TEST(Scope, AnIdentityIsWrittenInOneWay) {
  EXPECT_EQ(identity_of("/data/./x/../a.qvd"), "/data/a.qvd");
  EXPECT_EQ(identity_of("file:///data/a%20b.qvd"), "/data/a b.qvd");
  EXPECT_EQ(identity_of("HTTPS://u:p@h:8443/a b/./x/../%61.qvd?sig=x"),
            "https://h:8443/a%20b/a.qvd");
  EXPECT_EQ(identity_of("s3://b/x/../a%20b.qvd"), "s3://b/a%20b.qvd");
  EXPECT_EQ(identity_of("http://h:x/a"), "http://h:x/a");
}

TEST(Scope, BelowMeansAWholePart) {
  EXPECT_TRUE(covers("/data", "/data/a.qvd"));
  EXPECT_TRUE(covers("/data/", "/data/a.qvd"));
  EXPECT_TRUE(covers("/data/a.qvd", "/data/a.qvd"));
  EXPECT_TRUE(covers("/data/*/[ab].qvd", "/data/x/a.qvd"));
  EXPECT_TRUE(covers("/", "/a.qvd"));
  EXPECT_TRUE(covers("file:///data", "/data/a.qvd"));
  EXPECT_TRUE(covers("s3://b/a", "s3://b/a/x.qvd"));
  EXPECT_FALSE(covers("/data/a", "/data/ab"));
  EXPECT_FALSE(covers("/data/a", "/data/ab/x.qvd"));
  EXPECT_FALSE(covers("/data/a", "/data/a-private/x.qvd"));
  EXPECT_FALSE(covers("/data/a/*.qvd", "/data/ab/x.qvd"));
  EXPECT_FALSE(covers("/data/a*.qvd", "/database/a.qvd"));
  EXPECT_FALSE(covers("/data/a", "/data"));
  EXPECT_FALSE(covers("s3://b/a", "s3://b/ab/x.qvd"));
  EXPECT_FALSE(covers("s3://b", "s3://bb/x.qvd"));
}

TEST(Scope, AnotherSchemeHostPortOrUserIsElsewhere) {
  EXPECT_TRUE(covers("http://u:p@host/a b/*.qvd", "http://host/a%20b/x.qvd"));
  EXPECT_TRUE(covers("http://host:80/q?sig=x", "http://host:80/q"));
  for (const char* elsewhere :
       {"https://host:80/q/x.qvd", "http://host:8080/q/x.qvd", "http://host:801/q/x.qvd",
        "http://host.evil/q/x.qvd", "http://host/q/x.qvd", "http://host:80@evil/q/x.qvd",
        "http://u:p@host:80/q/x.qvd", "http://evil/http://host:80/q/x.qvd", "/q/x.qvd",
        "http:///host:80/q/x.qvd", "http://host:80//q/x.qvd", "http://host:80/q/x.qvd?sig=x"}) {
    EXPECT_FALSE(covers("http://host:80/q", elsewhere)) << elsewhere;
    EXPECT_FALSE(takes("http://host:80/q", elsewhere)) << elsewhere;
  }
  EXPECT_TRUE(covers("az://box@account/q", "az://box@account/q/x.qvd"));
  EXPECT_FALSE(covers("az://box@account/q", "az://other@account/q/x.qvd"));
}

TEST(Scope, DotsAndEscapesLeadNowhereElse) {
  for (const char* path : {"/../private/x.qvd", "/%2e%2e/private/x.qvd", "/..%2Fprivate/x.qvd",
                           "/./x.qvd", "/%2E/x.qvd", "/x/../x.qvd", "/%78.qvd", "/a b.qvd"}) {
    EXPECT_FALSE(covers("http://host/q", std::string("http://host/q") + path)) << path;
  }
  EXPECT_FALSE(covers("/data/a", "/data/a/../ab/x.qvd"));
  EXPECT_FALSE(covers("/data/a", "/data/a/./x.qvd"));
  EXPECT_FALSE(covers("/data/a", "/data/a//x.qvd"));
  EXPECT_FALSE(covers("s3://b/a", "s3://b/a/../x.qvd"));
  EXPECT_TRUE(covers("s3://b/a", "s3://b/a/%2e%2e/x.qvd"));  // a name, in a bucket
  EXPECT_TRUE(covers("http://host/a/../b", "http://host/b/x.qvd"));
  EXPECT_TRUE(takes("s3://b/./q", "s3://b/q/x.qvd"));
}

TEST(Scope, ATextThatIsNoUrlCoversItselfOnly) {
  EXPECT_TRUE(covers("http://h:x/a", "http://h:x/a"));
  EXPECT_FALSE(covers("http://h:x/a", "http://h:x/a/b.qvd"));
  EXPECT_FALSE(covers("http://h:x/a", "/b.qvd"));
}

TEST(Scope, RelativePathsAreDecoded) {
  const auto relative = [](const std::string& identity, const std::string& source) {
    return Scope(source).relative(identity);
  };
  EXPECT_EQ(relative("http://host/q/a%20b/x%2B.qvd", "http://u:p@host/q/"), "a b/x+.qvd");
  EXPECT_EQ(relative("s3://b/q/a%20b.qvd", "s3://b/q"), "a%20b.qvd");
  EXPECT_EQ(relative("s3://b/q/a.qvd", "s3://b/q/*.qvd"), "a.qvd");
  EXPECT_EQ(relative("s3://b/q/a.qvd", "s3://b/q/a.qvd"), "a.qvd");
  EXPECT_EQ(relative("s3://other/a.qvd", "s3://b"), "s3://other/a.qvd");
  EXPECT_EQ(relative("/data/x/a.qvd", "/data"), "x/a.qvd");
  EXPECT_EQ(relative("/data/ab/x.qvd", "/data/a"), "/data/ab/x.qvd");
}

TEST(Reach, AFolderReachesWhatItsPatternAndListsTake) {
  const Reach top("/no/qvd/", {});
  EXPECT_TRUE(top.takes("/no/qvd/item.qvd"));
  EXPECT_TRUE(top.takes("/no/qvd/ITEM.QVD"));
  EXPECT_FALSE(top.takes("/no/qvd/sub/item.qvd"));
  EXPECT_FALSE(top.takes("/no/qvd2/item.qvd"));
  EXPECT_FALSE(top.takes("/no/item.qvd"));
  EXPECT_FALSE(top.takes("/no/qvd/"));
  EXPECT_FALSE(top.takes("/no/qvd/item.csv"));
  const Reach all("/no/./qvd", {.pattern = "**/*.qvd", .include = {}, .exclude = {"po", "old/*"}});
  EXPECT_TRUE(all.takes("/no/qvd/a/b/item.qvd"));
  EXPECT_FALSE(all.takes("/no/qvd/a/po.qvd"));
  EXPECT_FALSE(all.takes("/no/qvd/old/item.qvd"));
}

TEST(Reach, HiddenAndTemporaryFilesAreNotTaken) {
  const Selection all{.pattern = "**/*", .include = {}, .exclude = {}};
  for (const char* source : {"/no/q", "http://host/q", "s3://b/q"}) {
    const std::string below = std::string(source) + "/";
    EXPECT_TRUE(takes(source, below + "a/x.qvd", all)) << source;
    for (const char* path : {".x.qvd", ".git/x.qvd", "a/.b/x.qvd", "~x.qvd", "x.qvd.tmp", ""}) {
      EXPECT_FALSE(takes(source, below + path, all)) << source << path;
    }
    EXPECT_TRUE(
        takes(source, below + ".a/x.qvd", {.pattern = ".a/*", .include = {}, .exclude = {}}));
  }
}

TEST(Reach, AGlobReachesWhatItMatches) {
  const Reach glob("/no/20[0-9][0-9]/*.qvd", {});
  EXPECT_TRUE(glob.takes("/no/2024/item.qvd"));
  EXPECT_FALSE(glob.takes("/no/1999/item.qvd"));
  EXPECT_FALSE(glob.takes("/no/2024/sub/item.qvd"));
  EXPECT_TRUE(takes("file:///no/*.qvd", "/no/item.qvd"));
  EXPECT_FALSE(takes("/no/item.qvd", "/no/other.qvd"));
  EXPECT_THROW(takes("/no/[", "/no/item.qvd"), base::ConfigError);
}

TEST(Reach, AFileNamedInFullIsTakenUnlessAListLeavesItOut) {
  EXPECT_TRUE(takes("/no/.item.bin", "/no/.item.bin"));
  EXPECT_TRUE(takes("https://u:p@host/item.qvd?sig=x", "https://host/item.qvd"));
  EXPECT_FALSE(takes("/no/item.qvd", "/no/item.qvd",
                     {.pattern = "*.qvd", .include = {}, .exclude = {"item"}}));
}

TEST(Reach, AFolderWhoseNameHasWildcardsIsAFolder) {
  std::string folder = (std::filesystem::temp_directory_path() / "qvdhouse_scope_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string odd = folder + "/a[b]";
  std::filesystem::create_directory(odd);
  EXPECT_TRUE(takes(odd, odd + "/x.qvd"));
  EXPECT_FALSE(takes(odd, folder + "/ab"));
  EXPECT_FALSE(takes(odd, odd));
  std::filesystem::remove_all(folder);
}

TEST(Reach, UrlsAreComparedAsTheyAreKept) {
  const Reach http("https://user:secret@host/a%20b/", {});
  EXPECT_TRUE(http.takes("https://host/a%20b/i%C3%BC.qvd"));
  EXPECT_FALSE(http.takes("https://host/a%20b/c/item.qvd"));
  EXPECT_FALSE(http.takes("https://host/a%20b/..%5Cprivate%5Citem.qvd"));
  EXPECT_FALSE(http.takes("https://other/a%20b/item.qvd"));
  const Reach s3("s3://lake/qvd/**/Sales_*.qvd", {});
  EXPECT_TRUE(s3.takes("s3://lake/qvd/eu/Sales_1.qvd"));
  EXPECT_FALSE(s3.takes("s3://lake/qvd/eu/Item.qvd"));
  EXPECT_FALSE(s3.takes("/lake/qvd/eu/Sales_1.qvd"));
  EXPECT_TRUE(takes("s3://lake", "s3://lake/a%20b.qvd"));
}

TEST(Reach, TheConditionOfSqlIsThatOfTheComparison) {
  EXPECT_EQ(Reach("/no/q", {}).condition("p", quoted),
            "(p = '/no/q' OR (startsWith(p, '/no/q/') AND position(substring(p, 7), '/') = 0))");
  EXPECT_EQ(Reach("s3://b/*/x.qvd", {}).condition("p", quoted),
            "(p = '' OR (startsWith(p, 's3://b/')))");
  EXPECT_EQ(Reach("http://h:x/a", {}).condition("p", quoted), "(p = 'http://h:x/a' OR (0))");
}

}  // namespace
}  // namespace qvdhouse::source
