// Files and tables over the API, many files at once, and what the service says of itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "serve/test_api.h"

namespace qvdhouse::serve {
namespace {

using sync::qvd_bytes;
using testing::HasSubstr;

class TablesTest : public ApiTest {};

TEST_F(TablesTest, ATableSaysItsSizeItsLastChangeAndItsFirstRows) {
  put("A.qvd", qvd_bytes(30));
  serve();
  const Json listed = get("/api/tables")["tables"][0];
  EXPECT_GT(listed["compressed_bytes"].get<int>(), 0);
  EXPECT_GT(listed["uncompressed_bytes"].get<int>(), 0);
  const Json table = get("/api/tables/QvdA");
  EXPECT_EQ(table["compressed_bytes"], listed["compressed_bytes"]);
  EXPECT_TRUE(table["last_change"].is_null());
  const Json rows = get("/api/tables/QvdA/rows?limit=3");
  EXPECT_EQ(rows["columns"][0], "id");
  EXPECT_EQ(rows["data"].size(), 3U);
  EXPECT_EQ(rows["data"][2][0], "2");
  EXPECT_EQ(ask("/api/tables/QvdNone/rows").status, 404);
  EXPECT_EQ(ask("/api/tables/QvdFileTracking/rows").status, 404);
}

// NULL and the text that looks like it, and what TSV escapes.
TEST_F(TablesTest, FirstRowsAreThoseOfTheTable) {
  const qvd::FieldData text{.name = "text",
                            .values = {qvd::Value::of("a\tb\nc\\N"), qvd::Value::of("\\N")},
                            .codes = {1, 2, 0}};
  put("A.qvd", sync::as_text(qvd::write_qvd({.name = "T", .fields = {text}, .row_count = 3})));
  serve();
  EXPECT_EQ(get("/api/tables/QvdA/rows")["data"], Json({{"a\tb\nc\\N"}, {"\\N"}, {nullptr}}));
}

TEST_F(TablesTest, ManyFilesAreRetriedAndForgottenAtOnce) {
  for (const char* name : {"A.qvd", "B.qvd", "C.qvd"}) put(name, "broken");
  serve();
  EXPECT_EQ(get("/api/overview")["summary"]["current_failures"], 3);
  for (const char* name : {"A.qvd", "B.qvd", "C.qvd"}) put(name, qvd_bytes(4), 3'000);
  const std::string two = Json{{"paths", {path("A.qvd"), path("C.qvd")}}}.dump();
  const Json begun = post("/api/files/retry", two, 202);
  EXPECT_EQ(begun["runs"][0]["files"], 2);
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(get("/api/files?status=failed")["files"][0]["file_name"], "B.qvd");
  post("/api/files/reset", Json{{"paths", {path("A.qvd"), "/none.qvd"}}}.dump(), 404);
  EXPECT_EQ(get("/api/files")["total"], 3);  // all or none
  post("/api/files/reset", two, 202);
  EXPECT_EQ(get("/api/files")["total"], 1);
  EXPECT_EQ(ask("/api/files/reset", "POST", R"({"paths":[]})").status, 400);
  EXPECT_EQ(ask("/api/files/retry", "POST", R"({"paths":["/none.qvd"]})").status, 404);
}

TEST_F(TablesTest, FieldsAreFoundInTheCatalogue) {
  put("A.qvd", qvd_bytes(4));
  serve();
  EXPECT_EQ(get("/api/fields?name=i")["has_catalogue"], false);
  EXPECT_TRUE(get("/api/file?path=" + path("A.qvd"))["feeds"].is_null());
  catalog::FileRow row{.source = "lake", .file_path = path("B.qvd"), .file_name = "B.qvd"};
  row.table_name = "QvdB";
  row.lineage_discriminators = {"STORE", "A.qvd (qvd)"};
  row.lineage_statements = {"", ""};
  row.fields = {{.position = 1, .name = "%OrderId", .columns = {"OrderId"}, .types = {"Int64"}},
                {.position = 2, .name = "ID"}};
  clickhouse::Endpoint target = endpoint();
  target.database = kDatabase;
  catalog::SourceCatalog catalogue(target, "lake", "run");
  catalogue.add(row);
  row.file_path = path("C.qvd");
  row.lineage_discriminators = {"STORE", "lib://lake/DATA.qvd"};  // another file than A.qvd
  row.fields.clear();
  catalogue.add(row);
  catalogue.commit();
  api_ = std::make_unique<Api>(*service_, ApiOptions{}, log_);  // no answer kept from before
  const Json found = get("/api/fields?name=id");
  EXPECT_EQ(found["total"], 2);
  EXPECT_EQ(found["fields"][0]["field_name"], "ID");
  EXPECT_EQ(found["fields"][1]["columns"], Json({"OrderId"}));
  EXPECT_EQ(found["fields"][1]["file_path"], path("B.qvd"));
  EXPECT_EQ(get("/api/fields?name=%O")["total"], 1);  // as it stands: no pattern
  EXPECT_EQ(get("/api/fields?name=_&limit=1")["total"], 0);
  const Json feeds = get("/api/file?path=" + path("A.qvd"))["feeds"];
  ASSERT_EQ(feeds.size(), 1U);
  EXPECT_EQ(feeds[0]["table_name"], "QvdB");
}

TEST_F(TablesTest, ASourceIsTestedStepByStep) {
  put("A.qvd", qvd_bytes(4));
  serve();
  const Json good = post("/api/workflows/default/test", "", 200);
  EXPECT_EQ(good["passed"], true);
  EXPECT_FALSE(good["steps"].empty());
  std::filesystem::remove_all(source_);
  const Json bad = post("/api/workflows/default/test", "", 200);
  EXPECT_EQ(bad["passed"], false);
  EXPECT_FALSE(bad["steps"].back()["fix"].get<std::string>().empty());
  EXPECT_EQ(ask("/api/workflows/none/test", "POST").status, 404);
}

TEST_F(TablesTest, SettingsSayWhatIsPendingAndWhatWasLoadedUnderOthers) {
  put("A.qvd", qvd_bytes(4));
  std::vector<SettingShown> shown = {{.key = "schedule", .value = "@daily", .origin = "file"},
                                     {.key = "instance_name", .value = "lake-1", .origin = "file"}};
  settings_ = shown;
  shown[0].value = "@hourly";
  ApiOptions options;
  options.settings_on_file = [&] { return shown; };
  serve(std::move(options));
  const Json settings = get("/api/settings");
  EXPECT_EQ(settings["settings"][0]["value"], "@daily");
  EXPECT_EQ(settings["settings"][0]["pending"], "@hourly");
  EXPECT_TRUE(settings["settings"][1]["pending"].is_null());
  EXPECT_EQ(settings["outdated"], Json::array());
  const Json instance = get("/api/instance");
  EXPECT_EQ(instance["instance"], "lake-1");
  EXPECT_EQ(instance["version"], "1.2.3");
  EXPECT_EQ(instance["database"], std::string(kDatabase));
  EXPECT_EQ(instance["connect"]["host"], "127.0.0.1");
  EXPECT_GT(instance["connect"]["http_port"].get<int>(), 0);
  EXPECT_THAT(instance.dump(), testing::Not(HasSubstr("password")));

  options_.load.policy.low_cardinality_limit = 7;  // another type for the same table
  service_->reload();
  ASSERT_TRUE(eventually([&] {  // what was kept is of the configuration before
    return get("/api/settings")["outdated"] ==
           Json::array({Json{{"workflow", "default"}, {"tables", 1}, {"files", 1}}});
  }));
}

}  // namespace
}  // namespace qvdhouse::serve
