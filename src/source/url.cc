#include "source/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/error.h"
#include "source/archive_name.h"
#include "source/named_remotes.h"

namespace qvdhouse::source {
namespace {

bool is_letter(char c) { return base::is_lower(c) || base::is_upper(c); }

template <std::size_t Count>
bool is_one_of(std::string_view text, const std::array<std::string_view, Count>& list) {
  return std::ranges::find(list, text) != list.end();
}

bool has_query(std::string_view scheme) { return scheme == "http" || scheme == "https"; }

// In these URLs what stands before the '@' is a container, not a person: abfs://CONTAINER@ACCOUNT….
bool is_user_a_container(std::string_view scheme) {
  constexpr std::array<std::string_view, 5> kSchemes = {"az", "abfs", "abfss", "wasb", "wasbs"};
  return is_one_of(scheme, kSchemes);
}

// The names of configured remotes and of their folders, unlike hosts, may hold blanks and '@'.
bool is_host_a_name(std::string_view scheme) {
  return scheme == "rclone" || named_remote(scheme) != nullptr;
}

[[noreturn]] void throw_bad_url(std::string_view scheme, std::string_view found) {
  // No part of the URL is repeated: it may hold a password, also where none belongs.
  throw base::ConfigError(fmt::format(
      "source: expected a URL like {}://HOST/PATH, found {}; user and password stand before the "
      "host as USER:PASSWORD@, and in them '/', '@', ':' and '%' are written as %2F, %40, %3A, %25",
      scheme, found));
}

std::string scheme_of(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0 || !is_letter(text.front())) return {};
  std::string scheme(text.substr(0, end));
  for (char& c : scheme) {
    if (!is_letter(c) && !base::is_digit(c) && c != '+' && c != '-' && c != '.') return {};
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return scheme;
}

std::uint16_t port_of(std::string_view digits, std::string_view scheme) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0) {
    throw_bad_url(scheme, "a port after the host that is not a number from 1 to 65535");
  }
  return port;
}

// Bytes above 127 are letters of international names. In brackets stands an IPv6 address.
void check_host(std::string_view host, bool in_brackets, std::string_view scheme) {
  const std::string_view others = in_brackets ? ":.%" : "-._~$";
  const bool valid = std::ranges::all_of(host, [&](char c) {
    return is_letter(c) || base::is_digit(c) || others.find(c) != std::string_view::npos ||
           (!in_brackets && static_cast<unsigned char>(c) >= 0x80);
  });
  const bool needed = scheme != "file" && scheme != "hdfs";
  if (host.empty() && (needed || in_brackets)) throw_bad_url(scheme, "no host");
  if (!valid || (in_brackets && host.find(':') == std::string_view::npos)) {
    throw_bad_url(scheme, "a host with a character that no host has");
  }
}

void parse_host(std::string_view text, Url& url) {
  if (is_host_a_name(url.scheme)) {
    if (text.empty()) throw_bad_url(url.scheme, "no name of a remote");
    if (text.find(':') != std::string_view::npos) {
      throw_bad_url(url.scheme, "a ':' in the name of the remote");
    }
    url.host = text;
    return;
  }
  const bool in_brackets = text.starts_with('[');
  std::size_t end = text.find(':');
  if (in_brackets) {
    end = text.find(']');
    if (end == std::string_view::npos) throw_bad_url(url.scheme, "a '[' without its ']'");
    url.host = text.substr(1, end - 1);
    ++end;
  } else {
    end = std::min(end, text.size());
    url.host = text.substr(0, end);
  }
  check_host(url.host, in_brackets, url.scheme);
  const std::string_view rest = text.substr(end);
  if (rest.empty() || rest == ":") return;
  if (!rest.starts_with(':')) throw_bad_url(url.scheme, "text between the ']' and the path");
  url.port = port_of(rest.substr(1), url.scheme);
}

std::string authority_of(const Url& url) {
  const bool is_ipv6 = !is_host_a_name(url.scheme) && url.host.find(':') != std::string::npos;
  std::string text = is_ipv6 ? "[" + url.host + "]" : url.host;
  if (url.port != 0) text += ":" + std::to_string(url.port);
  return text;
}

