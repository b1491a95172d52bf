// The half of header_text.h that knows what XML forbids and how to mend it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "qvd/header_text.h"

namespace qvdhouse::qvd {
namespace {

constexpr std::string_view kRootEnd = "</QvdTableHeader";
constexpr char kDelete = 0x7F;
constexpr auto kNone = std::string_view::npos;

// The elements of section 2.2 that hold text, and those that hold elements.
constexpr std::array<std::string_view, 28> kTextElements = {
    "QvBuildNo",    "CreatorDoc",     "CreateUtcTime", "SourceCreateUtcTime",
    "StaleUtcTime", "SourceFileSize", "TableName",     "SourceFileUtcTime",
    "Compression",  "RecordByteSize", "NoOfRecords",   "Offset",
    "Length",       "Discriminator",  "Statement",     "Comment",
    "FieldName",    "BitOffset",      "BitWidth",      "Bias",
    "Type",         "nDec",           "UseThou",       "Fmt",
    "Dec",          "Thou",           "NoOfSymbols",   "String"};
constexpr std::array<std::string_view, 10> kContainers = {
    "QvdTableHeader", "Fields",      "QvdFieldHeader", "NumberFormat", "Tags",
    "Lineage",        "LineageInfo", "EncryptionInfo", "TableTags",    "ProfilingData"};

// Those whose text is a number that decides what the bytes of the body mean: never mended, because
// what is left of a damaged number would be believed.
constexpr std::array<std::string_view, 8> kNumberElements = {
    "RecordByteSize", "NoOfRecords", "Offset", "Length",
    "BitOffset",      "BitWidth",    "Bias",   "NoOfSymbols"};

// XML allows TAB, LF and CR of the control bytes; 0x7F it allows in text, but not in names.
bool is_forbidden_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 && kWhiteSpace.find(c) == kNone;
}

// Characters that XML can hold, so that a number may stand for them.
bool is_xml_character(std::uint32_t code) {
  return code == 0x9 || code == 0xA || code == 0xD || (code >= 0x20 && code < 0xD800) ||
         (code >= 0xE000 && code < 0xFFFE) || (code >= 0x10000 && code < 0x110000);
}

// Is the `&` at text[0] one of the five named references or a numeric one?
bool is_reference(std::string_view text) {
  constexpr std::array<std::string_view, 5> kNamed = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
  if (std::ranges::any_of(kNamed, [&](auto name) { return text.starts_with(name); })) return true;
  if (!text.starts_with("&#")) return false;
  const bool is_hex = text.size() > 2 && text[2] == 'x';
  const char* begin = text.data() + (is_hex ? 3 : 2);
  const char* end = text.data() + text.size();
  std::uint32_t code = 0;
  const auto [after, error] = std::from_chars(begin, end, code, is_hex ? 16 : 10);
  return error == std::errc() && after != end && *after == ';' && is_xml_character(code);
}

// If a comment or CDATA section begins at `position`: where its end mark ends, npos without one.
std::size_t verbatim_end(std::string_view text, std::size_t position) {
  const std::string_view rest = text.substr(position);
  const bool is_comment = rest.starts_with("<!--");
  if (!is_comment && !rest.starts_with("<![CDATA[")) return position;
  const std::size_t end = rest.find(is_comment ? "-->" : "]]>");
  return end == kNone ? kNone : position + end + 3;
}

// The end of the root's end tag: where its `>` stands or should stand.
struct RootEnd {
  std::size_t name_end;  // behind "</QvdTableHeader"
  std::size_t next;      // the first byte behind it that is not white space, or npos
};

std::optional<RootEnd> find_root_end(std::string_view text) {
  const std::size_t tag = text.rfind(kRootEnd);
  if (tag == kNone) return std::nullopt;
  const std::size_t name_end = tag + kRootEnd.size();
  return RootEnd{name_end, text.find_first_not_of(kWhiteSpace, name_end)};
}

// How often a repair was made and where first.
struct Tally {
  std::uint64_t count = 0;
  std::uint64_t first = 0;
  void add(std::uint64_t position) {
    if (count++ == 0) first = position;
  }
};

std::string cut_at_root_end(const HeaderText& header, std::vector<std::string>& warnings) {
  const std::optional<RootEnd> end = find_root_end(header.text);
  if (!end) return header.text;
  if (end->next != kNone && header.text[end->next] == '>') {
    const std::size_t size = end->next + 1;
    const std::size_t stray = header.text.find_first_not_of(kWhiteSpace, size);
    if (stray != kNone) {
      warnings.push_back(fmt::format("header repaired: {} bytes behind </QvdTableHeader> dropped",
                                     header.text.size() - size));
    }
    return header.text.substr(0, size);
  }
  warnings.push_back(
      fmt::format("header repaired: the missing \">\" of </QvdTableHeader> at byte "
                  "{} supplied",
                  header.file_offset + end->name_end));
  return header.text.substr(0, end->name_end) + '>';
}

// Is `tag`, without its "<" and up to but without ">", a known one? ("/FieldName", "Tags/", …)
bool is_known_tag(std::string_view tag) {
  if (tag.starts_with('/')) tag.remove_prefix(1);
  tag = tag.substr(0, tag.find_first_of(" \t\r\n/"));
  return is_text_element(tag) || std::ranges::find(kContainers, tag) != kContainers.end();
}

// What was mended, for the report.
struct Repairs {
  Tally controls;
  Tally strays;
};

// Drops control bytes and 0x7F out of tags that are known without them.
std::string mend_tags(std::string_view text, Repairs& repairs) {
  const auto is_control = [](char c) { return c == kDelete || is_forbidden_control(c); };
  std::string out;
  out.reserve(text.size());
  std::size_t i = 0;
  while (i < text.size()) {
    out += text[i++];
    if (out.back() != '<') continue;
    const std::size_t end = std::min(text.find_first_of("<>", i), text.size());
    std::string tag(text.substr(i, end - i));
    if (std::erase_if(tag, is_control) == 0 || !is_known_tag(tag)) continue;
    for (; i < end; ++i) {
      if (is_control(text[i])) repairs.controls.add(i);
    }
    out += tag;
  }
  return out;
}

// Appends text between tags without its control bytes.
void append_outside(std::string_view text, std::size_t position, std::string& out,
                    Repairs& repairs) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_forbidden_control(text[i])) {
      repairs.controls.add(position + i);
    } else {
      out += text[i];
    }
  }
}

