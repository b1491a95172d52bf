#include "qvd/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <pugixml.hpp>
#include <unordered_set>

#include "base/ascii.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/scrub.h"
#include "qvd/header_text.h"
#include "qvd/layout.h"
#include "qvd/utf8.h"

namespace qvdhouse::qvd {
namespace {

constexpr std::string_view kRoot = "QvdTableHeader";

// Text as it stands, references resolved, line ends as XML wants them; document types are seen only
// to be refused.
constexpr unsigned kParseFlags =
    pugi::parse_default | pugi::parse_ws_pcdata_single | pugi::parse_doctype;

bool is_text(const pugi::xml_node& node) {
  return node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata;
}

std::string text_of(const pugi::xml_node& element) {
  std::string text;
  for (const pugi::xml_node& child : element) {
    if (is_text(child)) text += child.value();
  }
  return text;
}

// A text that people wrote into the file. Nothing behind this function sees it otherwise, so that
// no output has to think of it.
std::string free_text_of(const pugi::xml_node& element) { return base::scrubbed(text_of(element)); }

// What was found, for a message: in quotes, without secrets and control bytes, short even if the
// file holds a novel.
std::string quoted(std::string_view found) {
  const std::string text = base::scrubbed(found);
  constexpr std::size_t kMostBytes = 60;
  std::size_t cut = std::min(text.size(), kMostBytes);
  while (cut > 0 && cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) {
    --cut;
  }
  std::string shown;
  for (const char c : std::string_view(text).substr(0, cut)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02X}", byte) : std::string(1, c);
  }
  if (cut == text.size()) return fmt::format("\"{}\"", shown);
  return fmt::format("\"{}…\" ({} bytes)", shown, text.size());
}

// A tree that is as strict as XML and as section 2: nesting, one root, no text element holding
// elements. Walks without recursion, so that no file can exhaust the stack.
std::optional<MalformedXml> find_malformed_tree(const pugi::xml_document& document) {
  std::uint64_t depth = 0;
  pugi::xml_node node = document.first_child();
  while (node) {
    if (node.type() == pugi::node_doctype) {
      return MalformedXml{0, "expected no document type, found <!DOCTYPE"};
    }
    if (node.type() == pugi::node_element) {
      const std::size_t position = static_cast<std::size_t>(node.offset_debug()) - 1;
      if (depth == 0 && std::string_view(node.name()) != kRoot) {
        return MalformedXml{position, fmt::format("expected the root element <{}>, found <{}>",
                                                  kRoot, node.name())};
      }
      if (depth == 0 && node != document.document_element()) {
        return MalformedXml{position, fmt::format("expected one <{}>, found two", kRoot)};
      }
      if (depth >= base::kMaxXmlDepth) {
        return MalformedXml{
            position, fmt::format("expected elements nested up to {} deep, found more", depth)};
      }
      if (is_text_element(node.parent().name())) {
        return MalformedXml{position, fmt::format("expected text in <{}>, found <{}>",
                                                  node.parent().name(), node.name())};
      }
    }
    if (has_forbidden_control(node.parent().name(), node.value())) {
      return MalformedXml{0, fmt::format("expected text without control bytes in <{}>, found {}",
                                         node.parent().name(), quoted(node.value()))};
    }
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node && !node.next_sibling()) {
      node = node.parent();
      if (depth == 0) return std::nullopt;
      --depth;
    }
    node = node.next_sibling();
  }
  return std::nullopt;
}

// Parses `text`; what is wrong with it, or nothing.
std::optional<MalformedXml> parse(const std::string& text, pugi::xml_document& document) {
  const pugi::xml_parse_result result =
      document.load_buffer(text.data(), text.size(), kParseFlags, pugi::encoding_utf8);
  if (!result) {
    return MalformedXml{static_cast<std::size_t>(result.offset),
                        fmt::format("expected well-formed XML, found: {}", result.description())};
  }
  return find_malformed_tree(document);
}

// Parses the header strictly and, failing that, once more after repair. Returns what to add to a
// node's position for its byte in the file: nothing after a repair, which moves them.
std::optional<std::uint64_t> load(const HeaderText& header, pugi::xml_document& document,
                                  std::vector<std::string>& warnings) {
  if (const auto invalid = find_invalid_utf8(header.text)) {
    throw base::InputError("expected a header in UTF-8, found other bytes",
                           {.field = {}, .byte_offset = header.file_offset + *invalid});
  }
  std::optional<MalformedXml> malformed = find_malformed_xml(header.text);
  if (!malformed) malformed = parse(header.text, document);
  if (!malformed) return header.file_offset;

  // The first fault is the one worth telling: what the parser finds after a repair lies elsewhere.
  if (parse(repair_header_text(header, warnings), document)) {
    throw base::InputError(malformed->message,
                           {.field = {}, .byte_offset = header.file_offset + malformed->position});
  }
  return std::nullopt;
}

