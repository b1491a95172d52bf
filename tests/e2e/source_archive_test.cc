// Archives and compressed files as sources, on disk and behind every storage: their tables are
// those of the files that went in, and only a member that changed is loaded again.
#include <gmock/gmock.h>

#include <chrono>
#include <map>

#include "base/files.h"
#include "source/test_archives.h"
#include "tests/e2e/source_fixture.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class ArchiveCommandLine : public SourceCommandLine {
 protected:
  // A table's file, which is not left in the tree.
  std::string table(std::uint32_t rows) const {
    write_table("made.qvd", rows);
    std::string bytes = base::read_text(tree / "made.qvd").value();
    fs::remove(tree / "made.qvd");
    return bytes;
  }
  void write_zip(const std::string& name, std::uint32_t rows_of_second = 20) const {
    write_file(
        tree / name,
        source::zip_of({{.name = "First.qvd", .bytes = table(10)},
                        {.name = "sub/Second.qvd", .bytes = table(rows_of_second), .method = 8},
                        {.name = "notes.txt", .bytes = "n"}}));
  }
  void write_tar(const std::string& name) const {
    write_file(
        tree / name,
        source::gzipped(source::tar_of({{"Third.qvd", table(30)}, {"sub/Fourth.qvd", table(40)}})));
  }
  nlohmann::json sync_of(const std::string& source, int exit_code = 0) {
    const Finished finished = on_source(source, served.environment, {"sync", "--json"});
    EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
    return nlohmann::json::parse(finished.out);
  }
  std::string rows_of(const std::string& table) {
    return query("SELECT count(), sum(id) FROM " + table);
  }
  void expect_exact(const std::string& source) {
    const Finished verified = on_source(source, served.environment, {"verify"});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  }
};

TEST_F(ArchiveCommandLine, CompressedFilesLoadBesideTheOthers) {
  fs::remove_all(tree);
  write_table("Plain.qvd", 10);
  write_file(tree / "Zipped.qvd.gz", source::gzipped(table(20)));
  write_file(tree / "STRONG.QVD.ZST", source::zstd_packed(table(30)));
  EXPECT_EQ(sync_of(tree)["loaded"], 3);
  EXPECT_EQ(rows_of("QvdPlain"), "10\t55\n");
  EXPECT_EQ(rows_of("QvdZipped"), "20\t210\n");
  EXPECT_EQ(rows_of("QvdSTRONG"), "30\t465\n");
  expect_exact(tree);
  EXPECT_EQ(sync_of(tree)["loaded"], 0);
  write_file(tree / "Zipped.qvd.gz", source::gzipped(table(21)));
  EXPECT_EQ(sync_of(tree)["loaded"], 1);
  EXPECT_EQ(rows_of("QvdZipped"), "21\t231\n");

  write_table("Zipped.qvd", 20);
  const auto both = sync_of(tree, 7);
  EXPECT_EQ(both["failed"], 2) << both;
  const Finished planned = on_source(tree, {}, {"plan", "--json"});
  EXPECT_THAT(planned.out, HasSubstr("expected one file for table QvdZipped"));
  EXPECT_THAT(planned.out, HasSubstr("Zipped.qvd.gz"));
}

TEST_F(ArchiveCommandLine, ADamagedCompressedFileFailsAlone) {
  fs::remove_all(tree);
  write_file(tree / "Good.qvd.gz", source::gzipped(table(10)));
  write_file(tree / "Torn.qvd.gz", source::gzipped(table(20)));
  EXPECT_EQ(sync_of(tree)["loaded"], 2);
  // It has the same size, so that a look at its content is what tells it from one that was touched.
  std::string bytes = base::read_text(tree / "Torn.qvd.gz").value();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
  write_file(tree / "Torn.qvd.gz", bytes);
  fs::last_write_time(tree / "Torn.qvd.gz",
                      fs::file_time_type::clock::now() - std::chrono::hours(24));
  const auto summary = sync_of(tree, 7);
  EXPECT_EQ(summary["failed"], 1) << summary;
  EXPECT_EQ(summary["skipped"], 1) << summary;
  EXPECT_EQ(rows_of("QvdTorn"), "20\t210\n") << "the old rows stay";
}

TEST_F(ArchiveCommandLine, ACompressedFileIsMovedAfterItsLoad) {
  fs::remove_all(tree);
  write_file(tree / "Moved.qvd.gz", source::gzipped(table(20)));
  const Environment move = {{"QVD_AFTER_LOAD", "move"}, {"QVD_AFTER_LOAD_TO", "../done"}};
  EXPECT_EQ(on_source(tree, move, {"sync"}).exit_code, 0);
  EXPECT_TRUE(fs::exists(folder / "done/Moved.qvd.gz"));
  EXPECT_FALSE(fs::exists(tree / "Moved.qvd.gz"));
  write_zip("all.zip");
  const Finished refused = on_source(tree / "all.zip", move, {"sync"});
  EXPECT_EQ(refused.exit_code, 2) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("expected keep for a source that is an archive"));
}