// Appends the content of a text element as text and nothing else.
void append_text(std::string_view content, std::size_t position, std::string& out,
                 Repairs& repairs) {
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char c = content[i];
    if (is_forbidden_control(c)) {
      repairs.controls.add(position + i);
    } else if (c == '<' || (c == '&' && !is_reference(content.substr(i)))) {
      repairs.strays.add(position + i);
      out += c == '<' ? "&lt;" : "&amp;";
    } else {
      out += c;
    }
  }
}

// Appends the content of a number element, which is never mended: a `&` that begins no reference is
// kept as text, so that the number is refused. (The parser would take "12&#0;34" for 12.)
void append_number(std::string_view content, std::string& out) {
  for (std::size_t i = 0; i < content.size(); ++i) {
    out += content[i];
    if (content[i] == '&' && !is_reference(content.substr(i))) out += "amp;";
  }
}

// Where the end tag of `name` begins at or behind `from`: "</name", white space, ">".
std::size_t find_end_tag(std::string_view text, std::string_view name, std::size_t from) {
  const std::string tag = fmt::format("</{}", name);
  for (std::size_t at = text.find(tag, from); at != kNone; at = text.find(tag, at + 1)) {
    const std::size_t next = text.find_first_not_of(kWhiteSpace, at + tag.size());
    if (next != kNone && text[next] == '>') return at;
  }
  return kNone;
}

