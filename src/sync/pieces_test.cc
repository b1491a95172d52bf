// The small parts of sync: what an error means, delays, unfinished files, staging names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "clickhouse/names.h"
#include "load/staging.h"
#include "qvd/writer.h"
#include "sync/facts.h"
#include "sync/failure.h"

namespace qvdhouse::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tracking::ErrorClass;

TEST(Failure, EachErrorHasItsReaction) {
  const auto is = [](const std::exception& error, ErrorClass error_class, bool may_pass,
                     bool try_later, bool changed) {
    const Failure failure = describe_failure(error);
    EXPECT_EQ(failure.error_class, error_class);
    EXPECT_EQ(failure.may_pass, may_pass) << base::to_string(error_class);
    EXPECT_EQ(failure.try_later, try_later) << base::to_string(error_class);
    EXPECT_EQ(failure.file_changed, changed) << base::to_string(error_class);
    EXPECT_EQ(failure.message, base::message_of(error));
  };
  is(base::InputError("x"), ErrorClass::kInput, false, false, false);
  is(base::SchemaError("x"), ErrorClass::kSchema, false, false, false);
  is(base::IoError("x"), ErrorClass::kIo, true, true, false);
  is(base::ChangedError("x"), ErrorClass::kIo, false, true, true);
  is(base::ServerError("too many parts", 252), ErrorClass::kServer, true, true, false);
  is(base::ServerError("syntax", 62), ErrorClass::kServer, false, true, false);
  is(base::ConfigError("x"), ErrorClass::kConfig, false, true, false);
  is(base::VerifyError("x"), ErrorClass::kVerify, false, true, false);
  is(base::Cancelled("x"), ErrorClass::kCancelled, false, false, false);
  is(std::bad_alloc(), ErrorClass::kIo, false, true, false);
}

