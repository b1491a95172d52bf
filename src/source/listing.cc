#include "source/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "source/local.h"

namespace qvdhouse::source {
namespace {

constexpr std::string_view kKnownSchemes = "file";

struct Url {
  std::string scheme;  // in lower case
  std::string rest;    // what follows "://"
};

// Empty for a plain path. A scheme is a letter, then letters, digits, '+', '-' and '.'.
std::optional<Url> parse_url(const std::string& text) {
  const std::size_t end = text.find("://");
  if (end == std::string::npos || end == 0) return std::nullopt;
  std::string scheme = text.substr(0, end);
  for (char& c : scheme) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool valid =
      scheme.front() >= 'a' && scheme.front() <= 'z' &&
      scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") == std::string::npos;
  if (!valid) return std::nullopt;
  return Url{std::move(scheme), text.substr(end + 3)};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(const std::string& text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                        hex_digit(text[i + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// The path that `source` means on this machine. Other storages part from here, by scheme.
std::string local_path(const std::string& source) {
  const std::optional<Url> url = parse_url(source);
  if (!url) return source;
  if (url->scheme != "file") {
    // The rest of the URL may hold a password, so it is not repeated.
    throw base::ConfigError(
        fmt::format("source: expected a path or a URL of a known scheme ({}://), found {}://",
                    kKnownSchemes, url->scheme));
  }
  const std::size_t slash = std::min(url->rest.find('/'), url->rest.size());
  const std::string host = url->rest.substr(0, slash);
  if (slash == url->rest.size() || !(host.empty() || host == "localhost")) {
    throw base::ConfigError(
        fmt::format("source: expected file:///absolute/path, found host \"{}\" and path \"{}\"; a "
                    "share of another machine has to be mounted first",
                    host, url->rest.substr(slash)));
  }
  return percent_decoded(url->rest.substr(slash));
}

}  // namespace

std::vector<FileEntry> list_files(const std::string& source, const Selection& selection) {
  if (source.empty()) {
    throw base::ConfigError("source: expected a folder, a file, a pattern or a URL, found nothing");
  }
  const std::string path = local_path(source);
  if (path.find('\0') != std::string::npos) {
    throw base::ConfigError("source: expected a path, found a NUL byte in it");
  }
  return list_local(path, selection);
}

std::unique_ptr<base::ByteSource> open_file(const FileEntry& entry) { return open_local(entry); }

std::vector<std::string> split_list(const std::string& text) {
  constexpr std::string_view kBlank = " \t\r\n";
  std::vector<std::string> items;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::string_view item = std::string_view(text).substr(start, comma - start);
    const std::size_t first = item.find_first_not_of(kBlank);
    if (first != std::string_view::npos) {
      items.emplace_back(item.substr(first, item.find_last_not_of(kBlank) - first + 1));
    }
    start = comma + 1;
  }
  return items;
}

}  // namespace qvdhouse::source
