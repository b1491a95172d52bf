#include "qvd/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/limits.h"

namespace qvdhouse::qvd {
namespace {

using namespace std::string_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Two fields in a record of 2 bytes, 3 rows, symbol tables of 10 and 4 bytes; LF line ends.
constexpr std::string_view kHeader = R"(<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
 <QvdTableHeader>
   <QvBuildNo>50689</QvBuildNo>
   <CreatorDoc>doc.qvf</CreatorDoc>
   <CreateUtcTime>2024-05-06 07:08:09</CreateUtcTime>
   <TableName>Sales</TableName>
   <Fields>
     <QvdFieldHeader>
       <FieldName> a  b &lt;&amp;&#228;</FieldName>
       <BitOffset>8</BitOffset>
       <BitWidth>8</BitWidth>
       <Bias>-2</Bias>
       <NumberFormat>
         <Type>DATE</Type>
         <nDec>2</nDec>
         <UseThou>1</UseThou>
         <Fmt>DD/MM/YYYY</Fmt>
         <Dec>,</Dec>
         <Thou> </Thou>
       </NumberFormat>
       <NoOfSymbols>2</NoOfSymbols>
       <Offset>0</Offset>
       <Length>10</Length>
       <Comment>of field</Comment>
       <Tags>
         <String>$numeric</String>
         <String>$date</String>
       </Tags>
     </QvdFieldHeader>
     <QvdFieldHeader>
       <FieldName>B</FieldName>
       <BitOffset>0</BitOffset>
       <BitWidth>8</BitWidth>
       <Bias>0</Bias>
       <NoOfSymbols>1</NoOfSymbols>
       <Offset>10</Offset>
       <Length>4</Length>
     </QvdFieldHeader>
   </Fields>
   <Compression></Compression>
   <RecordByteSize>2</RecordByteSize>
   <NoOfRecords>3</NoOfRecords>
   <Offset>14</Offset>
   <Length>6</Length>
   <Lineage>
     <LineageInfo>
       <Discriminator>RESIDENT x</Discriminator>
       <Statement>SELECT 1
FROM t</Statement>
     </LineageInfo>
   </Lineage>
   <Comment>of table</Comment>
   <EncryptionInfo></EncryptionInfo>
   <TableTags></TableTags>
 </QvdTableHeader>
)";

constexpr std::size_t kBodyBytes = 20;

// The first `from` of the header replaced, which must be there.
std::string with(std::string_view from, std::string_view to,
                 std::string text = std::string(kHeader)) {
  const std::size_t at = text.find(from);
  EXPECT_NE(std::string::npos, at) << from;
  return text.replace(at, from.size(), to);
}

std::string crlf(std::string_view text) {
  std::string lines;
  for (const char c : text) lines += c == '\n' ? "\r\n"s : std::string(1, c);
  return lines;
}

// Header, NUL and body.
std::string file_of(std::string_view header, std::size_t body_bytes = kBodyBytes) {
  return std::string(header) + '\0' + std::string(body_bytes, 'x');
}

TableHeader read_bytes(std::string_view file) {
  return read_header(base::MemorySource(std::as_bytes(std::span(file))));
}

TableHeader read(std::string_view header) { return read_bytes(file_of(header)); }

std::string error_of_bytes(std::string_view file) {
  try {
    read_bytes(file);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string error_of(std::string_view header) { return error_of_bytes(file_of(header)); }

TEST(Header, EveryElement) {
  TableHeader header = read(kHeader);
  EXPECT_EQ("50689", header.build_number);
  EXPECT_EQ("doc.qvf", header.creator_document);
  EXPECT_EQ("2024-05-06 07:08:09", header.created_at);
  EXPECT_EQ("Sales", header.table_name);
  EXPECT_EQ("of table", header.comment);
  EXPECT_EQ(2U, header.record_bytes);
  EXPECT_EQ(3U, header.record_count);
  EXPECT_EQ(14U, header.rows_offset);
  EXPECT_EQ(6U, header.rows_length);
  ASSERT_EQ(1U, header.lineage.size());
  EXPECT_EQ("RESIDENT x", header.lineage[0].discriminator);
  EXPECT_EQ("SELECT 1\nFROM t", header.lineage[0].statement);
  EXPECT_EQ(kHeader.size() + 1, header.body_offset);
  EXPECT_EQ(kHeader.size() + 1 + kBodyBytes, header.file_bytes);
  EXPECT_EQ(header.file_bytes, header.expected_file_bytes());
  EXPECT_THAT(header.warnings, IsEmpty());

  ASSERT_EQ(2U, header.fields.size());
  const FieldHeader& field = header.fields[0];
  EXPECT_EQ(" a  b <&\xC3\xA4", field.name);
  EXPECT_EQ(8U, field.offset_bits);
  EXPECT_EQ(8U, field.width_bits);
  EXPECT_EQ(-2, field.bias);
  EXPECT_EQ("DATE", field.number_format.type);
  EXPECT_EQ(2, field.number_format.decimals);
  EXPECT_TRUE(field.number_format.use_thousands);
  EXPECT_EQ("DD/MM/YYYY", field.number_format.format);
  EXPECT_EQ(",", field.number_format.decimal_sign);
  EXPECT_EQ(" ", field.number_format.thousands_sign);
  EXPECT_EQ(2U, field.symbol_count);
  EXPECT_EQ(10U, field.length);
  EXPECT_EQ("of field", field.comment);
  EXPECT_THAT(field.tags, ElementsAre("$numeric", "$date"));
  EXPECT_EQ("B", header.fields[1].name);
  EXPECT_EQ(10U, header.fields[1].offset);
  EXPECT_EQ("", header.fields[1].number_format.type);
}

TEST(Header, LineEndsAndByteOrderMarkDoNotMatter) {
  for (const std::string& text :
       {crlf(kHeader), "\xEF\xBB\xBF"s + std::string(kHeader),
        "\n "s + std::string(kHeader).substr(55), std::string(kHeader) + "  \r\n\t"}) {
    const TableHeader header = read(text);
    EXPECT_THAT(header.warnings, IsEmpty());
    EXPECT_EQ(text.size() + 1, header.body_offset);
    EXPECT_EQ(2U, header.fields.size());
  }
}

TEST(Header, RowsThatBeginWithLineEndsAreNotHeader) {
  const std::string file = std::string(kHeader) + "\0\r\n\0"s + std::string(17, 'x');
  EXPECT_EQ(kHeader.size() + 1, read_bytes(file).body_offset);
}

TEST(Header, OptionalElementsMayBeMissing) {
  std::string text(kHeader);
  const auto cut = [&](std::string_view from, std::string_view to) {
    const std::size_t begin = text.find(from);
    text.erase(begin, text.rfind(to) + to.size() - begin);
  };
  cut("<Lineage>", "</TableTags>");
  cut("<QvBuildNo>", "</TableName>");
  cut("<Compression>", "</Compression>");
  const TableHeader header = read(text);
  EXPECT_EQ("", header.table_name);
  EXPECT_THAT(header.lineage, IsEmpty());
  EXPECT_THAT(header.warnings, IsEmpty());
}

TEST(Header, UnknownElementsAttributesAndCommentsAreIgnored) {
  const TableHeader header = read(with(
      "<QvdTableHeader>", "<QvdTableHeader xmlns=\"urn:x\" a='1'><!-- & < --><New><Fields/></New>",
      with("<FieldName>B<", "<FieldName>B<![CDATA[<&]]><")));
  EXPECT_EQ(2U, header.fields.size());
  EXPECT_EQ("B<&", header.fields[1].name);
  EXPECT_THAT(header.warnings, IsEmpty());
}

TEST(Header, EqualFieldNamesAreKeptAndReported) {
  const TableHeader header = read(with(" a  b &lt;&amp;&#228;", "B"));
  EXPECT_EQ("B", header.fields[0].name);
  EXPECT_EQ("B", header.fields[1].name);
  EXPECT_THAT(header.warnings, ElementsAre("two fields are called \"B\": both are kept"));
}

TEST(Header, OnlyTheHeaderIsRead) {
  // A source that ends where the second read would begin, though it says that it is larger.
  class Short : public base::MemorySource {
   public:
    using MemorySource::MemorySource;
    std::uint64_t size() const override { return std::uint64_t{1} << 40; }
  };
  std::string file = file_of(kHeader);
  file.resize(64 * 1024, 'x');
  EXPECT_EQ(2U, read_header(Short(std::as_bytes(std::span(file)))).fields.size());
}

TEST(Header, LongerThanOneRead) {
  const std::string text = with("SELECT 1", std::string(300'000, 's'));
  EXPECT_EQ(text.size() + 1, read(text).body_offset);
}

TEST(Header, RepairsStrayMarkupInText) {
  const TableHeader header =
      read(with("<FieldName>B<", "<FieldName>Ist <Soll (Abw.) & R&D </b> &#0; &amp;<",
                with("of table", "x<y & <Offset>")));
  EXPECT_EQ("Ist <Soll (Abw.) & R&D </b> &#0; &", header.fields[1].name);
  EXPECT_EQ("x<y & <Offset>", header.comment);
  EXPECT_THAT(header.warnings,
              ElementsAre(StartsWith("header repaired: 8 stray \"<\" or \"&\" taken as text")));
}

TEST(Header, RepairsElementsWithinText) {
  EXPECT_EQ("a<b/>c", read(with("<FieldName>B<", "<FieldName>a<b/>c<")).fields[1].name);
  EXPECT_EQ("a<i>b</i>c", read(with("<FieldName>B<", "<FieldName>a<i>b</i>c<")).fields[1].name);
}

TEST(Header, RepairsControlBytes) {
  const TableHeader header =
      read(with("<FieldName>B</FieldName>", "<Field\x7FName>B\x01\x7F</FieldName\x7F\x02>\x03"));
  EXPECT_EQ("B\x7F", header.fields[1].name);
  EXPECT_THAT(header.warnings, ElementsAre(StartsWith("header repaired: 5 control bytes dropped")));
}

TEST(Header, RepairsControlBytesInVerbatimText) {
  const TableHeader header =
      read(with("<FieldName>B</FieldName>", "<FieldName><![CDATA[B\x06]]></FieldName>"));
  EXPECT_EQ("<![CDATA[B]]>", header.fields[1].name);
  EXPECT_THAT(header.warnings,
              ElementsAre(StartsWith("header repaired: 1 control bytes dropped"),
                          StartsWith("header repaired: 1 stray \"<\" or \"&\" taken as text")));
}

TEST(Header, NeverRepairsNumbers) {
  // One flipped bit makes a digit a control byte: what is left of the number must not be believed.
  EXPECT_THAT(error_of(with("<Offset>14<",
                            "<Offset>\x11"
                            "4<")),
              HasSubstr("in <Offset>, found \"\\x114\""));
  EXPECT_THAT(error_of(with("<Bias>-2<", "<Bias>&2<")), HasSubstr("in <Bias>, found \"&2\""));
  // The parser would end the text at a NUL, and take the number for what stands before it.
  for (const std::string nul : {"&#0;", "&#00;", "&#x0;", "&#1;", "&#xFFFF;", "&#99999999999;"}) {
    for (const std::string rest : {"", "4", " "}) {
      EXPECT_THAT(error_of(with("<Offset>14<", "<Offset>14" + nul + rest + "<")),
                  HasSubstr("in <Offset>, found \"14" + nul + rest + "\""));
    }
  }
}

TEST(Header, RepairsTheEnd) {
  const std::string open(kHeader.substr(0, kHeader.rfind('>')));
  TableHeader header = read(open + "\r\n\r\n");
  EXPECT_EQ(2U, header.fields.size());
  EXPECT_THAT(header.warnings, ElementsAre("header repaired: the missing \">\" of "
                                           "</QvdTableHeader> at byte " +
                                           std::to_string(open.size()) + " supplied"));
  header = read(open + ">\r\nrubbish <&");
  EXPECT_EQ(open.size() + 14, header.body_offset);
  EXPECT_THAT(header.warnings,
              ElementsAre("header repaired: 12 bytes behind </QvdTableHeader> dropped"));
}

TEST(Header, BeyondRepair) {
  EXPECT_THAT(error_of(with("<Fields>", "<Fields")), HasSubstr("expected well-formed XML"));
  for (const std::string_view end_tag : {"</FieldName>", "</BitOffset>", "</Length>", "</String>",
                                         "</Comment>", "</Type>", "</QvdFieldHeader>"}) {
    EXPECT_THAT(error_of(with(end_tag, "")), HasSubstr("expected well-formed XML")) << end_tag;
  }
  EXPECT_THAT(error_of(with("</QvdTableHeader>", "")),
              HasSubstr("expected </QvdTableHeader> before the NUL, found none"));
  EXPECT_THAT(error_of(with("<Fields>", "<!-- <Fields>")), HasSubstr("end of this comment"));
}

TEST(Header, NotAQvd) {
  EXPECT_THAT(error_of_bytes(""), HasSubstr("not a QVD file: expected the XML header "
                                            "<QvdTableHeader>, found an empty file"));
  EXPECT_THAT(error_of_bytes("\xFF\xFF\x01\x00rest"s), HasSubstr("a Qlik Sense app (QVF)"));
  EXPECT_THAT(error_of_bytes("\xFF\xFF\x01\x00\x10\0\0\0{\"tableheader\":{\"fields\":[]}}"s),
              AllOf(HasSubstr("a table in the container of Qlik Sense 2.0"), Not(HasSubstr("QVF")),
                    HasSubstr("store it again as QVD")));
  EXPECT_THAT(error_of_bytes("version https://git-lfs.github.com/spec/v1\noid"),
              HasSubstr("a Git LFS pointer"));
  EXPECT_THAT(error_of_bytes("PK\x03\x04"), HasSubstr("byte 0: not a QVD file"));
  EXPECT_THAT(error_of_bytes(std::string(100, '\0')), HasSubstr("found the byte 0x00"));
  EXPECT_THAT(error_of_bytes("  \n "), HasSubstr("4 bytes of white space"));
  EXPECT_THAT(error_of_bytes("<html><body>Please log in</body></html>"), HasSubstr("other text"));
  EXPECT_THAT(error_of("<html></html>"), HasSubstr("</QvdTableHeader>"));
  EXPECT_THAT(error_of("<a><QvdTableHeader></QvdTableHeader></a>"), HasSubstr("</QvdTableHeader>"));
}

TEST(Header, TheNulMustComeInTime) {
  EXPECT_THAT(error_of_bytes(kHeader), HasSubstr("expected a NUL byte behind </QvdTableHeader>"));
  std::string file(base::kMaxHeaderBytes + 10, ' ');
  file.replace(0, kHeader.size(), kHeader);
  EXPECT_THAT(error_of_bytes(file), HasSubstr("no header may be longer"));
}

TEST(Header, EncryptedAndCompressedFilesAreRecognised) {
  EXPECT_THAT(error_of(with("<EncryptionInfo>", "<EncryptionInfo><Key>x</Key>")),
              HasSubstr("the file is encrypted by Qlik"));
  EXPECT_THAT(error_of(with("<EncryptionInfo>", "<EncryptionInfo version=\"1\">")),
              HasSubstr("the file is encrypted by Qlik"));
  EXPECT_THAT(error_of(with("<Compression>", "<Compression>zlib")),
              HasSubstr("expected an empty <Compression>, found \"zlib\""));
  EXPECT_EQ("no error", error_of(with("<Compression>", "<Compression>\n ")));
}

TEST(Header, XmlIsKeptWithinBounds) {
  EXPECT_THAT(
      error_of(with("<QvdTableHeader>", "<!DOCTYPE x [<!ENTITY e \"boom\">]>\n<QvdTableHeader>")),
      HasSubstr("<!DOCTYPE"));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "<New>";
  std::string undeep;
  for (int i = 0; i < 40; ++i) undeep += "</New>";
  EXPECT_THAT(error_of(with("<Fields>", deep + undeep + "<Fields>")),
              HasSubstr("nested up to 32 deep"));
  std::string many;
  for (std::uint64_t i = 0; i < base::kMaxXmlTags; ++i) many += "<a/>";
  EXPECT_THAT(error_of(with("<Fields>", many + "<Fields>")), HasSubstr("4000000 XML tags"));
  EXPECT_THAT(error_of(with("<FieldName>B", "<FieldName>\xFF")), HasSubstr("header in UTF-8"));
  EXPECT_EQ("&boom;", read(with(">B<", ">&boom;<")).fields[1].name);
}

TEST(Header, RequiredElementsAreNamed) {
  EXPECT_THAT(error_of(with("<RecordByteSize>2</RecordByteSize>", "")),
              HasSubstr("expected the element <RecordByteSize>, found none"));
  EXPECT_THAT(error_of(with("<FieldName>B</FieldName>", "")),
              HasSubstr("expected the element <FieldName>, found none"));
  EXPECT_THAT(error_of(with("<Bias>0</Bias>", "")), StartsWith("field \"B\", byte "));
  EXPECT_THAT(error_of(with("<Bias>0</Bias>", "<Bias>0</Bias><Bias>1</Bias>")),
              HasSubstr("expected one element <Bias>, found two"));
  std::string text(kHeader);
  text.erase(text.find("<QvdFieldHeader>"), text.find("</Fields>") - text.find("<QvdFieldHeader>"));
  EXPECT_THAT(error_of(text), HasSubstr("expected at least one <QvdFieldHeader>"));
}

TEST(Header, NumbersAreStrict) {
  EXPECT_EQ("no error", error_of(with("<BitWidth>8<", "<BitWidth>\r\n 008 \t<")));
  for (const std::string_view wrong : {"", "x", "8x", "+8", "-8", "8.0", "0x8", "8 8", "1e1",
                                       "18446744073709551616", "\xEF\xBC\x98"}) {
    const std::string text = with("<BitWidth>8<", "<BitWidth>"s + std::string(wrong) + "<");
    EXPECT_EQ("field \" a  b <&\xC3\xA4\", byte " + std::to_string(text.find("<BitWidth>")) +
                  ": expected a whole number from 0 to 18446744073709551615 in <BitWidth>, found "
                  "\"" +
                  std::string(wrong) + "\"",
              error_of(text));
  }
  EXPECT_THAT(error_of(with("<Bias>-2<", "<Bias>-9223372036854775809<")),
              HasSubstr("from -9223372036854775808 to 9223372036854775807 in <Bias>"));
  EXPECT_THAT(error_of(with("<NoOfRecords>3", "<NoOfRecords>" + std::string(500, '9'))),
              HasSubstr("…\" (500 bytes)"));
}

TEST(Header, HintsThatMakeNoSenseAreReportedAndLeftOut) {
  const TableHeader header = read(with("<nDec>2<", "<nDec>two<"));
  EXPECT_EQ(0, header.fields[0].number_format.decimals);
  EXPECT_THAT(header.warnings, ElementsAre(HasSubstr("in <nDec>, found \"two\": ignored")));
}

TEST(Header, ClaimsMustFitTogether) {
  const auto expect = [](std::string_view from, std::string_view to, std::string_view message) {
    EXPECT_THAT(error_of(with(from, to)), HasSubstr(std::string(message)));
  };
  constexpr std::string_view kMost = "18446744073709551615";
  const auto most = [&](std::string_view element) {
    return "<" + std::string(element) + ">" + std::string(kMost);
  };
  expect("<RecordByteSize>2", "<RecordByteSize>0", "RecordByteSize of at least 1 for 3 rows");
  expect("<RecordByteSize>2", "<RecordByteSize>1048577", "RecordByteSize up to 1048576");
  expect("<NoOfRecords>3", "<NoOfRecords>4", "NoOfRecords * RecordByteSize = 4 * 2, found 6");
  expect("<NoOfRecords>3", "<NoOfRecords>9223372036854775811", "NoOfRecords * RecordByteSize");
  expect("<Length>6", "<Length>7", "NoOfRecords * RecordByteSize = 3 * 2, found 7");
  expect("<Offset>14", most("Offset"), "expected Offset + Length below 2^64");
  expect("<Offset>14", "<Offset>13", "field \"B\": expected a symbol table before the rows");
  expect("<BitOffset>8", "<BitOffset>9", "within the record of 16 bits, found BitOffset 9");
  expect("<BitOffset>8", most("BitOffset"), "within the record of 16 bits");
  expect("<BitOffset>8", "<BitOffset>7",
         "expected its own bits, found bits 7 to 14, which overlap those of field \"B\" (0 to 7)");
  expect("<BitWidth>8", "<BitWidth>65", "BitWidth up to 64, found 65");
  expect("<NoOfSymbols>2", "<NoOfSymbols>6", "expected at least 12 bytes for 6 symbols");
  expect("<NoOfSymbols>2", most("NoOfSymbols"), "NoOfSymbols up to 2147483648");
  expect("<NoOfSymbols>2", "<NoOfSymbols>0", "expected Length 0 for no symbols, found 10");
  expect("<Offset>0", most("Offset"), "expected a symbol table before the rows");
  expect("<Length>10", most("Length"), "expected a symbol table before the rows");
  expect("<Offset>10", "<Offset>9",
         "expected its own symbol table bytes, found symbol table bytes");
}

TEST(Header, AFileMustHaveAllItsBytes) {
  TableHeader header = read(kHeader);
  check_complete(header);
  EXPECT_THAT(header.warnings, IsEmpty());

  header = read_bytes(file_of(kHeader, kBodyBytes + 13));
  check_complete(header);
  EXPECT_THAT(header.warnings, ElementsAre(StartsWith("13 bytes behind the rows are ignored")));

  for (std::size_t bytes = 0; bytes < kBodyBytes; ++bytes) {
    header = read_bytes(file_of(kHeader, bytes));
    EXPECT_THROW(check_complete(header), base::InputError);
  }
}

// Whatever is shown of a header is shown of this one, so that no output can forget it.
TEST(Header, TextsOfPeopleComeWithoutTheirSecrets) {
  std::string text(kHeader);
  for (const auto& [from, to] : std::vector<std::pair<std::string_view, std::string_view>>{
           {">of table<", ">of table; token=ghp_CANARY1<"},
           {">of field<", ">PWD=CANARY2;of field<"},
           {">RESIDENT x<", ">Provider=x;Password=CANARY3;Data Source=y<"},
           {">SELECT 1", ">https://user:CANARY4@host/x"},
           {">$date<", ">api_key: CANARY5<"},
           {"<TableTags></TableTags>", "<TableTags><String>secret=CANARY6</String></TableTags>"},
           {">doc.qvf<", ">doc.qvf?token=CANARY7<"}}) {
    text = with(from, to, text);
  }
  const TableHeader header = read(text);
  EXPECT_EQ(header.comment, "of table; token=***");
  EXPECT_EQ(header.fields[0].comment, "PWD=***;of field");
  EXPECT_EQ(header.lineage[0].discriminator, "Provider=x;Password=***;Data Source=y");
  EXPECT_THAT(header.lineage[0].statement, StartsWith("https://***@host/x"));
  EXPECT_THAT(header.fields[0].tags, ElementsAre("$numeric", "api_key: ***"));
  EXPECT_THAT(header.table_tags, ElementsAre("secret=***"));
  EXPECT_EQ(header.creator_document, "doc.qvf?token=***");
  EXPECT_THAT(error_of(with(">-2<", ">-2 token=ghp_CANARY8<")),
              AllOf(HasSubstr("found \"-2 token=***\""), Not(HasSubstr("CANARY"))));
}

TEST(Header, CutAnywhereIsAnInputError) {
  for (std::size_t bytes = 0; bytes <= kHeader.size(); ++bytes) {
    EXPECT_NE("no error", error_of_bytes(kHeader.substr(0, bytes)));
  }
}

TEST(Header, ForeignNullsAreReported) {
  EXPECT_THAT(read(with("doc.qvf", "qvdrs 0.7.0")).warnings,
              ElementsAre(HasSubstr("an index equal to NoOfSymbols is read as NULL")));
}

}  // namespace
}  // namespace qvdhouse::qvd
