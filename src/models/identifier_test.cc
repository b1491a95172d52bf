#include "models/identifier.h"

#include <gtest/gtest.h>

namespace qvdhouse::models {
namespace {

using Scope = Identifiers::Scope;

std::string python(const std::string& name) {
  return Identifiers(Scope::kPythonClass).add(name, "field");
}

std::string cpp(const std::string& name) {
  return Identifiers(Scope::kCppStruct).add(name, "field");
}

TEST(Identifier, WordsOfTheNameStay) {
  EXPECT_EQ(python("Item"), "Item");
  EXPECT_EQ(python("Item Description"), "Item_Description");
  EXPECT_EQ(python("%KEY_Item"), "KEY_Item");
  EXPECT_EQ(python("_file"), "file");
  EXPECT_EQ(python("Остаток на складе"), "Остаток_на_складе");
  EXPECT_EQ(cpp("ItemDescription"), "item_description");
  EXPECT_EQ(cpp("KEY_Item  No."), "key_item_no");
}

TEST(Identifier, WhatMeansSomethingElseGetsAnUnderscore) {
  EXPECT_EQ(python("class"), "class_");
  EXPECT_EQ(python("None"), "None_");
  EXPECT_EQ(python("json"), "json_");          // an attribute of BaseModel
  EXPECT_EQ(python("register"), "register_");  // of its metaclass
  EXPECT_EQ(python("Field"), "Field_");        // later fields would not find the function
  EXPECT_EQ(cpp("NULL"), "null");
  EXPECT_EQ(cpp("Class"), "class_");
  EXPECT_EQ(cpp("linux"), "linux_");  // a macro
}

TEST(Identifier, ADigitDoesNotBeginOne) {
  EXPECT_EQ(python("2024"), "field_2024");
  EXPECT_EQ(cpp("1st"), "field_1st");
}

TEST(Identifier, NamesWithoutALetterAreNumbered) {
  Identifiers names(Scope::kPythonClass);
  EXPECT_EQ(names.add("", "field"), "field");
  EXPECT_EQ(names.add("💥", "field"), "field_2");
  EXPECT_EQ(names.add("\n\"'", "field"), "field_3");
}

TEST(Identifier, EqualOnesAreTold) {
  Identifiers names(Scope::kCppStruct);
  names.forbid("item");
  EXPECT_EQ(names.add("Item", "field"), "item_2");
  EXPECT_EQ(names.add("ITEM", "field"), "item_3");
  EXPECT_EQ(names.add("item_2", "field"), "item_2_2");
  EXPECT_EQ(names.add("class", "field"), "class_");
  EXPECT_EQ(names.add("Class", "field"), "class_2");
}

TEST(Identifier, ANameOfItsOwnGoesToWhatHasIt) {
  Identifiers names(Scope::kPythonClass);
  for (const char* name : {"Item No", "Item_No"}) names.reserve(name);
  EXPECT_EQ(names.add("Item No", "field"), "Item_No_2");
  EXPECT_EQ(names.add("Item_No", "field"), "Item_No");
}

TEST(Identifier, AStructIsCalledAsNoMacro) {
  Identifiers names(Scope::kCppNamespace);
  EXPECT_EQ(names.add("EOF", "Table"), "EOF_");
  EXPECT_EQ(names.add("INT_MAX", "Table"), "INT_MAX_");
  EXPECT_EQ(names.add("Int128", "Table"), "Int128_");
  EXPECT_EQ(names.add("QvdITEM", "Table"), "QvdITEM");
  EXPECT_EQ(names.add("Остаток", "Table"), "Остаток");
}

// Python compares identifiers in NFKC: letters that it would change part words instead.
TEST(Identifier, LettersThatNormalisationChangesPartWords) {
  EXPECT_EQ(python("ﬁeld"), "eld");
  EXPECT_EQ(python("ſ"), "field");
}

}  // namespace
}  // namespace qvdhouse::models
