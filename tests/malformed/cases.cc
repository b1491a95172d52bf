#include "tests/malformed/cases.h"

#include <fmt/format.h>

#include <string_view>

#include "tests/malformed/sample_file.h"

namespace qvdhouse::malformed {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using Cases = std::vector<Case>;

// The symbol tables of sample_file(), bytes from the start of the body: Id 0–24, Name 25–40,
// Amount 41–54, Month 55–72, Const 73–75; one byte a row from 76 on.
constexpr std::size_t kName = 25;
constexpr std::size_t kAmount = 41;
constexpr std::size_t kRows = 76;

// Replaces an element's content; see with_element().
auto element(const std::string& field, const std::string& tag, const std::string& content) {
  return [=](std::string file) { return with_element(std::move(file), field, tag, content); };
}

auto replace(const std::string& from, const std::string& to) {
  return [=](std::string file) { return replaced(std::move(file), from, to); };
}

auto body_byte(std::size_t offset, unsigned char byte) {
  return [=](std::string file) { return with_body_byte(std::move(file), offset, byte); };
}

// The first `bytes` of the body are left.
auto cut_body(std::size_t bytes) {
  return [=](const std::string& file) { return file.substr(0, body_of(file) + bytes); };
}

// Something else altogether.
auto instead(const std::string& bytes) {
  return [=](const std::string&) { return bytes; };
}

// Puts `text` right before the NUL.
auto before_nul(const std::string& text) {
  return [=](std::string file) { return file.insert(body_of(file) - 1, text); };
}

std::string without_carriage_returns(const std::string& file) {
  const std::size_t body = body_of(file);
  std::string header = file.substr(0, body);
  std::erase(header, '\r');
  return header + file.substr(body);
}

// As a text editor does it that takes the file for Latin-1 and saves UTF-8.
std::string latin1_to_utf8(const std::string& file) {
  std::string out;
  for (const char c : file) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return out;
}

// Amount's NULLs stored as the number of its symbols, Bias 0.
auto null_is_symbol_count(const std::string& creator) {
  return [=](const std::string&) {
    qvd::TableData table = sample_table();
    table.creator_document = creator;
    table.fields[2].bias = 0;
    return file_of(table);
  };
}

void add_not_a_qvd(Cases& out) {
  out.push_back({"empty_file", instead("")});
  out.push_back({"qvf_magic", instead("\xFF\xFF\x01\x00 and so on"s)});
  out.push_back({"git_lfs_pointer",
                 instead("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")});
  out.push_back({"white_space_only", instead(" \r\n\t ")});
  out.push_back({"zip_magic", instead("PK\x03\x04\x00\x00"s)});
  out.push_back({"other_xml", instead("<?xml version=\"1.0\"?><html></html>\0"s)});
  out.push_back({"other_root", instead("<Other><!-- QvdTableHeader --></Other>\0"s)});
  out.push_back({"utf16", instead("\xFF\xFE<\0?\0x\0m\0l\0"s)});
  out.push_back({"text_mode_reencoded", latin1_to_utf8});
}

void add_cut_and_grown(Cases& out) {
  out.push_back({"baseline", [](std::string file) { return file; }});
  out.push_back({"truncated_mid_rows", cut_body(kRows + 3)});
  out.push_back({"truncated_mid_symbols", cut_body(kName + 3)});
  out.push_back({"header_only", cut_body(0)});
  out.push_back(
      {"trailing_bytes", [](const std::string& file) { return file + std::string(13, 'x'); }});
  out.push_back({"one_row_less_in_header", [](std::string file) {
                   file = with_element(std::move(file), "", "NoOfRecords", "4");
                   return with_element(std::move(file), "", "Length", "4");
                 }});
}

void add_header_text(Cases& out) {
  out.push_back({"lf_header", without_carriage_returns});
  out.push_back({"utf8_bom", [](const std::string& file) { return "\xEF\xBB\xBF" + file; }});
  out.push_back({"white_space_before_nul", before_nul("   \r\n\n\t")});
  out.push_back(
      {"root_end_without_bracket", replace("</QvdTableHeader>\r\n", "</QvdTableHeader\r\n\r\n")});
  out.push_back({"bytes_before_nul", before_nul("abc")});
  out.push_back({"unescaped_ampersand_in_name", replace(">Id<", ">I&d<")});
  out.push_back({"unescaped_less_in_name", replace(">Id<", ">Ist <Soll (Abw.)<")});
  out.push_back({"unescaped_tag_in_name", replace(">Id<", ">I<b>d</b><")});
  out.push_back({"control_byte_in_name", replace(">Id<",
                                                 ">I\x02"
                                                 "d<")});
  out.push_back({"delete_in_tag", replace("<FieldName>Id", "<Field\x7FName>Id")});
  out.push_back({"delete_in_name", replace(">Id<",
                                           ">I\x7F"
                                           "d<")});
  out.push_back({"attribute_on_root", replace("<QvdTableHeader>", "<QvdTableHeader a=\"1\">")});
  out.push_back({"comment_in_header", replace("<Fields>", "<!-- <Fields> & --><Fields>")});
  out.push_back({"name_in_cdata", replace(">Id<", "><![CDATA[Id]]><")});
  out.push_back(
      {"unknown_element", replace("<Fields>", "<News><Offset>9</Offset></News><Fields>")});
  out.push_back({"invalid_utf8_in_header", replace(">Id<",
                                                   ">I\xFC"
                                                   "d<")});
  out.push_back({"nul_inside_header", replace("<Fields>", "<Fie\0lds>"s)});
  out.push_back(
      {"entity_bomb",
       replace("\r\n <QvdTableHeader>",
               "<!DOCTYPE x [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><QvdTableHeader>")});
  out.push_back(
      {"external_entity", replace("\r\n <QvdTableHeader>",
                                  "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><QvdTableHeader>")});
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "<a>";
  out.push_back({"nested_unclosed", replace("<Fields>", nested + "<Fields>")});
  for (int i = 0; i < 1000; ++i) nested += "</a>";
  out.push_back({"nested_deep", replace("<Fields>", nested + "<Fields>")});
  out.push_back({"two_roots", before_nul("<QvdTableHeader></QvdTableHeader>")});
}

void add_elements(Cases& out) {
  out.push_back({"compression", element("", "Compression", "zlib")});
  out.push_back({"encryption", element("", "EncryptionInfo", "<Key>abc</Key>")});
  out.push_back({"no_lineage", replace("   <Lineage></Lineage>\r\n", "")});
  out.push_back(
      {"no_comment_and_tags", replace("       <Comment></Comment>\r\n       <Tags>\r\n"
                                      "         <String>$numeric</String>\r\n       </Tags>\r\n",
                                      "")});
  out.push_back({"duplicate_field_names", replace(">Name<", ">Id<")});
  out.push_back({"empty_field_name", replace(">Id<", "><")});
  out.push_back({"no_fields", [](std::string file) {
                   const std::size_t begin = file.find("<Fields>") + 8;
                   return file.erase(begin, file.find("</Fields>") - begin);
                 }});
  out.push_back({"no_fields_element", [](std::string file) {
                   file = replaced(std::move(file), "<Fields>", "<Yields>");
                   return replaced(std::move(file), "</Fields>", "</Yields>");
                 }});
  out.push_back({"missing_bit_width", replace("       <BitWidth>3</BitWidth>\r\n", "")});
  out.push_back({"missing_records", replace("   <NoOfRecords>5</NoOfRecords>\r\n", "")});
  out.push_back({"two_offsets", replace("<NoOfRecords>", "<Offset>1</Offset><NoOfRecords>")});
  out.push_back({"number_with_spaces", element("", "NoOfRecords", " \r\n 5 ")});
  out.push_back({"number_with_plus", element("", "NoOfRecords", "+5")});
  out.push_back({"number_negative", element("", "NoOfRecords", "-5")});
  out.push_back({"number_garbage", element("", "NoOfRecords", "5x")});
  out.push_back({"number_empty", element("", "NoOfRecords", "")});
  out.push_back({"number_hex", element("Name", "Length", "0x10")});
  out.push_back({"number_too_large", element("", "NoOfRecords", "18446744073709551616")});
  out.push_back({"decimals_garbage", element("Id", "nDec", "two")});
}

void add_sizes(Cases& out) {
  out.push_back({"records_too_many", element("", "NoOfRecords", "6")});
  out.push_back({"records_too_few", element("", "NoOfRecords", "4")});
  out.push_back({"records_and_length_too_many", [](std::string file) {
                   file = with_element(std::move(file), "", "NoOfRecords", "6");
                   return with_element(std::move(file), "", "Length", "6");
                 }});
  out.push_back({"records_product_overflows", element("", "NoOfRecords", "9223372036854775813")});
  out.push_back({"record_bytes_zero", element("", "RecordByteSize", "0")});
  out.push_back({"record_bytes_huge", element("", "RecordByteSize", "1048577")});
  out.push_back({"record_bytes_two", element("", "RecordByteSize", "2")});
  out.push_back({"rows_length_huge", element("", "Length", "18446744073709551614")});
  out.push_back({"rows_offset_huge", element("", "Offset", "18446744073709551615")});
  out.push_back({"rows_offset_in_symbols", element("", "Offset", "70")});
  out.push_back({"symbols_too_many", element("Name", "NoOfSymbols", "4")});
  out.push_back({"symbols_too_few", element("Name", "NoOfSymbols", "2")});
  out.push_back({"symbols_none", element("Name", "NoOfSymbols", "0")});
  out.push_back({"symbols_beyond_limit", element("Name", "NoOfSymbols", "2147483649")});
  out.push_back({"symbols_beyond_length", element("Name", "NoOfSymbols", "2147483648")});
  out.push_back({"symbol_length_short", element("Name", "Length", "15")});
  out.push_back({"symbol_length_long", element("Name", "Length", "17")});
  out.push_back({"symbol_length_beyond_rows", element("Const", "Length", "4")});
  out.push_back({"symbol_offset_beyond_rows", element("Const", "Offset", "18446744073709551615")});
  out.push_back({"symbol_offset_shifted", element("Id", "Offset", "1")});
}

void add_bits(Cases& out) {
  out.push_back({"bits_overlap", element("Name", "BitOffset", "2")});
  out.push_back({"bits_outside_record", element("Month", "BitOffset", "8")});
  out.push_back({"bit_offset_huge", element("Month", "BitOffset", "18446744073709551615")});
  out.push_back({"bit_width_65", element("Month", "BitWidth", "65")});
  out.push_back({"bit_width_too_narrow", element("Id", "BitWidth", "2")});
  out.push_back({"bias_minus_one_with_nulls", element("Amount", "Bias", "-1")});
  out.push_back({"bias_minus_one_without_nulls", element("Id", "Bias", "-1")});
  out.push_back({"bias_zero_with_nulls", element("Amount", "Bias", "0")});
  out.push_back({"bias_least", element("Id", "Bias", "-9223372036854775808")});
  out.push_back({"bias_greatest", element("Id", "Bias", "9223372036854775807")});
  out.push_back({"index_beyond_symbols", body_byte(kRows + 2, 0xFF)});
  out.push_back({"index_beyond_symbols_in_last_row", body_byte(kRows + 4, 0x07)});
  out.push_back({"null_as_qvdrs_writes_it", null_is_symbol_count("qvdrs 0.7.0")});
  out.push_back({"null_as_qvdrs_but_not_by_it", null_is_symbol_count("another")});
}

void add_symbols(Cases& out) {
  for (const unsigned kind : {0x00U, 0x03U, 0x07U, 0xFFU}) {
    out.push_back({fmt::format("symbol_kind_{:02x}", kind),
                   body_byte(kName, static_cast<unsigned char>(kind))});
  }
  out.push_back({"symbol_kind_text_for_int", body_byte(5, 4)});
  out.push_back({"symbol_kind_double_for_int", body_byte(20, 2)});
  out.push_back({"symbol_text_without_nul", body_byte(kAmount - 1, 'n')});
  out.push_back({"symbol_double_cut",
                 [](std::string file) { return with_body_byte(std::move(file), kAmount + 9, 6); }});
  out.push_back({"symbol_invalid_utf8", replace("J\xC3\xBCrgen",
                                                "J\xC3"
                                                "Crgen")});
  out.push_back({"symbol_overlong_utf8", replace("\xC3\xBC", "\xC0\xAF")});
  out.push_back({"symbol_surrogate_utf8", replace("J\xC3\xBC", "\xED\xA0\x80")});
  out.push_back({"symbol_nul_in_text", replace("J\xC3\xBC", "J\0r"s)});
}

}  // namespace

const std::vector<Case>& cases() {
  static const Cases all = [] {
    Cases out;
    add_not_a_qvd(out);
    add_cut_and_grown(out);
    add_header_text(out);
    add_elements(out);
    add_sizes(out);
    add_bits(out);
    add_symbols(out);
    return out;
  }();
  return all;
}

}  // namespace qvdhouse::malformed
