// The API over a real service and the real engine; HTTP itself is tested in http_server_test.cc.
#include "serve/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "claim/locks.h"
#include "serve/api_json.h"
#include "serve/assets.h"
#include "serve/auth.h"
#include "serve/test_api.h"

namespace qvdhouse::serve {
namespace {

using sync::qvd_bytes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using testing::UnorderedElementsAreArray;

// What changes from run to run, as what it is.
Json normalised(const Json& json) {
  static const std::set<std::string> kTimes = {"processed_at", "last_sync_at", "retry_at",
                                               "qvd_created_at"};
  static const std::set<std::string> kNumbers = {"processing_duration_seconds", "rows_per_second",
                                                 "duration_seconds", "file_size_bytes"};
  static const std::set<std::string> kTexts = {"error_message", "error", "next_after"};
  if (json.is_array()) {
    Json list = Json::array();
    for (const Json& item : json) list.push_back(normalised(item));
    return list;
  }
  if (!json.is_object()) return json;
  Json object = Json::object();
  for (const auto& [key, value] : json.items()) {
    if (kTimes.contains(key) && value.is_string()) {
      object[key] = "TIME";
    } else if (kNumbers.contains(key) && value.is_number()) {
      object[key] = "NUMBER";
    } else if (kTexts.contains(key) && value.is_string()) {
      object[key] = "TEXT";
    } else if (key == "file_path") {
      object[key] = std::filesystem::path(value.get<std::string>()).filename().string();
    } else {
      object[key] = normalised(value);
    }
  }
  return object;
}

Json golden(const std::string& name) {
  std::ifstream file(std::string(QVDHOUSE_SOURCE_DIR) + "/tests/golden/api/" + name);
  return Json::parse(file);
}

TEST_F(ApiTest, TheOriginalsFiveExamplesAnswerAsTheyDid) {
  serve();
  put("Bad.qvd", "no QVD at all", 4'000);
  ASSERT_TRUE(run());
  put("Item.qvd", qvd_bytes(3));
  ASSERT_TRUE(run());
  EXPECT_EQ(normalised(get("/consumption/qvd_status")), golden("status.json"));
  EXPECT_EQ(normalised(get("/consumption/qvd_status?file_name=Item")), golden("file_name.json"));
  EXPECT_EQ(normalised(get("/consumption/qvd_status?status=failed")), golden("failed.json"));
  EXPECT_EQ(normalised(get("/consumption/qvd_status?include_history=true")),
            golden("history.json"));
  EXPECT_EQ(normalised(get("/consumption/qvd_status?limit=1")), golden("limit.json"));
  EXPECT_EQ(get("/api/qvd_status"), get("/consumption/qvd_status"));
}

TEST_F(ApiTest, AFileIsFoundByStemNameAndPathInAnyCase) {
  put("Item.qvd", qvd_bytes(3));
  put("Item2.qvd", qvd_bytes(3));
  serve();
  for (const std::string& name : {std::string("iTEM"), std::string("ITEM.qvd"), path("Item.qvd")}) {
    const Json files = get("/api/qvd_status?file_name=" + name)["files"];
    ASSERT_EQ(files.size(), 1U) << name;
    EXPECT_EQ(files[0]["file_name"], "Item.qvd");
  }
  EXPECT_EQ(get("/api/qvd_status?file_name=' OR 1=1 --")["files"].size(), 0U);
}

TEST_F(ApiTest, FilesOfATableOfATimeAndPageByPage) {
  for (const char* name : {"A.qvd", "B.qvd", "C.qvd"}) put(name, qvd_bytes(3));
  serve();
  const std::string base = "/consumption/qvd_status?";
  EXPECT_EQ(get(base + "table=QvdB")["files"].size(), 1U);
  EXPECT_EQ(get(base + "table=QvdNone")["files"].size(), 0U);
  EXPECT_EQ(get(base + "since=1h")["files"].size(), 3U);
  EXPECT_EQ(get(base + "since=2199-01-01")["files"].size(), 0U);
  EXPECT_EQ(get(base + "since=2001-01-01T00:00:00Z")["files"].size(), 3U);
  EXPECT_EQ(ask(base + "since=soon").status, 400);
  EXPECT_EQ(ask(base + "after=x").status, 400);

  std::set<std::string> names;
  std::string after;
  for (int page = 0; page < 3; ++page) {
    const Json answer = get(base + "limit=1" + (after.empty() ? "" : "&after=" + after));
    ASSERT_EQ(answer["files"].size(), 1U);
    names.insert(answer["files"][0]["file_name"].get<std::string>());
    EXPECT_EQ(answer["next_after"].is_null(), page == 2);
    if (page < 2) after = answer["next_after"];
  }
  EXPECT_EQ(names, (std::set<std::string>{"A.qvd", "B.qvd", "C.qvd"}));
}

TEST_F(ApiTest, NumbersAreTrueAfterFailureRetryChangeAndReset) {
  put("A.qvd", qvd_bytes(5));
  put("B.qvd", "broken");
  serve();
  const auto numbers = [&] {
    const Json summary = get("/api/qvd_status")["summary"];
    return std::vector<int>{summary["total_files"], summary["total_syncs_all_time"],
                            summary["syncs_today"], summary["total_rows_processed"],
                            summary["current_failures"]};
  };
  EXPECT_THAT(numbers(), ElementsAre(2, 1, 1, 5, 1));
  put("B.qvd", qvd_bytes(7), 3'000);
  const Json started = post("/api/file/retry", Json{{"path", path("B.qvd")}}.dump(), 202);
  ASSERT_TRUE(have_ended(2));
  EXPECT_THAT(numbers(), ElementsAre(2, 2, 2, 12, 0));
  EXPECT_EQ(get("/api/runs/" + started["run_id"].get<std::string>())["trigger"], "retry");
  put("A.qvd", qvd_bytes(1), 2'000);
  ASSERT_TRUE(run());
  api_ = std::make_unique<Api>(*service_, ApiOptions{}, log_);  // no answer kept from before
  EXPECT_THAT(numbers(), ElementsAre(2, 3, 3, 8, 0));
  post("/api/file/reset", Json{{"path", path("A.qvd")}, {"with_data", true}}.dump(), 202);
  EXPECT_THAT(numbers(), ElementsAre(1, 3, 3, 7, 0));
}

TEST_F(ApiTest, WrongParametersSayWhatIsAllowed) {
  serve();
  for (const char* target :
       {"/api/qvd_status?limit=0", "/api/qvd_status?limit=501", "/api/qvd_status?limit=x",
        "/api/qvd_status?status=open", "/api/qvd_status?include_history=maybe",
        "/api/qvd_status?limits=1", "/api/files?sort=color", "/api/files?after=nonsense",
        "/api/overview?hours=1", "/api/runs?status=green", "/api/file", "/api/logs?level=all"}) {
    const HttpResponse response = ask(target);
    EXPECT_EQ(response.status, 400) << target;
    EXPECT_EQ(response.type, "application/problem+json");
    EXPECT_FALSE(Json::parse(response.body)["allowed"].empty()) << target;
  }
  EXPECT_EQ(ask("/api/workflows/none/run", "POST").status, 404);
  EXPECT_EQ(ask("/api/workflows/default/run", "POST", "[]").status, 400);
  EXPECT_EQ(ask("/api/workflows/default/run", "POST", R"({"ful":true})").status, 400);
  EXPECT_EQ(ask("/api/workflows/default/run", "POST", R"({"full":1})").status, 400);
  EXPECT_EQ(ask("/api/runs/none").status, 404);
  EXPECT_EQ(ask("/api/runs/none/cancel", "POST").status, 404);
  EXPECT_EQ(ask("/api/file?path=/none.qvd").status, 404);
  EXPECT_EQ(ask("/api/tables/none").status, 404);
}

TEST_F(ApiTest, WorkflowsArePausedAndRun) {
  put("A.qvd", qvd_bytes(5));
  serve();
  EXPECT_EQ(get("/api/workflows")["workflows"][0]["name"], "default");
  EXPECT_EQ(post("/api/workflows/default/pause", "", 200)["paused"], true);
  const Json started = post("/api/workflows/default/run", R"({"full":true})", 202);
  ASSERT_TRUE(have_ended(2));
  const Json run = get("/api/runs/" + started["run_id"].get<std::string>());
  EXPECT_EQ(run["status"], "completed");
  EXPECT_EQ(run["files"][0]["rows"], 5);
  EXPECT_FALSE(run["files"][0]["steps"].empty());
  EXPECT_EQ(get("/api/runs?limit=1")["runs"][0]["run_id"], started["run_id"]);
  EXPECT_EQ(post("/api/workflows/default/unpause", "", 200)["paused"], false);
  EXPECT_EQ(ask("/api/runs/" + started["run_id"].get<std::string>() + "/cancel", "POST").status,
            409);
}

TEST_F(ApiTest, ListsArePagedWithoutGapsOrRepeats) {
  for (int i = 0; i < 7; ++i) put(fmt::format("F{}.qvd", i), qvd_bytes(1));
  serve();
  for (const char* sort : {"name", "processed_at", "size", "rows", "duration"}) {
    std::vector<std::string> names;
    std::string after;
    do {
      const Json page = get(fmt::format("/api/files?limit=3&order=asc&sort={}{}", sort,
                                        after.empty() ? "" : "&after=" + after));
      EXPECT_EQ(page["total"], 7);
      for (const Json& file : page["files"]) names.push_back(file["file_name"]);
      after = page["next_after"].is_null() ? "" : page["next_after"].get<std::string>();
    } while (!after.empty());
    EXPECT_THAT(names, UnorderedElementsAreArray(
                           {"F0.qvd", "F1.qvd", "F2.qvd", "F3.qvd", "F4.qvd", "F5.qvd", "F6.qvd"}))
        << sort;
  }
  EXPECT_EQ(get("/api/files?search=f3&workflow=default&status=completed")["total"], 1);
}

TEST_F(ApiTest, OneFileIsShownClosely) {
  put("A.qvd", qvd_bytes(30));
  serve();
  const Json file = get("/api/file?path=" + path("A.qvd"));
  EXPECT_EQ(file["decision"]["reason_code"], "unchanged");
  EXPECT_EQ(file["history"].size(), 1U);
  EXPECT_EQ(file["header"]["row_count"], 30);
  EXPECT_EQ(file["columns"][0]["field"], "id");
  EXPECT_EQ(file["rows"]["data"].size(), 20U);
  EXPECT_EQ(file["rows"]["data"][19][0], 19);
  put("New.qvd", "broken");
  const Json broken = get("/api/file?path=" + path("New.qvd"));
  EXPECT_EQ(broken["status"], "new");
  EXPECT_TRUE(broken["header"].is_null());
  EXPECT_FALSE(broken["header_error"].get<std::string>().empty());
  EXPECT_EQ(get("/api/explain?path=" + path("A.qvd"))["next"]["action"], "skip");
  EXPECT_EQ(get("/api/plan").size(), 2U);
}

TEST_F(ApiTest, WhatIsProtectedIsShownSo) {
  const auto field = [](const char* name) {
    return qvd::FieldData{.name = name,
                          .values = {qvd::Value::of("CANARY one"), qvd::Value::of("CANARY two")},
                          .codes = {1, 2},
                          .comment = "PWD=CANARY"};
  };
  qvd::TableData table{
      .name = "T", .fields = {field("gone"), field("left"), field("mail")}, .row_count = 2};
  table.comment = "token=CANARY";
  table.lineage = {{"Password=CANARY;x", "https://u:CANARY@h/"}};
  put("A.qvd", sync::as_text(qvd::write_qvd(table)));
  options_.load.policy.protections = {{"mail", *schema::parse_protection("mask(3)")},
                                      {"gone", *schema::parse_protection("drop")}};
  schema::TableRules rules;
  rules.name = "QvdA";
  rules.exclude = {"left"};
  options_.tables = {rules};
  serve();
  const Json file = get("/api/file?path=" + path("A.qvd"));
  EXPECT_EQ(file["rows"]["columns"], Json({"mail"}));
  EXPECT_EQ(file["rows"]["data"], Json({{"****one"}, {"****two"}}));
  for (const char* what :
       {"/api/plan", "/api/files", "/api/tables", "/api/runs", "/api/logs", "/api/overview"}) {
    EXPECT_THAT(get(what).dump(), testing::Not(HasSubstr("CANARY"))) << what;
  }
  EXPECT_THAT(file.dump(), testing::Not(HasSubstr("CANARY")));
}

TEST_F(ApiTest, APlanSaysWhichNamesClickHouseKeeps) {
  const qvd::FieldData field{.name = "_part", .values = {qvd::Value::of(1)}, .codes = {1}};
  put("A.qvd", sync::as_text(qvd::write_qvd({.name = "T", .fields = {field}, .row_count = 1})));
  serve();
  EXPECT_THAT(get("/api/plan").dump(), HasSubstr("a name that ClickHouse keeps for itself"));
}

// The columns of a file, of the run's plan and of the table have the types that the server has.
TEST_F(ApiTest, AFileIsShownAsItsServerHoldsIt) {
  dialect_.has_date32 = false;
  qvd::FieldData day{.name = "day", .values = {qvd::Value::of(46'010)}, .codes = {1}};
  day.number_format = {.type = "DATE", .format = "YYYY-MM-DD"};
  put("A.qvd", sync::as_text(qvd::write_qvd({.name = "T", .fields = {day}, .row_count = 1})));
  serve();
  const std::string type =
      query("SELECT type FROM system.columns WHERE database = 'tested' AND table = 'QvdA'");
  EXPECT_THAT(type, testing::Not(HasSubstr("Date32")));
  EXPECT_EQ(get("/api/file?path=" + path("A.qvd"))["columns"][0]["type"], type);
}

// What a listing of the source leaves out is not shown, not explained and not loaded.
TEST_F(ApiTest, OnlyFilesThatTheListingTakesAreShown) {
  options_.selection = {.pattern = "{*,in/*,.in/*}.qvd", .include = {}, .exclude = {"secret"}};
  for (const char* name : {"A.qvd", "in/A.qvd", ".in/A.qvd", "other/B.qvd", "secret.qvd",
                           ".hidden.qvd", "in/.hidden.qvd", ".git/A.qvd", "~A.qvd", "A.qvd.tmp",
                           "A.csv", "../source-private/P.qvd", "../sourc/P.qvd", "../P.qvd"}) {
    put(name, qvd_bytes(3));
  }
  serve();
  for (const char* name : {"A.qvd", "in/A.qvd", ".in/A.qvd"}) {
    EXPECT_EQ(get("/api/file?path=" + path(name))["rows"]["data"].size(), 3U) << name;
  }
  const std::string folder = source_.string();
  for (const std::string& hidden : {folder + "/other/B.qvd",
                                    folder + "/secret.qvd",
                                    folder + "/.hidden.qvd",
                                    folder + "/in/.hidden.qvd",
                                    folder + "/.git/A.qvd",
                                    folder + "/~A.qvd",
                                    folder + "/A.qvd.tmp",
                                    folder + "/A.csv",
                                    folder + "-private/P.qvd",
                                    folder + "/../P.qvd",
                                    folder + "/in/../A.qvd",
                                    folder + "/./A.qvd",
                                    folder + "//A.qvd",
                                    folder + "/../source-private/P.qvd",
                                    folder,
                                    folder + "/",
                                    source_.parent_path().string() + "/sourc/P.qvd",
                                    "file://" + folder + "/A.qvd",
                                    std::string("A.qvd"),
                                    std::string("/etc/passwd")}) {
    EXPECT_EQ(ask("/api/file?path=" + hidden).status, 404) << hidden;
    EXPECT_EQ(ask("/api/explain?path=" + hidden).status, 404) << hidden;
    EXPECT_EQ(ask("/api/file/retry", "POST", Json{{"path", hidden}}.dump()).status, 404) << hidden;
  }
  EXPECT_EQ(ask("/api/file?path=" + folder + "/*.qvd").status, 404);
  std::filesystem::remove_all(source_.parent_path() / "source-private");
  std::filesystem::remove_all(source_.parent_path() / "sourc");
}

// The record of a file that was loaded once is shown, but nothing is read that is elsewhere now.
TEST_F(ApiTest, ASiblingFolderIsNoPartOfASource) {
  source_ += "-other";
  options_.source = source_.string();
  put("B.qvd", qvd_bytes(3));
  const std::string other = path("B.qvd");
  sync();
  source_ = folder() / "source";
  options_.source = source_.string();
  put("A.qvd", qvd_bytes(5));
  serve();
  const Json files = get("/api/files?workflow=default");
  EXPECT_EQ(files["total"], 1);
  EXPECT_EQ(files["files"][0]["file_name"], "A.qvd");
  std::map<std::string, std::string> workflows;
  const Json all = get("/api/files");
  for (const Json& file : all["files"]) {
    workflows[file["file_name"]] = file.value("workflow", Json()).dump();
  }
  EXPECT_EQ(workflows,
            (std::map<std::string, std::string>{{"A.qvd", "\"default\""}, {"B.qvd", "null"}}));
  const Json file = get("/api/file?path=" + other);
  EXPECT_EQ(file["status"], "completed");
  EXPECT_TRUE(file["decision"].is_null());
  EXPECT_TRUE(file["rows"].is_null());
  std::filesystem::remove_all(std::filesystem::path(other).parent_path());
}

// A stranger's URL only begins like the source's: nobody is asked for it, with or without
// credentials.
TEST_F(ApiTest, NoForeignHostIsAsked) {
  std::atomic<int> asked = 0;
  HttpOptions options;
  options.ports = {0};
  const HttpServer foreign(
      options,
      [&](const HttpRequest&) {
        ++asked;
        return HttpResponse{};
      },
      log_);
  const std::string port = std::to_string(foreign.ports().front());
  const std::string begin = port.substr(0, port.size() - 1);
  options_.source = "http://127.0.0.1:" + begin;
  serve();
  const std::string host = "127.0.0.1:" + port;
  for (const std::string& url :
       {"http://" + host + "/A.qvd", options_.source + "@" + host + "/A.qvd",
        "http://u:p@" + host + "/A.qvd", "HTTP://" + host + "/A.qvd",
        options_.source + ":x@" + host + "/A.qvd", options_.source + "/@" + host + "/A.qvd",
        "http://" + host + "/" + options_.source + "/A.qvd"}) {
    EXPECT_EQ(ask("/api/file?path=" + url).status, 404) << url;
    EXPECT_EQ(ask("/api/explain?path=" + url).status, 404) << url;
    EXPECT_EQ(ask("/api/file/retry", "POST", Json{{"path", url}}.dump()).status, 404) << url;
  }
  EXPECT_EQ(asked, 0);
}

TEST_F(ApiTest, TablesSayHowFullAndFreshTheyAre) {
  put("Item.qvd", qvd_bytes(30));
  serve();
  const Json table = get("/api/tables")["tables"][0];
  EXPECT_EQ(table["name"], "QvdItem");
  EXPECT_EQ(table["rows"], 30);
  EXPECT_EQ(table["stale"], false);
  const Json whole = get("/api/tables/QvdItem");
  EXPECT_EQ(whole["columns"][0]["name"], "id");
  EXPECT_EQ(whole["files"][0]["file_name"], "Item.qvd");
  EXPECT_THAT(whole["create_sql"].get<std::string>(), StartsWith("CREATE TABLE"));
  const Json overview = get("/api/overview");
  EXPECT_EQ(overview["ready"], true);
  EXPECT_EQ(overview["freshness"][0]["table_name"], "QvdItem");
  EXPECT_EQ(overview["series"]["points"].back()["rows"], 30);
  EXPECT_EQ(get("/api/workers")["workers"], Json::array());
}

TEST_F(ApiTest, TheVerdictCountsTablesAndIncidentsNameCauses) {
  put("a.qvd", qvd_bytes(5));
  put("new.qvd", "this is no QVD");
  serve();
  const Json overview = get("/api/overview");
  EXPECT_EQ(overview["verdict"], Json({{"level", "warn"},
                                       {"title", "1 table current"},
                                       {"tables", 1},
                                       {"current", 1},
                                       {"stale", 0},
                                       {"broken_files", 1},
                                       {"unknown_since", nullptr}}));
  ASSERT_EQ(overview["incidents"].size(), 1U);
  const Json& incident = overview["incidents"][0];
  EXPECT_EQ(incident["id"], "file:" + path("new.qvd"));
  EXPECT_EQ(incident["cause"], "file");
  EXPECT_EQ(incident["workflow"], "default");
  EXPECT_EQ(incident["title"], "new.qvd is broken (table QvdNew)");
  EXPECT_EQ(incident["count"], 1);
  EXPECT_EQ(incident["action"], "retry");
  EXPECT_TRUE(incident["since"].is_string());
  ASSERT_EQ(overview["freshness"].size(), 1U) << "what never loaded has no table";
  EXPECT_EQ(overview["freshness"][0]["table_name"], "QvdA");
  EXPECT_TRUE(overview["freshness"][0]["stale_reason"].is_null());
  EXPECT_TRUE(overview["freshness"][0]["looked_at"].is_string());
  EXPECT_EQ(get("/api/qvd_status")["verdict"], overview["verdict"]);
  EXPECT_EQ(get("/ready")["status"], "ready");
}

TEST_F(ApiTest, RunsThatFoundNothingToDoAreFolded) {
  put("a.qvd", qvd_bytes(5));
  serve();
  for (std::size_t i = 2; i <= 4; ++i) {
    now_s_ += 3'600;
    ASSERT_TRUE(have_ended(i));
  }
  ASSERT_TRUE(run());
  const std::vector<tracking::RunRecord> runs = ended();
  const Json folded = get("/api/runs?fold=true");
  ASSERT_EQ(folded["runs"].size(), 3U);
  EXPECT_EQ(folded["runs"][0]["trigger"], "manual") << "somebody wants to see it";
  EXPECT_EQ(folded["runs"][1]["folded"], 3);
  EXPECT_EQ(folded["runs"][1]["first"], Json(rfc3339(runs[3].started_at_us)));
  EXPECT_EQ(folded["runs"][1]["last"], Json(rfc3339(runs[1].started_at_us)));
  EXPECT_EQ(folded["runs"][1]["workflows"], Json({"default"}));
  EXPECT_EQ(folded["runs"][2]["run_id"], runs[4].run_id);
  EXPECT_TRUE(folded["next_before"].is_null());
  const Json first = get("/api/runs?fold=true&limit=2");
  ASSERT_EQ(first["runs"].size(), 2U);
  const Json rest =
      get("/api/runs?fold=true&limit=2&before=" + first["next_before"].get<std::string>());
  ASSERT_EQ(rest["runs"].size(), 1U);
  EXPECT_EQ(rest["runs"][0]["run_id"], runs[4].run_id);
  EXPECT_EQ(get("/api/runs")["runs"].size(), 5U);
}

// The run under way began between two times of 300 runs each that found nothing to do.
TEST_F(ApiTest, ARunUnderWayLosesNoOlderOnes) {
  put("a.qvd", qvd_bytes(5));
  serve();
  std::int64_t began_us = 0;
  {
    const base::FileLock held = claim::lock_table(options_.lock_dir, kDatabase, "QvdA", {});
    const Json begun = post("/api/workflows/default/run", R"({"full":true})", 202);
    const std::string id = begun["run_id"];
    tracking::Runs::Query asked;
    asked.run_id = id;
    ASSERT_TRUE(eventually([&] {
      const auto found = tracking::Runs(endpoint(), kDatabase, 0).find(asked);
      if (!found.empty()) began_us = found.front().started_at_us;
      return !found.empty();
    }));
    query(fmt::format(
        "INSERT INTO tested.QvdRunHistory (run_id, workflow, trigger, status, started_at, "
        "version) SELECT concat('r', toString(number)), 'default', 'schedule', 'completed', "
        "fromUnixTimestamp64Micro(toInt64({} + if(number < 300, 1, -1) * (3600 + toInt64(number)) "
        "* 1000000), 'UTC'), 1 FROM numbers(600)",
        began_us));
    const auto page = [&](const char* more, std::int64_t before_us) {
      return get(fmt::format("/api/runs?before={}{}", before_us, more));
    };
    const Json folded = page("&fold=true", began_us + 86'400'000'000);
    ASSERT_EQ(folded["runs"].size(), 4U);
    EXPECT_EQ(folded["runs"][0]["folded"], 300);
    EXPECT_EQ(folded["runs"][1]["run_id"], id);
    EXPECT_EQ(folded["runs"][3]["folded"], 300);
    EXPECT_TRUE(folded["next_before"].is_null());
    const Json plain = page("&limit=2", began_us + 3'600'000'000);  // not the first page
    ASSERT_EQ(plain["runs"].size(), 2U);
    EXPECT_EQ(plain["runs"][0]["run_id"], id);
    EXPECT_TRUE(plain["next_before"].is_string());
    post("/api/runs/" + id + "/cancel", "", 202);
  }
  EXPECT_TRUE(eventually([&] { return service_->live().empty(); }));
}

TEST_F(ApiTest, EventsAreStreamed) {
  serve();
  HttpRequest request = request_of("/api/events", "GET", "");
  request.headers.emplace_back("Last-Event-ID", "0");
  const HttpResponse response = api_->handle(request);
  EXPECT_EQ(response.type, "text/event-stream");
  const std::string text = response.stream().value_or("");
  EXPECT_THAT(text, StartsWith("retry: "));
  EXPECT_THAT(text, HasSubstr("event: run_finished\ndata: {"));
  EXPECT_EQ(response.stream(), "");
}

// A service that starts with a file that it loaded before, and a target that comes a little later.
// Its clock never ticks, so that what it waits for cannot come by chance.
class Starting : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    schedule_ = "@never";
    patience_ = std::chrono::seconds(0);
    put("a.qvd", qvd_bytes(5));
    put("b.qvd", qvd_bytes(5));
    start();
    ASSERT_TRUE(is_ready());
    run_now();
    ASSERT_TRUE(have_ended(1));
    tick_ = std::chrono::hours(1);
  }
  void begin() {
    api_.reset();
    service_.reset();
    failing_opens_ = 1;
    make_service();
    api_ = std::make_unique<Api>(*service_, ApiOptions{}, log_);
  }
  bool is_ready() {
    return eventually([&] { return service_->health().is_ready(); });
  }
  struct Write {
    std::string target;
    std::string body;
  };
  std::vector<Write> writes() const {
    const std::string file = Json{{"path", path("a.qvd")}}.dump();
    const std::string files = Json{{"paths", Json::array({path("b.qvd")})}}.dump();
    return {{"/api/workflows/default/run", R"({"full":true})"},
            {"/api/workflows/default/backfill", R"({"since":"2024"})"},
            {"/api/workflows/default/pause", ""},
            {"/api/workflows/default/unpause", ""},
            {"/api/file/retry", file},
            {"/api/files/retry", files},
            {"/api/workflows/default/test", ""},
            {"/api/file/reset", file},
            {"/api/files/reset", files}};
  }
  // Whether it was done; what is not done must have a reason.
  bool is_done(const Write& write) {
    const HttpResponse response = ask(write.target, "POST", write.body);
    if (response.status == 200 || response.status == 202) return true;
    EXPECT_EQ(response.status, 503) << write.target << response.body;
    EXPECT_THAT(Json::parse(response.body)["detail"].get<std::string>(),
                testing::MatchesRegex("not ready yet, because .{10,}"))
        << write.target;
    return false;
  }
  // Cancels the run that this answer began, which waits for its table.
  int cancel_status(const HttpResponse& begun) {
    const std::string id = Json::parse(begun.body)["run_id"];
    return ask("/api/runs/" + id + "/cancel", "POST").status;
  }
};

TEST_F(Starting, EveryWriteIsDoneOrToldWhyItHasToWait) {
  begin();
  std::size_t posts = 0;
  for (const Route& route : api_->routes()) posts += route.method == "POST" ? 1U : 0U;
  EXPECT_EQ(posts, writes().size() + 1);  // and cancel
  for (const Write& write : writes()) {
    begin();
    EXPECT_FALSE(is_done(write)) << write.target;
    service_->start();
    EXPECT_TRUE(eventually([&] { return is_done(write); })) << write.target;
  }
  begin();
  EXPECT_FALSE(is_done({"/api/runs/none/cancel", ""}));
}

TEST_F(Starting, ReadyMeansThatEveryCommandIsTaken) {
  const base::FileLock held = claim::lock_table(options_.lock_dir, kDatabase, "QvdA", {});
  begin();
  service_->start();
  ASSERT_TRUE(eventually([&] { return ask("/ready").status == 200; }));
  EXPECT_TRUE(is_done(writes()[1]));
  EXPECT_TRUE(is_done(writes()[2]));
  const HttpResponse begun = ask(writes()[0].target, "POST", writes()[0].body);
  ASSERT_EQ(begun.status, 202) << begun.body;
  EXPECT_EQ(cancel_status(begun), 202);
  EXPECT_TRUE(is_done(writes()[3]));
  EXPECT_TRUE(is_done(writes()[4]));
}

TEST_F(ApiTest, ATokenThatIsSetLaterIsAskedForAndEndsStreams) {
  serve();
  const HttpResponse stream = ask("/api/events");
  EXPECT_TRUE(stream.stream());
  EXPECT_EQ(ask("/api/version").status, 200);
  api_->set_token_hash(hash_token("right"));
  EXPECT_EQ(ask("/api/version").status, 401);
  EXPECT_FALSE(stream.stream());
  HttpRequest request = request_of("/api/version", "GET", "");
  request.headers.emplace_back("Authorization", "Bearer right");
  EXPECT_EQ(api_->handle(request).status, 200);
}

TEST_F(ApiTest, PagesOfOtherSitesGetHealthOnly) {
  serve();
  for (const Route& route : api_->routes()) {
    if (route.method != "GET") continue;
    HttpRequest request = request_of(route.pattern, "GET", "");
    request.headers.emplace_back("Sec-Fetch-Site", "cross-site");
    const bool is_health = route.pattern == "/health" || route.pattern == "/ready";
    EXPECT_EQ(api_->handle(request).status, is_health ? 200 : 403) << route.pattern;
  }
}

TEST_F(ApiTest, WithoutTheTokenNothingIsTold) {
  ApiOptions options;
  options.token_hash = hash_token("right");
  serve(std::move(options));
  for (const char* open : {"/", "/health", "/ready", "/openapi.json"}) {
    EXPECT_EQ(ask(open).status, 200) << open;
  }
  EXPECT_EQ(ask("/ready").body.find("problems"), std::string::npos);
  for (const Route& route : api_->routes()) {
    if (route.is_public) continue;
    EXPECT_EQ(ask(route.pattern, route.method).status, 401) << route.pattern;
  }
}

// What is documented is there, and what is there is documented, parameter by parameter.
TEST_F(ApiTest, TheDescriptionIsComplete) {
  ApiOptions options;
  options.metrics = [] { return std::string(); };
  serve(std::move(options));
  std::set<std::string> documented;
  const Json paths = get("/openapi.json")["paths"];
  for (const auto& [pattern, methods] : paths.items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string line = (method == "get" ? "GET " : "POST ") + pattern;
      std::set<std::string> names;
      for (const Json& parameter : operation.value("parameters", Json::array())) {
        if (parameter["in"] == "query") names.insert(parameter["name"].get<std::string>());
      }
      for (const std::string& name : names) line += " " + name;
      documented.insert(line);
    }
  }
  std::set<std::string> there;
  for (const Route& route : api_->routes()) {
    if (route.pattern == "/" || route.pattern == "/assets/{name*}") continue;
    std::string line = route.method + " " + route.pattern;
    const std::set<std::string> names(route.parameters.begin(), route.parameters.end());
    for (const std::string& name : names) line += " " + name;
    there.insert(line);
  }
  EXPECT_EQ(documented, there);
}

}  // namespace
}  // namespace qvdhouse::serve
