#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/encoding.h"
#include "config/parts.h"
#include "config/values.h"
#include "http/curl.h"

namespace qvdhouse::config {
namespace {

// The parts between slashes, decoded; slashes at both ends do not count.
std::vector<std::string> parts_of_path(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    parts.push_back(base::decode_percent(path.substr(0, end)));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

std::string joined(std::span<const std::string> parts) {
  std::string path;
  for (const std::string& part : parts) path += "/" + base::encode_component(part);
  return path;
}

// One parameter of the URL's query. Returns what is wrong; empty when nothing is.
std::string take_parameter(std::string_view name, const std::string& value, ServerUrl& out) {
  if (name == "database") {
    out.database = value;
  } else if (name == "user" || name == "username") {
    out.user = value;
  } else if (name == "password") {
    out.password = value;
  } else if (name == "secure") {
    bool secure = true;
    RawValue raw;
    raw.text = value.empty() ? "true" : value;
    if (const std::string wrong = boolean().parse(raw, secure); !wrong.empty()) {
      return "secure=" + wrong;
    }
    if (out.secure && *out.secure != secure) {
      return fmt::format("a secure= that agrees with the scheme, which is {} TLS",
                         *out.secure ? "with" : "without");
    }
    out.secure = secure;
  } else {
    return std::string(kServerUrlForm) +
           "; of parameters only database, user, password and secure are known";
  }
  return "";
}

// Fills `out` and returns what is wrong; empty when nothing is.
std::string take_apart(std::string_view text, ServerUrl& out) {
  const std::string form(kServerUrlForm);
  const std::optional<http::Url> url =
      http::Url::parse(std::string(text), CURLU_NON_SUPPORT_SCHEME);
  if (!url) return form;
  const auto part = [&](CURLUPart which) { return url->part(which, CURLU_URLDECODE); };

  const std::string scheme = part(CURLUPART_SCHEME);
  out.is_native = scheme == "clickhouse" || scheme == "clickhouses";
  if (!out.is_native && scheme != "http" && scheme != "https") {
    return form + " (of the server's interfaces HTTP is used, port 8123, or 8443 for https)";
  }
  if (scheme != "clickhouse") out.secure = scheme.ends_with('s');
  out.host = part(CURLUPART_HOST);
  out.user = part(CURLUPART_USER);
  out.password = part(CURLUPART_PASSWORD);
  const std::string port = part(CURLUPART_PORT);
  std::from_chars(port.data(), port.data() + port.size(), out.port);

  out.path = parts_of_path(url->part(CURLUPART_PATH));
  const std::string query = url->part(CURLUPART_QUERY);
  for (std::string_view rest = query; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::string value = base::decode_percent(one.substr(std::min(equals + 1, one.size())));
    const std::string wrong = take_parameter(one.substr(0, equals), value, out);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace

std::string server_url_error(std::string_view text) {
  ServerUrl url;
  return take_apart(text, url);
}

ServerUrl parse_server_url(std::string_view text) {
  ServerUrl url;
  take_apart(text, url);
  return url;
}

std::string take_path(std::string_view prefix, ServerUrl& url) {
  const std::vector<std::string> leading = parts_of_path(prefix);
  const bool has_prefix = url.path.size() >= leading.size() &&
                          std::equal(leading.begin(), leading.end(), url.path.begin());
  const std::span rest = std::span(url.path).subspan(has_prefix ? leading.size() : 0);
  if (rest.empty()) return "";
  if (rest.size() == 1 && (url.database.empty() || url.database == rest[0])) {
    url.database = rest[0];
    return "";
  }
  const bool has_parameter = !url.database.empty();
  const std::span before(url.path.data(), url.path.size() - (has_parameter ? 0 : 1));
  return fmt::format(
      "expected one part behind the host, the database, found {}{}; where a proxy has the server "
      "below a path, set clickhouse.path_prefix = \"{}\" (CLICKHOUSE_PATH_PREFIX)",
      joined(url.path), has_parameter ? " and ?database=" + url.database : "", joined(before));
}

std::string request_path(std::string_view prefix) { return joined(parts_of_path(prefix)) + "/"; }

std::string masked_url(std::string_view text) {
  constexpr std::string_view kStars = "********";
  constexpr std::string_view kPassword = "password=";
  std::string out(text);
  for (std::size_t at = out.find('?'); at < out.size();) {
    ++at;
    const std::size_t end = std::min(out.find('&', at), out.size());
    const bool is_password =
        base::equal_ignoring_case(std::string_view(out).substr(at, kPassword.size()), kPassword);
    if (is_password) out.replace(at + kPassword.size(), end - at - kPassword.size(), kStars);
    at = out.find('&', at);
  }
  const std::size_t scheme_end = out.find("://");
  const std::size_t start = scheme_end == std::string::npos ? 0 : scheme_end + 3;
  const std::size_t at = out.rfind('@');
  if (at == std::string::npos || at < start) return out;
  const std::size_t colon = out.find(':', start);
  if (colon == std::string::npos || colon > at) return out;
  return out.replace(colon + 1, at - colon - 1, kStars);
}

}  // namespace qvdhouse::config
