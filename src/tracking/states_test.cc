#include "tracking/states.h"

#include <gtest/gtest.h>

#include <new>

#include "base/error.h"
#include "tracking/row_binary.h"

namespace qvdhouse::tracking {
namespace {

template <class Enum>
Enum stored_as(const std::string& word) {
  RowWriter writer;
  writer(word);
  const std::string row(reinterpret_cast<const char*>(writer.bytes().data()),
                        writer.bytes().size());
  Enum value{};
  RowReader reader(row);
  reader(value);
  return value;
}

template <class Enum>
void expect_words() {
  const auto all = words(Enum{});
  ASSERT_EQ(all.size(), static_cast<std::size_t>(Enum::kOther) + 1);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(stored_as<Enum>(std::string(all[i])), static_cast<Enum>(i)) << all[i];
  }
  EXPECT_EQ(stored_as<Enum>("of a newer version"), Enum::kOther);
  EXPECT_EQ(base::to_string(Enum::kOther), "other");
}

TEST(States, EachHasItsWordAndAWordOfANewerVersionIsOther) {
  expect_words<FileState>();
  expect_words<RunState>();
  expect_words<RunTrigger>();
  expect_words<ErrorClass>();
}

TEST(States, EachErrorHasItsClass) {
  EXPECT_EQ(class_of(base::InputError("x")), ErrorClass::kInput);
  EXPECT_EQ(class_of(base::ChangedError("x")), ErrorClass::kIo);
  EXPECT_EQ(class_of(base::TimedOut(std::chrono::seconds(1))), ErrorClass::kTimeout);
  EXPECT_EQ(class_of(base::VerifyError("x")), ErrorClass::kVerify);
  EXPECT_EQ(class_of(base::Cancelled("x")), ErrorClass::kCancelled);
  EXPECT_EQ(class_of(std::bad_alloc()), ErrorClass::kIo);
}

}  // namespace
}  // namespace qvdhouse::tracking
