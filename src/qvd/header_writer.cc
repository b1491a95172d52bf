#include "qvd/header_writer.h"

#include <fmt/format.h>

#include <concepts>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace qvdhouse::qvd {
namespace {

std::string_view reference(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':  // not needed here, but Qlik does it
      return "&quot;";
    case '\r':  // XML readers turn a bare one into LF
      return "&#13;";
    default:
      return {};
  }
}

std::string escaped(std::string_view tag, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (const std::string_view escape = reference(c); !escape.empty()) {
      out += escape;
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n') {
      throw base::InputError(fmt::format(
          "expected text that XML can hold in <{}>, found the control character 0x{:02X}; "
          "remove it",
          tag, static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out;
}

// Collects lines. The root stands one space in, each level below it two more, as in Qlik's files.
class HeaderLines {
 public:
  explicit HeaderLines(bool lf) : line_end_(lf ? "\n" : "\r\n") {
    text_ = fmt::format(R"(<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{})", line_end_);
  }

  void open(std::string_view tag) {
    text_ += fmt::format("{:{}}<{}>{}", "", indent_, tag, line_end_);
    indent_ += 2;
  }
  void close(std::string_view tag) {
    indent_ -= 2;
    text_ += fmt::format("{:{}}</{}>{}", "", indent_, tag, line_end_);
  }
  void element(std::string_view tag, std::string_view value = {}) {
    text_ +=
        fmt::format("{:{}}<{}>{}</{}>{}", "", indent_, tag, escaped(tag, value), tag, line_end_);
  }
  void element(std::string_view tag, std::integral auto value) {
    element(tag, std::string_view(std::to_string(value)));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string_view line_end_;
  std::string text_;
  int indent_ = 1;
};

void add_tags(HeaderLines& lines, std::string_view tag, const std::vector<std::string>& tags) {
  if (tags.empty()) return lines.element(tag);
  lines.open(tag);
  for (const std::string& text : tags) lines.element("String", text);
  lines.close(tag);
}

void add_field(HeaderLines& lines, const FieldHeader& field) {
  lines.open("QvdFieldHeader");
  lines.element("FieldName", field.name);
  lines.element("BitOffset", field.offset_bits);
  lines.element("BitWidth", field.width_bits);
  lines.element("Bias", field.bias);
  const NumberFormat& format = field.number_format;
  lines.open("NumberFormat");
  lines.element("Type", format.type);
  lines.element("nDec", format.decimals);
  lines.element("UseThou", format.use_thousands ? 1 : 0);
  lines.element("Fmt", format.format);
  lines.element("Dec", format.decimal_sign);
  lines.element("Thou", format.thousands_sign);
  lines.close("NumberFormat");
  lines.element("NoOfSymbols", field.symbol_count);
  lines.element("Offset", field.offset);
  lines.element("Length", field.length);
  lines.element("Comment", field.comment);
  add_tags(lines, "Tags", field.tags);
  lines.close("QvdFieldHeader");
}

void add_lineage(HeaderLines& lines, const std::vector<Lineage>& lineage) {
  if (lineage.empty()) return lines.element("Lineage");
  lines.open("Lineage");
  for (const Lineage& entry : lineage) {
    lines.open("LineageInfo");
    lines.element("Discriminator", entry.discriminator);
    lines.element("Statement", entry.statement);
    lines.close("LineageInfo");
  }
  lines.close("Lineage");
}

}  // namespace

std::string format_header(const TableHeader& header, bool lf) {
  HeaderLines lines(lf);
  lines.open("QvdTableHeader");
  lines.element("QvBuildNo", header.build_number);
  lines.element("CreatorDoc", header.creator_document);
  lines.element("CreateUtcTime", header.created_at);
  lines.element("SourceCreateUtcTime");
  lines.element("SourceFileUtcTime");
  lines.element("SourceFileSize", -1);
  lines.element("StaleUtcTime");
  lines.element("TableName", header.table_name);
  lines.open("Fields");
  for (const FieldHeader& field : header.fields) add_field(lines, field);
  lines.close("Fields");
  lines.element("Compression");
  lines.element("RecordByteSize", header.record_bytes);
  lines.element("NoOfRecords", header.record_count);
  lines.element("Offset", header.rows_offset);
  lines.element("Length", header.rows_length);
  add_lineage(lines, header.lineage);
  lines.element("Comment", header.comment);
  lines.element("EncryptionInfo");
  add_tags(lines, "TableTags", header.table_tags);
  lines.element("ProfilingData");
  lines.close("QvdTableHeader");
  return lines.take();
}

}  // namespace qvdhouse::qvd
