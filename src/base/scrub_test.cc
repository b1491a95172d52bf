#include "base/scrub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qvdhouse::base {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Scrub, SecretsOfConnectionStringsBecomeStars) {
  for (const char* text : {
           "Provider=SQLOLEDB.1;Password=hunter2;Data Source=erp",
           "OLEDB CONNECT TO [Provider=X;Pwd=hunter2];",
           "CONNECT TO 'dsn' (XUserId is admin, XPassword is hunter2);",
           "Data Source=erp;User ID=sa; Password = \"hunter2\" ;Timeout=3",
           "jdbc:postgresql://host/db?user=a&password=hunter2",
           "https://name:hunter2@host/path",
           "https://store/file.qvd?sv=2020&sig=hunter2&se=1",
           "Authorization: Bearer hunter2",
           "{\"api_key\": \"hunter2\"}",
           "AccountKey=hunter2==;EndpointSuffix=core",
           "AWS_SECRET_ACCESS_KEY=hunter2",
           "PASSWORD={hun;hunter2}",
           "Provider=X;Password=many words, and (hunter2) & more;Data Source=erp",
           "Pwd=a hunter2",
           "Provider=Jet;Jet OLEDB:Database Password=a hunter2;Mode=Read",
           "OLEDB CONNECT TO [Provider=X;Pwd=a hunter2];",
           "openrowset('x', 'Server=y;Pwd=a hunter2', z)",
       }) {
    EXPECT_THAT(scrubbed(text), Not(HasSubstr("hunter2"))) << text;
    EXPECT_THAT(scrubbed(text), HasSubstr("***")) << text;
  }
}

TEST(Scrub, AllElseStays) {
  EXPECT_EQ(scrubbed("Provider=X;Password=a b;Data Source=erp"),
            "Provider=X;Password=***;Data Source=erp");
  EXPECT_EQ(scrubbed("SELECT a WHERE password = b AND c = 3"),
            "SELECT a WHERE password = *** AND c = 3");
  for (const char* text : {"SELECT Name, Amount FROM Sales WHERE Day = 3;", "", "resident Orders",
                           "lib://Data/Orders.qvd", "https://host/a@b", "Design=blue; Tsig",
                           "mail me: a@b.example", "password", "password=", "Token ;"}) {
    EXPECT_EQ(scrubbed(text), text);
  }
}

TEST(Scrub, EachUrlLosesItsOwnUserInfo) {
  EXPECT_EQ(scrubbed("a://b@c://d a://e, f@g"), "a://***@c://d a://e, f@g");
  EXPECT_EQ(scrubbed("://@x"), "://***@x");
  std::string many = "a@";
  for (int i = 0; i < 300'000; ++i) many += "://";
  EXPECT_EQ(scrubbed(many), many);
}

}  // namespace
}  // namespace qvdhouse::base
