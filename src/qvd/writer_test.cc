#include "qvd/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace qvdhouse::qvd {
namespace {

std::string as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string body(const TableData& table) {
  const std::string file = as_text(write_qvd(table));
  return file.substr(file.find('\0') + 1);
}

std::string refusal_of(const TableData& table) {
  try {
    write_qvd(table);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "no error";
}

TableData one_field(std::vector<Value> values, std::vector<std::uint32_t> codes) {
  TableData table{.name = "T"};
  table.row_count = codes.size();
  table.fields.push_back({.name = "F", .values = std::move(values), .codes = std::move(codes)});
  return table;
}

std::string element(const std::string& file, const std::string& tag) {
  const std::size_t at = file.find("<" + tag + ">") + tag.size() + 2;
  return file.substr(at, file.find("</" + tag + ">") - at);
}

TEST(Writer, SymbolsAsInTheFormat) {
  const TableData table = one_field({Value::of(7.0), Value::of(1.5), Value::of("é"),
                                     Value::dual(-1, "m"), Value::dual(4294967295.0, "w")},
                                    {});
  using namespace std::string_literals;
  EXPECT_EQ(body(table),
            "\1\7\0\0\0"
            "\2\0\0\0\0\0\0\xF8\x3F"
            "\4é\0"
            "\5\xFF\xFF\xFF\xFFm\0"
            "\6\0\0\xE0\xFF\xFF\xFF\xEF\x41w\0"s);
}

TEST(Writer, NullsShiftIndexesByTwo) {
  TableData table = one_field({Value::of("a"), Value::of("b")}, {0, 1, 2});
  const std::string file = as_text(write_qvd(table));
  EXPECT_EQ(element(file, "Bias"), "-2");
  EXPECT_EQ(element(file, "BitWidth"), "8");  // 2 bits needed, widened to the record's end
  EXPECT_THAT(body(table), testing::EndsWith(std::string("\0\2\3", 3)));
}

TEST(Writer, FieldsFollowBitByBit) {
  TableData table = one_field({Value::of("a"), Value::of("b"), Value::of("c")}, {1, 2, 3});
  table.fields.push_back({.name = "G", .values = {Value::of("x")}, .codes = {1, 1, 1}});
  table.fields.push_back({.name = "H", .values = {Value::of("x")}, .codes = {0, 1, 0}});
  // F: bits 0-1; G: no bits; H: from bit 2, its codes 0 and 2.
  EXPECT_THAT(body(table), testing::EndsWith(std::string("\x00\x09\x02", 3)));
}

TEST(Writer, EmptyTableAsQlikWritesIt) {
  TableData table = one_field({}, {});
  table.fields.push_back({.name = "G"});
  const std::string file = as_text(write_qvd(table));
  EXPECT_EQ(element(file, "RecordByteSize"), "1");
  EXPECT_EQ(element(file, "BitWidth"), "0");
  EXPECT_EQ(element(file.substr(file.find("<FieldName>G")), "BitWidth"), "8");
  EXPECT_EQ(body(table), "");
}

TEST(Writer, AllNullFieldHasABit) {
  TableData table = one_field({}, {0, 0});
  table.fields[0].width_bits = 1;
  EXPECT_EQ(body(table), std::string("\0\0", 2));
  table.fields[0].width_bits = 0;
  EXPECT_EQ(refusal_of(table),
            "field \"F\": expected a width of 1 to 64 bits for 0 values, found 0; leave width_bits "
            "unset");
}

TEST(Writer, HeaderIsQliksTextAndEscaped) {
  TableData table = one_field({}, {});
  table.name = "A&B <\"C\">";
  const std::string file = as_text(write_qvd(table));
  EXPECT_THAT(file, testing::HasSubstr("   <TableName>A&amp;B &lt;&quot;C&quot;&gt;</TableName>\r\n"
                                       "   <Fields>\r\n     <QvdFieldHeader>\r\n"));
  EXPECT_THAT(file, testing::EndsWith(std::string("\r\n </QvdTableHeader>\r\n\0", 23)));
  table.lf_header = true;
  EXPECT_EQ(as_text(write_qvd(table)).find('\r'), std::string::npos);
}

TEST(Writer, ForeignNullIsTheSymbolCount) {
  TableData table = one_field({Value::of("a")}, {0, 1});
  table.fields[0].bias = 0;
  EXPECT_THAT(body(table), testing::EndsWith(std::string("\1\0", 2)));
}

TEST(Writer, WidestFieldAcrossNineBytes) {
  TableData table = one_field({Value::of("a")}, {1});
  table.fields[0].bias = std::numeric_limits<std::int64_t>::min();
  table.fields[0].width_bits = 64;
  table.fields[0].offset_bits = 7;
  EXPECT_THAT(body(table), testing::EndsWith(std::string("a\0\0\0\0\0\0\0\0\0\x40", 11)));
}

TEST(Writer, RefusesWhatQlikCouldNotRead) {
  EXPECT_EQ(
      refusal_of({}),
      "expected at least one field and one nullable flag a field, found 0 fields and 0 flags");
  EXPECT_EQ(refusal_of(one_field({Value::of(std::string_view("a\0b", 3))}, {})),
            "field \"F\": expected text without NUL bytes, found one at byte 1 of a text of 3 "
            "bytes; a QVD cannot hold it");
  EXPECT_EQ(refusal_of(one_field({{.kind = SymbolKind::kInt, .number = 1e10, .text = {}}}, {})),
            "field \"F\": expected a whole number within int32 in a symbol of kind 1, found "
            "10000000000; store it as a double");
  EXPECT_EQ(refusal_of(one_field({Value::of("a")}, {1, 2})),
            "field \"F\": expected a code of 1 to 1 (no NULL), found 2 in row 1 of the batch");
  TableData overlapping = one_field({Value::of("a"), Value::of("b")}, {1, 2});
  overlapping.fields.push_back(overlapping.fields[0]);
  overlapping.fields[1].name = "G";
  overlapping.fields[1].offset_bits = 0;
  EXPECT_EQ(refusal_of(overlapping),
            "field \"G\": expected bits of its own, found that bit 0 belongs to another field; "
            "leave offset_bits unset");
  TableData control = one_field({}, {});
  control.name = "\x01";
  EXPECT_EQ(refusal_of(control),
            "expected text that XML can hold in <TableName>, found the control character 0x01; "
            "remove it");
}

TEST(Value, ChoosesTheKindThatQlikChooses) {
  EXPECT_EQ(Value::of(2147483647.0).kind, SymbolKind::kInt);
  EXPECT_EQ(Value::of(2147483648.0).kind, SymbolKind::kDouble);
  EXPECT_EQ(Value::of(-0.0).kind, SymbolKind::kDouble);
  EXPECT_EQ(Value::dual(0.5, "half").kind, SymbolKind::kDualDouble);
}

TEST(QvdWriter, SymbolsThatTheCallerKeepsComeToTheSameFile) {
  const TableData table{.name = "T",
                        .fields = {{.name = "a", .values = {Value::of(1), Value::of("x")}},
                                   {.name = "b", .values = {Value::dual(2.5, "2,5")}}},
                        .row_count = 0};
  std::vector<std::byte> symbols;
  std::vector<EncodedSymbols> encoded;
  TableData without = table;
  for (FieldData& field : without.fields) {
    const std::size_t start = symbols.size();
    for (const Value& value : field.values) append_symbol(field.name, value, symbols);
    encoded.push_back({.count = field.values.size(), .bytes = symbols.size() - start});
    field.values.clear();
  }
  std::vector<std::byte> head = QvdWriter(without, {true, false}, encoded).head();
  head.insert(head.end(), symbols.begin(), symbols.end());
  EXPECT_EQ(head, QvdWriter(table, {true, false}).head());
}

}  // namespace
}  // namespace qvdhouse::qvd
