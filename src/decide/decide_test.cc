#include "decide/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "decide/inventory.h"

namespace qvdhouse::decide {
namespace {

using source::FileEntry;
using testing::HasSubstr;
using tracking::FileRecord;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kNow = 1'783'851'300 * kSecond;  // 2026-07-12 10:15:00

FileEntry item() {
  return {.path = "/data/item.qvd",
          .name = "item.qvd",
          .size = 100,
          .mtime_us = kNow - 3'600 * kSecond};
}

FileRecord completed() {
  return {.file_path = "/data/item.qvd",
          .table_name = "QvdItem",
          .file_size = 100,
          .file_mtime_us = kNow - 3'600 * kSecond,
          .processed_at_us = kNow - 60 * kSecond,
          .status = tracking::FileState::kCompleted,
          .version = 1,
          .settings_hash = "today"};
}

FileRecord failed(tracking::ErrorClass error_class, std::int64_t retry_at_us) {
  FileRecord record = completed();
  record.status = tracking::FileState::kFailed;
  record.error_class = error_class;
  record.error_message = "the cause";
  record.failure_count = 2;
  record.retry_at_us = retry_at_us;
  return record;
}

FileRecord with_etag(const std::string& etag) {
  FileRecord record = completed();
  record.file_etag = etag;
  return record;
}

Facts facts() {
  return {.tracked = {},
          .tables = std::set<std::string>{"QvdItem"},
          .now_us = kNow,
          .settings_hash = "today",
          .missing = [](const FileEntry&) { return ""; },
          .is_another_file = [](const std::string&, const std::string&) { return false; }};
}

struct Case {
  const char* name;
  std::optional<FileRecord> record;
  void (*change)(FileEntry& file, Facts& facts);
  Action action;
  const char* code;
  const char* reason;  // part of it
};

const auto kNothing = [](FileEntry&, Facts&) {};

const Case kCases[] = {
    {"New", std::nullopt, kNothing, Action::kLoad, "new", "not loaded before"},
    {"Unchanged", completed(), kNothing, Action::kSkip, "unchanged",
     "2026-07-12 10:14:00.000000 UTC"},
    {"Full", completed(), [](FileEntry&, Facts& f) { f.full = true; }, Action::kLoad, "full", ""},
    {"FullAndLoadedSince", completed(),
     [](FileEntry&, Facts& f) {
       f.full = true;
       f.full_since_us = completed().processed_at_us;
     },
     Action::kSkip, "unchanged", ""},
    {"FullAndLoadedBefore", completed(),
     [](FileEntry&, Facts& f) {
       f.full = true;
       f.full_since_us = completed().processed_at_us + 1;
     },
     Action::kLoad, "full", ""},
    {"OtherSize", completed(), [](FileEntry& e, Facts&) { e.size = 101; }, Action::kLoad, "changed",
     "size 100 → 101 bytes"},
    {"OlderTime", completed(), [](FileEntry& e, Facts&) { e.mtime_us -= 1; }, Action::kLoad,
     "changed", "2026-07-12 09:15:00.000000 UTC → 2026-07-12 09:14:59.999999 UTC"},
    {"OtherEtag", with_etag("a"), [](FileEntry& e, Facts&) { e.etag = "b"; }, Action::kLoad,
     "changed", "ETag a → b"},
    {"SameEtagLaterTime", with_etag("a"),
     [](FileEntry& e, Facts&) {
       e.etag = "a";
       e.mtime_us += 1;
     },
     Action::kSkip, "unchanged", "size and ETag"},
    {"WeakEtagIsStrongNow", with_etag("W/\"a\""), [](FileEntry& e, Facts&) { e.etag = "\"a\""; },
     Action::kSkip, "unchanged", ""},
    {"SameEtagOtherSize", with_etag("a"),
     [](FileEntry& e, Facts&) {
       e.etag = "a";
       e.size = 101;
     },
     Action::kLoad, "changed", "size 100 → 101 bytes"},
    {"EtagOnlyThen", with_etag("a"), kNothing, Action::kSkip, "unchanged", ""},
    {"EtagOnlyNow", completed(), [](FileEntry& e, Facts&) { e.etag = "b"; }, Action::kSkip,
     "unchanged", ""},
    {"EtagOnlyThenLaterTime", with_etag("a"), [](FileEntry& e, Facts&) { e.mtime_us += 1; },
     Action::kLoad, "changed", "modification time"},
    {"TableGone", completed(), [](FileEntry&, Facts& f) { f.tables->clear(); }, Action::kLoad,
     "missing", "QvdItem does not exist"},
    {"TablesUnknown", completed(), [](FileEntry&, Facts& f) { f.tables.reset(); }, Action::kSkip,
     "unchanged", ""},
    {"OtherPrefix", completed(), [](FileEntry&, Facts& f) { f.policy.table_prefix = "X"; },
     Action::kLoad, "renamed", "XItem"},
    {"WrongFile", failed(tracking::ErrorClass::kInput, 0), kNothing, Action::kSkip,
     "failed-unchanged", "the cause"},
    {"WrongFileFixed", failed(tracking::ErrorClass::kInput, 0),
     [](FileEntry& e, Facts&) { e.mtime_us += 1; }, Action::kLoad, "changed", ""},
    {"WrongFileFull", failed(tracking::ErrorClass::kInput, 0),
     [](FileEntry&, Facts& f) { f.full = true; }, Action::kLoad, "full", ""},
    {"SchemaSameSettings", failed(tracking::ErrorClass::kSchema, 0), kNothing, Action::kSkip,
     "failed-unchanged", ""},
    {"SchemaNewSettings", failed(tracking::ErrorClass::kSchema, 0),
     [](FileEntry&, Facts& f) { f.settings_hash = "tomorrow"; }, Action::kLoad, "settings", ""},
    {"ProtectedNow", completed(),
     [](FileEntry&, Facts& f) { f.settings_hash = "today~;1:a;4:mask;"; }, Action::kLoad,
     "settings", "what protects its values is another"},
    {"OtherSettings", completed(), [](FileEntry&, Facts& f) { f.settings_hash = "tomorrow"; },
     Action::kSkip, "unchanged", "--full or settings_changed"},
    {"BackingOff", failed(tracking::ErrorClass::kIo, kNow + 1), kNothing, Action::kSkip, "backoff",
     "2026-07-12 10:15:00.000001 UTC"},
    {"BackedOff", failed(tracking::ErrorClass::kIo, kNow), kNothing, Action::kLoad, "retry", ""},
    {"BackingOffButChanged", failed(tracking::ErrorClass::kIo, kNow + 1),
     [](FileEntry& e, Facts&) { e.size = 1; }, Action::kLoad, "changed", ""},
    {"CrashedWhileProcessing",
     [] {
       FileRecord record = completed();
       record.status = tracking::FileState::kProcessing;
       return record;
     }(),
     kNothing, Action::kLoad, "retry", "processing"},
    {"Skipped", std::nullopt,
     [](FileEntry& e, Facts&) {
       e.skip_code = "hidden";
       e.skip_reason = "a dot";
     },
     Action::kSkip, "hidden", "a dot"},
};

class Decide : public testing::TestWithParam<Case> {};

TEST_P(Decide, OneFile) {
  const Case& c = GetParam();
  FileEntry file = item();
  Facts known = facts();
  if (c.record) known.tracked = {*c.record};
  c.change(file, known);
  const Decision decision = decide_files({file}, known).at(0);
  EXPECT_EQ(decision.action, c.action);
  EXPECT_EQ(base::to_string(decision.reason_code), c.code);
  EXPECT_THAT(decision.reason, HasSubstr(c.reason));
}

INSTANTIATE_TEST_SUITE_P(All, Decide, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(DecideUnfinished, AYoungFileWaitsUntilItIsCompleteOrOld) {
  Facts known = facts();
  known.missing = [](const FileEntry&) { return "10 of 20 bytes are there"; };
  FileEntry file = item();
  file.mtime_us = kNow - 59 * kSecond;
  const Decision waits = decide_files({file}, known).at(0);
  EXPECT_EQ(waits.action, Action::kWait);
  EXPECT_EQ(waits.reason_code, Reason::kUnfinished);
  EXPECT_THAT(waits.reason, HasSubstr("10 of 20 bytes are there"));

  file.mtime_us = kNow - 60 * kSecond;  // nobody writes to it any more: loading it names the fault
  EXPECT_EQ(decide_files({file}, known).at(0).action, Action::kLoad);
}

TEST(DecideUnfinished, ATimeInTheFutureDoesNotWaitForEver) {
  Facts known = facts();
  known.missing = [](const FileEntry&) { return "cut"; };
  FileEntry file = item();
  file.mtime_us = kNow + 86'400 * kSecond;
  FileRecord waiting = completed();
  waiting.status = tracking::FileState::kWaiting;
  waiting.file_mtime_us = file.mtime_us;
  waiting.processed_at_us = kNow - 59 * kSecond;
  known.tracked = {waiting};
  EXPECT_EQ(decide_files({file}, known).at(0).action, Action::kWait);
  known.tracked[0].processed_at_us = kNow - 60 * kSecond;
  EXPECT_EQ(decide_files({file}, known).at(0).action, Action::kLoad);
}

TEST(DecideUnfinished, OnlyFilesThatWouldLoadAreLookedInto) {
  Facts known = facts();
  known.missing = [](const FileEntry&) -> std::string { throw std::logic_error("was asked"); };
  known.tracked = {completed()};
  known.tracked[0].file_mtime_us = kNow;
  FileEntry unchanged = item();
  unchanged.mtime_us = kNow;
  EXPECT_EQ(decide_files({unchanged}, known).at(0).reason_code, Reason::kUnchanged);
}

// It was complete when it was loaded, however young it is and whatever it is loaded again for.
TEST(DecideUnfinished, AVersionThatWasLoadedDoesNotWaitAgain) {
  Facts known = facts();
  known.full = true;
  known.min_age = std::chrono::hours(1);
  known.missing = [](const FileEntry&) -> std::string { throw std::logic_error("was asked"); };
  known.tracked = {completed()};
  known.tracked[0].file_mtime_us = kNow;
  FileEntry unchanged = item();
  unchanged.mtime_us = kNow;
  EXPECT_EQ(decide_files({unchanged}, known).at(0).action, Action::kLoad);
}

std::map<std::string, std::string> codes(const std::vector<FileEntry>& files, const Facts& known) {
  std::map<std::string, std::string> codes;
  for (const Decision& decision : decide_files(files, known)) {
    codes[decision.file.path] = base::to_string(decision.reason_code);
  }
  return codes;
}

TEST(DecideCollision, OnlyTheTwoThatClaimOneTableAreRefusedAndBothAreNamed) {
  const std::vector<FileEntry> files = {
      {.path = "/a/purchase_order.qvd", .name = "purchase_order.qvd"},
      {.path = "/b/PurchaseOrder.qvd", .name = "PurchaseOrder.qvd"},
      {.path = "/b/item.qvd", .name = "item.qvd"}};
  EXPECT_EQ(codes(files, facts()),
            (std::map<std::string, std::string>{{"/a/purchase_order.qvd", "collision"},
                                                {"/b/PurchaseOrder.qvd", "collision"},
                                                {"/b/item.qvd", "new"}}));
  const Decision first = decide_files(files, facts()).at(0);
  EXPECT_EQ(first.action, Action::kRefuse);
  EXPECT_THAT(first.reason, HasSubstr("/a/purchase_order.qvd and /b/PurchaseOrder.qvd"));
}

TEST(DecideCollision, TablesWhoseNamesDifferInCapitalsAloneAreRefusedUnlessTheyAreThere) {
  const std::vector<FileEntry> files = {{.path = "/a/ITEM.qvd", .name = "ITEM.qvd"},
                                        {.path = "/a/item.qvd", .name = "item.qvd"},
                                        {.path = "/a/items.qvd", .name = "items.qvd"}};
  Facts known = facts();
  known.tables = std::set<std::string>();
  EXPECT_EQ(codes(files, known), (std::map<std::string, std::string>{{"/a/ITEM.qvd", "collision"},
                                                                     {"/a/item.qvd", "collision"},
                                                                     {"/a/items.qvd", "new"}}));
  EXPECT_THAT(decide_files(files, known).at(0).reason,
              HasSubstr("QvdITEM for /a/ITEM.qvd and QvdItem for /a/item.qvd"));
  known.tables = std::set<std::string>{"QvdItem"};
  EXPECT_EQ(codes(files, known)["/a/ITEM.qvd"], "collision");
  EXPECT_NE(codes(files, known)["/a/item.qvd"], "collision");
}

TEST(DecideCollision, AFileThatIsLeftOutCollidesWithNothing) {
  FileEntry hidden{
      .path = "/b/.item.qvd", .name = "item.qvd", .skip_reason = "x", .skip_code = "hidden"};
  EXPECT_EQ(codes({item(), hidden}, facts())["/data/item.qvd"], "new");
}

TEST(DecideCollision, AResolvedCollisionLoadsAtOnce) {
  Facts known = facts();
  known.tracked = {failed(tracking::ErrorClass::kSchema, kNow - 1)};
  EXPECT_EQ(codes({item()}, known)["/data/item.qvd"], "retry");
}

TEST(DecideCollision, ATableOfAnotherSourceIsTakenOverOnlyWhenItsFileIsGone) {
  Facts known = facts();
  known.tracked = {completed()};
  known.tracked[0].file_path = "/elsewhere/item.qvd";
  EXPECT_EQ(codes({item()}, known)["/data/item.qvd"], "new");
  known.is_another_file = [](const std::string& path, const std::string&) {
    return path == "/elsewhere/item.qvd";
  };
  EXPECT_EQ(codes({item()}, known)["/data/item.qvd"], "collision");
  known.tables->clear();  // dropped by hand: nothing to protect
  EXPECT_EQ(codes({item()}, known)["/data/item.qvd"], "new");
}

TEST(SettingsHash, ChangesWithEverySettingThatMatters) {
  std::set<std::string> hashes;
  load::Options options;
  hashes.insert(settings_hash(options));
  options.policy.dual = schema::DualPolicy::kText;
  hashes.insert(settings_hash(options));
  options.policy.overrides = {{"a", "b"}};
  hashes.insert(settings_hash(options));
  options.policy.overrides = {{"a:1", "b"}};
  hashes.insert(settings_hash(options));
  options.policy.order_by = {"a"};
  hashes.insert(settings_hash(options));
  options.invalid_utf8 = qvd::InvalidUtf8::kKeep;
  hashes.insert(settings_hash(options));
  EXPECT_EQ(hashes.size(), 6U);
  const std::string before = settings_hash(options);
  options.streams = 7;
  options.run_id = "x";
  EXPECT_EQ(settings_hash(options), before);
}

TEST(SettingsHash, HasAPartOfItsOwnForWhatProtectsValues) {
  load::Options options;
  Placement placement{.table = "T", .mode = schema::LoadMode::kAppend};
  const auto hash = [&] { return settings_hash(settings_hash(options), placement); };
  const std::string plain = hash();
  EXPECT_EQ(protection_of_hash(plain), "");
  // A key that hashes nothing is no change.
  options.policy.privacy_key = "0123456789abcdef";
  EXPECT_EQ(hash(), plain);
  std::set<std::string> parts = {""};
  const auto expect_another = [&] {
    EXPECT_TRUE(parts.insert(std::string(protection_of_hash(hash()))).second) << hash();
    EXPECT_EQ(mode_of_hash(hash()), schema::LoadMode::kAppend);
    EXPECT_EQ(hash().find("0123456789"), std::string::npos);
  };
  options.policy.protections = {{"a", *schema::parse_protection("mask")}};
  expect_another();
  options.policy.protections = {{"a", *schema::parse_protection("mask(2)")}};
  expect_another();
  placement.rules.protections = {{"b", *schema::parse_protection("hash")}};
  expect_another();
  options.policy.privacy_key = "fedcba9876543210";
  expect_another();
  options.policy.protections = {};
  expect_another();
  const std::string part(protection_of_hash(hash()));
  placement.rules.with_row = true;
  EXPECT_EQ(protection_of_hash(hash()), part);
  placement.rules.row_filter = "a = 1";
  EXPECT_EQ(protection_of_hash(hash()), part);
  EXPECT_NE(hash(), plain);
}

TEST(TimeText, HoldsForAnyNumber) {
  EXPECT_EQ(time_text(0), "1970-01-01 00:00:00.000000 UTC");
  EXPECT_EQ(time_text(-1), "1969-12-31 23:59:59.999999 UTC");
  EXPECT_EQ(time_text(INT64_MAX), "9223372036854775807 µs since 1970");
  EXPECT_EQ(time_text(INT64_MIN), "-9223372036854775808 µs since 1970");
}

}  // namespace
}  // namespace qvdhouse::decide
