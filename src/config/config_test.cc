#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "config/parts.h"
#include "config/setting.h"
#include "config/test_config.h"

namespace qvdhouse::config {
namespace {

constexpr std::string_view kSecretWords[] = {"password", "secret",    "token",   "passphrase",
                                             "headers",  "alert_url", "privacy", "api_key"};

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using ConfigTest = ConfigFolder;

TEST_F(ConfigTest, DefaultsAreTheEmbeddedEngine) {
  const Config config = load();
  EXPECT_FALSE(config.endpoint);
  EXPECT_EQ(config.sync.database, "local");
  EXPECT_EQ(config.engine.data_dir, "./qvdhouse-data");
  EXPECT_EQ(config.engine.data_dir, config.engine.data_dir);
  EXPECT_EQ(config.common.schedule, "@daily");
  EXPECT_EQ(config.common.selection.pattern, "*.qvd");
  EXPECT_TRUE(config.values.empty());
  EXPECT_TRUE(config.warnings.empty());
}

TEST_F(ConfigTest, FlagsBeatEnvironmentBeatsDotEnvBeatsToml) {
  write("qvdhouse.toml", "source = 'toml'\n");
  EXPECT_EQ(load().common.url, "toml");
  EXPECT_EQ(load().values.at("source").origin.where,
            (directory_ / "qvdhouse.toml").string() + ":1");
  write(".env", "# comment\nQVD_SOURCE=dotenv\n");
  EXPECT_EQ(load().common.url, "dotenv");
  EXPECT_EQ(load().values.at("source").origin.where, (directory_ / ".env").string() + ":2");
  sources_.environment["QVD_SOURCE"] = "environment";
  EXPECT_EQ(load().common.url, "environment");
  sources_.flags["source"] = "flag";
  EXPECT_EQ(load().common.url, "flag");
  EXPECT_EQ(load().values.at("source").origin.where, "--source");
}

// The original had its server in the project of Moose around it.
TEST_F(ConfigTest, TheServerOfAMooseProjectIsTakenAsAWhole) {
  write("moose.config.toml",
        "language = 'Python'\n[[sources]]\na = 1\n[clickhouse_config]\ndb_name = 'local'\n"
        "user = 'panda'\npassword = 'p w'\nuse_ssl = false\nhost = 'ch.example'\n"
        "host_port = 18123\nnative_port = 9000\n");
  Config config = load();
  ASSERT_TRUE(config.endpoint);
  EXPECT_EQ(config.endpoint->url, "http://ch.example:18123");
  EXPECT_EQ(config.endpoint->user, "panda");
  EXPECT_EQ(config.endpoint->password, "p w");
  EXPECT_EQ(config.sync.database, "local");
  EXPECT_EQ(config.values.at("clickhouse.host").origin.where,
            (directory_ / "moose.config.toml").string() + ":9");

  sources_.environment["CLICKHOUSE_DB"] = "other";
  EXPECT_EQ(load().sync.database, "other");
  // Another server is not told this one's user and password.
  write(".env", "CLICKHOUSE_HOST=prod.example\n");
  config = load();
  EXPECT_EQ(config.endpoint->url, "http://prod.example:8123");
  EXPECT_EQ(config.endpoint->user, "default");
  EXPECT_EQ(config.endpoint->password, "");

  write(".env", "");
  write("moose.config.toml", "[clickhouse_config]\nhost_port = 'x'\n");
  EXPECT_THAT(error(), HasSubstr("moose.config.toml:2: 'x'"));
  write("moose.config.toml", "[clickhouse_config\n");
  EXPECT_THAT(error(), HasSubstr("moose.config.toml:1: this is not TOML"));
  write("moose.config.toml", "[temporal_config]\na = 1\n");
  EXPECT_FALSE(load().endpoint);
}

TEST_F(ConfigTest, AnEmptyVariableIsNotSet) {
  write("qvdhouse.toml", "batch_size = 7\n");
  sources_.environment["QVD_BATCH_SIZE"] = "";
  EXPECT_EQ(load().sync.load.batch_rows, 7U);
}

TEST_F(ConfigTest, OriginalNamesWork) {
  write(".env",
        "QVD_SOURCE=/data\nQVD_FILE_PATTERN=**/*.qvd\nQVD_INCLUDE_FILES=Item, PO,\n"
        "QVD_EXCLUDE_FILES=Temp*\nQVD_BATCH_SIZE=10000\nQVD_SCHEDULE=@hourly\n"
        "CLICKHOUSE_HOST=db\nCLICKHOUSE_PORT=18123\nCLICKHOUSE_USER=panda\n"
        "CLICKHOUSE_PASSWORD=secret\nCLICKHOUSE_DB=local\n");
  const Config config = load();
  EXPECT_EQ(config.common.url, "/data");
  EXPECT_EQ(config.common.selection.pattern, "**/*.qvd");
  EXPECT_THAT(config.common.selection.include, ElementsAre("Item", "PO"));
  EXPECT_THAT(config.common.selection.exclude, ElementsAre("Temp*"));
  EXPECT_EQ(config.sync.load.batch_rows, 10'000U);
  EXPECT_EQ(config.common.schedule, "@hourly");
  ASSERT_TRUE(config.endpoint);
  EXPECT_EQ(config.endpoint->url, "http://db:18123");
  EXPECT_EQ(config.endpoint->user, "panda");
  EXPECT_EQ(config.endpoint->password, "secret");
  EXPECT_EQ(config.endpoint->database, "local");
}

TEST_F(ConfigTest, EachClickHouseSettingAloneNamesAServerButNotTheDatabase) {
  for (const char* name : {"CLICKHOUSE_HOST", "CLICKHOUSE_USER", "CLICKHOUSE_PASSWORD"}) {
    sources_.environment = {{name, "x"}};
    EXPECT_TRUE(load().endpoint) << name;
  }
  sources_.environment = {{"CLICKHOUSE_PORT", "8124"}};
  EXPECT_EQ(load().endpoint->url, "http://localhost:8124");
  sources_.environment = {{"CLICKHOUSE_DB", "other"}};
  EXPECT_FALSE(load().endpoint);
  EXPECT_EQ(load().sync.database, "other");
}

TEST_F(ConfigTest, UrlPartsAreFilledInBySettings) {
  sources_.environment = {{"CLICKHOUSE_URL", "https://u%40x:p%2Fw@host/db%20x"}};
  const Config config = load();
  EXPECT_EQ(config.endpoint->url, "https://host:8443");
  EXPECT_EQ(config.endpoint->user, "u@x");
  EXPECT_EQ(config.endpoint->password, "p/w");
  EXPECT_EQ(config.sync.database, "db x");
  // A setting of a stronger place wins over the URL's part, one of the same place does not.
  sources_.environment["CLICKHOUSE_USER"] = "same";
  EXPECT_EQ(load().endpoint->user, "u@x");
  sources_.flags["clickhouse.user"] = "stronger";
  EXPECT_EQ(load().endpoint->user, "stronger");
}

TEST_F(ConfigTest, VariablesOfAllProgramsCountWhereNothingElseIsSet) {
  sources_.environment = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"},
                          {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x = y"},
                          {"OTEL_RESOURCE_ATTRIBUTES", "service.name=etl,team=data"},
                          {"OTEL_SDK_DISABLED", "false"},
                          {"OPENLINEAGE_URL", "http://m:5000"},
                          {"OPENLINEAGE_NAMESPACE", "dwh"}};
  Config config = load();
  EXPECT_EQ(config.traces.url(), "http://c:4318/v1/traces");
  EXPECT_EQ(config.traces.headers, (std::vector<std::string>{"api-key: a b", "x: y"}));
  EXPECT_EQ(config.traces.resource[1], std::make_pair(std::string("team"), std::string("data")));
  EXPECT_EQ(config.lineage.target(), "http://m:5000/api/v1/lineage");
  EXPECT_EQ(config.lineage.job_namespace, "dwh");
  sources_.environment["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] = "only=this";
  EXPECT_EQ(load().traces.headers, std::vector<std::string>{"only: this"});
  write("qvdhouse.toml", "otlp_endpoint = \"http://mine\"\n");
  EXPECT_EQ(load().traces.url(), "http://mine/v1/traces");
}

TEST_F(ConfigTest, AnEndpointOfAllProgramsDoesNotTakeTracesFromOnesOwn) {
  sources_.environment = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://theirs"},
                          {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://theirs/traces"},
                          {"QVD_OTLP_HEADERS", "key=mine"}};
  EXPECT_EQ(load().traces.url(), "https://theirs/traces");
  sources_.environment["QVD_OTLP_ENDPOINT"] = "https://mine";
  EXPECT_EQ(load().traces.url(), "https://mine/v1/traces");
  sources_.environment["QVD_OTLP_TRACES_ENDPOINT"] = "https://mine/traces";
  EXPECT_EQ(load().traces.url(), "https://mine/traces");
}

TEST_F(ConfigTest, SecretsOfAllProgramsDoNotGoWhereAFoundFileSays) {
  sources_.environment = {{"OTEL_EXPORTER_OTLP_HEADERS", "key=s3cret"},
                          {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "key=s3cret"},
                          {"OPENLINEAGE_API_KEY", "s3cret"}};
  const std::string toml = "otlp_endpoint = \"http://c\"\nopenlineage_url = \"http://m\"\n";
  write("qvdhouse.toml", toml);
  Config config = load();
  EXPECT_TRUE(config.traces.headers.empty());
  EXPECT_EQ(config.lineage.api_key, "");
  ASSERT_EQ(config.warnings.size(), 3U);
  EXPECT_THAT(
      config.warnings[0],
      AllOf(HasSubstr("OTEL_EXPORTER_OTLP_TRACES_HEADERS (environment) has no effect: "
                      "otlp_endpoint, set in "),
            HasSubstr("qvdhouse.toml:1, is from a settings file that is only found in the working "
                      "folder; set QVD_OTLP_HEADERS, or the URL in the environment "
                      "(QVD_OTLP_ENDPOINT)")));
  EXPECT_THAT(config.warnings[2], HasSubstr("OPENLINEAGE_API_KEY (environment) has no effect"));
  // What was set for us goes there, and what is in the same file.
  sources_.environment["QVD_OTLP_HEADERS"] = "key=mine";
  write("qvdhouse.toml", toml + "openlineage_api_key = \"own\"\n");
  config = load();
  EXPECT_EQ(config.traces.headers, std::vector<std::string>{"key: mine"});
  EXPECT_EQ(config.lineage.api_key, "own");
  // The URL that counts decides.
  write("qvdhouse.toml", toml);
  sources_.environment.erase("QVD_OTLP_HEADERS");
  sources_.environment["QVD_OTLP_TRACES_ENDPOINT"] = "http://mine";
  sources_.environment["QVD_OPENLINEAGE_URL"] = "http://mine";
  config = load();
  EXPECT_EQ(config.traces.headers, std::vector<std::string>{"key: s3cret"});
  EXPECT_EQ(config.lineage.api_key, "s3cret");
  EXPECT_TRUE(config.warnings.empty());
  // A file gets no key.
  write("qvdhouse.toml", "openlineage_url = \"file:///tmp/e.ndjson\"\n");
  sources_.environment.erase("QVD_OPENLINEAGE_URL");
  EXPECT_TRUE(load().warnings.empty());
}

TEST_F(ConfigTest, SecretsOfAllProgramsGoWhereANamedFileSays) {
  sources_.environment = {{"OTEL_EXPORTER_OTLP_HEADERS", "key=s3cret"},
                          {"OPENLINEAGE_API_KEY", "s3cret"}};
  write("named.toml", "otlp_endpoint = \"http://c\"\nopenlineage_url = \"http://m\"\n");
  sources_.config_file = sources_.directory / "named.toml";
  const Config config = load();
  EXPECT_EQ(config.traces.headers, std::vector<std::string>{"key: s3cret"});
  EXPECT_EQ(config.lineage.api_key, "s3cret");
}

TEST_F(ConfigTest, AVariableOfAllProgramsThatCannotBeUsedEndsNothing) {
  sources_.environment = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "unix:/x"},
                          {"OTEL_EXPORTER_OTLP_HEADERS", "s3cret"}};
  const Config config = load();
  EXPECT_EQ(config.traces.url(), "");
  ASSERT_EQ(config.warnings.size(), 2U);
  EXPECT_EQ(config.warnings[0],
            "OTEL_EXPORTER_OTLP_ENDPOINT (environment) has no effect: 'unix:/x' is not allowed; "
            "expected http(s)://HOST[:PORT], without user or password");
  EXPECT_THAT(config.warnings[1], Not(HasSubstr("s3cret")));
}

TEST_F(ConfigTest, SecretsInUrlsOfCollectorsAreNotRepeated) {
  const std::map<std::string, std::string> of_all = {
      {"QVD_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"},
      {"QVD_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
      {"QVD_OPENLINEAGE_URL", "OPENLINEAGE_URL"}};
  for (const auto& [own, standard] : of_all) {
    for (const char* url : {"https://u:hunter2@h:1", "https://h:1/?key=hunter2", "u:hunter2@h:1"}) {
      sources_.environment = {{standard, url}};
      const Config config = load();
      ASSERT_EQ(config.warnings.size(), 1U) << standard;
      EXPECT_THAT(config.warnings[0], HasSubstr("********"));
      EXPECT_THAT(config.warnings[0], Not(HasSubstr("hunter2")));
      sources_.environment = {{own, url}};
      EXPECT_THAT(error(), HasSubstr(own));
      EXPECT_THAT(error(), Not(HasSubstr("hunter2")));
    }
  }
}

TEST_F(ConfigTest, AFileOfEventsThatWasOnlyFoundIsOneOfALog) {
  write("qvdhouse.toml", "openlineage_url = \"file:///srv/u/.profile\"\n");
  EXPECT_THAT(error(), HasSubstr("openlineage_url: a settings file that is only found"));
  write("qvdhouse.toml", "openlineage_url = \"file:///tmp/e.ndjson\"\n");
  EXPECT_EQ(load().lineage.target(), "file:///tmp/e.ndjson");
}

TEST_F(ConfigTest, NamesOfOtherClientsWork) {
  write(".env", "CLICKHOUSE_HOST=db\nCLICKHOUSE_USERNAME=ada\nCLICKHOUSE_DATABASE=analytics\n");
  sources_.environment = {{"CLICKHOUSE_SECURE", "1"}};
  const Config config = load();
  EXPECT_EQ(config.endpoint->url, "https://db:8443");
  EXPECT_EQ(config.endpoint->user, "ada");
  EXPECT_EQ(config.sync.database, "analytics");
  EXPECT_TRUE(config.warnings.empty());
  EXPECT_EQ(config.values.at("clickhouse.database").origin.variable, "CLICKHOUSE_DATABASE");
  // Both names of one thing: the same, or in places of different strength, or an error.
  sources_.environment["CLICKHOUSE_DB"] = "stronger";
  EXPECT_EQ(load().sync.database, "stronger");
  sources_.environment["CLICKHOUSE_DATABASE"] = "stronger";
  EXPECT_EQ(load().sync.database, "stronger");
  sources_.environment["CLICKHOUSE_DATABASE"] = "other";
  EXPECT_EQ(error(),
            "CLICKHOUSE_DATABASE and CLICKHOUSE_DB (environment) both set clickhouse.database; "
            "remove one of them");
}

TEST_F(ConfigTest, SecretsComeFromFilesToo) {
  write("secret", "p@ss-p@ss-p@ss-p@ss\r\n\n");
  const std::string file = (directory_ / "secret").string();
  for (const Setting& setting : settings_table()) {
    const std::string name = setting.env + "_FILE";
    sources_.environment = {{name, file}};
    if (!setting.is(kSecret)) continue;
    if (setting.key.ends_with("headers") || setting.key == "alert_url") continue;
    const Config config = load();
    EXPECT_TRUE(config.warnings.empty()) << name;
    EXPECT_EQ(config.values.at(std::string(setting.key)).text, "p@ss-p@ss-p@ss-p@ss") << name;
    EXPECT_THAT(secrets_of(config), ElementsAre("p@ss-p@ss-p@ss-p@ss")) << name;
  }
  sources_.environment = {{"QVD_SOURCE_ERP_URL", "/data"}, {"QVD_SOURCE_ERP_PASSWORD_FILE", file}};
  EXPECT_EQ(load().sources[0].access.password, "p@ss-p@ss-p@ss-p@ss");
  // A stronger place wins; within one place both is an error.
  write(".env", "CLICKHOUSE_PASSWORD=weaker\n");
  sources_.environment = {{"CLICKHOUSE_PASSWORD_FILE", file}};
  EXPECT_EQ(load().endpoint->password, "p@ss-p@ss-p@ss-p@ss");
  sources_.environment["CLICKHOUSE_PASSWORD"] = "p@ss-p@ss-p@ss-p@ss";
  EXPECT_THAT(error(), HasSubstr("CLICKHOUSE_PASSWORD and CLICKHOUSE_PASSWORD_FILE (environment) "
                                 "both set clickhouse.password"));
  sources_.environment.erase("CLICKHOUSE_PASSWORD");
  sources_.environment["CLICKHOUSE_PASSWORD_FILE"] = file + "s";
  EXPECT_THAT(error(), HasSubstr("CLICKHOUSE_PASSWORD_FILE, set in environment: " + file +
                                 "s cannot be read (No such file or directory)"));
  write("secret", "\n");
  sources_.environment["CLICKHOUSE_PASSWORD_FILE"] = file;
  EXPECT_THAT(error(), HasSubstr("found an empty file"));
}

TEST_F(ConfigTest, AFileInTheFolderNamesNoFileOfASecret) {
  write(".env", "CLICKHOUSE_PASSWORD_FILE=/etc/hostname\n");
  EXPECT_THAT(error(), HasSubstr(".env:1: the file of a secret is not taken from"));
}

TEST_F(ConfigTest, ServerUrlsAreTakenAsOtherClientsTakeThem) {
  const std::map<std::string, std::string> servers = {
      {"clickhouse://h", "http://h:8123"},
      {"clickhouse://h:8123/db", "http://h:8123"},
      {"clickhouse://h:8443", "https://h:8443"},
      {"clickhouse://h?secure=true", "https://h:8443"},
      {"clickhouse://h/?secure", "https://h:8443"},
      {"clickhouse://h?secure=0", "http://h:8123"},
      {"clickhouses://h", "https://h:8443"},
      {"clickhouses://h:18443", "https://h:18443"},
      {"https://h?secure=yes", "https://h:8443"},
      {"http://h?database=x&user=y", "http://h:8123"}};
  for (const auto& [url, server] : servers) {
    sources_.environment = {{"CLICKHOUSE_URL", url}};
    EXPECT_EQ(load().endpoint->url, server) << url;
  }
  sources_.environment = {{"CLICKHOUSE_URL", "clickhouse://u%40x:p%2Fw@h:8123/db%20x?secure=1"}};
  const Config config = load();
  EXPECT_EQ(config.endpoint->user, "u@x");
  EXPECT_EQ(config.endpoint->password, "p/w");
  EXPECT_EQ(config.sync.database, "db x");
  const std::map<std::string, std::string> wrong = {
      {"clickhouse://h:9000/db", "found 9000, that of the native protocol; write 8123"},
      {"clickhouse://h:9440", "write 8443"},
      {"clickhouses://h:9440", "write 8443"},
      {"http://h?secure=true", "a secure= that agrees with the scheme"},
      {"clickhouse://h?secure=maybe", "secure=true or false"},
      {"http://u:hunter2@h?verify=false&password=hunter2", "only database, user, password"}};
  for (const auto& [url, message] : wrong) {
    sources_.environment = {{"CLICKHOUSE_URL", url}};
    EXPECT_THAT(error(), HasSubstr(message)) << url;
    EXPECT_THAT(error(), HasSubstr("CLICKHOUSE_URL, set in environment")) << url;
    EXPECT_THAT(error(), Not(HasSubstr("hunter2"))) << url;
  }
}

TEST_F(ConfigTest, SecureIsNeverTakenBackInSilence) {
  sources_.environment = {{"CLICKHOUSE_URL", "http://h"}, {"CLICKHOUSE_SECURE", "true"}};
  EXPECT_THAT(error(), HasSubstr("expected the scheme that CLICKHOUSE_SECURE"));
  sources_.flags["clickhouse.url"] = "http://h";
  EXPECT_EQ(load().endpoint->url, "http://h:8123");
  sources_.flags = {{"clickhouse.secure", "true"}};
  EXPECT_EQ(load().endpoint->url, "https://h:8443");
  sources_.flags.clear();
  sources_.environment = {{"CLICKHOUSE_SECURE", "false"}, {"CLICKHOUSE_PORT", "8443"}};
  EXPECT_EQ(load().endpoint->url, "http://localhost:8443");
}

TEST_F(ConfigTest, AUrlHasOnePartThatIsTheDatabase) {
  sources_.environment = {{"CLICKHOUSE_URL", "http://h/clickhouse1/newdb"}};
  EXPECT_EQ(error(),
            "CLICKHOUSE_URL, set in environment: expected one part behind the host, the database, "
            "found /clickhouse1/newdb; where a proxy has the server below a path, set "
            "clickhouse.path_prefix = \"/clickhouse1\" (CLICKHOUSE_PATH_PREFIX)");
  for (const char* prefix : {"clickhouse1", "/clickhouse1", "/clickhouse1/"}) {
    sources_.environment["CLICKHOUSE_PATH_PREFIX"] = prefix;
    EXPECT_EQ(load().endpoint->url, "http://h:8123/clickhouse1/");
    EXPECT_EQ(load().sync.database, "newdb");
  }
  sources_.environment["CLICKHOUSE_URL"] = "http://h/newdb";  // the prefix alone says where it is
  EXPECT_EQ(load().endpoint->url, "http://h:8123/clickhouse1/");
  EXPECT_EQ(load().sync.database, "newdb");
  sources_.environment["CLICKHOUSE_URL"] = "http://h/clickhouse1/";
  EXPECT_EQ(load().sync.database, "default");
  sources_.environment["CLICKHOUSE_URL"] = "http://h/clickhouse1/a/b";
  EXPECT_THAT(error(), HasSubstr("clickhouse.path_prefix = \"/clickhouse1/a\""));
  sources_.environment = {{"CLICKHOUSE_URL", "http://h/proxy?database=db"}};
  EXPECT_THAT(error(), HasSubstr("found /proxy and ?database=db;"));
  sources_.environment = {{"CLICKHOUSE_URL", "http://h/a%2Fb"}};  // written so on purpose
  EXPECT_EQ(load().sync.database, "a/b");
  sources_.environment = {{"CLICKHOUSE_HOST", "h"}, {"CLICKHOUSE_PATH_PREFIX", "/a/b"}};
  EXPECT_EQ(load().endpoint->url, "http://h:8123/a/b/");
}

TEST_F(ConfigTest, MoreHostsAreLikeTheFirstUnlessTheySayOtherwise) {
  sources_.environment = {{"CLICKHOUSE_URL", "https://first:9443/shop"},
                          {"CLICKHOUSE_HOSTS", "second,third:1234,http://fourth,[::1]"}};
  EXPECT_EQ(
      load().endpoint->hosts->urls(),
      (std::vector<std::string>{"https://first:9443", "https://second:9443", "https://third:1234",
                                "http://fourth:8123", "https://[::1]:9443"}));
  for (const char* wrong :
       {"u:p@second", "http://u@second", "second/path", "ftp://second", "a b"}) {
    sources_.environment["CLICKHOUSE_HOSTS"] = wrong;
    EXPECT_THAT(error(), HasSubstr("clickhouse.hosts: expected HOST, HOST:PORT or")) << wrong;
    EXPECT_THAT(error(), testing::Not(HasSubstr("u:p"))) << wrong;
  }
  sources_.environment.erase("CLICKHOUSE_HOSTS");
  EXPECT_FALSE(load().endpoint->hosts);
}

TEST_F(ConfigTest, WhatKubernetesSaysOfServicesIsNotOurs) {
  for (const std::string service : {"CLICKHOUSE", "QVD", "CLICKHOUSE_HEADLESS", "QVD_HTTP"}) {
    const std::string port = service + "_PORT";
    const std::string link = port + "_8123_TCP";
    sources_.environment = {{service + "_SERVICE_HOST", "10.0.0.1"},
                            {service + "_SERVICE_PORT", "8123"},
                            {service + "_SERVICE_PORT_TOKEN", "8123"},
                            {port, "tcp://10.0.0.1:8123"},
                            {link, "tcp://10.0.0.1:8123"},
                            {link + "_PROTO", "tcp"},
                            {link + "_PORT", "8123"},
                            {link + "_ADDR", "10.0.0.1"}};
    const Config config = load();
    EXPECT_TRUE(config.warnings.empty()) << config.warnings.front();
    EXPECT_TRUE(config.values.empty()) << service;
    EXPECT_FALSE(config.endpoint) << service;
  }
}

TEST_F(ConfigTest, AHostIsAHost) {
  const std::map<std::string, std::string> wrong = {
      {"h:8123", "without a port: \"h\"; set clickhouse.port (CLICKHOUSE_PORT) to 8123"},
      {"[::1]:8123", "without a port: \"[::1]\""},
      {"http://h:8123", "a URL goes into clickhouse.url (CLICKHOUSE_URL)"},
      {"h/db", "a host name or address"},
      {"u@h", "a host name or address"}};
  for (const auto& [host, message] : wrong) {
    sources_.environment = {{"CLICKHOUSE_HOST", host}};
    EXPECT_THAT(error(), HasSubstr("CLICKHOUSE_HOST, set in environment: '" + host)) << host;
    EXPECT_THAT(error(), HasSubstr(message)) << host;
  }
  sources_.environment = {{"CLICKHOUSE_HOST", "::1"}};
  EXPECT_EQ(load().endpoint->url, "http://[::1]:8123");
}

TEST_F(ConfigTest, AZoneThatIsNoneNamesTheOneMeant) {
  const std::map<std::string, std::string> meant = {{"Berlin", "Europe/Berlin"},
                                                    {"new york", "America/New_York"},
                                                    {"Europe/Berln", "Europe/Berlin"}};
  for (const auto& [zone, name] : meant) {
    for (const char* key : {"timezone", "schedule_timezone"}) {
      sources_.flags = {{key, zone}};
      EXPECT_THAT(error(), HasSubstr("; did you mean " + name + "?")) << zone;
    }
  }
  sources_.flags.clear();
  write("qvdhouse.toml", "[types]\nAt = \"DateTime64(3, 'Berlin')\"\n");
  EXPECT_THAT(error(), HasSubstr("; did you mean Europe/Berlin?"));
}

TEST_F(ConfigTest, AByteOrderMarkIsNoPartOfAName) {
  write(".env", "\xEF\xBB\xBFQVD_STREAMS=3\n");
  write("qvdhouse.toml", "\xEF\xBB\xBF[[table]]\nmatch = 'a*'\n[table.B]\ndrift = 'freeze'\n");
  EXPECT_EQ(load().sync.load.streams, 3U);
  EXPECT_EQ(load().raw_tables.size(), 2U);
  write(".env", std::string("\xFF\xFEQ\0V\0", 6));
  EXPECT_THAT(error(), HasSubstr(".env: expected UTF-8, found UTF-16"));
}

TEST_F(ConfigTest, WrongValuesNameKeyPlaceAndWhatIsAllowed) {
  sources_.flags["batch_size"] = "0";
  EXPECT_EQ(error(), "--batch-size: '0' is not allowed; expected a whole number, at least 1");
  sources_.flags.clear();
  sources_.environment["QVD_BATCH_SIZE"] = "-1";
  EXPECT_THAT(error(), HasSubstr("QVD_BATCH_SIZE, set in environment: '-1' is not allowed"));
  sources_.environment.clear();
  write(".env", "\nQVD_SCHEDULE=\"* * * *\"\n");
  EXPECT_THAT(error(), HasSubstr("QVD_SCHEDULE, set in " + (directory_ / ".env").string() + ":2"));
  EXPECT_THAT(error(), HasSubstr("a cron schedule has 5 fields, this has 4"));
  std::filesystem::remove(directory_ / ".env");
  write("qvdhouse.toml", "\n[clickhouse]\nport = 70000\n");
  EXPECT_THAT(error(), HasSubstr("clickhouse.port, set in " +
                                 (directory_ / "qvdhouse.toml").string() + ":3: '70000'"));
}

TEST_F(ConfigTest, EverySettingRefusesWhatItCanNotBe) {
  const std::map<std::string, std::string> wrong = {{"batch_size", "1e3"},
                                                    {"schedule", "sometimes"},
                                                    {"clickhouse.url", "tcp://h:9000"},
                                                    {"clickhouse.port", "0"},
                                                    {"dual", "maybe"},
                                                    {"mixed", ""},
                                                    {"naming", "Camel"},
                                                    {"integers", "x"},
                                                    {"dates", "x"},
                                                    {"timezone", "Mars; DROP"},
                                                    {"low_cardinality_limit", "-1"},
                                                    {"invalid_utf8", "drop"},
                                                    {"parallel_files", "0"},
                                                    {"streams", "65"},
                                                    {"memory", "12"},
                                                    {"max_attempts", "0"},
                                                    {"history_days", "0"},
                                                    {"engine.http_port", "x"},
                                                    {"engine.memory", "1TB"},
                                                    {"log_level", "loud"},
                                                    {"clickhouse.host", ""},
                                                    {"data_dir", ""}};
  for (const auto& [key, value] : wrong) {
    sources_.flags = {{key, value}};
    EXPECT_THAT(error(), HasSubstr("is not allowed; expected")) << key;
  }
}

TEST_F(ConfigTest, UnknownKeysAreErrorsAndUnknownNamesWarnings) {
  write("qvdhouse.toml", "bacth_size = 3\n");
  EXPECT_EQ(error(), (directory_ / "qvdhouse.toml").string() +
                         ":1: there is no setting 'bacth_size'; did you mean batch_size?");
  std::filesystem::remove(directory_ / "qvdhouse.toml");
  sources_.environment["QVD_BATCHSIZE"] = "3";
  sources_.environment["OTHER"] = "3";
  sources_.environment["CLICKHOUSE_TOKEN"] = "3";
  sources_.environment["CLICKHOUSE_VERIFY"] = "1";
  write(".env", "CLICKHOUSE_DATABSE=x\n");
  const Config config = load();
  EXPECT_THAT(config.warnings,
              ElementsAre("CLICKHOUSE_DATABSE (" + (directory_ / ".env").string() +
                              ":1) is not a setting and has no effect; did you mean "
                              "CLICKHOUSE_DATABASE?",
                          "CLICKHOUSE_TOKEN (environment) is not a setting and has no effect",
                          "CLICKHOUSE_VERIFY (environment) is not a setting and has no effect; did "
                          "you mean CLICKHOUSE_VERIFY_TLS?",
                          "QVD_BATCHSIZE (environment) is not a setting and has no effect; did you "
                          "mean QVD_BATCH_SIZE?"));
  EXPECT_TRUE(config.misspelt_guards.empty());
}

TEST_F(ConfigTest, TypesAreOverrides) {
  write("qvdhouse.toml",
        "order_by = ['a,b', 'c']\n[types]\nPrice = 'Decimal(18, 2)'\n\"Item No.\" = 'String'\n");
  const Config config = load();
  EXPECT_EQ(config.sync.load.policy.overrides.at("Price"), "Decimal(18, 2)");
  EXPECT_EQ(config.sync.load.policy.overrides.at("Item No."), "String");
  EXPECT_THAT(config.sync.load.policy.order_by, ElementsAre("a,b", "c"));
  write("qvdhouse.toml", "[types]\nPrice = 'Money'\n");
  EXPECT_THAT(error(), HasSubstr("types.Price, set in"));
  write("qvdhouse.toml", "[types]\nItem.No = 'String'\n");
  EXPECT_THAT(error(), HasSubstr("must be quoted"));
}

TEST_F(ConfigTest, BrokenFilesNameTheLine) {
  write("qvdhouse.toml", "a = 1\nb = = 2\n");
  EXPECT_THAT(error(), HasSubstr("qvdhouse.toml:2: this is not TOML"));
  std::filesystem::remove(directory_ / "qvdhouse.toml");
  write(".env", "A=1\nwhat is this\n");
  EXPECT_THAT(error(), HasSubstr(".env:2: expected NAME=value"));
  write(".env", "QVD_SOURCE='open\n");
  EXPECT_THAT(error(), HasSubstr(".env:1: QVD_SOURCE: the quote is not closed"));
  sources_.config_file = directory_ / "absent.toml";
  EXPECT_THAT(error(), HasSubstr("--config: there is no file"));
  sources_.config_file = directory_;
  EXPECT_THAT(error(), HasSubstr("the settings file cannot be read (Is a directory)"));
}

TEST_F(ConfigTest, DotEnvQuotesAndComments) {
  write(".env",
        "export A=plain # comment\r\nB='single # $x \\n'\nC=\"tab\\t\\\"q\\\" \\$y\" # c\nD=\n"
        "E=a#b\n F = spaced \n");
  const RawValues values = read_dot_env(directory_ / ".env").values;
  EXPECT_EQ(values.at("A").text, "plain");
  EXPECT_EQ(values.at("B").text, "single # $x \\n");
  EXPECT_EQ(values.at("C").text, "tab\t\"q\" $y");
  EXPECT_EQ(values.at("D").text, "");
  EXPECT_EQ(values.at("E").text, "a#b");
  EXPECT_EQ(values.at("F").text, "spaced");
}

TEST_F(ConfigTest, SizesHaveUnits) {
  for (const auto& [text, bytes] : std::map<std::string, std::uint64_t>{{"64MiB", 64U << 20},
                                                                        {"2GB", 2'000'000'000},
                                                                        {"1 GiB", 1U << 30},
                                                                        {"2000000", 2'000'000}}) {
    sources_.flags["memory"] = text;
    EXPECT_EQ(load().sync.load.memory_bytes, bytes) << text;
  }
}

TEST_F(ConfigTest, NoMessageHoldsAPassword) {
  sources_.environment = {{"CLICKHOUSE_URL", "ftp://user:hunter2@host"}};
  EXPECT_THAT(error(), Not(HasSubstr("hunter2")));
  sources_.environment = {{"CLICKHOUSE_URL", "http://user:hun@ter2@ho st"}};
  EXPECT_THAT(error(), Not(HasSubstr("ter2")));
  EXPECT_EQ(masked_url("http://user:hunter2@host:8123/db"), "http://user:********@host:8123/db");
  EXPECT_EQ(masked_url("user:hunter2@host"), "user:********@host");
  EXPECT_EQ(masked_url("http://host:8123"), "http://host:8123");
  EXPECT_EQ(masked_url("http://u:hun@host?user=u&Password=ter2&x=1"),
            "http://u:********@host?user=u&Password=********&x=1");
  for (const Setting& setting : settings_table()) {
    const bool looks_secret = std::any_of(
        std::begin(kSecretWords), std::end(kSecretWords),
        [&](std::string_view word) { return setting.key.find(word) != std::string_view::npos; });
    EXPECT_EQ(setting.is(kSecret), looks_secret) << setting.key;
    if (setting.is(kSecret)) {
      // A secret in a command line is seen by every user. This one people are used to.
      EXPECT_EQ(setting.flag, setting.key == "source.aws_secret" ? "--aws-secret" : "");
      EXPECT_EQ(masked(setting, "hunter2"), "********");
    }
  }
}

TEST(SettingsTable, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const Setting& setting : settings_table()) {
    EXPECT_TRUE(names.insert(setting.key).second) << setting.key;
    EXPECT_TRUE(names.insert(setting.env).second) << setting.env;
    if (!setting.also.empty()) {
      EXPECT_TRUE(names.insert(setting.also).second) << setting.also;
    }
    if (!setting.flag.empty()) {
      EXPECT_TRUE(names.insert(setting.flag).second) << setting.flag;
    }
  }
}

TEST_F(ConfigTest, ColumnsOfAllTablesMayBeProtected) {
  write("qvdhouse.toml", "[protect]\n\"*mail*\" = \"mask(4)\"\n\"a.b\" = \"drop\"\n");
  Config config = load();
  const schema::Protections& protections = config.sync.load.policy.protections;
  ASSERT_EQ(protections.size(), 2U);
  EXPECT_EQ(schema::text_of(protections.at("*mail*")), "mask(4)");
  EXPECT_EQ(schema::text_of(protections.at("a.b")), "drop");
  write("qvdhouse.toml", "[protect]\nmail = \"mask me\"\n");
  EXPECT_THAT(error(), HasSubstr("protect.mail, set in " + (directory_ / "qvdhouse.toml").string() +
                                 ":2: 'mask me' is not allowed; expected one of mask, mask(4)"));
  write("qvdhouse.toml", "[protect]\na.b = \"mask\"\n");
  EXPECT_THAT(error(), HasSubstr("must be quoted: [protect] \"a.…\""));
}

TEST_F(ConfigTest, WhatIsHashedNeedsAKey) {
  for (const char* text : {"[protect]\nmail = \"hash\"\n",
                           "[[table]]\nmatch = \"a.qvd\"\nprotect = { mail = \"hash\" }\n",
                           "[table.T.protect]\nmail = \"hash\"\n"}) {
    write("qvdhouse.toml", text);
    sources_.environment = {};
    // What reads no file needs none.
    const Config config = load();
    try {
      sync_options(config, config.common);
      ADD_FAILURE() << text;
    } catch (const base::ConfigError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("qvdhouse.toml:"), HasSubstr("hashes \"mail\""),
                                      HasSubstr("QVD_PRIVACY_KEY")));
    }
    sources_.environment = {{"QVD_PRIVACY_KEY", "0123456789abcdef"}};
    EXPECT_EQ(sync_options(load(), config.common).load.policy.privacy_key, "0123456789abcdef");
  }
  sources_.environment = {{"QVD_PRIVACY_KEY", "0123456789abcde"}};
  EXPECT_THAT(error(), AllOf(HasSubstr("at least 16 characters"), Not(HasSubstr("0123"))));
}

// docs/configuration.md has a table of each topic, one row a setting, in the table's order.
TEST(SettingsTable, IsWhatTheDocumentSays) {
  std::ifstream file(QVDHOUSE_SOURCE_DIR "/docs/configuration.md");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::map<Topic, std::string> tables;
  for (const Setting& setting : settings_table()) {
    const std::string flag = setting.flag.empty() ? "" : "<br>`" + std::string(setting.flag) + "`";
    const std::string also = setting.also.empty() ? "" : "<br>`" + std::string(setting.also) + "`";
    tables[setting.topic] += "| `" + std::string(setting.key) + "` | `" + setting.env + "`" + also +
                             flag + " | " +
                             (setting.default_text.empty() ? "–" : setting.default_text) + " | " +
                             std::string(setting.help) + " | " + setting.allowed + " |\n";
  }
  for (const auto& [topic, table] : tables) {
    EXPECT_NE(text.find("| allowed |\n|---|---|---|---|---|\n" + table), std::string::npos)
        << "put this table into the section \"" << title_of(topic)
        << "\" of docs/configuration.md:\n"
        << table;
  }
}

// Every qvdhouse.toml that the documents show is taken, and without a warning.
TEST_F(ConfigTest, TakesTheExamplesOfTheDocuments) {
  int examples = 0;
  for (const char* document :
       {"README.md", "docs/configuration.md", "docs/storage.md", "docs/privacy.md"}) {
    std::ifstream file(std::filesystem::path(QVDHOUSE_SOURCE_DIR) / document);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    ASSERT_FALSE(text.empty()) << document;
    constexpr std::string_view kBegin = "```toml\n";
    for (auto at = text.find(kBegin); at != std::string::npos; at = text.find(kBegin, at)) {
      at += kBegin.size();
      const std::string example = text.substr(at, text.find("```", at) - at);
      ++examples;
      write("qvdhouse.toml", example);
      try {
        EXPECT_TRUE(load().warnings.empty()) << document << ":\n" << example;
      } catch (const base::Error& error) {
        ADD_FAILURE() << document << ": " << error.what() << "\n" << example;
      }
    }
  }
  EXPECT_GE(examples, 5);
}

}  // namespace
}  // namespace qvdhouse::config