// Reads the values of one element's children; its errors name field, element and byte.
class Element {
 public:
  Element(pugi::xml_node node, std::optional<std::uint64_t> text_offset)
      : node_(node), text_offset_(text_offset) {}

  void set_field_name(const std::string& name) { field_name_ = name; }

  // The text of an element that may be missing, as it stands, and without secrets.
  std::string text(const char* name) const { return text_of(node_.child(name)); }
  std::string free_text(const char* name) const { return free_text_of(node_.child(name)); }

  pugi::xml_node required(const char* name) const {
    const pugi::xml_node child = node_.child(name);
    if (!child) fail(node_, fmt::format("expected the element <{}>, found none", name));
    const pugi::xml_node second = child.next_sibling(name);
    if (second) fail(second, fmt::format("expected one element <{}>, found two", name));
    return child;
  }

  // A whole decimal number that `Integer` can hold, nothing else: no sign but "-", no fraction.
  template <typename Integer>
  Integer number(const char* name) const {
    const pugi::xml_node child = required(name);
    const std::string text = text_of(child);
    const std::string_view digits = base::trimmed(text);
    Integer value = 0;
    const char* end = digits.data() + digits.size();
    const auto [after, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc() || after != end) {
      fail(child, fmt::format("expected a whole number from {} to {} in <{}>, found {}",
                              std::numeric_limits<Integer>::min(),
                              std::numeric_limits<Integer>::max(), name, quoted(text)));
    }
    return value;
  }

 private:
  [[noreturn]] void fail(const pugi::xml_node& at, const std::string& message) const {
    base::InputPlace place{.field = field_name_, .byte_offset = text_offset_};
    // The parser counts from the element's name; its "<" stands one byte before.
    if (place.byte_offset) *place.byte_offset += static_cast<std::uint64_t>(at.offset_debug()) - 1;
    throw base::InputError(message, place);
  }

  pugi::xml_node node_;
  std::optional<std::uint64_t> text_offset_;
  std::string field_name_;
};

std::vector<std::string> read_tags(const pugi::xml_node& tags) {
  std::vector<std::string> texts;
  for (const pugi::xml_node& tag : tags.children("String")) texts.push_back(free_text_of(tag));
  return texts;
}

// Hints only (section 2.3): a value that makes no sense is reported and left out.
NumberFormat read_number_format(const pugi::xml_node& node, const std::string& field_name,
                                std::vector<std::string>& warnings) {
  NumberFormat format;
  format.type = text_of(node.child("Type"));
  format.use_thousands = base::trimmed(text_of(node.child("UseThou"))) == "1";
  format.format = text_of(node.child("Fmt"));
  format.decimal_sign = text_of(node.child("Dec"));
  format.thousands_sign = text_of(node.child("Thou"));
  const std::string text = text_of(node.child("nDec"));
  const std::string_view digits = base::trimmed(text);
  const auto [after, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), format.decimals);
  if (!digits.empty() && (error != std::errc() || after != digits.data() + digits.size())) {
    format.decimals = 0;
    warnings.push_back(
        fmt::format("field \"{}\": expected a whole number in <nDec>, found {}: "
                    "ignored",
                    field_name, quoted(text)));
  }
  return format;
}

FieldHeader read_field(const pugi::xml_node& node, std::optional<std::uint64_t> text_offset,
                       std::vector<std::string>& warnings) {
  Element element(node, text_offset);
  FieldHeader field;
  field.name = text_of(element.required("FieldName"));
  element.set_field_name(field.name);
  field.offset_bits = element.number<std::uint64_t>("BitOffset");
  field.width_bits = element.number<std::uint64_t>("BitWidth");
  field.bias = element.number<std::int64_t>("Bias");
  field.symbol_count = element.number<std::uint64_t>("NoOfSymbols");
  field.offset = element.number<std::uint64_t>("Offset");
  field.length = element.number<std::uint64_t>("Length");
  field.number_format = read_number_format(node.child("NumberFormat"), field.name, warnings);
  field.comment = element.free_text("Comment");
  field.tags = read_tags(node.child("Tags"));
  return field;
}