TEST(Failure, DelaysDoubleUpToALimit) {
  EXPECT_EQ(delay_between_runs(0), seconds(30));
  EXPECT_EQ(delay_between_runs(1), seconds(30));
  EXPECT_EQ(delay_between_runs(3), seconds(120));
  EXPECT_EQ(delay_between_runs(1'000'000), seconds(6 * 3'600));
  for (int i = 0; i < 100; ++i) {
    const milliseconds second = delay_within_run(2, milliseconds(1'000));
    EXPECT_GE(second, milliseconds(1'000));
    EXPECT_LE(second, milliseconds(2'000));
    EXPECT_LE(delay_within_run(1'000'000, milliseconds(1'000)), seconds(30));
  }
  EXPECT_EQ(delay_within_run(5, milliseconds(0)), milliseconds(0));
}

std::string missing_of(std::string_view text) {
  return missing_part(base::MemorySource(std::as_bytes(std::span(text))));
}

TEST(Unfinished, SaysWhatIsMissingAtEveryLength) {
  const std::vector<std::byte> whole = qvd::write_qvd(
      {.name = "T",
       .fields = {{.name = "a", .values = {qvd::Value::of(1), qvd::Value::of(2)}, .codes = {1, 2}}},
       .row_count = 2});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(missing_part(base::MemorySource(std::span(whole).first(size))).empty()) << size;
  }
  EXPECT_EQ(missing_part(base::MemorySource(whole)), "");
  EXPECT_EQ(missing_part(base::MemorySource(std::span(whole).first(whole.size() - 1))),
            std::to_string(whole.size() - 1) + " of " + std::to_string(whole.size()) +
                " bytes are there");
}

// A key of `rows` values, all different.
std::vector<std::byte> key_file(std::uint32_t rows) {
  qvd::FieldData key{.name = "key", .values = {}, .codes = {}};
  for (std::uint32_t row = 0; row < rows; ++row) {
    key.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row)));
    key.codes.push_back(row + 1);
  }
  return qvd::write_qvd({.name = "T", .fields = {key}, .row_count = rows});
}

// As a copy leaves it that set the size first and came as far as `written`.
std::string missing_after(std::vector<std::byte> file, std::size_t written) {
  std::fill(file.begin() + static_cast<std::ptrdiff_t>(written), file.end(), std::byte{0});
  return missing_part(base::MemorySource(file));
}

TEST(Unfinished, AFileOfFullLengthWithoutItsEndIsSeen) {
  const std::vector<std::byte> file = key_file(10'000);
  EXPECT_EQ(missing_part(base::MemorySource(file)), "");
  EXPECT_THAT(missing_after(file, file.size() - 8'000), testing::HasSubstr("of 10000 rows"));
  EXPECT_THAT(missing_after(file, file.size() - 100), testing::HasSubstr("of 10000 rows"));
  EXPECT_THAT(missing_after(file, file.size() - 20'000), testing::HasSubstr("the last 10000 of"));
  EXPECT_THAT(missing_after(file, file.size() - 40'000), testing::HasSubstr("the last 10000 of"));
  EXPECT_THAT(missing_after(file, 200), testing::HasSubstr("from byte 200 on"));
  EXPECT_THAT(missing_after(file, 0), testing::HasSubstr("begins with zero bytes"));
}

TEST(Unfinished, WhatIsNoQvdIsNotWaitedFor) {
  EXPECT_EQ(missing_of("version https://git-lfs.github.com/spec/v1\n"), "");
  EXPECT_EQ(missing_of(std::string_view("<html>\0", 7)), "");
  EXPECT_EQ(missing_of("PK\x03\x04"), "");
}

TEST(Staging, NamesAreOfOneLengthAndTellWhoseTheyAre) {
  const std::string run_id = load::make_run_id(1'783'851'300'000'000);
  EXPECT_THAT(run_id, testing::MatchesRegex("20260712T101500_[0-9a-f]{8}"));
  const std::string longest(400, 'x');
  for (const std::string target : {"QvdItem", "a__staging_b", "it's \n `x`", longest.c_str()}) {
    for (const std::uint32_t number : {0U, 12U, 4'000'000'000U}) {
      const std::string name = load::staging_table("local", target, run_id, number);
      EXPECT_THAT(name, testing::MatchesRegex("__staging_[0-9a-f]{16}_[0-9a-f]{16}"));
      EXPECT_TRUE(load::is_staging_of("local", target, name));
      EXPECT_FALSE(load::is_staging_of("local", "Other", name));
      EXPECT_FALSE(load::is_staging_of("other", target, name));
    }
    const std::string old = load::swapped_out_table("local", target);
    EXPECT_THAT(old, testing::MatchesRegex("__swapped_out_[0-9a-f]{16}_[0-9a-f]{16}"));
    EXPECT_FALSE(load::is_staging_of("local", target, old));
    EXPECT_EQ(load::temporary_table("local", old)->target, clickhouse::table_hash("local", target));
    EXPECT_TRUE(load::temporary_table("local", old)->is_swapped_out);
  }
  const std::string first = load::staging_table("local", "T", run_id, 1);
  EXPECT_NE(load::staging_table("local", "T", run_id, 2), first);
  EXPECT_NE(load::staging_table("local", "T", load::make_run_id(0), 1), first);
}

TEST(Staging, NamesOfVersion01AreRecognisedAndNothingElse) {
  const auto is_of = [](const std::string& target, const std::string& name) {
    return load::is_staging_of("local", target, name);
  };
  EXPECT_TRUE(is_of("QvdItem", "QvdItem__staging_20260712T101500_01234567"));
  EXPECT_TRUE(is_of("QvdItem", "QvdItem__staging_20260712T101500_01234567_12"));
  EXPECT_TRUE(is_of("a__staging_b", "a__staging_b__staging_20260712T101500_01234567"));
  const auto swapped_out = load::temporary_table("local", "QvdItem__swapped_out_18c2e4b5");
  ASSERT_TRUE(swapped_out);
  EXPECT_TRUE(swapped_out->is_swapped_out);
  EXPECT_EQ(swapped_out->target, clickhouse::table_hash("local", "QvdItem"));
  for (const char* name :
       {"QvdItem", "QvdItem__staging_", "QvdItem__staging_2026", "my__staging_table",
        "QvdItem__staging_20260712T101500_01234567_", "QvdItem__20260712T101500_01234567",
        "QvdItem__staging_20260712T101500_0123456G", "20260712T101500_01234567",
        "__staging_20260712T101500_01234567", "__staging_0123456789abcdef_0123456789abcde",
        "x__staging_0123456789abcdef_0123456789abcdef", "__swapped_out_", "T__swapped_out_",
        "T__swapped_out_notes", "__swapped_out_18c2e4b5"}) {
    EXPECT_FALSE(load::temporary_table("local", name)) << name;
  }
}

}  // namespace
}  // namespace qvdhouse::sync
