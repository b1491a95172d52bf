// The example of docs/qvd-format.md, section 9, read from that very page: page and reader agree.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "qvd/header.h"
#include "qvd/rows.h"
#include "qvd/symbols.h"

namespace qvdhouse::qvd {
namespace {

using testing::ElementsAre;

// The lines of section 9 that are indented as code.
std::vector<std::string> example_lines() {
  std::ifstream page(QVDHOUSE_SOURCE_DIR "/docs/qvd-format.md");
  std::vector<std::string> lines;
  bool is_in_section = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) is_in_section = line.starts_with("## 9.");
    if (is_in_section && line.starts_with("    ")) lines.push_back(line.substr(4));
  }
  return lines;
}

// "City:   BitOffset 0  BitWidth 2" as elements: "<BitOffset>0</BitOffset>…".
std::string elements_of(const std::string& line) {
  static const std::regex kPair(R"(([A-Za-z]+) +(-?\d+))");
  std::string xml;
  for (std::sregex_iterator pair(line.begin(), line.end(), kPair), end; pair != end; ++pair) {
    xml += fmt::format("<{0}>{1}</{0}>", (*pair)[1].str(), (*pair)[2].str());
  }
  return xml;
}

// The file that the page describes: "14  02   row 0 …" adds the byte 02, which must be the 0x14th.
std::string example_file() {
  static const std::regex kBytes(R"(^([0-9A-F]{2})  ((?:[0-9A-F]{2} )*[0-9A-F]{2})  .*$)");
  std::string fields;
  std::string table;
  std::string body;
  for (const std::string& line : example_lines()) {
    std::smatch match;
    if (std::regex_match(line, match, kBytes)) {
      EXPECT_EQ(body.size(), std::stoul(match[1].str(), nullptr, 16)) << line;
      std::istringstream bytes(match[2].str());
      for (std::string byte; bytes >> byte;) {
        body += static_cast<char>(std::stoul(byte, nullptr, 16));
      }
    } else if (line.starts_with("table:")) {
      table = elements_of(line);
    } else {
      fields += fmt::format("<QvdFieldHeader><FieldName>{}</FieldName>{}</QvdFieldHeader>",
                            line.substr(0, line.find(':')), elements_of(line));
    }
  }
  const std::string header =
      fmt::format("<QvdTableHeader><Fields>{}</Fields>{}</QvdTableHeader>\r\n", fields, table);
  return header + '\0' + body;
}

TEST(WorkedExample, ReadsAsThePageSays) {
  const std::string file = example_file();
  const base::MemorySource source(std::as_bytes(std::span(file)));
  TableHeader header = read_header(source);
  check_complete(header);
  EXPECT_THAT(header.warnings, testing::IsEmpty());
  ASSERT_EQ(2U, header.fields.size());
  EXPECT_EQ("City", header.fields[0].name);
  EXPECT_EQ("Amount", header.fields[1].name);

  const SymbolTable cities = read_symbols(source, header, 0);
  EXPECT_EQ("Oslo", cities.text(0));
  const SymbolTable amounts = read_symbols(source, header, 1);
  EXPECT_EQ(7, amounts.integer(0));
  EXPECT_EQ(2.5, amounts.number(1));

  std::vector<std::byte> records;
  read_records(source, header, 0, 3, records);
  std::vector<std::uint32_t> codes(3);
  const RowDecoder decoder(header);
  decoder.decode(0, records.data(), 0, codes);
  EXPECT_THAT(codes, ElementsAre(1, 0, 1));
  decoder.decode(1, records.data(), 0, codes);
  EXPECT_THAT(codes, ElementsAre(1, 1, 2));
}

}  // namespace
}  // namespace qvdhouse::qvd