// What the path leads to: `.` and `..` taken out, never above the root. Empty parts stay: they are
// names in a bucket, and two slashes at the start are the root of an SFTP server.
std::string without_dots(const std::string& path) {
  if (path.find("/.") == std::string::npos) return path;
  const std::size_t root = std::min(path.find_first_not_of('/'), path.size());
  std::string out = path.substr(0, root);
  for (std::size_t start = root; start < path.size();) {
    const std::size_t slash = std::min(path.find('/', start), path.size());
    const std::string_view part = std::string_view(path).substr(start, slash - start);
    start = slash + 1;
    if (part == "..") {
      if (out.size() > root) out.resize(std::max(out.rfind('/', out.size() - 2) + 1, root));
    } else if (part != ".") {
      out.append(part).append(slash < path.size() ? 1 : 0, '/');
    }
  }
  return out;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
  Url url;
  url.scheme = scheme_of(text);
  if (url.scheme.empty()) return std::nullopt;
  std::string_view rest = text.substr(url.scheme.size() + 3);

  if (has_query(url.scheme)) {
    const std::size_t mark = std::min(rest.find('?'), rest.size());
    url.query = rest.substr(std::min(mark + 1, rest.size()));
    rest = rest.substr(0, mark);
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view path = rest.substr(slash);
  url.path =
      without_dots(has_encoded_path(url.scheme) ? base::decode_percent(path) : std::string(path));

  std::string_view authority = rest.substr(0, slash);
  const std::size_t at = is_host_a_name(url.scheme) ? std::string_view::npos : authority.rfind('@');
  if (at != std::string_view::npos) {
    const std::string_view user = authority.substr(0, at);
    const std::size_t colon = std::min(user.find(':'), user.size());
    url.user = base::decode_percent(user.substr(0, colon));
    url.password = base::decode_percent(user.substr(std::min(colon + 1, user.size())));
    authority = authority.substr(at + 1);
  }
  parse_host(authority, url);

  for (const std::string* part : {&url.user, &url.password, &url.host, &url.path, &url.query}) {
    if (part->find('\0') != std::string::npos) throw_bad_url(url.scheme, "a NUL byte in it");
  }
  return url;
}

std::string public_text(const Url& url) {
  std::string text = url.scheme + "://";
  if (is_user_a_container(url.scheme) && !url.user.empty()) {
    text += base::encode_component(url.user) + "@";
  }
  return text + authority_of(url) +
         (has_encoded_path(url.scheme) ? base::encode_path(url.path) : url.path);
}

std::string request_url(const Url& url) {
  const std::string path = url.path.empty() ? "/" : base::encode_path(url.path);
  return url.scheme + "://" + authority_of(url) + path + (url.query.empty() ? "" : "?" + url.query);
}

bool has_encoded_path(std::string_view scheme) {
  constexpr std::array<std::string_view, 7> kSchemes = {"http",   "https",   "ftp", "ftps",
                                                        "webdav", "webdavs", "file"};
  return is_one_of(scheme, kSchemes);
}

std::string masked_source(std::string_view text) {
  constexpr std::string_view kStars = "********";
  constexpr std::string_view kSchemeEnd = "://";
  if (!is_url(text)) return std::string(text);
  if (const std::string place = outer_place(std::string(text)); place.size() < text.size()) {
    return std::string(text.substr(0, text.size() - place.size())) + masked_source(place);
  }
  const std::size_t start = text.find(kSchemeEnd) + kSchemeEnd.size();
  std::string rest(text.substr(start));
  std::optional<Url> url;
  try {
    url = parse_url(text);
  } catch (const base::ConfigError&) {
    // All that may be a secret is masked below.
  }

  // Behind '?' there may be a signature. In other URLs than http a '?' is a wildcard.
  if (const std::size_t query = rest.find('?');
      query != std::string::npos && (!url || !url->query.empty())) {
    rest.replace(query + 1, std::string::npos, kStars);
  }
  // In a text that is not a valid URL, all up to the last '@' may be a password.
  const std::size_t at = rest.substr(0, url ? rest.find('/') : std::string::npos).rfind('@');
  const bool has_user = !url || !url->user.empty() || !url->password.empty();
  const bool is_container = url && url->password.empty() && is_user_a_container(url->scheme);
  if (at != std::string::npos && has_user && !is_container) rest.replace(0, at, kStars);
  return std::string(text.substr(0, start)) + rest;
}

}  // namespace qvdhouse::source