void read_fields(const pugi::xml_node& node, std::optional<std::uint64_t> text_offset,
                 TableHeader& header) {
  std::unordered_set<std::string> names;
  for (const pugi::xml_node& child : node.children("QvdFieldHeader")) {
    if (header.fields.size() == base::kMaxFields) {
      throw base::InputError(fmt::format("expected up to {} fields, found more", base::kMaxFields));
    }
    const FieldHeader& field =
        header.fields.emplace_back(read_field(child, text_offset, header.warnings));
    if (!names.insert(field.name).second) {
      header.warnings.push_back(
          fmt::format("two fields are called \"{}\": both are kept", field.name));
    }
  }
  if (header.fields.empty()) {
    throw base::InputError("expected at least one <QvdFieldHeader> in <Fields>, found none");
  }
}

// Section 5: rows.h reads such files as their writer meant them, which must not go unseen.
void warn_of_foreign_null(TableHeader& header) {
  if (!writes_foreign_null(header)) return;
  header.warnings.push_back(
      fmt::format("written by \"{}\": an index equal to NoOfSymbols is read "
                  "as NULL",
                  header.creator_document));
}

bool is_empty(const pugi::xml_node& element) {
  for (const pugi::xml_node& child : element) {
    if (!is_text(child) || !base::trimmed(child.value()).empty()) return false;
  }
  return !element.first_attribute();
}

// Section 7: symbols and rows of such files would be read as nonsense.
void refuse_unreadable(const pugi::xml_node& root) {
  if (!is_empty(root.child("EncryptionInfo"))) {
    throw base::InputError(
        "the file is encrypted by Qlik (its EncryptionInfo is not empty), and only Qlik has the "
        "key: store it again from an app without QVD encryption");
  }
  const pugi::xml_node compression = root.child("Compression");
  if (!is_empty(compression)) {
    throw base::InputError(
        fmt::format("the file is compressed: expected an empty <Compression>, found {}, which no "
                    "known reader supports: store it again uncompressed",
                    quoted(text_of(compression))));
  }
}

// The formula of section 5 holds for any Bias, but a wrong one would move all values of a field.
void warn_of_unknown_bias(TableHeader& header) {
  for (const FieldHeader& field : header.fields) {
    if (field.bias == 0 || field.bias == -2) continue;
    header.warnings.push_back(
        fmt::format("field \"{}\": Bias {}, where Qlik writes 0 or -2: check its values",
                    field.name, field.bias));
  }
}

}  // namespace

TableHeader read_header(const base::ByteSource& source) {
  // Find the text between the file's first byte and the first NUL.
  const HeaderText text = read_header_text(source);
  TableHeader header;
  header.body_offset = text.body_offset;
  header.file_bytes = source.size();

  // Make a tree of it, repairing what Qlik is known to break.
  pugi::xml_document document;
  const std::optional<std::uint64_t> text_offset = load(text, document, header.warnings);
  const pugi::xml_node root = document.document_element();
  refuse_unreadable(root);

  // Read what it says about the table, then about each field.
  const Element table(root, text_offset);
  header.build_number = table.free_text("QvBuildNo");
  header.creator_document = table.free_text("CreatorDoc");
  header.created_at = table.free_text("CreateUtcTime");
  header.table_name = table.text("TableName");
  header.comment = table.free_text("Comment");
  header.record_bytes = table.number<std::uint64_t>("RecordByteSize");
  header.record_count = table.number<std::uint64_t>("NoOfRecords");
  header.rows_offset = table.number<std::uint64_t>("Offset");
  header.rows_length = table.number<std::uint64_t>("Length");
  for (const pugi::xml_node& info : root.child("Lineage").children("LineageInfo")) {
    header.lineage.push_back(
        {free_text_of(info.child("Discriminator")), free_text_of(info.child("Statement"))});
  }
  header.table_tags = read_tags(root.child("TableTags"));
  read_fields(table.required("Fields"), text_offset, header);

  // Believe none of its numbers until they fit together.
  check_layout(header);
  warn_of_foreign_null(header);
  warn_of_unknown_bias(header);
  return header;
}

bool writes_foreign_null(const TableHeader& header) {
  return header.creator_document.starts_with("qvdrs");
}

void check_complete(TableHeader& header) {
  const std::uint64_t expected = header.expected_file_bytes();
  if (header.file_bytes < expected) {
    throw base::InputError(
        fmt::format("the file is cut or still being written: expected {} bytes (header {}, symbol "
                    "tables {}, rows {}), found {}: copy or store it again",
                    expected, header.body_offset, header.rows_offset, header.rows_length,
                    header.file_bytes),
        {.field = {}, .byte_offset = header.file_bytes});
  }
  if (header.file_bytes > expected) {
    header.warnings.push_back(
        fmt::format("{} bytes behind the rows are ignored: expected {}, "
                    "found {}",
                    header.file_bytes - expected, expected, header.file_bytes));
  }
}

}  // namespace qvdhouse::qvd