TEST_F(ArchiveCommandLine, OnlyAMemberThatChangedIsLoadedAgain) {
  write_zip("all.zip");
  write_tar("all.tar.gz");
  const std::string zip = tree / "all.zip";
  const std::string tar = tree / "all.tar.gz";
  EXPECT_EQ(sync_of(zip)["loaded"], 2);
  EXPECT_EQ(sync_of(tar)["loaded"], 2);
  EXPECT_EQ(rows_of("QvdSecond"), "20\t210\n");
  EXPECT_EQ(rows_of("QvdFourth"), "40\t820\n");
  EXPECT_EQ(query("SELECT file_path FROM QvdFileTracking FINAL WHERE file_name = 'Second.qvd'"),
            "zip://sub/Second.qvd::" + zip + "\n");
  expect_exact(zip);
  EXPECT_EQ(sync_of(zip)["loaded"], 0);
  EXPECT_EQ(sync_of(tar)["loaded"], 0);
  write_zip("all.zip", 21);
  const auto third = sync_of(zip);
  EXPECT_EQ(third["loaded"], 1) << third;
  EXPECT_EQ(rows_of("QvdSecond"), "21\t231\n");
  expect_exact(zip);
  const Finished inspected = qvdhouse({"inspect", "--json", "zip://sub/Second.qvd::" + zip});
  EXPECT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_EQ(nlohmann::json::parse(inspected.out)["fields"].size(), 3U);

  const std::string bytes = base::read_text(zip).value();
  write_file(zip, bytes.substr(0, bytes.size() / 2));
  const Finished cut = on_source(zip, {}, {"sync"});
  EXPECT_NE(cut.exit_code, 0);
  EXPECT_THAT(cut.err + cut.out, HasSubstr("expected the directory of a zip archive"));
  EXPECT_EQ(rows_of("QvdSecond"), "21\t231\n") << "what was loaded stays";
}

TEST_F(ArchiveCommandLine, OfSeveralArchivesTheNamesMakeTables) {
  write_zip("in/may.zip");
  write_zip("in/june.zip", 33);
  const std::string source = "zip://**/*.qvd::" + (tree / "in/*.zip").string();
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = '{month}.zip/{kind}.qvd'\nname = '{month}_{kind}'\n"
             "[[table]]\nmatch = '{month}.zip/sub/{kind}.qvd'\nname = '{month}_{kind}'\n");
  const auto summary = sync_of(source);
  EXPECT_EQ(summary["loaded"], 4) << summary;
  EXPECT_EQ(rows_of("june_Second"), "33\t561\n");
}

class EveryArchiveStorage : public ArchiveCommandLine,
                            public ::testing::WithParamInterface<Scheme> {};

TEST_P(EveryArchiveStorage, GivesTheMembersOfItsArchives) {
  write_zip("in/all.zip");
  write_tar("in/all.tgz");
  write_file(tree / "in/Packed.qvd.zst", source::zstd_packed(table(50)));
  start(GetParam());
  if (IsSkipped()) return;
  const std::string zip = url_of("in/all.zip");
  const std::string chained = "tar://**/*.qvd::" + url_of("in/all.tgz");
  const std::string packed = url_of("in/Packed.qvd.zst");
  for (const auto& [source, files] :
       std::map<std::string, int>{{zip, 2}, {chained, 2}, {packed, 1}}) {
    const auto first = sync_of(source);
    EXPECT_EQ(first["loaded"], files) << first;
  }
  EXPECT_EQ(sync_of(chained)["loaded"], 0);
  // What is in an archive goes with the credentials of the folder that the archive lies in.
  expect_exact(served.source);
  EXPECT_EQ(rows_of("QvdSecond"), "20\t210\n");
  EXPECT_EQ(rows_of("QvdFourth"), "40\t820\n");
  EXPECT_EQ(rows_of("QvdPacked"), "50\t1275\n");
  write_zip("in/all.zip", 21);
  served.publish();
  EXPECT_EQ(sync_of(zip)["loaded"], 1);
  EXPECT_EQ(rows_of("QvdSecond"), "21\t231\n");
  const Finished missing = on_source("zip://no.qvd::" + zip, served.environment, {"ls"});
  EXPECT_EQ(missing.exit_code, 4) << missing.err;
  EXPECT_THAT(missing.err, HasSubstr("expected a file or a folder no.qvd in the archive"));
  const Finished doctor = on_source(zip, served.environment, {"doctor", "--source", zip});
  EXPECT_THAT(doctor.out, HasSubstr("2 files to load")) << doctor.err;
  expect_no_secrets();
}

INSTANTIATE_TEST_SUITE_P(Scheme, EveryArchiveStorage, ::testing::ValuesIn(schemes()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