// Does the supposed text of an element hold tags that only a lost end tag explains: one of a
// container, or a second start of the element itself? Taking them as text would lose fields.
bool holds_structure(std::string_view content, std::string_view element) {
  for (std::size_t at = content.find('<'); at != kNone; at = content.find('<', at + 1)) {
    std::string_view tag = content.substr(at + 1);
    tag = tag.substr(0, tag.find_first_of("<>"));
    if (tag == element) return true;
    if (tag.starts_with('/')) tag.remove_prefix(1);
    if (std::ranges::find(kContainers, tag) != kContainers.end()) return true;
  }
  return false;
}

// Within a text element only its own end tag is markup, so every other `<` is text.
std::string mend_texts(std::string_view text, Repairs& repairs) {
  std::string out;
  out.reserve(text.size());
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t tag = std::min(text.find('<', i), text.size());
    const std::size_t close = text.find('>', tag);
    const std::size_t content = close == kNone ? text.size() : close + 1;
    append_outside(text.substr(i, content - i), i, out, repairs);
    i = content;
    if (close == kNone || text[close - 1] == '/') continue;
    std::string_view name = text.substr(tag + 1, close - tag - 1);
    name = name.substr(0, name.find_first_of(kWhiteSpace));
    if (!is_text_element(name)) continue;
    if (std::ranges::find(kNumberElements, name) != kNumberElements.end()) {
      i = std::min(text.find('<', content), text.size());
      append_number(text.substr(content, i - content), out);
      continue;
    }
    const std::size_t end = find_end_tag(text, name, content);
    if (end == kNone || holds_structure(text.substr(content, end - content), name)) {
      // Beyond mending: the rest stays as it is, and the parser says so.
      out += text.substr(i);
      break;
    }
    append_text(text.substr(content, end - content), content, out, repairs);
    i = end;
  }
  return out;
}

}  // namespace

bool is_text_element(std::string_view name) {
  return std::ranges::find(kTextElements, name) != kTextElements.end();
}

bool has_forbidden_control(std::string_view element, std::string_view text) {
  return std::ranges::find(kNumberElements, element) == kNumberElements.end() &&
         std::ranges::any_of(text, is_forbidden_control);
}

std::optional<MalformedXml> find_malformed_xml(std::string_view text) {
  std::size_t verbatim_until = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_forbidden_control(text[i])) {
      return MalformedXml{i, fmt::format("expected XML, found the control byte 0x{:02X}",
                                         static_cast<unsigned char>(text[i]))};
    }
    if (i < verbatim_until) continue;
    if (text[i] == '<') {
      verbatim_until = verbatim_end(text, i);
      if (verbatim_until == kNone) {
        return MalformedXml{i, "expected the end of this comment or CDATA section, found none"};
      }
    } else if (text[i] == '&' && !is_reference(text.substr(i))) {
      return MalformedXml{i, "expected \"&amp;\" or another reference, found a lone \"&\""};
    }
  }
  const std::optional<RootEnd> end = find_root_end(text);
  if (!end) {
    return MalformedXml{text.size(), "expected </QvdTableHeader> before the NUL, found none"};
  }
  if (end->next == kNone || text[end->next] != '>') {
    return MalformedXml{end->name_end, "expected \">\" behind \"</QvdTableHeader\", found none"};
  }
  const std::size_t stray = text.find_first_not_of(kWhiteSpace, end->next + 1);
  if (stray != kNone) {
    return MalformedXml{stray, "expected the NUL behind </QvdTableHeader>, found other bytes"};
  }
  return std::nullopt;
}

std::string repair_header_text(const HeaderText& header, std::vector<std::string>& warnings) {
  Repairs repairs;
  const std::string cut = cut_at_root_end(header, warnings);
  std::string mended = mend_texts(mend_tags(cut, repairs), repairs);
  const auto report = [&](const Tally& tally, std::string_view what) {
    if (tally.count == 0) return;
    warnings.push_back(
        fmt::format("header repaired: {} {}, the first at character {} of the header", tally.count,
                    what, tally.first));
  };
  report(repairs.controls, "control bytes dropped");
  report(repairs.strays, "stray \"<\" or \"&\" taken as text");
  return mended;
}

}  // namespace qvdhouse::qvd
