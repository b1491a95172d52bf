#include "observe/dataset.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace qvdhouse::observe {
namespace {

TEST(DatasetOfFile, FollowsTheRulesForNames) {
  const std::map<std::string, std::pair<std::string, std::string>> cases = {
      {"/data/a b.qvd", {"file", "/data/a b.qvd"}},
      {"file:///data/a%20b.qvd", {"file", "/data/a b.qvd"}},
      {"s3://bucket/x/a.qvd", {"s3://bucket", "x/a.qvd"}},
      {"s3a://bucket/a.qvd", {"s3://bucket", "a.qvd"}},
      {"gs://bucket/x/a.qvd", {"gs://bucket", "x/a.qvd"}},
      {"abfss://box@account.dfs.core.windows.net/x/a.qvd",
       {"abfss://box@account.dfs.core.windows.net", "x/a.qvd"}},
      {"hdfs://name:8020/x/a.qvd", {"hdfs://name:8020", "/x/a.qvd"}},
      {"https://host/x/a.qvd", {"https://host", "/x/a.qvd"}},
      {"sftp://host:2222/x/a.qvd", {"sftp://host:2222", "/x/a.qvd"}},
  };
  for (const auto& [path, expected] : cases) {
    const Dataset found = dataset_of_file(path);
    EXPECT_EQ(found.name_space, expected.first) << path;
    EXPECT_EQ(found.name, expected.second) << path;
  }
}

TEST(TableOfSelect, IsTheOneThatIsPlain) {
  const std::map<std::string, std::string> cases = {
      {"SELECT * FROM sales", "sales"},
      {"select a, b from shop.dbo.orders o where a = 'from x, y';", "shop.dbo.orders"},
      {"SQL SELECT id FROM \"Shop\".\"Order Lines\"", "Shop.Order Lines"},
      {"SELECT id FROM [dbo].[T] ORDER BY id, x", "dbo.T"},
      {"SELECT count(*) FROM `t` GROUP BY a, b", "t"},
  };
  for (const auto& [statement, table] : cases) {
    EXPECT_EQ(table_of_select(statement), table) << statement;
  }
}

TEST(TableOfSelect, NothingIsGuessed) {
  for (const char* statement :
       {"", "LOAD * FROM x.qvd", "RESIDENT Sales", "SELECT 1", "SELECT * FROM a, b",
        "SELECT * FROM a JOIN b ON a.x = b.x", "SELECT * FROM (SELECT * FROM a)",
        "SELECT * FROM f(1)", "SELECT * FROM a UNION ALL SELECT * FROM b",
        "SELECT * FROM a -- or b", "SELECT * FROM $(vTable)", "SELECT * FROM a; DROP TABLE b; (",
        "WITH x AS (SELECT 1) SELECT * FROM x", "SELECT extract(year FROM d) FROM a",
        "SELECT * FROM 'a.csv'", "SELECT * FROM \"a", "SELECT * FROM a.", "SELECT * FROM"}) {
    EXPECT_FALSE(table_of_select(statement).has_value()) << statement;
  }
}

}  // namespace
}  // namespace qvdhouse::observe
