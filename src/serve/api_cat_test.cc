// GET /api/cat over HTTP: that any ClickHouse reads a file by url() as the table that a load makes
// of it, whose files may be asked for, and that no answer that broke off passes for a whole one.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "qvd/writer.h"
#include "render/test_every_type.h"
#include "serve/api.h"
#include "serve/auth.h"
#include "serve/http_server.h"
#include "serve/test_client.h"
#include "serve/test_service.h"

namespace qvdhouse::serve {
namespace {

namespace fs = std::filesystem;
using sync::as_text;
using sync::qvd_bytes;
using testing::HasSubstr;

const fs::path kCorpus = fs::path(QVDHOUSE_SOURCE_DIR) / ".." / "shared" / "corpus" / "files";

class CatTest : public ServiceTest {
 protected:
  void serve() {
    start();
    ASSERT_TRUE(is_scheduled());
    ASSERT_TRUE(have_ended(1));
    api_ = std::make_unique<Api>(*service_, ApiOptions{.version = "1"}, log_);
    http_ = std::make_unique<HttpServer>(
        HttpOptions{.ports = {0}},
        [this](const HttpRequest& request) { return api_->handle(request); }, log_);
  }
  void TearDown() override {
    http_.reset();
    api_.reset();
    ServiceTest::TearDown();
  }
  std::uint16_t port() const { return http_->ports().front(); }
  Reply ask(const std::string& query, const std::string& method = "GET") const {
    return call(port(), "/api/cat?" + query, {.method = method});
  }
  std::string url_of(const std::string& file) const {
    std::string escaped;
    for (const char c : file) escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return fmt::format("url('http://127.0.0.1:{}/api/cat?format=Native&file={}', 'Native')", port(),
                       escaped);
  }
  // Names and types of the columns, the number of rows, and a sum over the hashes of all cells of
  // each.
  static std::string facts(const std::string& from) {
    std::istringstream columns(query("DESCRIBE TABLE " + from + " FORMAT TSV"));
    std::string facts;
    for (std::string line; std::getline(columns, line);) {
      facts += line.substr(0, line.find('\t', line.find('\t') + 1)) + "\n";
    }
    return facts + query("SELECT count(), sum(sipHash64(toString(tuple(*)))) FROM " + from);
  }

  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> http_;
};

TEST_F(CatTest, EveryTypeIsAsInItsTable) {
  const render::EveryType every;
  options_.load.policy.overrides = every.types;
  options_.load.invalid_utf8 = every.invalid_utf8;
  put("Every type.qvd", as_text(qvd::write_qvd(every.table)));
  serve();
  const std::string table = facts("tested.QvdEveryType");
  EXPECT_THAT(table, HasSubstr("America/New_York"));
  EXPECT_THAT(table, HasSubstr("\n40\t"));
  EXPECT_EQ(facts(url_of("Every type.qvd")), table);
}

TEST_F(CatTest, EveryFileOfTheCorpusIsAsItsTable) {
  if (!fs::exists(kCorpus)) GTEST_SKIP() << "the corpus of real files is not on this machine";
  for (const fs::directory_entry& file : fs::directory_iterator(kCorpus)) {
    fs::create_symlink(fs::canonical(file.path()), source_ / file.path().filename());
  }
  options_.settle = std::chrono::seconds(0);
  serve();
  std::size_t compared = 0;
  for (const tracking::FileRecord& file : tracking::Tracking(endpoint(), kDatabase, 0).files()) {
    if (file.status != tracking::FileState::kCompleted) continue;
    EXPECT_EQ(facts(url_of(file.file_name)), facts(fmt::format("tested.`{}`", file.table_name)))
        << file.file_name;
    ++compared;
  }
  EXPECT_GT(compared, 100u);
}

TEST_F(CatTest, ColumnsRowsAndFormatAreChosen) {
  put("sub/T.qvd", qvd_bytes(10));
  serve();
  const Reply csv = ask("file=sub/T.qvd&where=id%20%3E%206&limit=2&columns=i*");
  EXPECT_EQ(csv.status, 200);
  EXPECT_EQ(csv.body, "\"id\"\n7\n8\n");
  EXPECT_THAT(csv.headers.at("content-type"), HasSubstr("text/csv"));
  EXPECT_EQ(ask("file=sub/T.qvd&format=jsoneachrow&limit=1").body, "{\"id\":0}\n");
  EXPECT_EQ(ask("file=" + (source_ / "sub/T.qvd").string() + "&limit=0").body, "\"id\"\n");
  const Reply head = ask("file=sub/T.qvd", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST_F(CatTest, OnlyFilesOfASourceAreRead) {
  put("T.qvd", qvd_bytes(3));
  put("T.txt", qvd_bytes(3));
  std::ofstream(folder() / "Other.qvd", std::ios::binary) << qvd_bytes(3);
  serve();
  for (const std::string file : {"None.qvd", "T.txt", "../Other.qvd", "*.qvd", "/etc/passwd"}) {
    EXPECT_EQ(ask("file=" + file).status, 404) << file;
  }
  EXPECT_EQ(ask("file=" + (folder() / "Other.qvd").string()).status, 404);
  EXPECT_EQ(ask("file=" + (source_ / "../Other.qvd").string()).status, 404);
}

TEST_F(CatTest, ASourceMayBeOneFile) {
  put("T.qvd", qvd_bytes(3));
  put("Other.qvd", qvd_bytes(3));
  options_.source = (source_ / "T.qvd").string();
  source_ /= "T.qvd";  // of the workflow
  serve();
  EXPECT_EQ(ask("file=T.qvd&limit=1").body, "\"id\"\n0\n");
  EXPECT_EQ(ask("file=Other.qvd").status, 404);
}

TEST_F(CatTest, WhatIsWrongIsSaidBeforeARowIsSent) {
  put("T.qvd", qvd_bytes(3));
  put("Bad.qvd", "this is no QVD file");
  serve();
  EXPECT_EQ(ask("").status, 400);
  EXPECT_EQ(ask("file=T.qvd&format=Parquet").status, 400);
  EXPECT_EQ(ask("file=T.qvd&limit=-1").status, 400);
  EXPECT_EQ(ask("file=Bad.qvd").status, 409);
  const Reply column = ask("file=T.qvd&columns=ix");
  EXPECT_EQ(column.status, 400);
  EXPECT_THAT(column.body, HasSubstr("did you mean id?"));
  EXPECT_THAT(ask("file=T.qvd&where=id").body, HasSubstr("where: expected"));
}

TEST_F(CatTest, ARequestHasItsLimits) {
  put("T.qvd", qvd_bytes(3));
  serve();
  std::string where = "id%3E0";
  for (int i = 0; i < 99; ++i) where += "%20and%20id%3E0";
  EXPECT_EQ(ask("file=T.qvd&where=" + where).status, 200);
  const Reply conditions = ask("file=T.qvd&where=" + where + "%20and%20id%3E0");
  EXPECT_EQ(conditions.status, 400);
  EXPECT_THAT(conditions.body, HasSubstr("at most 100 conditions, found 101"));
  std::string columns = "id";
  for (int i = 0; i < 1'000; ++i) columns += ",id";
  EXPECT_EQ(ask("file=T.qvd&columns=" + columns).status, 400);
  EXPECT_EQ(ask("file=T.qvd%00").status, 404);
  EXPECT_EQ(ask("file=%7Bx.qvd").status, 404);
}

TEST_F(CatTest, AFileBeyondTheMemoryOfAnAnswerIsRefused) {
  qvd::FieldData text{.name = "text"};
  text.values.push_back(qvd::Value::of(std::string(std::size_t{65} << 20, 'x')));
  text.codes = {1};
  qvd::FieldData id{.name = "id", .values = {qvd::Value::of(1)}, .codes = {1}};
  put("T.qvd", as_text(qvd::write_qvd({.name = "T", .fields = {text, id}, .row_count = 1})));
  serve();
  const Reply all = ask("file=T.qvd");
  EXPECT_EQ(all.status, 409);
  EXPECT_THAT(all.body, HasSubstr("use qvdhouse cat"));
  EXPECT_EQ(ask("file=T.qvd&columns=id").body, "\"id\"\n1\n");
}

// An answer of 30 MB, more than is on its way to a client that does not read, of a file that takes
// no time to read: one field "id" of three long texts in two bits. The last record of a damaged one
// says that there are four.
std::string file_of_long_answer(bool is_damaged = false) {
  constexpr std::uint32_t kLongRows = 100'000;
  qvd::FieldData field{.name = "id"};
  for (const char letter : {'a', 'b', 'c'}) {
    field.values.push_back(qvd::Value::of(std::string(300, letter)));
  }
  field.codes.assign(kLongRows, 1);
  std::string bytes =
      as_text(qvd::write_qvd({.name = "T", .fields = {field}, .row_count = kLongRows}));
  if (is_damaged) bytes.back() = '\xFF';
  return bytes;
}

TEST_F(CatTest, AnotherTokenBreaksTheAnswer) {
  put("Long.qvd", file_of_long_answer());
  serve();
  RawSocket client(port());
  client.send("GET /api/cat?file=Long.qvd HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.receive_until("\"id\""), HasSubstr("200"));
  api_->set_token_hash(hash_token("right"));
  EXPECT_FALSE(client.receive_until("").ends_with("0\r\n\r\n"));
}

TEST_F(CatTest, AFailureInTheMiddleBreaksTheConnection) {
  put("T.qvd", qvd_bytes(3));
  put("Damaged.qvd", file_of_long_answer(true));
  serve();
  RawSocket client(port());
  client.send("GET /api/cat?file=Damaged.qvd HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string answer = client.receive_until("");
  EXPECT_THAT(answer.substr(0, 20), HasSubstr("200"));
  EXPECT_GT(answer.size(), 1'000'000u);
  EXPECT_FALSE(answer.ends_with("0\r\n\r\n"));
  EXPECT_EQ(ask("file=T.qvd").status, 200);
}

TEST_F(CatTest, TheEndOfTheServerBreaksTheConnection) {
  put("Long.qvd", file_of_long_answer());
  serve();
  RawSocket client(port());
  client.send("GET /api/cat?file=Long.qvd HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.receive_until("\"id\""), HasSubstr("200"));
  http_.reset();
  EXPECT_FALSE(client.receive_until("").ends_with("0\r\n\r\n"));
}

TEST_F(CatTest, AClientThatCannotTellABreakIsRefused) {
  put("T.qvd", qvd_bytes(3));
  serve();
  RawSocket client(port());
  client.send("GET /api/cat?file=T.qvd HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.receive_until(""), HasSubstr(" 505 "));
}

TEST_F(CatTest, TooManyAtOnceAreToldSo) {
  put("Long.qvd", file_of_long_answer());
  put("T.qvd", qvd_bytes(3));
  serve();
  {
    std::vector<std::unique_ptr<RawSocket>> clients;
    for (int i = 0; i < 4; ++i) {
      clients.push_back(std::make_unique<RawSocket>(port()));
      clients.back()->send("GET /api/cat?file=Long.qvd HTTP/1.1\r\nHost: localhost\r\n\r\n");
      EXPECT_THAT(clients.back()->receive_until("\"id\""), HasSubstr("200"));
    }
    EXPECT_EQ(ask("file=T.qvd").status, 503);
  }
  EXPECT_TRUE(eventually([&] { return ask("file=T.qvd").status == 200; }));
}

}  // namespace
}  // namespace qvdhouse::serve
